#include "http/http_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "credence/base/strings.h"
#include "tls/tls_context.h"

namespace credence::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

// How often a client over TLS that has sent something is looked at while its answer is made.
constexpr std::chrono::milliseconds kWatchInterval(250);
// How long a client over TLS may take to agree that the connection ends.
constexpr std::chrono::seconds kShutDownMax(1);

std::string_view ToStd(beast::string_view text) { return {text.data(), text.size()}; }
beast::string_view ToBeast(std::string_view text) { return {text.data(), text.size()}; }

HttpRequest FromBeast(http::request<http::string_body> message) {
  HttpRequest request;
  request.method = std::string(ToStd(message.method_string()));
  const std::string_view target = ToStd(message.target());
  const size_t mark = target.find('?');
  request.path = std::string(target.substr(0, mark));
  if (mark != std::string_view::npos) request.query = std::string(target.substr(mark + 1));
  for (const auto& field : message) {
    request.headers.emplace_back(ToStd(field.name_string()), ToStd(field.value()));
  }
  request.body = std::move(message.body());
  return request;
}

template <typename Message>
void SetHeaders(Message& message, const HttpHeaders& headers) {
  // A page of another site can neither frame what is served here nor guess its type.
  message.set(http::field::x_frame_options, "DENY");
  message.set("X-Content-Type-Options", "nosniff");
  message.set("Referrer-Policy", "no-referrer");
  for (const auto& [name, value] : headers) message.set(ToBeast(name), ToBeast(value));
}

HttpResponse PlainAnswer(int status, std::string_view text) {
  return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, Cat(text, "\n")};
}

}  // namespace

// Holds the connection while an answer is made elsewhere, and answers for whoever forgot to.
class HttpConnection::Exchange final : public HttpExchange {
 public:
  Exchange(std::shared_ptr<HttpConnection> connection, HttpRequest request)
      : connection_(std::move(connection)),
        number_(connection_->exchange_count_),
        request_(std::move(request)) {}

  // The connection may be at its next request by then, which is not this one's to answer.
  ~Exchange() override {
    asio::post(connection_->stream_.get_executor(), [connection = connection_, number = number_] {
      if (connection->exchange_count_ == number && connection->answering_ &&
          !connection->answered_) {
        connection->Respond(PlainAnswer(500, "the request was dropped"));
      }
    });
  }

  [[nodiscard]] const HttpRequest& request() const override { return request_; }

  void Respond(HttpResponse response) override {
    Run([response = std::move(response)](HttpConnection& connection) mutable {
      connection.Respond(std::move(response));
    });
  }

  void BeginStream(int status, HttpHeaders headers) override {
    Run([status, headers = std::move(headers)](HttpConnection& connection) {
      connection.BeginStream(status, headers);
    });
  }

  void Write(std::string bytes, std::function<void(bool)> done) override {
    Run([bytes = std::move(bytes), done = std::move(done)](HttpConnection& connection) mutable {
      connection.WriteChunk(bytes, std::move(done));
    });
  }

  void EndStream() override {
    Run([](HttpConnection& connection) { connection.EndStream(); });
  }

  void OnInterrupt(std::function<void(HttpInterrupt)> interrupted) override {
    Run([interrupted = std::move(interrupted)](HttpConnection& connection) mutable {
      connection.interrupted_ = std::move(interrupted);
      if (connection.draining_) connection.Interrupt(HttpInterrupt::kDraining);
    });
  }

  void Post(std::function<void()> task) override {
    asio::post(connection_->stream_.get_executor(), std::move(task));
  }

  void PostAt(absl::Time time, std::function<void()> task) override {
    Run([time, task = std::move(task)](HttpConnection& connection) mutable {
      if (!connection.answering_) return;
      connection.timer_.expires_after(
          absl::ToChronoNanoseconds(std::max(time - absl::Now(), absl::ZeroDuration())));
      connection.timer_.async_wait([task = std::move(task)](const Error& error) {
        if (!error) task();
      });
    });
  }

 private:
  template <typename Task>
  void Run(Task task) {
    asio::post(connection_->stream_.get_executor(),
               [connection = connection_, task = std::move(task)]() mutable { task(*connection); });
  }

  const std::shared_ptr<HttpConnection> connection_;
  const int64_t number_;
  const HttpRequest request_;
};

HttpConnection::HttpConnection(Tcp::socket socket, std::shared_ptr<asio::ssl::context> tls,
                               const HttpServerOptions& options, const HttpHandler& handler,
                               std::function<void(HttpConnection*)> closed)
    : stream_(std::move(socket)),
      tls_context_(std::move(tls)),
      options_(options),
      handler_(handler),
      closed_(std::move(closed)),
      timer_(stream_.get_executor()),
      watch_timer_(stream_.get_executor()) {
  if (tls_context_ != nullptr) tls_.emplace(stream_, *tls_context_);
}

