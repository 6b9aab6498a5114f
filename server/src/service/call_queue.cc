#include "service/call_queue.h"

#include <pthread.h>

#include <utility>

namespace credence::server {

CallQueue::CallQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue)
    : queue_(std::move(queue)) {}

CallQueue::~CallQueue() { Stop(); }

void CallQueue::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "grpc-calls");
    Take();
  });
}

void CallQueue::Stop() {
  if (stopped_) return;
  stopped_ = true;
  if (thread_.joinable()) {
    const auto none_left = [this]()
                               ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return call_count_ == 0; };
    absl::MutexLock lock(&mutex_, absl::Condition(&none_left));
  }
  queue_->Shutdown();
  if (thread_.joinable()) {
    thread_.join();
  } else {
    // A queue must be empty when it goes.
    Take();
  }
}

void CallQueue::Enter() {
  absl::MutexLock lock(&mutex_);
  ++call_count_;
}

void CallQueue::Leave() {
  absl::MutexLock lock(&mutex_);
  --call_count_;
}

void CallQueue::Take() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) static_cast<CallEvent*>(tag)->Happen(ok);
}

}  // namespace credence::server
