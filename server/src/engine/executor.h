#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

// A few threads that run what must not run where it was found out to be due: reads that waited for
// the head, and the next messages of watches.
//
// Thread-safe, but for Stop, which the owner calls once.
namespace credence::server {

class Executor {
 public:
  // thread_count >= 1.
  explicit Executor(int thread_count);
  // Stops it.
  ~Executor();

  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Runs `task` soon, on one of the threads. Each caller has at most one task under way for each
  // call or watch of a client, so the queue is as bounded as those are. After Stop the task runs
  // on the caller's thread, so that nothing that waits is forgotten.
  void Run(std::function<void()> task);

  // Tasks that no thread has taken yet.
  [[nodiscard]] int64_t queued_count() const;

  // Runs what is queued and joins the threads.
  void Stop();

 private:
  void Work();

  mutable absl::Mutex mutex_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace credence::server
