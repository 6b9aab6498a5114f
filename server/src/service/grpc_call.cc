#include "service/grpc_call.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "credence/base/error.h"
#include "service/grpc_credentials.h"
#include "service/status.h"

namespace credence::server {
namespace {

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

class UnaryReactor;

// The answers that wait for SendAnswers.
struct HeldAnswers {
  bool holding = false;
  std::vector<std::pair<std::shared_ptr<UnaryReactor>, grpc::Status>> answers;
};

HeldAnswers& Held() {
  static thread_local HeldAnswers held;
  return held;
}

// Finishes once: with the handler's answer, or without it when the call is cancelled first, so that
// a call that waits for something does not outlive its client or hold up a drain. Lives until gRPC
// is done with the call and the handler let go of its answer.
class UnaryReactor final : public grpc::ServerUnaryReactor {
 public:
  [[nodiscard]] static std::shared_ptr<UnaryReactor> Make() {
    auto reactor = std::make_shared<UnaryReactor>();
    reactor->self_ = reactor;
    return reactor;
  }

  void Answer(grpc::ByteBuffer* response, const absl::StatusOr<std::string>& answer) {
    // gRPC owns `response` until the call is finished.
    if (finished_.exchange(true)) return;
    if (answer.ok()) *response = ToBuffer(*answer);
    grpc::Status status = answer.ok() ? grpc::Status::OK : ToGrpcStatus(answer.status());
    if (HeldAnswers& held = Held(); held.holding) {
      held.answers.emplace_back(self_, std::move(status));
    } else {
      Finish(std::move(status));
    }
  }

  void OnCancel() override {
    if (finished_.exchange(true)) return;
    Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the client went away"));
  }

  void OnDone() override { const std::shared_ptr<UnaryReactor> last = std::move(self_); }

  // Lets gRPC run the reactions above where they come up. Both are short, and the executor that it
  // would hand them to costs each call two wake-ups.
  bool InternalInlineable() override { return true; }

 private:
  std::shared_ptr<UnaryReactor> self_;
  std::atomic<bool> finished_{false};
};

}  // namespace

// Sends the messages of a source, one at a time, as fast as the client takes them. While there are
// none it holds no thread: the source calls back.
//
// A pump (asking the source, and acting on the answer) is under way or it is not; `again_` notes
// that a reason for one came up meanwhile. Finish is called once, by the pump.
class StreamReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  StreamReactor(CallSet& calls, grpc::CallbackServerContext* call,
                std::unique_ptr<MessageSource> source)
      : calls_(calls), call_(call), source_(std::move(source)) {}

  // Keeps the reactor alive for whoever may still call it.
  class Hold {
   public:
    explicit Hold(StreamReactor* reactor) : reactor_(reactor) { reactor_->Acquire(); }
    Hold(const Hold& other) : reactor_(other.reactor_) { reactor_->Acquire(); }
    Hold& operator=(const Hold&) = delete;
    ~Hold() { reactor_->Release(); }
    StreamReactor* operator->() const { return reactor_; }

   private:
    StreamReactor* reactor_;
  };

  // A stream that is refused.
  StreamReactor(CallSet& calls, grpc::CallbackServerContext* call, const absl::Status& refusal)
      : calls_(calls), call_(call), end_(refusal) {}

  // Takes a first reference, which OnDone gives back, and begins.
  void Begin() {
    // Never with this stream's lock held: EndStreams takes the two the other way round.
    if (!calls_.Add(this)) return End(DrainingError());
    Wake();
  }

  void End(const absl::Status& status) {
    {
      absl::MutexLock lock(&mutex_);
      if (!end_.has_value()) end_ = status;
    }
    Wake();
  }

  // Ends it where a message was begun before `time` and is not taken yet.
  void CancelIfStalled(absl::Time time) {
    {
      absl::MutexLock lock(&mutex_);
      if (!writing_ || write_time_ > time) return;
      stalled_ = true;
    }
    Wake();
  }

  void OnCancel() override { End(absl::CancelledError("the client went away")); }

  void OnWriteDone(bool ok) override {
    {
      absl::MutexLock lock(&mutex_);
      writing_ = false;
      if (!ok && !end_.has_value()) end_ = absl::CancelledError("the client went away");
    }
    Wake();
  }

  void OnDone() override {
    calls_.Remove(this);
    Release();
  }

 private:
  ~StreamReactor() override = default;

