#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cluster_keys.h"
#include "credence/cluster/v1/batch.pb.h"
#include "credence/etcd/client.h"
#include "credence/ledger/tree.h"

namespace credence::ledger {

// Hands over every batch that is committed to the cluster's log, each once and in order: those that
// are there, then each as it comes. What it takes from etcd it holds against the batch's digest.
//
// Thread-safe.
class BatchFollower {
 public:
  struct Steps {
    // One batch; an error ends the following, but UNAVAILABLE, after which it is handed over again.
    // On the follower's threads, one call at a time.
    std::function<absl::Status(const cluster::v1::Batch&)> on_batch;
    // Called once where it cannot go on, and then nothing more: with the error of `on_batch`;
    // OUT_OF_RANGE where batches have left etcd that were not handed over; DATA_LOSS where one does
    // not have its digest.
    std::function<void(const absl::Status&)> on_end;
  };

  // Begins after a log of `size`. `client` must outlive it.
  BatchFollower(etcd::Client& client, const ClusterKeys& keys, TreeSize size, Steps steps);
  // Waits for the function that is running; none is called after.
  ~BatchFollower();
  BatchFollower(const BatchFollower&) = delete;
  BatchFollower& operator=(const BatchFollower&) = delete;

 private:
  void Run();
  // Everything that is there; the revision that it was read at.
  [[nodiscard]] absl::StatusOr<int64_t> CatchUp();
  // From the revision on, until it cannot.
  [[nodiscard]] absl::Status Follow(int64_t revision);
  [[nodiscard]] absl::Status Take(const std::string& value);
  [[nodiscard]] absl::StatusOr<std::string> ReadParts(const cluster::v1::CommittedBatch& committed);
  [[nodiscard]] bool AwaitStop(absl::Duration timeout);

  etcd::Client& client_;
  const ClusterKeys keys_;
  const Steps steps_;
  // Of the thread that hands over.
  TreeSize size_;

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace credence::ledger
