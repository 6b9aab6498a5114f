#include "service/unary_call.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "service/grpc_call.h"

namespace credence::server {
namespace {

class UnaryCall;

// The answers that wait for SendAnswers.
struct HeldAnswers {
  bool holding = false;
  std::vector<std::pair<std::shared_ptr<UnaryCall>, grpc::Status>> answers;
};

HeldAnswers& Held() {
  static thread_local HeldAnswers held;
  return held;
}

// Finishes once: with the handler's answer, or without it when the call is cancelled first, so that
// a call that waits for something does not outlive its client or hold up a drain. Lives until gRPC
// is done with the call and the handler let go of its answer.
class UnaryCall {
 public:
  UnaryCall(const RoutedMethod& method, CallQueue& queue) : method_(method), queue_(queue) {
    queue_.Enter();
  }
  UnaryCall(const UnaryCall&) = delete;
  UnaryCall& operator=(const UnaryCall&) = delete;

  static void Await(const RoutedMethod& method, CallQueue& queue) {
    const auto call = std::make_shared<UnaryCall>(method, queue);
    call->self_ = call;
    call->context_.AsyncNotifyWhenDone(&call->over_);
    method.service->RequestUnary(method.index, &call->context_, &call->request_, &call->writer_,
                                 queue, &call->arrived_);
  }

  void Send(const grpc::Status& status) {
    if (status.ok()) {
      writer_.Finish(response_, status, &finished_);
    } else {
      writer_.FinishWithError(status, &finished_);
    }
  }

 private:
  void Arrive(bool ok) {
    // The server was shut down; nothing else will happen to this call.
    if (!ok) return Go();
    Await(method_, queue_);
    if (method_.entry->brief && request_.Length() <= kBriefBytesMax) return Handle(self_);
    method_.handlers->Run([call = self_] { Handle(call); });
  }

  // Given its owner, because `self_` goes when a call is cancelled meanwhile.
  static void Handle(const std::shared_ptr<UnaryCall>& call) {
    const MessageBytes bytes(call->request_);
    call->method_.entry->unary(
        ContextOf(call->context_, call->method_.with_credentials), bytes.view(),
        [call](const absl::StatusOr<std::string>& answer) { call->Answer(answer); });
  }

  void Answer(const absl::StatusOr<std::string>& answer) {
    if (answered_.exchange(true)) return;
    if (answer.ok()) response_ = ToBuffer(*answer);
    grpc::Status status = answer.ok() ? grpc::Status::OK : ToGrpcStatus(answer.status());
    if (HeldAnswers& held = Held(); held.holding) {
      held.answers.emplace_back(self_, std::move(status));
    } else {
      Send(status);
    }
  }

  void Finish(bool /*ok*/) { EndOne(); }

  // The client has its answer, or went away.
  void End(bool /*ok*/) {
    if (context_.IsCancelled() && !answered_.exchange(true)) {
      Send(grpc::Status(grpc::StatusCode::CANCELLED, "the client went away"));
    }
    EndOne();
  }

  void EndOne() {
    if (ends_.Second()) Go();
  }

  void Go() {
    CallQueue& queue = queue_;
    // May be the last that holds this.
    const std::shared_ptr<UnaryCall> last = std::move(self_);
    queue.Leave();
  }

  // Requests above this size take a while even of brief methods.
  static constexpr size_t kBriefBytesMax = 64 << 10;

  const RoutedMethod& method_;
  CallQueue& queue_;
  grpc::ServerContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> writer_{&context_};
  EventOf<UnaryCall, &UnaryCall::Arrive> arrived_{this};
  EventOf<UnaryCall, &UnaryCall::Finish> finished_{this};
  EventOf<UnaryCall, &UnaryCall::End> over_{this};
  std::atomic<bool> answered_{false};
  CallEnds ends_;
  std::shared_ptr<UnaryCall> self_;
};

}  // namespace

void AwaitUnaryCall(const RoutedMethod& method, CallQueue& queue) {
  UnaryCall::Await(method, queue);
}

void BeginAnswers() { Held().holding = true; }

void SendAnswers() {
  HeldAnswers& held = Held();
  held.holding = false;
  for (const auto& [call, status] : held.answers) call->Send(status);
  held.answers.clear();
}

}  // namespace credence::server