  // Each task on the executor and each callback of the source holds a reference.
  void Acquire() { references_.fetch_add(1, std::memory_order_relaxed); }
  void Release() {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  void Wake() {
    {
      absl::MutexLock lock(&mutex_);
      again_ = true;
      if (pumping_ || finished_) return;
      pumping_ = true;
    }
    Acquire();
    calls_.executor().Run([this] {
      Pump();
      Release();
    });
  }

  // Whether there is something to do; ends the pump where there is not.
  bool TakeTurn() {
    absl::MutexLock lock(&mutex_);
    if (!again_ || finished_) {
      pumping_ = false;
      return false;
    }
    again_ = false;
    return true;
  }

  void Pump() {
    while (TakeTurn()) Step();
  }

  // Whether a message is on its way; cancels the call where its client does not take it. Only the
  // pump finishes a call, so that here it is still there to be cancelled.
  bool AwaitsClient() {
    bool cancels = false;
    {
      absl::MutexLock lock(&mutex_);
      if (!writing_) return false;
      cancels = std::exchange(stalled_, false);
    }
    if (cancels) call_->TryCancel();
    return true;
  }

  void Step() {
    if (AwaitsClient()) return;
    std::optional<absl::Status> end;
    {
      absl::MutexLock lock(&mutex_);
      end = end_;
      if (end.has_value()) finished_ = true;
    }
    if (end.has_value()) return Close(*end);
    Acquire();
    absl::StatusOr<std::optional<std::string>> next =
        source_->Next([this, held = Hold(this)](const absl::Status& status) {
          if (status.ok()) {
            Wake();
          } else {
            End(status);
          }
        });
    Release();
    if (!next.ok()) return End(next.status());
    if (!next->has_value()) return source_->ended() ? End(absl::OkStatus()) : void();
    {
      absl::MutexLock lock(&mutex_);
      writing_ = true;
      write_time_ = absl::Now();
    }
    message_ = ToBuffer(**next);
    StartWrite(&message_);
  }

  void Close(const absl::Status& status) {
    if (source_ != nullptr) source_->Cancel();
    Finish(ToGrpcStatus(status));
  }

  CallSet& calls_;
  // The pump only.
  grpc::CallbackServerContext* const call_;
  std::unique_ptr<MessageSource> source_;
  grpc::ByteBuffer message_;

  std::atomic<int> references_{1};
  absl::Mutex mutex_;
  bool pumping_ ABSL_GUARDED_BY(mutex_) = false;
  bool again_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  // When the message on its way was begun.
  absl::Time write_time_ ABSL_GUARDED_BY(mutex_);
  // Whether it has been on its way for too long.
  bool stalled_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

void BeginAnswers() { Held().holding = true; }

void SendAnswers() {
  HeldAnswers& held = Held();
  held.holding = false;
  for (auto& [reactor, status] : held.answers) reactor->Finish(std::move(status));
  held.answers.clear();
}

bool CallSet::Add(StreamReactor* stream) {
  absl::MutexLock lock(&mutex_);
  if (ended_) return false;
  streams_.insert(stream);
  return true;
}

void CallSet::Remove(StreamReactor* stream) {
  absl::MutexLock lock(&mutex_);
  streams_.erase(stream);
}

void CallSet::CancelStalled(absl::Time time) {
  std::vector<StreamReactor::Hold> live;
  {
    absl::MutexLock lock(&mutex_);
    for (StreamReactor* stream : streams_) live.emplace_back(stream);
  }
  for (const StreamReactor::Hold& stream : live) stream->CancelIfStalled(time);
}

size_t CallSet::stream_count() const {
  absl::MutexLock lock(&mutex_);
  return streams_.size();
}

void CallSet::EndStreams() {
  std::vector<StreamReactor::Hold> ending;
  {
    absl::MutexLock lock(&mutex_);
    ended_ = true;
    for (StreamReactor* stream : streams_) ending.emplace_back(stream);
  }
  for (const StreamReactor::Hold& stream : ending) stream->End(DrainingError());
}

CallContext ContextOf(const grpc::CallbackServerContext& context, bool with_credentials) {
  CallContext call;
  const auto deadline = context.deadline();
  // gRPC says "none" by the largest time there is.
  if (deadline < std::chrono::system_clock::time_point::max() - std::chrono::hours(1)) {
    call.deadline = absl::FromChrono(deadline);
  }
  if (with_credentials) {
    call.credentials = std::make_shared<const CallerCredentials>(CredentialsOf(context));
  }
  return call;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const absl::Status shown = PublicStatus(status);
  return grpc::Status(static_cast<grpc::StatusCode>(shown.code()), std::string(shown.message()),
                      PackDetails(shown));
}

grpc::ServerUnaryReactor* StartUnary(const UnaryHandler& handler, const CallContext& context,
                                     const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  const std::shared_ptr<UnaryReactor> reactor = UnaryReactor::Make();
  grpc::ServerUnaryReactor* const bound = reactor.get();
  handler(context, ToString(*request),
          [reactor, response](const absl::StatusOr<std::string>& answer) {
            reactor->Answer(response, answer);
          });
  return bound;
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* StartStream(const StreamHandler& handler,
                                                        const CallContext& context,
                                                        grpc::CallbackServerContext* call,
                                                        const grpc::ByteBuffer* request,
                                                        CallSet& calls) {
  absl::StatusOr<std::unique_ptr<MessageSource>> source = handler(context, ToString(*request));
  auto* reactor = source.ok() ? new StreamReactor(calls, call, *std::move(source))
                              : new StreamReactor(calls, call, source.status());
  reactor->Begin();
  return reactor;
}

}  // namespace credence::server