HttpConnection::~HttpConnection() { closed_(this); }

void HttpConnection::Begin() {
  asio::post(stream_.get_executor(), [self = shared_from_this()] {
    Error ignored;
    self->stream_.socket().set_option(Tcp::no_delay(true), ignored);
    self->peer_ = self->stream_.socket().remote_endpoint(ignored).address().to_string();
    if (self->tls_.has_value()) return self->ShakeHands();
    self->ReadNext();
  });
}

void HttpConnection::ShakeHands() {
  stream_.expires_after(absl::ToChronoSeconds(options_.idle_max));
  tls_->async_handshake(asio::ssl::stream_base::server,
                        [self = shared_from_this()](const Error& error) {
                          self->stream_.expires_never();
                          if (error) return self->Close();
                          self->NoteClient();
                          self->ReadNext();
                        });
}

void HttpConnection::NoteClient() {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      SSL_get1_peer_certificate(tls_->native_handle()), &X509_free);
  if (certificate != nullptr) certificate_subject_ = SubjectOf(*certificate);
}

template <typename Task>
void HttpConnection::WithStream(Task task) {
  if (tls_.has_value()) {
    task(*tls_);
  } else {
    task(stream_);
  }
}

void HttpConnection::Drain() {
  asio::post(stream_.get_executor(), [self = shared_from_this()] {
    self->draining_ = true;
    if (!self->answering_) return self->Close();
    self->Interrupt(HttpInterrupt::kDraining);
  });
}

void HttpConnection::Abort() {
  asio::post(stream_.get_executor(), [self = shared_from_this()] {
    self->Interrupt(HttpInterrupt::kClientGone);
    self->Close();
  });
}

void HttpConnection::ReadNext() {
  if (draining_) return Close();
  parser_.emplace();
  parser_->header_limit(options_.header_bytes_max);
  parser_->body_limit(options_.request_bytes_max);
  stream_.expires_after(absl::ToChronoSeconds(options_.idle_max));
  WithStream([this](auto& stream) {
    http::async_read(
        stream, buffer_, *parser_,
        [self = shared_from_this()](const Error& error, size_t) { self->OnRead(error); });
  });
}

void HttpConnection::OnRead(const Error& error) {
  stream_.expires_never();
  if (error) return Refuse(error);
  Serve();
}

// Says what was wrong with a request that could not be read, where somebody still listens.
void HttpConnection::Refuse(const Error& error) {
  const bool spoken = parser_->got_some() &&
                      error.category() == make_error_code(http::error::end_of_stream).category();
  if (!spoken || error == http::error::end_of_stream || error == http::error::partial_message) {
    return Close();
  }
  answering_ = true;
  keep_alive_ = false;
  if (error == http::error::body_limit) {
    return Respond(
        PlainAnswer(413, Cat("the body has more than ", options_.request_bytes_max, " bytes")));
  }
  if (error == http::error::header_limit) {
    return Respond(
        PlainAnswer(431, Cat("the header has more than ", options_.header_bytes_max, " bytes")));
  }
  Respond(PlainAnswer(400, Cat("not an HTTP request: ", error.message())));
}

void HttpConnection::Serve() {
  http::request<http::string_body> message = parser_->release();
  ++exchange_count_;
  answering_ = true;
  answered_ = false;
  interrupted_ = nullptr;
  keep_alive_ = message.keep_alive();
  head_only_ = message.method() == http::verb::head;
  version_ = static_cast<int>(message.version());
  if (tls_.has_value()) {
    WatchTlsClient();
  } else {
    WatchClient();
  }
  HttpRequest request = FromBeast(std::move(message));
  request.peer = peer_;
  request.certificate_subject = certificate_subject_;
  handler_(std::make_shared<Exchange>(shared_from_this(), std::move(request)));
}

template <typename Serializable>
void HttpConnection::Send(std::shared_ptr<Serializable> message, bool keep_alive) {
  stream_.expires_after(absl::ToChronoSeconds(options_.idle_max));
  WithStream([&](auto& stream) {
    http::async_write(stream, *message,
                      [self = shared_from_this(), message, keep_alive](const Error& error, size_t) {
                        self->Finished(keep_alive, error);
                      });
  });
}

void HttpConnection::Respond(HttpResponse response) {
  if (!answering_ || answered_) return;
  answered_ = true;
  interrupted_ = nullptr;
  auto message = std::make_shared<http::response<http::string_body>>(
      static_cast<http::status>(response.status), static_cast<unsigned>(version_));
  SetHeaders(*message, response.headers);
  const size_t size = response.body.size();
  if (!head_only_) message->body() = std::move(response.body);
  message->keep_alive(keep_alive_ && !draining_);
  message->content_length(size);
  const bool keep_alive = message->keep_alive();
  Send(std::move(message), keep_alive);
}

