#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "anchor.h"
#include "credence/ledger/sequencer.h"
#include "credence/ledger/tlog.h"
#include "durable_head.h"
#include "signing_key.h"
#include "store.h"
#include "tree_nodes.h"

namespace credence::ledger {

// Signs checkpoints of the durable log, on a thread of its own: what waits is served together, with
// one signature. Before it signs, it reads the entries since the last checkpoint as they are stored
// and derives the root from them anew, in a tree that it keeps for itself; then the anchor is
// swapped; only then the checkpoint is given out. The anchor is synced at most once an interval:
// what it holds is behind what was given out by at most that, and only after a power cut.
//
// A log that grows is signed at least once an interval, and when it stops.
//
// A failure is final: nothing is signed any more, and the log is told to take no more writes.
//
// Thread-safe, but for Start and Stop.
class CheckpointSigner {
 public:
  using CheckpointDone = std::function<void(absl::StatusOr<SignedCheckpoint>)>;
  struct ProofAnswer {
    std::function<void(absl::StatusOr<Receipt>)> done;
    Receipt receipt;
  };

  // `last` is the checkpoint in `anchor`, `derived` the tree of its size. `store` and `head` must
  // outlive it.
  CheckpointSigner(const Store& store, const DurableHead& head, SigningKey key, Anchor anchor,
                   SignedCheckpoint last, TreeFrontier derived, absl::Duration interval);
  // Stops.
  ~CheckpointSigner();
  CheckpointSigner(const CheckpointSigner&) = delete;
  CheckpointSigner& operator=(const CheckpointSigner&) = delete;

  // `on_failure` is called once, on the signer's thread, when signing fails.
  void Start(std::function<void(const absl::Status&)> on_failure);
  // Serves what waits, signs the head, syncs the anchor, joins. Idempotent.
  void Stop();

  // Completes each receipt with a proof under a checkpoint that holds it, and answers. The receipts
  // must be durable. After Stop the answers are UNAVAILABLE.
  void Answer(std::vector<ProofAnswer> answers);

  // Gives a checkpoint of the head that the log has now or of a later one.
  void Request(CheckpointDone done);

  // The checkpoint signed last.
  [[nodiscard]] SignedCheckpoint latest() const;
  // When that was; the start where nothing was signed since.
  [[nodiscard]] absl::Time signed_time() const;

 private:
  struct Work {
    std::vector<ProofAnswer> answers;
    std::vector<CheckpointDone> requests;
    bool leaving = false;
  };

  void Run();
  [[nodiscard]] Work TakeWork();
  [[nodiscard]] bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Signs the head where it is not signed yet.
  [[nodiscard]] absl::Status SignHead();
  [[nodiscard]] absl::Status DeriveThrough(TreeSize size);
  [[nodiscard]] absl::StatusOr<Receipt> Prove(Receipt receipt);
  void Serve(Work work, const absl::Status& status);
  [[nodiscard]] absl::Status SyncAnchor(bool now);

  const Store& store_;
  const DurableHead& head_;
  const SigningKey key_;
  const absl::Duration interval_;

  // The thread's own.
  Anchor anchor_;
  bool anchor_synced_ = true;
  absl::Time synced_time_;
  TreeFrontier derived_;
  TreeNodes nodes_;
  absl::Status failure_;
  std::function<void(const absl::Status&)> on_failure_;

  mutable absl::Mutex mutex_;
  SignedCheckpoint last_ ABSL_GUARDED_BY(mutex_);
  absl::Time signed_time_ ABSL_GUARDED_BY(mutex_) = absl::Now();
  Work work_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace credence::ledger
