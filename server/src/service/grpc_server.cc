#include "service/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/codegen/rpc_service_method.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/service_type.h>

#include <deque>
#include <utility>
#include <vector>

#include "credence/base/error.h"
#include "credence/base/strings.h"
#include "service/grpc_call.h"

namespace credence::server {
namespace {

// One service of the router as gRPC knows it. Registers its methods as generated code does for
// methods that take their messages as bytes.
class RoutedService final : public grpc::Service {
 public:
  RoutedService(const std::string& name, const Router::Service& methods, CallSet& calls) {
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
                   [&handler](grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                              grpc::ByteBuffer* response) {
                     return StartUnary(handler, context, request, response);
                   }));
  }

  void AddStream(int index, const StreamHandler& handler, CallSet& calls) {
    AddMethod(new grpc::internal::RpcServiceMethod(
        paths_.back().c_str(), grpc::internal::RpcMethod::SERVER_STREAMING, nullptr));
    MarkMethodRawCallback(
        index,
        new grpc::internal::CallbackServerStreamingHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
            [&handler, &calls](grpc::CallbackServerContext* context,
                               const grpc::ByteBuffer* request) {
              return StartStream(handler, context, request, calls);
            }));
  }

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
    builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &port_);
    builder.SetMaxReceiveMessageSize(kRequestBytesMax);
    // Nothing asks for compressed answers; without the filter each call is a little cheaper.
    builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
    // Another process on the same port would take half of the calls.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    for (const auto& [name, methods] : router.services()) {
      services_.push_back(std::make_unique<RoutedService>(name, methods, calls_));
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
    return absl::OkStatus();
  }

  [[nodiscard]] int port() const { return port_; }

  void Drain(absl::Time deadline) {
    if (server_ == nullptr) return;
    server_->GetHealthCheckService()->Shutdown();
    calls_.EndStreams();
    server_->Shutdown(absl::ToChronoTime(deadline));
    server_->Wait();
    server_.reset();
  }

 private:
  CallSet calls_;
  std::vector<std::unique_ptr<RoutedService>> services_;
  std::unique_ptr<grpc::Server> server_;
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

void GrpcServer::Drain(absl::Time deadline) { impl_->Drain(deadline); }

}  // namespace credence::server
