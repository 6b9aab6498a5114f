#include "service/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/codegen/rpc_service_method.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/service_type.h>

#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "service/grpc_call.h"
#include "service/grpc_credentials.h"

namespace credence::server {
namespace {

// Calls and streams that one connection may have under way; more wait with the client.
constexpr int kCallsPerConnectionMax = 8'192;
constexpr int kKeepaliveMs = 60'000;
constexpr int kKeepaliveTimeoutMs = 20'000;

// One service of the router as gRPC knows it. Registers its methods as generated code does for
// methods that take their messages as bytes.
class RoutedService final : public grpc::Service {
 public:
  RoutedService(const std::string& name, const Router::Service& methods, CallSet& calls,
                bool with_credentials)
      : with_credentials_(with_credentials) {
    int index = 0;
    for (const auto& [method, entry] : methods) {
      paths_.push_back(Cat("/", name, "/", method));
      if (entry.unary) {
        AddUnary(index, entry.unary);
      } else {
        AddStream(index, entry.stream, calls);
      }
      ++index;
    }
  }

 private:
  void AddUnary(int index, const UnaryHandler& handler) {
    AddMethod(new grpc::internal::RpcServiceMethod(paths_.back().c_str(),
                                                   grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
    MarkMethodRawCallback(
        index, new grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
                   [this, &handler](grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
                     return StartUnary(handler, ContextOf(*context, with_credentials_), request,
                                       response);
                   }));
  }

  void AddStream(int index, const StreamHandler& handler, CallSet& calls) {
    AddMethod(new grpc::internal::RpcServiceMethod(
        paths_.back().c_str(), grpc::internal::RpcMethod::SERVER_STREAMING, nullptr));
    MarkMethodRawCallback(
        index,
        new grpc::internal::CallbackServerStreamingHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
            [this, &handler, &calls](grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request) {
              return StartStream(handler, ContextOf(*context, with_credentials_), context, request,
                                 calls);
            }));
  }

  const bool with_credentials_;
  // gRPC keeps pointers to the names; a deque never moves them.
  std::deque<std::string> paths_;
};

}  // namespace

class GrpcServer::Impl {
 public:
  explicit Impl(Executor& executor) : calls_(executor) {}

  absl::Status Listen(const Router& router, const GrpcServerOptions& options) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    CREDENCE_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ServerCredentials> credentials,
                              MakeServerCredentials(options.tls));
    builder.AddListeningPort(options.listen, credentials, &port_);
    builder.SetMaxReceiveMessageSize(kRequestBytesMax);
    // Nothing asks for compressed answers; without the filter each call is a little cheaper.
    builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
    // Another process on the same port would take half of the calls.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kCallsPerConnectionMax);
    // Finds clients that went away without a word, whose streams would stay for ever.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
    for (const auto& [name, methods] : router.services()) {
      services_.push_back(
          std::make_unique<RoutedService>(name, methods, calls_, options.with_credentials));
      builder.RegisterService(services_.back().get());
    }
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port_ == 0) {
      ErrorDetail detail;
      detail.reason = "UNAVAILABLE";
      return MakeError(
          absl::StatusCode::kUnavailable,
          Cat("cannot listen on ", options.listen, ": the address is in use or not this machine's"),
          detail);
    }
    auto* health = server_->GetHealthCheckService();
    for (const auto& [name, methods] : router.services()) health->SetServingStatus(name, true);
    watcher_ = std::thread([this, stall_max = options.stall_max] { WatchStalls(stall_max); });
    return absl::OkStatus();
  }

  [[nodiscard]] int port() const { return port_; }

  void Drain(absl::Time deadline) {
    if (server_ == nullptr) return;
    server_->GetHealthCheckService()->Shutdown();
    calls_.EndStreams();
    server_->Shutdown(absl::ToChronoTime(deadline));
    server_->Wait();
    stopped_.Notify();
    watcher_.join();
    server_.reset();
  }

  [[nodiscard]] size_t stream_count() const { return calls_.stream_count(); }

 private:
  void WatchStalls(absl::Duration stall_max) {
    while (!stopped_.WaitForNotificationWithTimeout(stall_max / 4)) {
      calls_.CancelStalled(absl::Now() - stall_max);
    }
  }

  CallSet calls_;
  std::vector<std::unique_ptr<RoutedService>> services_;
  std::unique_ptr<grpc::Server> server_;
  absl::Notification stopped_;
  std::thread watcher_;
  int port_ = 0;
};

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const Router& router,
                                                              Executor& executor,
                                                              const GrpcServerOptions& options) {
  auto impl = std::make_unique<Impl>(executor);
  if (absl::Status status = impl->Listen(router, options); !status.ok()) return status;
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

GrpcServer::~GrpcServer() { Drain(absl::Now()); }

int GrpcServer::port() const { return impl_->port(); }

size_t GrpcServer::stream_count() const { return impl_->stream_count(); }

void GrpcServer::Drain(absl::Time deadline) { impl_->Drain(deadline); }

}  // namespace credence::server
