#include "main/pace.h"

#include "absl/time/clock.h"
#include "credence/base/check.h"

namespace credence::server {

Pace::Pace(absl::Duration interval) : interval_(interval) {
  CREDENCE_CHECK(interval > absl::ZeroDuration());
}

void Pace::SetInterval(absl::Duration interval) {
  CREDENCE_CHECK(interval > absl::ZeroDuration());
  absl::MutexLock lock(&mutex_);
  changed_ = interval != interval_;
  interval_ = interval;
}

void Pace::Stop() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
}

bool Pace::stopping() {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

bool Pace::Wait() {
  const absl::Time began = absl::Now();
  absl::MutexLock lock(&mutex_);
  const auto interrupted = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || changed_;
  };
  while (mutex_.AwaitWithDeadline(absl::Condition(&interrupted), began + interval_)) {
    if (stopping_) return false;
    changed_ = false;
  }
  return true;
}

}  // namespace credence::server
