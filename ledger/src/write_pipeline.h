#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "batch_builder.h"
#include "checkpoint_signer.h"
#include "commit_log.h"
#include "credence/base/histogram.h"
#include "credence/ledger/log.h"
#include "credence/ledger/sequencer.h"
#include "credence/ledger/stats.h"
#include "durable_head.h"
#include "head_watches.h"

namespace credence::ledger {

// The threads of a write and the queues between them, all bounded:
//
//   Submit -> queue -> sequencer -> one sealed batch -> committer -> written batches -> completer
//
// While the committer syncs, the sequencer goes on filling the next batch: the busier the log, the
// larger the batches. Batches are written, published and answered in order.
class WritePipeline {
 public:
  // Starts the threads. All but `builder`, which it takes, must outlive it.
  WritePipeline(CommitLog& commit_log, DurableHead& head, HeadWatches& watches,
                CheckpointSigner& signer, BatchBuilder builder, const WriteLimits& limits);
  // Stops.
  ~WritePipeline();
  WritePipeline(const WritePipeline&) = delete;
  WritePipeline& operator=(const WritePipeline&) = delete;

  // See Log::Submit.
  void Submit(Submission submission);

  // Writes nothing more: pending and later submissions get `status`, as after a failed write.
  void Fail(const absl::Status& status);

  // The parts of the log's numbers that are known here.
  void FillStats(LogStats& stats) const;

  // Finishes what was taken and joins. Idempotent; one thread calls it.
  void Stop();

 private:
  struct WrittenBatch {
    SealedBatch batch;
    absl::Status status;
  };

  // Sequencer.
  void RunSequencer();
  // Some submissions, or none where it is time to hand over or to leave.
  [[nodiscard]] std::vector<Submission> Take();
  // `built` is the number of answers in the current batch.
  void Gather(size_t built) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Sequence(std::vector<Submission> submissions);
  void HandOver();
  void AwaitDurable();
  [[nodiscard]] bool CommitterIdle();
  [[nodiscard]] absl::Status failure();

  // Committer.
  void RunCommitter();
  [[nodiscard]] std::optional<SealedBatch> TakeSealed();
  [[nodiscard]] absl::Status Write(const CommitBatch& batch);

  // Completer.
  void RunCompleter();
  [[nodiscard]] std::optional<WrittenBatch> TakeWritten();
  void Complete(WrittenBatch written);

  // Conditions to wait for.
  [[nodiscard]] bool SequencerHasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool HasGathered() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool CommitterIsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool HandOverIsFree() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool AllIsDurable() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool CommitterHasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool CompleterHasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  CommitLog& commit_log_;
  DurableHead& head_;
  HeadWatches& watches_;
  CheckpointSigner& signer_;
  const WriteLimits limits_;

  // The sequencer's own.
  BatchBuilder builder_;

  Histogram batch_events_{PowersOfTwo(16'384)};
  Histogram commit_nanos_{LatencyBounds()};

  mutable absl::Mutex mutex_;
  std::deque<Submission> queue_ ABSL_GUARDED_BY(mutex_);
  // Submissions taken and not answered, and a maximum of that which fades: about how many callers
  // there are.
  size_t unanswered_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t callers_ ABSL_GUARDED_BY(mutex_) = 0;
  // Queued submissions that the sequencer waits for.
  size_t gather_count_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Whether the sequencer's current batch has something to hand over.
  bool building_ ABSL_GUARDED_BY(mutex_) = false;
  bool sequencer_left_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<SealedBatch> sealed_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool committer_left_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<WrittenBatch> written_ ABSL_GUARDED_BY(mutex_);
  bool completing_ ABSL_GUARDED_BY(mutex_) = false;
  // OK until a write fails; then it stays.
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);

  std::thread sequencer_;
  std::thread committer_;
  std::thread completer_;
};

}  // namespace credence::ledger
