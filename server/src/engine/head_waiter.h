#pragma once

#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "credence/ledger/log.h"
#include "engine/executor.h"

// Waits for the log to grow, but not for ever.
//
// Thread-safe, but for Stop, which the owner calls once, after the log has stopped.
namespace credence::server {

class HeadWaiter {
 public:
  // Both must outlive the waiter.
  HeadWaiter(ledger::Log* log, Executor* executor);
  ~HeadWaiter();

  HeadWaiter(const HeadWaiter&) = delete;
  HeadWaiter& operator=(const HeadWaiter&) = delete;

  // Calls `ready` once, on the executor: with OK when the log holds more than `size` events; with
  // DEADLINE_EXCEEDED when `deadline`, by the system's clock, passed before; with the log's error
  // when it stops or fails before. O(log waits).
  void Wait(ledger::TreeSize size, absl::Time deadline,
            std::function<void(const absl::Status&)> ready);

  // Ends what waits still, with DEADLINE_EXCEEDED, and joins the thread.
  void Stop();

 private:
  // One wait: whoever takes `ready` out of it calls it.
  struct Waiter {
    absl::Mutex mutex;
    std::function<void(const absl::Status&)> ready ABSL_GUARDED_BY(mutex);
    ledger::WatchId watch ABSL_GUARDED_BY(mutex);
  };
  using Deadlines = std::multimap<absl::Time, std::weak_ptr<Waiter>>;

  void Fire(const std::shared_ptr<Waiter>& waiter, const absl::Status& status);
  void Expire();

  ledger::Log* const log_;
  Executor* const executor_;
  absl::Mutex mutex_;
  absl::CondVar changed_;
  Deadlines deadlines_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace credence::server
