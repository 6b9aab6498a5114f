#include "write_pipeline.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/strings.h"
#include "failure.h"

namespace credence::ledger {
namespace {

// Submissions that the sequencer takes before it looks whether the committer is idle.
constexpr size_t kTakenMax = 256;
// Submissions that wake the sequencer while the committer is busy. Fewer wait until it is idle:
// they would only wait for it one step later, and each wake-up costs more than what it does.
constexpr size_t kWakeCount = 32;
// Longest that the sequencer waits for its batch to fill while the committer is idle: about what
// the disk takes for one.
constexpr absl::Duration kGatherTime = absl::Microseconds(400);
// Written batches that may wait for the completer before the sequencer waits for it.
constexpr size_t kWrittenMax = 8;

absl::Status Overloaded(size_t limit) {
  ErrorDetail detail;
  detail.reason = "OVERLOADED";
  return MakeError(absl::StatusCode::kResourceExhausted,
                   Cat(limit, " writes wait already; retry later."), detail);
}

absl::Status CheckRequestId(const Submission& submission) {
  if (submission.request_id.empty()) {
    return InvalidField("FIELD_REQUIRED", "request_id", "must not be empty");
  }
  if (submission.request_id.size() <= kRequestIdBytesMax) return absl::OkStatus();
  ErrorDetail detail;
  detail.reason = "FIELD_TOO_LARGE";
  detail.fields.push_back({"request_id", Cat("must have at most ", kRequestIdBytesMax, " bytes")});
  detail.metadata["limit"] = Cat(kRequestIdBytesMax);
  return MakeError(absl::StatusCode::kInvalidArgument, "request_id: is too long", detail);
}

template <typename Function>
std::thread NamedThread(const char* name, Function function) {
  return std::thread([name, function] {
    pthread_setname_np(pthread_self(), name);
    function();
  });
}

}  // namespace

WritePipeline::WritePipeline(CommitLog& commit_log, DurableHead& head, HeadWatches& watches,
                             CheckpointSigner& signer, BatchBuilder builder,
                             const WriteLimits& limits)
    : commit_log_(commit_log),
      head_(head),
      watches_(watches),
      signer_(signer),
      limits_(limits),
      builder_(std::move(builder)) {
  sequencer_ = NamedThread("ledger-sequence", [this] { RunSequencer(); });
  committer_ = NamedThread("ledger-commit", [this] { RunCommitter(); });
  completer_ = NamedThread("ledger-complete", [this] { RunCompleter(); });
}

WritePipeline::~WritePipeline() { Stop(); }

void WritePipeline::Submit(Submission submission) {
  CREDENCE_CHECK(submission.decide != nullptr || submission.record_stream_heads);
  CREDENCE_CHECK(submission.done != nullptr);
  absl::Status refusal = CheckRequestId(submission);
  if (refusal.ok()) {
    absl::MutexLock lock(&mutex_);
    if (stopping_) {
      refusal = NotServing("The ledger takes no more writes.");
    } else if (!failure_.ok()) {
      refusal = failure_;
    } else if (queue_.size() >= limits_.queued_submissions_max) {
      refusal = Overloaded(limits_.queued_submissions_max);
    } else {
      queue_.push_back(std::move(submission));
      ++unanswered_;
      return;
    }
  }
  submission.done(std::move(refusal));
}

void WritePipeline::Fail(const absl::Status& status) {
  {
    absl::MutexLock lock(&mutex_);
    failure_.Update(status);
  }
  watches_.End(status);
}

void WritePipeline::FillStats(LogStats& stats) const {
  stats.batch_events = batch_events_.Read();
  stats.commit_nanos = commit_nanos_.Read();
  absl::MutexLock lock(&mutex_);
  stats.writable = !stopping_ && failure_.ok();
  stats.queued_write_count = static_cast<int64_t>(queue_.size());
  stats.unanswered_write_count = static_cast<int64_t>(unanswered_);
}

void WritePipeline::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (sequencer_.joinable()) sequencer_.join();
  if (committer_.joinable()) committer_.join();
  if (completer_.joinable()) completer_.join();
}

// --- Sequencer ---

void WritePipeline::RunSequencer() {
  while (true) {
    std::vector<Submission> submissions = Take();
    // None taken means that the committer is idle, or that the log stops.
    const bool none = submissions.empty();
    if (none && builder_.empty()) break;
    Sequence(std::move(submissions));
    if (!builder_.empty() && (none || CommitterIdle())) HandOver();
  }
  absl::MutexLock lock(&mutex_);
  sequencer_left_ = true;
}

bool WritePipeline::SequencerHasWork() const {
  if (stopping_ || queue_.size() >= kWakeCount) return true;
  return (building_ || !queue_.empty()) && CommitterIsIdle();
}

std::vector<Submission> WritePipeline::Take() {
  std::vector<Submission> taken;
  const size_t built = builder_.answer_count();
  absl::MutexLock lock(&mutex_);
  building_ = built > 0;
  mutex_.Await(absl::Condition(this, &WritePipeline::SequencerHasWork));
  Gather(built);
  const size_t count = std::min(queue_.size(), kTakenMax);
  taken.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    taken.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return taken;
}

