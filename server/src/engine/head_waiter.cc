#include "engine/head_waiter.h"

#include <utility>
#include <vector>

#include "credence/base/error.h"

namespace credence::server {

HeadWaiter::HeadWaiter(ledger::Log* log, Executor* executor)
    : log_(log), executor_(executor), thread_([this] { Expire(); }) {}

HeadWaiter::~HeadWaiter() { Stop(); }

void HeadWaiter::Wait(ledger::TreeSize size, absl::Time deadline,
                      std::function<void(const absl::Status&)> ready) {
  auto waiter = std::make_shared<Waiter>();
  {
    absl::MutexLock lock(&waiter->mutex);
    waiter->ready = std::move(ready);
  }
  const ledger::WatchId watch =
      log_->WatchHead(size, [this, waiter](const absl::Status& status) { Fire(waiter, status); });
  {
    absl::MutexLock lock(&waiter->mutex);
    waiter->watch = watch;
  }
  absl::MutexLock lock(&mutex_);
  deadlines_.emplace(deadline, waiter);
  changed_.Signal();
}

void HeadWaiter::Fire(const std::shared_ptr<Waiter>& waiter, const absl::Status& status) {
  std::function<void(const absl::Status&)> ready;
  {
    absl::MutexLock lock(&waiter->mutex);
    ready = std::exchange(waiter->ready, nullptr);
  }
  if (ready == nullptr) return;
  executor_->Run([ready = std::move(ready), status] { ready(status); });
}

void HeadWaiter::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.Signal();
  }
  if (thread_.joinable()) thread_.join();
}

void HeadWaiter::Expire() {
  while (true) {
    std::vector<std::shared_ptr<Waiter>> expired;
    bool stopping = false;
    {
      absl::MutexLock lock(&mutex_);
      const absl::Time next =
          deadlines_.empty() ? absl::InfiniteFuture() : deadlines_.begin()->first;
      if (!stopping_) changed_.WaitWithDeadline(&mutex_, next);
      stopping = stopping_;
      const auto end = stopping ? deadlines_.end() : deadlines_.upper_bound(absl::Now());
      for (auto entry = deadlines_.begin(); entry != end; ++entry) {
        if (auto waiter = entry->second.lock(); waiter != nullptr) expired.push_back(waiter);
      }
      deadlines_.erase(deadlines_.begin(), end);
    }
    for (const auto& waiter : expired) {
      ledger::WatchId watch;
      {
        absl::MutexLock lock(&waiter->mutex);
        watch = waiter->watch;
      }
      log_->CancelWatch(watch);
      ErrorDetail detail;
      detail.reason = "DEADLINE_EXCEEDED";
      Fire(waiter, MakeError(absl::StatusCode::kDeadlineExceeded,
                             "the ledger did not reach the position in time", detail));
    }
    if (stopping) return;
  }
}

}  // namespace credence::server
