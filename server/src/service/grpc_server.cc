#include "service/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "service/call_queue.h"
#include "service/grpc_credentials.h"
#include "service/health.h"
#include "service/routed_service.h"
#include "service/stream_call.h"

namespace credence::server {
namespace {

// Calls and streams that one connection may have under way; more wait with the client.
constexpr int kCallsPerConnectionMax = 8'192;
constexpr int kKeepaliveMs = 60'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
// Threads that take calls: one is best where the cores are few.
constexpr unsigned kCoresPerQueue = 8;
constexpr unsigned kQueuesMax = 8;

unsigned CoreCount() { return std::max(1U, std::thread::hardware_concurrency()); }

unsigned QueueCount() { return std::clamp(CoreCount() / kCoresPerQueue, 1U, kQueuesMax); }

// Handlers may wait for a disk or compute for a while.
int HandlerThreadCount() { return static_cast<int>(std::max(4U, 2 * CoreCount())); }

}  // namespace

class GrpcServer::Impl {
 public:
  explicit Impl(Executor& executor)
      : streams_(executor), health_streams_(executor), handlers_(HandlerThreadCount()) {}

  absl::Status Listen(const Router& router, const GrpcServerOptions& options) {
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
    AddServices(router, options, builder);
    for (unsigned i = 0; i < QueueCount(); ++i) {
      queues_.push_back(std::make_unique<CallQueue>(builder.AddCompletionQueue()));
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
    for (const std::unique_ptr<CallQueue>& queue : queues_) {
      for (const std::unique_ptr<RoutedService>& service : services_) service->TakeCalls(*queue);
      queue->Start();
    }
    watcher_ = std::thread([this, stall_max = options.stall_max] { WatchStalls(stall_max); });
    return absl::OkStatus();
  }

  [[nodiscard]] int port() const { return port_; }

  void Drain(absl::Time deadline) {
    if (server_ == nullptr) return;
    health_.Drain();
    streams_.EndStreams();
    server_->Shutdown(absl::ToChronoTime(deadline));
    server_->Wait();
    for (const std::unique_ptr<CallQueue>& queue : queues_) queue->Stop();
    handlers_.Stop();
    stopped_.Notify();
    watcher_.join();
    server_.reset();
  }

  [[nodiscard]] size_t stream_count() const { return streams_.stream_count(); }

 private:
  void AddServices(const Router& router, const GrpcServerOptions& options,
                   grpc::ServerBuilder& builder) {
    RoutedMethod shared;
    shared.handlers = &handlers_;
    const auto add = [&](const std::string& name, const Router::Service& methods) {
      services_.push_back(std::make_unique<RoutedService>(name, methods, shared));
      builder.RegisterService(services_.back().get());
    };
    shared.streams = &health_streams_;
    for (const auto& [name, methods] : health_.router().services()) add(name, methods);
    shared.streams = &streams_;
    shared.with_credentials = options.with_credentials;
    for (const auto& [name, methods] : router.services()) {
      add(name, methods);
      health_.Add(name);
    }
  }

  void WatchStalls(absl::Duration stall_max) {
    while (!stopped_.WaitForNotificationWithTimeout(stall_max / 4)) {
      const absl::Time begun = absl::Now() - stall_max;
      streams_.CancelStalled(begun);
      health_streams_.CancelStalled(begun);
    }
  }

  StreamSet streams_;
  // Apart, because those who watch the health are to hear of the drain before their streams end.
  StreamSet health_streams_;
  Executor handlers_;
  Health health_;
  std::vector<std::unique_ptr<RoutedService>> services_;
  std::vector<std::unique_ptr<CallQueue>> queues_;
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
