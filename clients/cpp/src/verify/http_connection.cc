#include "verify/http_connection.h"

#include <openssl/ssl.h>

#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "loopback.h"

namespace credence::client {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

struct Address {
  bool tls = false;
  std::string host;
  std::string port;
  // Begins with a slash, unless it is empty; does not end with one.
  std::string path;
};

absl::Status BadUrl(const std::string& url) {
  return InvalidField("FIELD_INVALID", "url",
                      Cat("\"", url, "\" is not http://HOST[:PORT][/PATH] or https://..."));
}

absl::StatusOr<Address> ParseUrl(const std::string& url) {
  Address address;
  absl::string_view rest = url;
  address.tls = absl::ConsumePrefix(&rest, "https://");
  if (!address.tls && !absl::ConsumePrefix(&rest, "http://")) return BadUrl(url);
  if (rest.find_first_of("?#@ ") != absl::string_view::npos) return BadUrl(url);
  const size_t slash = std::min(rest.find('/'), rest.size());
  absl::string_view host = rest.substr(0, slash);
  address.path = std::string(rest.substr(slash));
  while (!address.path.empty() && address.path.back() == '/') address.path.pop_back();
  address.port = address.tls ? "443" : "80";
  const size_t colon = host.rfind(':');
  if (colon != absl::string_view::npos && host.find(']', colon) == absl::string_view::npos) {
    address.port = std::string(host.substr(colon + 1));
    host = host.substr(0, colon);
  }
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) {
    host = host.substr(1, host.size() - 2);
  }
  address.host = std::string(host);
  if (address.host.empty() || address.port.empty()) return BadUrl(url);
  return address;
}

absl::Status Unavailable(const std::string& url, std::string_view what) {
  ErrorDetail detail;
  detail.reason = "UNAVAILABLE";
  return MakeError(absl::StatusCode::kUnavailable, Cat(url, ": ", what), detail);
}

absl::Status CheckIdentity(const Address& address, const std::string& url,
                           const HttpIdentity& identity) {
  if (identity.certificate_file.empty() != identity.key_file.empty()) {
    return InvalidField("FIELD_INVALID",
                        identity.key_file.empty() ? "tls.key_file" : "tls.certificate_file",
                        "must be given together with the other of the two");
  }
  if (address.tls) return absl::OkStatus();
  if (!identity.authority_file.empty() || !identity.key_file.empty()) {
    return InvalidField("FIELD_INVALID", "tls.enabled",
                        Cat(url, " is read without TLS: certificates go with https://"));
  }
  if (identity.token.empty() || IsLoopbackHost(address.host)) return absl::OkStatus();
  return InvalidField(
      "FIELD_INVALID", "token",
      Cat("would be sent to ", url, " in plaintext, for anybody on the way to read: use https://"));
}

// A file of the identity that cannot be used.
absl::Status BadFile(std::string_view field, const std::string& file,
                     const beast::error_code& error) {
  return InvalidField("FIELD_INVALID", field, Cat(file, ": cannot be used: ", error.message()));
}

absl::Status TakeIdentity(const HttpIdentity& identity, asio::ssl::context& tls) {
  beast::error_code error;
  if (identity.authority_file.empty()) {
    tls.set_default_verify_paths();
  } else if (tls.load_verify_file(identity.authority_file, error); error) {
    return BadFile("tls.authority_file", identity.authority_file, error);
  }
  tls.set_verify_mode(asio::ssl::verify_peer);
  if (identity.certificate_file.empty()) return absl::OkStatus();
  tls.use_certificate_chain_file(identity.certificate_file, error);
  if (error) return BadFile("tls.certificate_file", identity.certificate_file, error);
  tls.use_private_key_file(identity.key_file, asio::ssl::context::pem, error);
  if (error) return BadFile("tls.key_file", identity.key_file, error);
  return absl::OkStatus();
}

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

}  // namespace

class HttpConnection::Impl {
 public:
  Impl(std::string url, Address address, absl::Duration timeout, const std::string& token)
      : url_(std::move(url)),
        address_(std::move(address)),
        authorization_(token.empty() ? "" : Cat("Bearer ", token)),
        timeout_(absl::ToChronoMilliseconds(timeout)),
        tls_(asio::ssl::context::tls_client) {}

  // Before the first request.
  absl::Status Identify(const HttpIdentity& identity) { return TakeIdentity(identity, tls_); }

