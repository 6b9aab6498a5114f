#pragma once

#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "credence/etcd/keys.h"
#include "credence/etcd/watch.h"

namespace credence::etcd {

// What a watch hears, for a test to wait for.
class Heard {
 public:
  [[nodiscard]] WatchOptions OptionsFor(const std::string& prefix, int64_t from_revision) {
    WatchOptions options;
    options.key = prefix;
    options.range_end = PrefixEnd(prefix);
    options.from_revision = from_revision;
    options.on_events = [this](absl::Span<const mvccpb::Event> events) {
      absl::MutexLock lock(&mutex_);
      last_size_ = events.size();
      for (const mvccpb::Event& event : events) {
        values_.push_back(event.type() == mvccpb::Event::PUT ? event.kv().value() : "deleted");
      }
    };
    options.on_end = [this](const absl::Status& status) {
      absl::MutexLock lock(&mutex_);
      end_ = status;
    };
    return options;
  }

  // Values, once there are so many or more.
  std::vector<std::string> AwaitCount(size_t count) {
    const auto enough = [&] { return values_.size() >= count; };
    absl::MutexLock lock(&mutex_, absl::Condition(&enough));
    return values_;
  }

  [[nodiscard]] absl::Status AwaitEnd() {
    const auto ended = [&] { return !end_.ok(); };
    absl::MutexLock lock(&mutex_, absl::Condition(&ended));
    return end_;
  }

  [[nodiscard]] size_t count() const {
    absl::MutexLock lock(&mutex_);
    return values_.size();
  }

  // Changes in the piece that came last.
  [[nodiscard]] size_t last_size() const {
    absl::MutexLock lock(&mutex_);
    return last_size_;
  }

 private:
  // Guards all that follows.
  mutable absl::Mutex mutex_;
  std::vector<std::string> values_;
  size_t last_size_ = 0;
  absl::Status end_;
};

}  // namespace credence::etcd
