#include "credence/ledger/log.h"

#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "credence/base/error.h"
#include "credence/ledger/subscription.h"
#include "ledger_fixture.h"

namespace credence::ledger {
namespace {

using LogTest = LedgerFixture;

TEST_F(LogTest, ANewLedgerHoldsItsCreation) {
  Open();
  const std::vector<StoredEntry> entries = ReadAll(*log_);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(EnvelopeOf(entries[0]).stream(), "ledger");
  EXPECT_EQ(log_->verifier_key(), verifier_key_);
  ExpectSound();
}

TEST_F(LogTest, TheKeyFileIsForItsOwnerOnly) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path())) {
    if (entry.path().filename() != "ledger.key") continue;
    EXPECT_EQ(entry.status().permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return;
  }
  ADD_FAILURE() << "no ledger.key";
}

TEST_F(LogTest, ReopeningKeepsEverything) {
  Open();
  AppendMany(700);
  const TreeHead head = log_->tree_head();
  Reopen();
  EXPECT_EQ(log_->tree_head().size.value, head.size.value);
  EXPECT_EQ(log_->tree_head().root, head.root);
  ExpectSound();
}

TEST_F(LogTest, ARootOfEachPastSizeIsThatOfItsEntries) {
  Open();
  AppendMany(600);
  std::vector<Hash> leaves;
  for (const StoredEntry& entry : ReadAll(*log_)) {
    leaves.push_back(LeafHash(*entry.bytes));
    if (leaves.size() % 37 != 0 && leaves.size() < 250) continue;
    const auto head = log_->TreeHeadAt(TreeSize{static_cast<int64_t>(leaves.size())});
    ASSERT_TRUE(head.ok()) << head.status();
    EXPECT_EQ(head->root, NaiveRoot(leaves)) << leaves.size();
  }
  EXPECT_EQ(ReasonOf(log_->TreeHeadAt(TreeSize{1'000'000}).status()), "BEYOND_HEAD");
}

TEST_F(LogTest, ARepeatGetsTheFirstReceiptEvenAfterARestart) {
  Open();
  const auto write = [] {
    std::vector<EventDraft> drafts;
    drafts.push_back(Say("a", "once"));
    return WriteOf("request-1", "body", std::move(drafts));
  };
  const auto first = SubmitAndWait(*log_, write());
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_FALSE(first->duplicate);
  Reopen();
  const auto again = SubmitAndWait(*log_, write());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->position.value, first->position.value);
  EXPECT_EQ(again->leaf_hash, first->leaf_hash);
  EXPECT_EQ(again->record_time, first->record_time);
  EXPECT_EQ(again->revision, first->revision);
  EXPECT_EQ(log_->tree_head().size.value, 2);
}

TEST_F(LogTest, ARequestIdWithAnotherBodyIsRefused) {
  Open();
  for (const char* body : {"one", "two"}) {
    std::vector<EventDraft> drafts;
    drafts.push_back(Say("a", body));
    const auto receipt = SubmitAndWait(*log_, WriteOf("request-1", body, std::move(drafts)));
    if (std::string(body) == "one") {
      ASSERT_TRUE(receipt.ok());
    } else {
      EXPECT_EQ(receipt.status().code(), absl::StatusCode::kAlreadyExists);
      EXPECT_EQ(ReasonOf(receipt.status()), "REQUEST_ID_REUSED");
    }
  }
  EXPECT_EQ(log_->tree_head().size.value, 2);
}

TEST_F(LogTest, AStaleRevisionIsRefusedWithTheCurrentOne) {
  Open();
  Append("a", {"first", "second"});
  std::vector<EventDraft> drafts;
  drafts.push_back(Say("a", "third"));
  Submission submission = WriteOf("stale", "body", std::move(drafts));
  submission.stream = "a";
  submission.expected_revision = 1;
  const auto receipt = SubmitAndWait(*log_, std::move(submission));
  EXPECT_EQ(receipt.status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(GetErrorDetail(receipt.status()).metadata.at("current_revision"), "2");
  EXPECT_EQ(log_->tree_head().size.value, 3);
}

TEST_F(LogTest, AnAppendOverSeveralStreamsIsWholeOrNot) {
  Open();
  std::vector<EventDraft> drafts;
  drafts.push_back(Say("a", "small"));
  drafts.push_back(Say("b", std::string(kEntryBytesMax, 'x')));
  const auto refused = SubmitAndWait(*log_, WriteOf("large", "body", std::move(drafts)));
  EXPECT_EQ(ReasonOf(refused.status()), "ENTRY_TOO_LARGE");
  EXPECT_EQ(log_->tree_head().size.value, 1);
  std::vector<EventDraft> fitting;
  fitting.push_back(Say("a", "small"));
  fitting.push_back(Say("b", "small too"));
  const auto taken = SubmitAndWait(*log_, WriteOf("large", "body", std::move(fitting)));
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->event_count, 2);
  ExpectSound();
}