  absl::StatusOr<HttpReply> Send(http::verb verb, const std::string& path,
                                 const std::string& body) {
    Request request(verb, Cat(address_.path, path), 11);
    request.set(http::field::host, address_.host);
    request.set(http::field::user_agent, "credence");
    if (!authorization_.empty()) request.set(http::field::authorization, authorization_);
    if (verb == http::verb::post) request.set(http::field::content_type, "text/plain");
    request.body() = body;
    request.prepare_payload();
    try {
      Response response = SendKept(request);
      const auto type = response[http::field::content_type];
      return HttpReply{static_cast<int>(response.result_int()),
                       std::string(type.data(), type.size()), std::move(response.body())};
    } catch (const std::exception& error) {
      stream_.reset();
      return Unavailable(url_, error.what());
    }
  }

  void Cancel() {
    cancelled_ = true;
    context_.stop();
  }

 private:
  // The answer; throws what the libraries throw.
  Response SendKept(const Request& request) {
    // A kept connection may have been closed meanwhile, hence the second attempt on a fresh one.
    if (stream_.has_value()) {
      try {
        return Exchange(request);
      } catch (const std::exception&) {
        stream_.reset();
      }
    }
    if (cancelled_) throw beast::system_error(asio::error::operation_aborted);
    Connect();
    return Exchange(request);
  }

  beast::tcp_stream& lowest() { return beast::get_lowest_layer(*stream_); }

  // Waits for an asynchronous operation: only those obey the stream's time limit.
  template <typename Start>
  void Await(Start start) {
    std::optional<beast::error_code> result;
    lowest().expires_after(timeout_);
    start([&result](beast::error_code error, auto&&...) { result = error; });
    context_.restart();
    // Stopped between the two, it would be started again.
    if (!cancelled_) context_.run();
    if (!result.has_value()) {
      // What is under way refers to this frame.
      lowest().close();
      context_.restart();
      context_.run();
      throw beast::system_error(asio::error::operation_aborted);
    }
    if (*result) throw beast::system_error(*result);
  }

  void Connect() {
    tcp::resolver resolver(context_);
    const auto endpoints = resolver.resolve(address_.host, address_.port);
    buffer_.clear();
    stream_.emplace(context_, tls_);
    Await([&](auto done) { lowest().async_connect(endpoints, std::move(done)); });
    if (!address_.tls) return;
    SSL_set_tlsext_host_name(stream_->native_handle(), address_.host.c_str());
    stream_->set_verify_callback(asio::ssl::host_name_verification(address_.host));
    Await([&](auto done) {
      stream_->async_handshake(asio::ssl::stream_base::client, std::move(done));
    });
  }

  Response Exchange(const Request& request) {
    http::response_parser<http::string_body> parser;
    parser.body_limit(kLogFileBytesMax);
    if (address_.tls) {
      Transfer(*stream_, request, parser);
    } else {
      Transfer(lowest(), request, parser);
    }
    Response response = parser.release();
    if (!response.keep_alive()) stream_.reset();
    return response;
  }

  template <typename Stream>
  void Transfer(Stream& stream, const Request& request,
                http::response_parser<http::string_body>& parser) {
    Await([&](auto done) { http::async_write(stream, request, std::move(done)); });
    Await([&](auto done) { http::async_read(stream, buffer_, parser, std::move(done)); });
  }

  const std::string url_;
  const Address address_;
  const std::string authorization_;
  const std::chrono::milliseconds timeout_;
  std::atomic<bool> cancelled_ = false;
  asio::io_context context_;
  asio::ssl::context tls_;
  std::optional<beast::ssl_stream<beast::tcp_stream>> stream_;
  beast::flat_buffer buffer_;
};

HttpConnection::HttpConnection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpConnection::~HttpConnection() = default;

absl::StatusOr<std::unique_ptr<HttpConnection>> HttpConnection::Make(const std::string& url,
                                                                     absl::Duration timeout,
                                                                     const HttpIdentity& identity) {
  CREDENCE_ASSIGN_OR_RETURN(Address address, ParseUrl(url));
  CREDENCE_RETURN_IF_ERROR(CheckIdentity(address, url, identity));
  try {
    auto impl = std::make_unique<Impl>(url, std::move(address), timeout, identity.token);
    CREDENCE_RETURN_IF_ERROR(impl->Identify(identity));
    return std::unique_ptr<HttpConnection>(new HttpConnection(std::move(impl)));
  } catch (const std::exception& error) {
    return Unavailable(url, error.what());
  }
}

absl::StatusOr<HttpReply> HttpConnection::Get(const std::string& path) {
  return impl_->Send(http::verb::get, path, "");
}

absl::StatusOr<HttpReply> HttpConnection::Post(const std::string& path, const std::string& body) {
  return impl_->Send(http::verb::post, path, body);
}

void HttpConnection::Cancel() { impl_->Cancel(); }

}  // namespace credence::client