// Callers who wait for their answers before they write again come back about when their last batch
// was answered. A batch costs much the same for one event as for thirty, so it waits a moment for
// half of them: one half is then under way while the other is written. A caller alone never waits.
void WritePipeline::Gather(size_t built) {
  callers_ = std::max(unanswered_, callers_ - callers_ / 8);
  const size_t wanted = callers_ / 2;
  if (built >= wanted) return;
  gather_count_ = wanted - built;
  mutex_.AwaitWithTimeout(absl::Condition(this, &WritePipeline::HasGathered), kGatherTime);
}

bool WritePipeline::HasGathered() const { return stopping_ || queue_.size() >= gather_count_; }

void WritePipeline::Sequence(std::vector<Submission> submissions) {
  const absl::Status failed = failure();
  builder_.SetDurable(head_.head().size);
  for (Submission& submission : submissions) {
    if (!failed.ok()) {
      builder_.Refuse(std::move(submission), failed);
      continue;
    }
    if (submission.after_durable) AwaitDurable();
    builder_.Add(std::move(submission));
    if (builder_.full()) HandOver();
  }
}

void WritePipeline::HandOver() {
  SealedBatch batch = builder_.Seal();
  absl::MutexLock lock(&mutex_, absl::Condition(this, &WritePipeline::HandOverIsFree));
  sealed_ = std::move(batch);
}

void WritePipeline::AwaitDurable() {
  if (!builder_.empty()) HandOver();
  absl::MutexLock lock(&mutex_, absl::Condition(this, &WritePipeline::AllIsDurable));
}

bool WritePipeline::CommitterIsIdle() const {
  return !sealed_.has_value() && !writing_ && written_.size() < kWrittenMax;
}

bool WritePipeline::HandOverIsFree() const {
  return !sealed_.has_value() && written_.size() < kWrittenMax;
}

bool WritePipeline::AllIsDurable() const {
  return !sealed_.has_value() && !writing_ && written_.empty() && !completing_;
}

bool WritePipeline::CommitterIdle() {
  absl::MutexLock lock(&mutex_);
  return CommitterIsIdle();
}

absl::Status WritePipeline::failure() {
  absl::MutexLock lock(&mutex_);
  return failure_;
}

// --- Committer ---

void WritePipeline::RunCommitter() {
  while (std::optional<SealedBatch> batch = TakeSealed()) {
    absl::Status status = Write(batch->commit);
    absl::MutexLock lock(&mutex_);
    failure_.Update(status);
    written_.push_back({*std::move(batch), std::move(status)});
    writing_ = false;
  }
  absl::MutexLock lock(&mutex_);
  committer_left_ = true;
}

bool WritePipeline::CommitterHasWork() const { return sealed_.has_value() || sequencer_left_; }

std::optional<SealedBatch> WritePipeline::TakeSealed() {
  absl::MutexLock lock(&mutex_, absl::Condition(this, &WritePipeline::CommitterHasWork));
  writing_ = sealed_.has_value();
  return std::exchange(sealed_, std::nullopt);
}

absl::Status WritePipeline::Write(const CommitBatch& batch) {
  // After one failure nothing more may be committed: what was sequenced later builds on what is
  // lost.
  if (absl::Status failed = failure(); !failed.ok()) return failed;
  if (batch.entries.empty()) return absl::OkStatus();
  const absl::Time begin = absl::Now();
  absl::Status status = commit_log_.Commit(batch);
  commit_nanos_.Note(absl::ToInt64Nanoseconds(absl::Now() - begin));
  batch_events_.Note(static_cast<int64_t>(batch.entries.size()));
  return status;
}

// --- Completer ---

void WritePipeline::RunCompleter() {
  while (std::optional<WrittenBatch> written = TakeWritten()) {
    const size_t answer_count = written->batch.answers.size();
    Complete(*std::move(written));
    absl::MutexLock lock(&mutex_);
    completing_ = false;
    unanswered_ -= answer_count;
  }
}

bool WritePipeline::CompleterHasWork() const { return !written_.empty() || committer_left_; }

std::optional<WritePipeline::WrittenBatch> WritePipeline::TakeWritten() {
  absl::MutexLock lock(&mutex_, absl::Condition(this, &WritePipeline::CompleterHasWork));
  if (written_.empty()) return std::nullopt;
  WrittenBatch written = std::move(written_.front());
  written_.pop_front();
  completing_ = true;
  return written;
}

void WritePipeline::Complete(WrittenBatch written) {
  SealedBatch& batch = written.batch;
  if (!written.status.ok()) {
    watches_.End(written.status);
    for (Answer& answer : batch.answers) answer.done(written.status);
    return;
  }
  if (!batch.commit.entries.empty()) {
    const TreeSize size = batch.tree.head.size;
    head_.Set(std::move(batch.tree));
    if (batch.steps.publish != nullptr) batch.steps.publish();
    watches_.Advance(size);
  }
  std::vector<CheckpointSigner::ProofAnswer> to_prove;
  for (Answer& answer : batch.answers) {
    if (answer.with_proof && answer.outcome.ok()) {
      to_prove.push_back({std::move(answer.done), *std::move(answer.outcome)});
    } else {
      answer.done(std::move(answer.outcome));
    }
  }
  if (batch.steps.answered != nullptr) batch.steps.answered();
  if (!to_prove.empty()) signer_.Answer(std::move(to_prove));
}

}  // namespace credence::ledger