TEST_F(LogTest, AFullQueueRefusesAndLosesNothing) {
  WriteLimits limits;
  limits.queued_submissions_max = 4;
  OpenWithLimits(limits);
  const auto release = HoldSequencer();
  Outcomes outcomes;
  for (int i = 0; i < 20; ++i) {
    std::vector<EventDraft> drafts;
    drafts.push_back(Say("a", absl::StrCat(i)));
    Submission submission = WriteOf(absl::StrCat("request-", i), "body", std::move(drafts));
    submission.done = outcomes.Collector();
    log_->Submit(std::move(submission));
  }
  release();
  int64_t taken = 0;
  for (const auto& outcome : outcomes.AwaitCount(20)) {
    taken += outcome.ok() ? 1 : 0;
    if (!outcome.ok()) {
      EXPECT_EQ(ReasonOf(outcome.status()), "OVERLOADED");
    }
  }
  EXPECT_GE(taken, 1);
  EXPECT_LT(taken, 20);
  ExpectSound();
}

TEST_F(LogTest, ConcurrentWritersGetEachOneEventAndNoGap) {
  Open();
  constexpr int kThreads = 8;
  constexpr int kWrites = 150;
  std::vector<std::vector<int64_t>> positions(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kWrites; ++i) {
        std::vector<EventDraft> drafts;
        drafts.push_back(Say(absl::StrCat("stream-", i % 5), absl::StrCat(t, "/", i)));
        const auto receipt =
            SubmitAndWait(*log_, WriteOf(absl::StrCat(t, "-", i), "body", std::move(drafts)));
        ASSERT_TRUE(receipt.ok()) << receipt.status();
        positions[static_cast<size_t>(t)].push_back(receipt->position.value);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<int64_t> distinct;
  for (const auto& of_thread : positions) distinct.insert(of_thread.begin(), of_thread.end());
  EXPECT_EQ(distinct.size(), static_cast<size_t>(kThreads * kWrites));
  EXPECT_EQ(log_->tree_head().size.value, kThreads * kWrites + 1);
  ExpectSound();
}

TEST_F(LogTest, RecordTimesRiseThoughTheClockGoesBack) {
  Open();
  const absl::Time first = Append("a", {"one"}).record_time;
  clock_.Advance(-absl::Hours(5));
  const absl::Time second = Append("a", {"two"}).record_time;
  EXPECT_GT(second, first);
  clock_.Advance(-absl::Hours(5));
  Reopen();
  EXPECT_GT(Append("a", {"three"}).record_time, second);
}

TEST_F(LogTest, ATimeNeverSplitsAnAppend) {
  Open();
  const Receipt first = Append("a", {"one", "two", "three"});
  clock_.Advance(absl::Hours(1));
  const Receipt second = Append("a", {"four"});
  const auto before = log_->LastPositionAt(second.record_time - absl::Microseconds(1));
  ASSERT_TRUE(before.ok() && before->has_value());
  EXPECT_EQ((*before)->value, first.position.value + 2);
  const auto at = log_->LastPositionAt(second.record_time);
  ASSERT_TRUE(at.ok() && at->has_value());
  EXPECT_EQ((*at)->value, second.position.value);
}

TEST_F(LogTest, AStreamReadsInOrderUpToAPosition) {
  Open();
  Append("a", {"a0"});
  Append("b", {"b0"});
  const Receipt last = Append("a", {"a1"});
  Append("a", {"a2"});
  const auto entries = log_->ReadStream("a", 0, {}, last.position);
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ(TextOf((*entries)[0]), "a0");
  EXPECT_EQ(TextOf((*entries)[1]), "a1");
  EXPECT_EQ(log_->StreamLength("a").value(), 3);
}

// Reads until it has seen everything up to `end`.
std::vector<int64_t> Follow(Log& log, Position from, int64_t end) {
  std::vector<int64_t> seen;
  Subscription subscription(log, from);
  while (seen.empty() || seen.back() + 1 < end) {
    absl::Mutex mutex;
    bool ready = false;
    const auto entries = subscription.Next({.entry_count_max = 7}, [&](const absl::Status&) {
      absl::MutexLock lock(&mutex);
      ready = true;
    });
    if (!entries.ok()) {
      ADD_FAILURE() << entries.status();
      return seen;
    }
    for (const StoredEntry& entry : *entries) seen.push_back(entry.position.value);
    if (!entries->empty()) continue;
    absl::MutexLock lock(&mutex);
    mutex.Await(absl::Condition(&ready));
  }
  return seen;
}

TEST_F(LogTest, SubscriptionsFromAnyPositionSeeTheLogOnceAndInOrder) {
  Open();
  AppendMany(50);
  constexpr int64_t kEnd = 451;
  std::vector<std::vector<int64_t>> seen(6);
  std::vector<std::thread> readers;
  for (size_t r = 0; r < seen.size(); ++r) {
    readers.emplace_back(
        [&, r] { seen[r] = Follow(*log_, Position{static_cast<int64_t>(r * 13)}, kEnd); });
  }
  // One that never reads: it holds nothing that a writer waits for.
  Subscription silent(*log_, Position{0});
  while (log_->tree_head().size.value < kEnd) Append("live", {"more"});
  for (std::thread& reader : readers) reader.join();
  for (size_t r = 0; r < seen.size(); ++r) {
    int64_t expected = static_cast<int64_t>(r * 13);
    for (const int64_t position : seen[r]) EXPECT_EQ(position, expected++);
    EXPECT_GE(expected, kEnd);
  }
}

TEST_F(LogTest, ASecondProcessCannotWriteTheSameLedger) {
  Open();
  const auto second = Log::Open({.directory = directory_.path(), .clock = &clock_, .limits = {}});
  EXPECT_FALSE(second.ok());
}

}  // namespace
}  // namespace credence::ledger
