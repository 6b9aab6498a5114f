#pragma once

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "tile_tree.h"

namespace credence::ledger {

// The log that readers may see. Thread-safe.
class DurableHead {
 public:
  explicit DurableHead(TreeSnapshot tree)
      : tree_(std::make_shared<const TreeSnapshot>(std::move(tree))) {}

  [[nodiscard]] std::shared_ptr<const TreeSnapshot> Get() const {
    absl::ReaderMutexLock lock(&mutex_);
    return tree_;
  }
  [[nodiscard]] TreeHead head() const {
    absl::ReaderMutexLock lock(&mutex_);
    return tree_->head;
  }
  void Set(TreeSnapshot tree) {
    auto next = std::make_shared<const TreeSnapshot>(std::move(tree));
    absl::MutexLock lock(&mutex_);
    tree_.swap(next);
  }

 private:
  mutable absl::Mutex mutex_;
  std::shared_ptr<const TreeSnapshot> tree_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace credence::ledger
