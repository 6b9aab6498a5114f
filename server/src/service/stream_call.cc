#include "service/stream_call.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "service/grpc_call.h"
#include "service/status.h"

namespace credence::server {

// Sends the messages of a source, one at a time, as fast as the client takes them. While there are
// none it holds no thread: the source calls back.
//
// A pump (asking the source, and acting on the answer) is under way or it is not; `again_` notes
// that a reason for one came up meanwhile. Finish is called once, by the pump.
class StreamCall {
 public:
  StreamCall(const RoutedMethod& method, CallQueue& queue)
      : method_(method), queue_(queue), streams_(*method.streams) {
    queue_.Enter();
  }
  StreamCall(const StreamCall&) = delete;
  StreamCall& operator=(const StreamCall&) = delete;

  static void Await(const RoutedMethod& method, CallQueue& queue) {
    auto* const call = new StreamCall(method, queue);
    call->context_.AsyncNotifyWhenDone(&call->over_);
    method.service->RequestStream(method.index, &call->context_, &call->request_, &call->writer_,
                                  queue, &call->arrived_);
  }

  // Keeps the call alive for whoever may still call it.
  class Hold {
   public:
    explicit Hold(StreamCall* call) : call_(call) { call_->Acquire(); }
    Hold(const Hold& other) : call_(other.call_) { call_->Acquire(); }
    Hold& operator=(const Hold&) = delete;
    ~Hold() { call_->Release(); }
    StreamCall* operator->() const { return call_; }

   private:
    StreamCall* call_;
  };

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

 private:
  ~StreamCall() = default;

  void Arrive(bool ok) {
    // The server was shut down; nothing else will happen to this call.
    if (!ok) return Go();
    Await(method_, queue_);
    Acquire();
    method_.handlers->Run([this] {
      Begin();
      Release();
    });
  }

  // The first turn of the pump.
  void Begin() {
    const MessageBytes bytes(request_);
    absl::StatusOr<std::unique_ptr<MessageSource>> source =
        method_.entry->stream(ContextOf(context_, method_.with_credentials), bytes.view());
    if (!source.ok()) {
      End(source.status());
    } else {
      source_ = *std::move(source);
      // Not with this stream's lock held: EndStreams takes the two the other way round.
      if (!streams_.Add(this)) End(DrainingError());
    }
    Pump();
  }

  void Wrote(bool ok) {
    {
      absl::MutexLock lock(&mutex_);
      writing_ = false;
      if (!ok && !end_.has_value()) end_ = absl::CancelledError("the client went away");
    }
    Wake();
  }

  void Finish(bool /*ok*/) { EndOne(); }

  void Leave(bool /*ok*/) {
    if (context_.IsCancelled()) End(absl::CancelledError("the client went away"));
    EndOne();
  }

  void EndOne() {
    if (ends_.Second()) Go();
  }

  // Gives the first reference back.
  void Go() {
    streams_.Remove(this);
    queue_.Leave();
    Release();
  }

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
    streams_.executor().Run([this] {
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
    if (cancels) context_.TryCancel();
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
    writer_.Write(ToBuffer(**next), &wrote_);
  }

  void Close(const absl::Status& status) {
    if (source_ != nullptr) source_->Cancel();
    writer_.Finish(ToGrpcStatus(status), &closed_);
  }

  const RoutedMethod& method_;
  CallQueue& queue_;
  StreamSet& streams_;
  grpc::ServerContext context_;
  grpc::ByteBuffer request_;
  grpc::ServerAsyncWriter<grpc::ByteBuffer> writer_{&context_};
  EventOf<StreamCall, &StreamCall::Arrive> arrived_{this};
  EventOf<StreamCall, &StreamCall::Wrote> wrote_{this};
  EventOf<StreamCall, &StreamCall::Finish> closed_{this};
  EventOf<StreamCall, &StreamCall::Leave> over_{this};
  CallEnds ends_;
  // The pump only.
  std::unique_ptr<MessageSource> source_;

  std::atomic<int> references_{1};
  absl::Mutex mutex_;
  // Until the call was begun nobody else is to pump.
  bool pumping_ ABSL_GUARDED_BY(mutex_) = true;
  bool again_ ABSL_GUARDED_BY(mutex_) = true;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  // When the message on its way was begun.
  absl::Time write_time_ ABSL_GUARDED_BY(mutex_);
  // Whether it has been on its way for too long.
  bool stalled_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

bool StreamSet::Add(StreamCall* stream) {
  absl::MutexLock lock(&mutex_);
  if (ended_) return false;
  streams_.insert(stream);
  return true;
}

void StreamSet::Remove(StreamCall* stream) {
  absl::MutexLock lock(&mutex_);
  streams_.erase(stream);
}

void StreamSet::CancelStalled(absl::Time time) {
  std::vector<StreamCall::Hold> live;
  {
    absl::MutexLock lock(&mutex_);
    for (StreamCall* stream : streams_) live.emplace_back(stream);
  }
  for (const StreamCall::Hold& stream : live) stream->CancelIfStalled(time);
}

size_t StreamSet::stream_count() const {
  absl::MutexLock lock(&mutex_);
  return streams_.size();
}

void StreamSet::EndStreams() {
  std::vector<StreamCall::Hold> ending;
  {
    absl::MutexLock lock(&mutex_);
    ended_ = true;
    for (StreamCall* stream : streams_) ending.emplace_back(stream);
  }
  for (const StreamCall::Hold& stream : ending) stream->End(DrainingError());
}

void AwaitStreamCall(const RoutedMethod& method, CallQueue& queue) {
  StreamCall::Await(method, queue);
}

}  // namespace credence::server
