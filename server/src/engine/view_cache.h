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

  void Insert(std::string_view scope, int64_t position, std::shared_ptr<const State> state);

 private:
  struct Entry {
    std::string scope;
    int64_t position;
    std::shared_ptr<const State> state;
  };

  const size_t capacity_;
  absl::Mutex mutex_;
  // The one used last is first.
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace credence::server
