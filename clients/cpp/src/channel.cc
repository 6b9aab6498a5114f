#include "channel.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <set>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "credence/base/check.h"

namespace credence::client {
namespace {

// Larger than any answer that a server of the default limits gives.
constexpr int kMessageBytesMax = 256 * 1024 * 1024;
// Below gRPC's own second, so that a server that has just come up is found by the next repeat.
constexpr int kReconnectMsMin = 50;
constexpr int kReconnectMsMax = 2000;
// What gRPC calls the least time between two attempts is how long it waits for one to come through:
// a busy machine or a far one may take longer than the pause.
constexpr int kConnectMs = 5000;

grpc::ByteBuffer ToBuffer(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return "";
  std::string bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

RpcResult ToResult(const grpc::Status& status) {
  return {static_cast<int>(status.error_code()), status.error_message(), status.error_details(),
          ""};
}

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& endpoint) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMsMin);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMsMax);
  return grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), arguments);
}

// Waits for the one operation that is under way on `queue`; false where it failed.
bool Await(grpc::CompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  const bool got_event = queue.Next(&tag, &ok);
  CREDENCE_CHECK(got_event);
  return ok;
}

void Drain(grpc::CompletionQueue& queue) {
  queue.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) {
  }
}

}  // namespace

class Channel::Impl {
 public:
  explicit Impl(const std::string& endpoint) : channel_(MakeChannel(endpoint)), stub_(channel_) {}

  RpcResult Unary(const std::string& method, std::string_view request, absl::Time deadline) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(deadline));
    grpc::CompletionQueue queue;
    grpc::ByteBuffer answer;
    grpc::Status status;
    auto call = stub_.PrepareUnaryCall(&context, method, ToBuffer(request), &queue);
    call->StartCall();
    call->Finish(&answer, &status, nullptr);
    Await(queue);
    Drain(queue);
    RpcResult result = ToResult(status);
    if (status.ok()) result.body = ToString(answer);
    return result;
  }

  RpcResult Stream(const std::string& method, std::string_view request,
                   absl::FunctionRef<bool(std::string_view)> on_message) {
    grpc::ClientContext context;
    if (!Register(&context)) return {static_cast<int>(grpc::CANCELLED), "cancelled", "", ""};
    grpc::CompletionQueue queue;
    auto call = stub_.PrepareCall(&context, method, &queue);
    call->StartCall(nullptr);
    bool open = Await(queue);
    if (open) {
      call->WriteLast(ToBuffer(request), grpc::WriteOptions(), nullptr);
      open = Await(queue);
    }
    bool wanted = true;
    while (open && wanted) {
      grpc::ByteBuffer message;
      call->Read(&message, nullptr);
      open = Await(queue);
      if (open) wanted = on_message(ToString(message));
    }
    if (!wanted) context.TryCancel();
    grpc::Status status;
    call->Finish(&status, nullptr);
    Await(queue);
    Drain(queue);
    Unregister(&context);
    return wanted ? ToResult(status) : RpcResult{};
  }

  void CancelStreams() {
    const absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    for (grpc::ClientContext* context : streams_) context->TryCancel();
  }

  bool streams_cancelled() const {
    const absl::MutexLock lock(&mutex_);
    return cancelled_;
  }

 private:
  bool Register(grpc::ClientContext* context) {
    const absl::MutexLock lock(&mutex_);
    if (!cancelled_) streams_.insert(context);
    return !cancelled_;
  }

  void Unregister(grpc::ClientContext* context) {
    const absl::MutexLock lock(&mutex_);
    streams_.erase(context);
  }

  const std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  mutable absl::Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<grpc::ClientContext*> streams_ ABSL_GUARDED_BY(mutex_);
};

Channel::Channel(const std::string& endpoint) : impl_(std::make_unique<Impl>(endpoint)) {}
Channel::~Channel() = default;

RpcResult Channel::Unary(const std::string& method, std::string_view request, absl::Time deadline) {
  return impl_->Unary(method, request, deadline);
}

RpcResult Channel::Stream(const std::string& method, std::string_view request,
                          absl::FunctionRef<bool(std::string_view)> on_message) {
  return impl_->Stream(method, request, on_message);
}

void Channel::CancelStreams() { impl_->CancelStreams(); }
bool Channel::streams_cancelled() const { return impl_->streams_cancelled(); }

}  // namespace credence::client
