#pragma once

#include "absl/status/status.h"
#include "commit_batch.h"
#include "store.h"

namespace credence::ledger {

// Where sealed batches become durable: the one step of a write that differs between a log on one
// disk and a log that several servers hold. A write is answered once its batch was committed here.
//
// One thread calls it, with batches in their order.
class CommitLog {
 public:
  virtual ~CommitLog() = default;
  CommitLog() = default;
  CommitLog(const CommitLog&) = delete;
  CommitLog& operator=(const CommitLog&) = delete;

  // Makes all of `batch` durable, and what readers of the store see, or none of it; `batch` has at
  // least one entry. Blocks until that is so. After an error it is not called again: later batches
  // stand on what is lost. The error goes to the callers as it is. Whether the batch was
  // committed is unknown to them then; a repeat under the same request id finds out.
  [[nodiscard]] virtual absl::Status Commit(const CommitBatch& batch) = 0;
};

// The log on one disk: one synced write of the database.
class StoreCommitLog final : public CommitLog {
 public:
  // `store` must outlive it.
  explicit StoreCommitLog(Store& store) : store_(store) {}
  [[nodiscard]] absl::Status Commit(const CommitBatch& batch) override {
    return store_.Commit(batch);
  }

 private:
  Store& store_;
};

}  // namespace credence::ledger
