#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

// Where calls over gRPC arrive and where they end: a completion queue, and the one thread that
// takes from it. Threads that take turns at one queue wake each other for each call, which costs
// more than a call itself; one thread that never waits for anything serves tens of thousands of
// calls a second.
namespace credence::server {

// What a call waits for.
class CallEvent {
 public:
  // On the queue's thread, which must not be kept. `ok` as gRPC defines it for the operation.
  virtual void Happen(bool ok) = 0;

 protected:
  ~CallEvent() = default;
};

// An event that is a method of its owner.
template <typename Owner, void (Owner::*Handle)(bool)>
class EventOf final : public CallEvent {
 public:
  explicit EventOf(Owner* owner) : owner_(owner) {}
  void Happen(bool ok) override { (owner_->*Handle)(ok); }

 private:
  Owner* const owner_;
};

// A call is over when its answer was sent and gRPC is done with it, in either order. Only for the
// thread of the call's queue, on which both happen.
class CallEnds {
 public:
  // Whether this was the second.
  [[nodiscard]] bool Second() { return std::exchange(one_, true); }

 private:
  bool one_ = false;
};

// Thread-safe, but for Start and Stop, which are the owner's.
class CallQueue {
 public:
  explicit CallQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue);
  ~CallQueue();
  CallQueue(const CallQueue&) = delete;
  CallQueue& operator=(const CallQueue&) = delete;

  void Start();

  // Waits until every call has left. The server must have been shut down: nothing enters any more
  // but what leaves by itself.
  void Stop();

  // A call that will wait for events of this queue, until it leaves.
  void Enter();
  void Leave();

  [[nodiscard]] grpc::ServerCompletionQueue* queue() { return queue_.get(); }

 private:
  void Take();

  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  absl::Mutex mutex_;
  int call_count_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace credence::server