void HttpConnection::BeginStream(int status, const HttpHeaders& headers) {
  if (!answering_ || answered_) return;
  answered_ = true;
  http::response<http::empty_body> message(static_cast<http::status>(status),
                                           static_cast<unsigned>(version_));
  SetHeaders(message, headers);
  message.keep_alive(keep_alive_);
  message.chunked(true);
  // The header is written together with the first chunk.
  std::ostringstream header;
  header << message.base();
  chunk_ = std::move(header).str();
}

void HttpConnection::WriteChunk(const std::string& bytes, std::function<void(bool)> done) {
  if (!answering_) return done(false);
  if (!bytes.empty()) {
    chunk_ += Cat(absl::Hex(bytes.size()), "\r\n");
    chunk_ += bytes;
    chunk_ += "\r\n";
  }
  stream_.expires_after(absl::ToChronoSeconds(options_.idle_max));
  WithStream([&](auto& stream) {
    asio::async_write(
        stream, asio::buffer(chunk_),
        [self = shared_from_this(), done = std::move(done)](const Error& error, size_t) {
          self->chunk_.clear();
          self->stream_.expires_never();
          done(!error);
          if (error) self->Interrupt(HttpInterrupt::kClientGone);
        });
  });
}

void HttpConnection::EndStream() {
  if (!answering_) return;
  interrupted_ = nullptr;
  chunk_ += "0\r\n\r\n";
  stream_.expires_after(absl::ToChronoSeconds(options_.idle_max));
  WithStream([&](auto& stream) {
    asio::async_write(stream, asio::buffer(chunk_),
                      [self = shared_from_this()](const Error& error, size_t) {
                        self->chunk_.clear();
                        self->Finished(self->keep_alive_ && !self->draining_, error);
                      });
  });
}

void HttpConnection::Finished(bool keep_alive, const Error& error) {
  answering_ = false;
  interrupted_ = nullptr;
  timer_.cancel();
  watch_timer_.cancel();
  stream_.expires_never();
  if (error) return Close();
  if (!keep_alive || draining_) return ShutDown();
  ReadNext();
}

// Ends a connection in good order: over TLS the client is told that nothing more comes.
void HttpConnection::ShutDown() {
  if (!tls_.has_value()) return Close();
  stream_.expires_after(kShutDownMax);
  tls_->async_shutdown([self = shared_from_this()](const Error&) { self->Close(); });
}

// Notices a client that closes its connection while an answer is being made. One that sends its
// next request already is not looked at again before that is read.
void HttpConnection::WatchClient() {
  stream_.socket().async_wait(Tcp::socket::wait_read,
                              [weak = weak_from_this()](const Error& error) {
                                const std::shared_ptr<HttpConnection> self = weak.lock();
                                if (self == nullptr || error || !self->answering_) return;
                                char byte = 0;
                                Error peek_error;
                                self->stream_.socket().non_blocking(true, peek_error);
                                const size_t count = self->stream_.socket().receive(
                                    asio::buffer(&byte, 1), Tcp::socket::message_peek, peek_error);
                                const bool waits = peek_error == asio::error::would_block;
                                if (count == 0 && !waits)
                                  self->Interrupt(HttpInterrupt::kClientGone);
                              });
}

// The same over TLS, where a client says that it closes by bytes that nobody reads yet: they stand
// before the end of the connection, so its state is looked at instead.
void HttpConnection::WatchTlsClient() {
  stream_.socket().async_wait(
      Tcp::socket::wait_read, [weak = weak_from_this()](const Error& error) {
        const std::shared_ptr<HttpConnection> self = weak.lock();
        if (self == nullptr || error || !self->answering_) return;
        if (self->ClientHasClosed()) return self->Interrupt(HttpInterrupt::kClientGone);
        self->watch_timer_.expires_after(kWatchInterval);
        self->watch_timer_.async_wait([weak](const Error& cancelled) {
          const std::shared_ptr<HttpConnection> later = weak.lock();
          if (later != nullptr && !cancelled && later->answering_) later->WatchTlsClient();
        });
      });
}

bool HttpConnection::ClientHasClosed() {
  tcp_info info{};
  socklen_t size = sizeof info;
  const int read =
      getsockopt(stream_.socket().native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size);
  return read == 0 && info.tcpi_state != TCP_ESTABLISHED;
}

void HttpConnection::Interrupt(HttpInterrupt reason) {
  if (const auto interrupted = std::exchange(interrupted_, nullptr)) interrupted(reason);
}

void HttpConnection::Close() {
  answering_ = false;
  timer_.cancel();
  watch_timer_.cancel();
  Error ignored;
  stream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
  stream_.close();
}

}  // namespace credence::server
