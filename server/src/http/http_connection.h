#pragma once

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "http/http.h"
#include "http/http_server.h"

// One connection of the HTTP server: reads a request, waits for its answer, reads the next.
namespace credence::server {

class HttpConnection final : public std::enable_shared_from_this<HttpConnection> {
 public:
  using Tcp = boost::asio::ip::tcp;

  // Speaks TLS by `tls`, plaintext where it is null. `closed` is called once, when the connection
  // has ended.
  HttpConnection(Tcp::socket socket, std::shared_ptr<boost::asio::ssl::context> tls,
                 const HttpServerOptions& options, const HttpHandler& handler,
                 std::function<void(HttpConnection*)> closed);
  ~HttpConnection();

  void Begin();
  // Ends the connection when what is under way has been answered.
  void Drain();
  // Ends it now.
  void Abort();

 private:
  class Exchange;
  using Error = boost::beast::error_code;

  // The strand only, all of them.
  void ShakeHands();
  void NoteClient();
  void ReadNext();
  void OnRead(const Error& error);
  void Refuse(const Error& error);
  void Serve();
  void Respond(HttpResponse response);
  void BeginStream(int status, const HttpHeaders& headers);
  void WriteChunk(const std::string& bytes, std::function<void(bool)> done);
  void EndStream();
  void Finished(bool keep_alive, const Error& error);
  void WatchClient();
  void WatchTlsClient();
  [[nodiscard]] bool ClientHasClosed();
  void Interrupt(HttpInterrupt reason);
  void ShutDown();
  void Close();

  // Calls `task` with what requests are read from and answers written to.
  template <typename Task>
  void WithStream(Task task);
  template <typename Serializable>
  void Send(std::shared_ptr<Serializable> message, bool keep_alive);

  boost::beast::tcp_stream stream_;
  // Keeps alive what the next one refers to.
  const std::shared_ptr<boost::asio::ssl::context> tls_context_;
  // On top of `stream_`; absent for plaintext.
  std::optional<boost::beast::ssl_stream<boost::beast::tcp_stream&>> tls_;
  const HttpServerOptions& options_;
  const HttpHandler& handler_;
  const std::function<void(HttpConnection*)> closed_;

  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  // Requests served, the one under way among them.
  int64_t exchange_count_ = 0;
  // Who is at the other end: its address, and its certificate's subject.
  std::string peer_;
  std::string certificate_subject_;
  // About the request under way.
  bool answering_ = false;
  bool answered_ = false;
  bool keep_alive_ = false;
  bool head_only_ = false;
  int version_ = 11;
  std::string chunk_;
  std::function<void(HttpInterrupt)> interrupted_;
  boost::asio::steady_timer timer_;
  // Runs while an answer is made for a client over TLS.
  boost::asio::steady_timer watch_timer_;

  bool draining_ = false;
};

}  // namespace credence::server
