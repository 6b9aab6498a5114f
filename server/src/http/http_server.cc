#include "http/http_server.h"

#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/synchronization/mutex.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "http/http_connection.h"
#include "tls/tls_context.h"

namespace credence::server {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

constexpr int kThreadCount = 2;

absl::Status CannotListen(std::string_view listen, std::string_view why) {
  ErrorDetail detail;
  detail.reason = "UNAVAILABLE";
  return MakeError(absl::StatusCode::kUnavailable, Cat("cannot listen on ", listen, ": ", why),
                   detail);
}

absl::StatusOr<Tcp::endpoint> ParseListen(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  uint32_t port = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(listen.substr(colon + 1), &port) ||
      port > 65'535) {
    return CannotListen(listen, "must have the form HOST:PORT");
  }
  std::string host = listen.substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";
  if (host.size() >= 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  boost::system::error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  if (error) return CannotListen(listen, "the host must be an address, such as 127.0.0.1");
  return Tcp::endpoint(address, static_cast<uint16_t>(port));
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpHandler handler, const HttpServerOptions& options)
      : handler_(std::move(handler)),
        options_(options),
        context_(kThreadCount),
        work_(context_.get_executor()),
        acceptor_(asio::make_strand(context_)) {}

  ~Impl() {
    Drain(absl::Now());
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Impl::IsEmpty));
    }
    work_.reset();
    context_.stop();
    for (std::thread& thread : threads_) thread.join();
  }

  absl::Status Listen() {
    if (options_.tls.enabled()) {
      CREDENCE_ASSIGN_OR_RETURN(tls_,
                                TlsContext::Make(options_.tls, options_.certificates_changed));
    }
    CREDENCE_ASSIGN_OR_RETURN(const Tcp::endpoint endpoint, ParseListen(options_.listen));
    boost::system::error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(Tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return CannotListen(options_.listen, error.message());
    port_ = acceptor_.local_endpoint().port();
    Accept();
    for (int i = 0; i < kThreadCount; ++i) threads_.emplace_back([this] { context_.run(); });
    return absl::OkStatus();
  }

  [[nodiscard]] int port() const { return port_; }

  [[nodiscard]] size_t connection_count() const {
    absl::MutexLock lock(&mutex_);
    return connections_.size();
  }

  void Drain(absl::Time deadline) {
    asio::post(acceptor_.get_executor(), [this] {
      boost::system::error_code ignored;
      acceptor_.close(ignored);
    });
    {
      absl::MutexLock lock(&mutex_);
      draining_ = true;
    }
    for (const auto& connection : Connections()) connection->Drain();
    {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithDeadline(absl::Condition(this, &Impl::IsEmpty), deadline);
    }
    for (const auto& connection : Connections()) connection->Abort();
  }

 private:
  void Accept() {
    acceptor_.async_accept(asio::make_strand(context_),
                           [this](boost::system::error_code error, Tcp::socket socket) {
                             if (error == asio::error::operation_aborted || !acceptor_.is_open())
                               return;
                             if (!error) Take(std::move(socket));
                             Accept();
                           });
  }

  void Take(Tcp::socket socket) {
    auto connection = std::make_shared<HttpConnection>(
        std::move(socket), tls_ == nullptr ? nullptr : tls_->Get(absl::Now()), options_, handler_,
        [this](HttpConnection* ended) { Forget(ended); });
    {
      absl::MutexLock lock(&mutex_);
      // Dropped by the end of its scope, which closes the socket.
      if (draining_ || connections_.size() >= options_.connections_max) return;
      connections_.emplace(connection.get(), connection);
    }
    connection->Begin();
  }

  [[nodiscard]] bool IsEmpty() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return connections_.empty();
  }

  void Forget(HttpConnection* connection) {
    absl::MutexLock lock(&mutex_);
    connections_.erase(connection);
  }

  std::vector<std::shared_ptr<HttpConnection>> Connections() {
    std::vector<std::shared_ptr<HttpConnection>> live;
    absl::MutexLock lock(&mutex_);
    for (const auto& [pointer, weak] : connections_) {
      if (auto connection = weak.lock()) live.push_back(std::move(connection));
    }
    return live;
  }

  const HttpHandler handler_;
  const HttpServerOptions options_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<HttpConnection*, std::weak_ptr<HttpConnection>> connections_
      ABSL_GUARDED_BY(mutex_);
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;

  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  Tcp::acceptor acceptor_;
  // The acceptor's strand only, after Listen. Null for plaintext.
  std::unique_ptr<TlsContext> tls_;
  int port_ = 0;
  std::vector<std::thread> threads_;
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(HttpHandler handler,
                                                              const HttpServerOptions& options) {
  auto impl = std::make_unique<Impl>(std::move(handler), options);
  if (absl::Status status = impl->Listen(); !status.ok()) return status;
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() = default;

int HttpServer::port() const { return impl_->port(); }

size_t HttpServer::connection_count() const { return impl_->connection_count(); }

void HttpServer::Drain(absl::Time deadline) { impl_->Drain(deadline); }

}  // namespace credence::server
