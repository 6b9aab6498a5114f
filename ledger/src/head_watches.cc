#include "head_watches.h"

#include <pthread.h>

#include <algorithm>

#include "failure.h"

namespace credence::ledger {

HeadWatches::HeadWatches(TreeSize size) : size_(size) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "ledger-watch");
    Run();
  });
}

HeadWatches::~HeadWatches() {
  End(NotServing("The ledger is closed."));
  {
    absl::MutexLock lock(&mutex_);
    leaving_ = true;
  }
  thread_.join();
}

WatchId HeadWatches::Add(TreeSize size, ReadyFunction ready) {
  absl::MutexLock lock(&mutex_);
  const int64_t id = ++last_id_;
  waiting_.emplace(Key{size, id}, std::move(ready));
  sizes_.emplace(id, size);
  return WatchId{id};
}

bool HeadWatches::Cancel(WatchId id) {
  absl::MutexLock lock(&mutex_);
  const auto found = sizes_.find(id.value);
  if (found == sizes_.end()) return false;
  waiting_.erase(Key{found->second, id.value});
  sizes_.erase(found);
  return true;
}

void HeadWatches::Advance(TreeSize size) {
  absl::MutexLock lock(&mutex_);
  size_ = std::max(size_, size);
}

void HeadWatches::End(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  end_.Update(status);
}

bool HeadWatches::HasWork() const {
  if (leaving_) return true;
  if (waiting_.empty()) return false;
  return !end_.ok() || waiting_.begin()->first.first < size_;
}

std::vector<std::pair<HeadWatches::ReadyFunction, absl::Status>> HeadWatches::TakeDue() {
  std::vector<std::pair<ReadyFunction, absl::Status>> due;
  while (!waiting_.empty()) {
    const auto first = waiting_.begin();
    const bool passed = first->first.first < size_;
    if (!passed && end_.ok()) break;
    due.emplace_back(std::move(first->second), passed ? absl::OkStatus() : end_);
    sizes_.erase(first->first.second);
    waiting_.erase(first);
  }
  return due;
}

void HeadWatches::Run() {
  while (true) {
    std::vector<std::pair<ReadyFunction, absl::Status>> due;
    {
      absl::MutexLock lock(&mutex_, absl::Condition(this, &HeadWatches::HasWork));
      due = TakeDue();
      if (due.empty() && leaving_) return;
    }
    for (const auto& [ready, status] : due) ready(status);
  }
}

}  // namespace credence::ledger
