#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "state/state.h"

// States of the past that were asked for lately, so that the pages of one list and repeated as-of
// reads do not replay the log each time.
//
// Thread-safe.
namespace credence::server {

class ViewCache {
 public:
  // Keeps `capacity` states, the ones used last.
  explicit ViewCache(size_t capacity) : capacity_(capacity) {}

  // The state of `scope` at `position`; null where it is not kept. O(capacity).
  [[nodiscard]] std::shared_ptr<const State> Find(std::string_view scope, int64_t position);

  // Counts how often it was emptied: what was read from the log before the last time may hold what
  // nobody shall see any more.
  [[nodiscard]] uint64_t epoch();

  // Keeps a state that was made since `epoch`; nothing where the cache was emptied after that.
  void Insert(std::string_view scope, int64_t position, std::shared_ptr<const State> state,
              uint64_t epoch);

  // Lets go of everything.
  void Clear();

 private:
  struct Entry {
    std::string scope;
    int64_t position;
    std::shared_ptr<const State> state;
  };

  const size_t capacity_;
  absl::Mutex mutex_;
  uint64_t epoch_ ABSL_GUARDED_BY(mutex_) = 0;
  // The one used last is first.
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace credence::server
