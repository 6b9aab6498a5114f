#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "credence/ledger/log.h"
#include "ledger_fixture.h"

namespace credence::ledger {
namespace {

// Counts the events of each stream, stores the counts that changed and the size it has reached.
class CountingProjection final : public Projection {
 public:
  void Fold(const SequencedEvent& event) override {
    EXPECT_EQ(event.position.value, next_position_++);
    EXPECT_NE(event.payload, nullptr);
    ++counts_[std::string(event.stream)];
    changed_[std::string(event.stream)] = true;
    record_times_.push_back(event.record_time);
  }

  BatchSteps Seal(StateWriter& state, TreeSize size) override {
    for (const auto& [stream, changed] : changed_) {
      state.Put("count/" + stream, absl::StrCat(counts_[stream]));
    }
    changed_.clear();
    state.Put("size", absl::StrCat(size.value));
    state.Put("passing", "x");
    state.Delete("passing");
    const auto publish = [this, size] {
      absl::MutexLock lock(&mutex_);
      published_ = size;
    };
    const auto answered = [this, size] {
      absl::MutexLock lock(&mutex_);
      answered_ = size;
    };
    return {publish, answered};
  }

  // Size after the last batch whose answers were given.
  [[nodiscard]] TreeSize answered() const {
    absl::MutexLock lock(&mutex_);
    return answered_;
  }

  [[nodiscard]] TreeSize published() const {
    absl::MutexLock lock(&mutex_);
    return published_;
  }
  void StartAt(int64_t position) { next_position_ = position; }
  [[nodiscard]] const std::map<std::string, int64_t>& counts() const { return counts_; }
  [[nodiscard]] const std::vector<absl::Time>& record_times() const { return record_times_; }

 private:
  int64_t next_position_ = 1;
  std::map<std::string, int64_t> counts_;
  std::map<std::string, bool> changed_;
  std::vector<absl::Time> record_times_;
  mutable absl::Mutex mutex_;
  TreeSize published_ ABSL_GUARDED_BY(mutex_);
  TreeSize answered_ ABSL_GUARDED_BY(mutex_);
};

class StateTest : public LedgerFixture {
 protected:
  StateTest() { projection_ = &counting_; }

  std::map<std::string, std::string> Stored(std::string_view prefix) {
    std::map<std::string, std::string> found;
    const absl::Status status =
        log_->ScanState(prefix, [&](std::string_view key, std::string_view value) {
          found.emplace(std::string(key), std::string(value));
          return true;
        });
    EXPECT_TRUE(status.ok()) << status;
    return found;
  }

  CountingProjection counting_;
};

TEST_F(StateTest, StoredStateAlwaysFitsTheLog) {
  Open();
  AppendMany(150);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(log_->ReadState("size").value(), "151");
    EXPECT_EQ(log_->ReadState("passing").value(), std::nullopt);
    const std::map<std::string, std::string> stored = Stored("count/");
    ASSERT_EQ(stored.size(), 5U);
    for (const auto& [key, value] : stored) {
      EXPECT_EQ(value, absl::StrCat(log_->StreamLength(key.substr(6)).value()));
    }
    Reopen();
  }
}

TEST_F(StateTest, ScanStopsWhenTold) {
  Open();
  AppendMany(20);
  int seen = 0;
  const absl::Status status =
      log_->ScanState("", [&](std::string_view, std::string_view) { return ++seen < 2; });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(seen, 2);
}

TEST_F(StateTest, SnapshotIsPublishedBeforeTheAnswerAndAfterTheEntries) {
  Open();
  for (int i = 0; i < 20; ++i) {
    Submission submission = WriteOf(absl::StrCat("r", i), "", {Say("a", "x")});
    absl::Notification answered;
    TreeSize published;
    TreeSize readable;
    submission.done = [&](const absl::StatusOr<Receipt>& receipt) {
      EXPECT_TRUE(receipt.ok());
      published = counting_.published();
      readable = log_->tree_head().size;
      answered.Notify();
    };
    log_->Submit(std::move(submission));
    answered.WaitForNotification();
    EXPECT_EQ(published, TreeSize{i + 2});
    EXPECT_GE(readable, published);
  }
}

TEST_F(StateTest, WhatFollowsTheAnswersOfABatchRunsAfterAllOfThem) {
  Open();
  const std::function<void()> release = HoldSequencer();
  std::vector<TreeSize> seen;
  for (int i = 0; i < 10; ++i) {
    Submission submission = WriteOf(absl::StrCat("r", i), "", {Say("a", "x")});
    submission.done = [&](const absl::StatusOr<Receipt>& receipt) {
      EXPECT_TRUE(receipt.ok());
      seen.push_back(counting_.answered());
    };
    log_->Submit(std::move(submission));
  }
  release();
  log_->Stop();
  ASSERT_EQ(seen.size(), 10U);
  // None of a batch, all of which were answered on one thread, saw its own.
  for (const TreeSize size : seen) EXPECT_LT(size.value, log_->tree_head().size.value);
  EXPECT_EQ(counting_.answered(), log_->tree_head().size);
}

TEST_F(StateTest, WriteAfterDurableSeesTheStoredStateOfEverythingBefore) {
  Open();
  const std::function<void()> release = HoldSequencer();
  Outcomes outcomes;
  std::vector<std::string> seen;
  for (int i = 0; i < 10; ++i) {
    Submission plain = WriteOf(absl::StrCat("plain", i), "", {Say("a", "x")});
    plain.done = outcomes.Collector();
    log_->Submit(std::move(plain));
    Submission after = WriteOf(absl::StrCat("after", i), "", {});
    after.after_durable = true;
    after.decide = [&](const DecideContext& context) -> absl::StatusOr<std::vector<EventDraft>> {
      EXPECT_EQ(PositionAfter(log_->tree_head().size), context.next_position);
      seen.push_back(log_->ReadState("size").value().value());
      return std::vector<EventDraft>{Say("b", "y")};
    };
    after.done = outcomes.Collector();
    log_->Submit(std::move(after));
  }
  release();
  for (const absl::StatusOr<Receipt>& outcome : outcomes.AwaitCount(20)) {
    EXPECT_TRUE(outcome.ok()) << outcome.status();
  }
  ASSERT_EQ(seen.size(), 10U);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(seen[static_cast<size_t>(i)], absl::StrCat(2 * i + 2));
}

TEST_F(StateTest, ReplayFoldsWhatWasFoldedLive) {
  Open();
  AppendMany(2'500);
  CountingProjection replayed;
  ASSERT_TRUE(log_->Replay(Position{1}, replayed).ok());
  EXPECT_EQ(replayed.counts(), counting_.counts());
  EXPECT_EQ(replayed.record_times(), counting_.record_times());
  CountingProjection tail;
  tail.StartAt(2'400);
  ASSERT_TRUE(log_->Replay(Position{2'400}, tail).ok());
  EXPECT_EQ(tail.record_times().size(), 101U);
}

TEST_F(StateTest, DecisionSeesTheTimeAndPositionThatItsEventsGet) {
  Open();
  DecideContext seen;
  Submission submission = WriteOf("r", "", {});
  submission.decide = [&](const DecideContext& context) -> absl::StatusOr<std::vector<EventDraft>> {
    seen = context;
    return std::vector<EventDraft>{Say("a", "x")};
  };
  const absl::StatusOr<Receipt> receipt = SubmitAndWait(*log_, std::move(submission));
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->position, seen.next_position);
  EXPECT_EQ(receipt->record_time, seen.record_time);
}

}  // namespace
}  // namespace credence::ledger
