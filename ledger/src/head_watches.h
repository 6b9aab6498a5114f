#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "credence/ledger/log.h"
#include "credence/ledger/position.h"

namespace credence::ledger {

// Callbacks that wait for the log to grow. They run on one thread of their own, so that whatever
// they take is taken from each other and not from writers.
//
// Thread-safe.
class HeadWatches {
 public:
  using ReadyFunction = std::function<void(const absl::Status&)>;

  explicit HeadWatches(TreeSize size);
  // Calls what waits with UNAVAILABLE, and joins.
  ~HeadWatches();
  HeadWatches(const HeadWatches&) = delete;
  HeadWatches& operator=(const HeadWatches&) = delete;

  // See Log::WatchHead.
  WatchId Add(TreeSize size, ReadyFunction ready);
  // See Log::CancelWatch.
  bool Cancel(WatchId id);

  void Advance(TreeSize size);
  // Calls everything that waits, now and later, with `status`. The first end counts.
  void End(const absl::Status& status);

 private:
  // By the size that must be passed; ids break ties.
  using Key = std::pair<TreeSize, int64_t>;

  void Run();
  [[nodiscard]] bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What to call, and with what: a watch whose size was passed hears so even after the end.
  [[nodiscard]] std::vector<std::pair<ReadyFunction, absl::Status>> TakeDue()
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  TreeSize size_ ABSL_GUARDED_BY(mutex_);
  // OK while the log may grow.
  absl::Status end_ ABSL_GUARDED_BY(mutex_);
  bool leaving_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<Key, ReadyFunction> waiting_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<int64_t, TreeSize> sizes_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace credence::ledger
