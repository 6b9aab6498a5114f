#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace credence::server {

// The time between two rounds of a thread, which others may change or end. Thread-safe.
class Pace {
 public:
  // `interval` is positive.
  explicit Pace(absl::Duration interval);

  // From the wait under way on.
  void SetInterval(absl::Duration interval);
  // Ends the wait under way, and every later one at once. Idempotent.
  void Stop();
  [[nodiscard]] bool stopping();

  // Until the interval has passed: true; or until Stop: false.
  [[nodiscard]] bool Wait();

 private:
  absl::Mutex mutex_;
  absl::Duration interval_ ABSL_GUARDED_BY(mutex_);
  bool changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace credence::server
