// The seam between sequencing and committing: what a log on one disk and a log of several servers
// have in common.

#include "commit_log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "credence/base/error.h"
#include "ledger_fixture.h"
#include "log_factory.h"

namespace credence::ledger {
namespace {

absl::Status Deposed() {
  ErrorDetail detail;
  detail.reason = "UNAVAILABLE";
  return MakeError(absl::StatusCode::kUnavailable, "Another server leads now.", detail);
}

// Commits through the store after `before`, and answers with what `after` says.
class SteppedCommitLog final : public CommitLog {
 public:
  struct Steps {
    std::function<absl::Status(const CommitBatch&)> before = [](const CommitBatch&) {
      return absl::OkStatus();
    };
    std::function<absl::Status()> after = [] { return absl::OkStatus(); };
  };

  SteppedCommitLog(Store& store, Steps steps) : store_(store), steps_(std::move(steps)) {}

  absl::Status Commit(const CommitBatch& batch) override {
    if (absl::Status status = steps_.before(batch); !status.ok()) return status;
    if (absl::Status status = store_.Commit(batch); !status.ok()) return status;
    return steps_.after();
  }

 private:
  StoreCommitLog store_;
  Steps steps_;
};

class CommitLogTest : public LedgerFixture {
 protected:
  void OpenThrough(const SteppedCommitLog::Steps& steps) {
    Close();
    absl::StatusOr<std::unique_ptr<Log>> log = LogFactory::Open(
        {.directory = directory_.path(), .clock = &clock_, .limits = limits_}, nullptr,
        [&](Store& store) { return std::make_unique<SteppedCommitLog>(store, steps); });
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
    log_->Start(nullptr);
  }

  absl::StatusOr<Receipt> Write(const std::string& request_id) {
    return SubmitAndWait(*log_, WriteOf(request_id, request_id, {Say("a", request_id)}));
  }
};

TEST_F(CommitLogTest, NothingIsAnsweredOrReadBeforeItIsCommitted) {
  absl::Notification reached;
  absl::Notification released;
  OpenThrough({.before = [&](const CommitBatch&) {
    if (!reached.HasBeenNotified()) reached.Notify();
    released.WaitForNotification();
    return absl::OkStatus();
  }});
  const TreeSize before = log_->tree_head().size;
  Outcomes outcomes;
  std::atomic<bool> answered = false;
  Submission submission = WriteOf("held", "", {Say("a", "held")});
  submission.done = [&, collect = outcomes.Collector()](absl::StatusOr<Receipt> outcome) {
    answered = true;
    collect(std::move(outcome));
  };
  log_->Submit(std::move(submission));
  reached.WaitForNotification();
  EXPECT_FALSE(answered);
  EXPECT_EQ(log_->tree_head().size, before);
  EXPECT_FALSE(log_->FindReceipt("held")->has_value());
  released.Notify();
  const std::vector<absl::StatusOr<Receipt>> got = outcomes.AwaitCount(1);
  ASSERT_TRUE(got[0].ok()) << got[0].status();
  EXPECT_EQ(log_->tree_head().size.value, before.value + 1);
  ExpectSound();
}

TEST_F(CommitLogTest, EachBatchIsCommittedOnceAndInOrder) {
  absl::Mutex mutex;
  std::vector<std::pair<int64_t, int64_t>> batches;
  limits_.batch_events_max = 7;
  OpenThrough({.before = [&](const CommitBatch& batch) {
    absl::MutexLock lock(&mutex);
    batches.emplace_back(batch.first.value, batch.head.size.value);
    return absl::OkStatus();
  }});
  const int64_t before = log_->tree_head().size.value;
  Outcomes outcomes;
  for (int i = 0; i < 200; ++i) {
    Submission submission = WriteOf(absl::StrCat("w", i), "", {Say("a", "x"), Say("b", "y")});
    submission.done = outcomes.Collector();
    log_->Submit(std::move(submission));
  }
  for (const auto& outcome : outcomes.AwaitCount(200)) ASSERT_TRUE(outcome.ok());
  absl::MutexLock lock(&mutex);
  int64_t next = before;
  for (const auto& [first, size] : batches) {
    EXPECT_EQ(first, next);
    EXPECT_GT(size, first);
    next = size;
  }
  EXPECT_EQ(next, log_->tree_head().size.value);
  EXPECT_EQ(next, before + 400);
}

TEST_F(CommitLogTest, RefusedCommitLosesTheBatchAndTakesNoFurtherOne) {
  int calls = 0;
  OpenThrough({.before = [&](const CommitBatch&) {
    ++calls;
    return calls == 1 ? absl::OkStatus() : Deposed();
  }});
  ASSERT_TRUE(Write("kept").ok());
  EXPECT_EQ(Write("lost").status(), Deposed());
  EXPECT_EQ(Write("later").status(), Deposed());
  EXPECT_EQ(calls, 2);
  Reopen();
  EXPECT_TRUE(log_->FindReceipt("kept")->has_value());
  EXPECT_FALSE(log_->FindReceipt("lost")->has_value());
  ExpectSound();
}

TEST_F(CommitLogTest, RepeatOfAWriteWhoseCommitEndedUnknownGetsItsFirstReceipt) {
  OpenThrough({.after = [] { return Deposed(); }});
  EXPECT_EQ(Write("unknown").status(), Deposed());
  Reopen();
  const absl::StatusOr<std::optional<Receipt>> first = log_->FindReceipt("unknown");
  ASSERT_TRUE(first.ok() && first->has_value());
  const absl::StatusOr<Receipt> again = Write("unknown");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->position, (*first)->position);
  EXPECT_EQ(again->leaf_hash, (*first)->leaf_hash);
}

}  // namespace
}  // namespace credence::ledger
