#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "credence/base/error.h"
#include "credence/ledger/log.h"
#include "ledger_fixture.h"

namespace credence::ledger {
namespace {

class WriteTest : public LedgerFixture {};

TEST_F(WriteTest, RequestInFlightIsAlreadyKnown) {
  Open();
  const std::function<void()> release = HoldSequencer();
  Outcomes outcomes;
  for (int i = 0; i < 3; ++i) {
    Submission submission = WriteOf("request", i < 2 ? "body" : "other", {Say("a", "x")});
    submission.done = outcomes.Collector();
    log_->Submit(std::move(submission));
  }
  release();
  const std::vector<absl::StatusOr<Receipt>> results = outcomes.AwaitCount(3);
  ASSERT_TRUE(results[0].ok()) << results[0].status();
  ASSERT_TRUE(results[1].ok()) << results[1].status();
  EXPECT_FALSE(results[0]->duplicate);
  EXPECT_TRUE(results[1]->duplicate);
  EXPECT_EQ(results[1]->position, results[0]->position);
  EXPECT_EQ(ReasonOf(results[2].status()), "REQUEST_ID_REUSED");
  EXPECT_EQ(log_->tree_head().size, TreeSize{2});
}

TEST_F(WriteTest, RequestIdThatWasRefusedStaysFree) {
  Open();
  Submission refused = WriteOf("request", "body", {Say("a", "x")});
  refused.decide = [](const DecideContext&) { return absl::NotFoundError("no such thing"); };
  EXPECT_EQ(SubmitAndWait(*log_, std::move(refused)).status(),
            absl::NotFoundError("no such thing"));
  const absl::StatusOr<Receipt> receipt =
      SubmitAndWait(*log_, WriteOf("request", "another body", {Say("a", "x")}));
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_FALSE(receipt->duplicate);
}

TEST_F(WriteTest, ReuseOfARequestIdIsReportedBeforeAStaleRevision) {
  Open();
  ASSERT_TRUE(SubmitAndWait(*log_, WriteOf("request", "body", {Say("a", "x")})).ok());
  Submission repeat = WriteOf("request", "body", {Say("a", "x")});
  repeat.expected_revision = 0;
  EXPECT_TRUE(SubmitAndWait(*log_, repeat)->duplicate);
  Submission other = WriteOf("request", "another body", {Say("a", "x")});
  other.expected_revision = 0;
  EXPECT_EQ(ReasonOf(SubmitAndWait(*log_, std::move(other)).status()), "REQUEST_ID_REUSED");
}

TEST_F(WriteTest, ExpectedRevisionZeroMeansAnAbsentStream) {
  Open();
  for (int round = 0; round < 2; ++round) {
    Submission submission = WriteOf(absl::StrCat("r", round), "", {Say("new", "x")});
    submission.expected_revision = 0;
    EXPECT_EQ(SubmitAndWait(*log_, std::move(submission)).ok(), round == 0);
  }
}

TEST_F(WriteTest, EntryMayHaveExactlyTheLimitAndNotOneByteMore) {
  Open();
  size_t largest_taken = 0;
  size_t smallest_refused = 2 * kEntryBytesMax;
  for (size_t text = kEntryBytesMax - 200; text < kEntryBytesMax; ++text) {
    const absl::StatusOr<Receipt> receipt =
        SubmitAndWait(*log_, WriteOf(absl::StrCat("size-", text), "",
                                     {Say(absl::StrCat("stream-", text), std::string(text, 'x'))}));
    if (receipt.ok()) {
      const auto stored = log_->Read(receipt->position, {});
      ASSERT_TRUE(stored.ok()) << stored.status();
      largest_taken = std::max(largest_taken, stored->front().bytes->size());
      continue;
    }
    EXPECT_EQ(receipt.status().code(), absl::StatusCode::kInvalidArgument);
    const ErrorDetail detail = GetErrorDetail(receipt.status());
    EXPECT_EQ(detail.reason, "ENTRY_TOO_LARGE");
    EXPECT_EQ(detail.metadata.at("limit"), "65535");
    smallest_refused = std::min(smallest_refused, std::stoul(detail.metadata.at("bytes")));
  }
  EXPECT_EQ(largest_taken, kEntryBytesMax);
  EXPECT_EQ(smallest_refused, kEntryBytesMax + 1);
}

TEST_F(WriteTest, RefusedAppendLeavesItsStreamsAsTheyWere) {
  Open();
  Append("a", {"x"});
  const std::string large(70'000, 'x');
  EXPECT_EQ(ReasonOf(SubmitAndWait(*log_, WriteOf("large", "",
                                                  {Say("a", "y"), Say("b", "z"), Say("a", large)}))
                         .status()),
            "ENTRY_TOO_LARGE");
  EXPECT_EQ(Append("a", {"w"}).revision, 2);
  EXPECT_EQ(Append("b", {"v"}).revision, 1);
  ExpectSound();
}

TEST_F(WriteTest, CauseNamesTheFirstEventOfTheAppend) {
  Open();
  EventDraft follower = Say("b", "effect");
  follower.caused_by = 0;
  follower.ignorable = true;
  follower.backfilled = true;
  follower.effective_time = absl::FromUnixSeconds(-5) + absl::Nanoseconds(7);
  ASSERT_TRUE(SubmitAndWait(*log_, WriteOf("r", "", {Say("a", "cause"), follower})).ok());
  const std::vector<StoredEntry> entries = ReadAll(*log_);
  EXPECT_FALSE(EnvelopeOf(entries[1]).has_cause_position());
  const absl::StatusOr<DecodedEvent> decoded = DecodeEntry(*entries[2].bytes);
  ASSERT_TRUE(decoded.ok());
  const SequencedEvent event = decoded->AsEvent();
  EXPECT_EQ(event.cause, Position{1});
  EXPECT_TRUE(event.ignorable);
  EXPECT_TRUE(event.backfilled);
  EXPECT_EQ(event.effective_time, follower.effective_time);
  EXPECT_EQ(event.payload_type, "google.protobuf.StringValue");
  EXPECT_NE(event.payload, nullptr);
}

TEST_F(WriteTest, ReadsRespectTheirLimits) {
  Open();
  for (int i = 0; i < 9; ++i) Append("a", {std::string(1'000, 'x')});
  const auto count = [&](int64_t from, const ReadLimits& limits) {
    const auto entries = log_->Read(Position{from}, limits);
    EXPECT_TRUE(entries.ok()) << entries.status();
    return entries.ok() ? entries->size() : 0;
  };
  EXPECT_EQ(count(1, {.entry_count_max = 4}), 4U);
  EXPECT_EQ(count(8, {.entry_count_max = 4}), 2U);
  EXPECT_EQ(count(1, {.byte_count_max = 3'500}), 3U);
  EXPECT_EQ(count(1, {.byte_count_max = 1}), 1U);
  EXPECT_EQ(count(10, {}), 0U);
  EXPECT_EQ(count(99, {}), 0U);
  EXPECT_EQ(log_->Read(Position{-1}, {}).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_F(WriteTest, StreamVersionsAreFoundByPosition) {
  Open();
  for (int i = 0; i < 6; ++i) {
    Append("a", {"x"});
    Append("ab", {"y"});
  }
  for (int64_t position = 0; position < 14; ++position) {
    EXPECT_EQ(log_->StreamVersionAt("a", Position{position}).value(),
              std::min<int64_t>(6, position / 2))
        << position;
  }
  EXPECT_EQ(log_->StreamVersionAt("nothing", Position{3}).value(), 0);
  EXPECT_EQ(log_->ReadStream("a", 1, {.entry_count_max = 2})->size(), 2U);
  EXPECT_TRUE(log_->ReadStream("nothing", 0, {})->empty());
}

TEST_F(WriteTest, StreamHeadsForgottenAreFoundAgain) {
  limits_.cached_streams_max = 4;
  Open();
  for (int round = 0; round < 3; ++round) {
    for (int stream = 0; stream < 20; ++stream) Append(absl::StrCat("s", stream), {"x"});
  }
  AppendMany(200);
  ExpectSound();
}

TEST_F(WriteTest, SmallBatchesKeepEveryPromise) {
  limits_.batch_events_max = 3;
  limits_.batch_bytes_max = 200;
  Open();
  AppendMany(120);
  ExpectSound();
}

TEST_F(WriteTest, ReceiptsAreFoundByRequestId) {
  Open();
  ASSERT_TRUE(SubmitAndWait(*log_, WriteOf("request", "", {Say("a", "x")})).ok());
  EXPECT_EQ(log_->FindReceipt("request").value()->position, Position{1});
  EXPECT_FALSE(log_->FindReceipt("other")->has_value());
}

TEST_F(WriteTest, RequestIdMustBeThereAndShort) {
  Open();
  EXPECT_EQ(ReasonOf(SubmitAndWait(*log_, WriteOf("", "", {Say("a", "x")})).status()),
            "FIELD_REQUIRED");
  const std::string longest(kRequestIdBytesMax, 'r');
  EXPECT_TRUE(SubmitAndWait(*log_, WriteOf(longest, "", {Say("a", "x")})).ok());
  EXPECT_EQ(ReasonOf(SubmitAndWait(*log_, WriteOf(longest + "r", "", {Say("a", "x")})).status()),
            "FIELD_TOO_LARGE");
}

TEST_F(WriteTest, FullQueueRefusesWhileTheSequencerIsHeld) {
  limits_.queued_submissions_max = 2;
  Open();
  const std::function<void()> release = HoldSequencer();
  Outcomes taken;
  for (int i = 0; i < 2; ++i) {
    Submission submission = WriteOf(absl::StrCat("r", i), "", {Say("a", "x")});
    submission.done = taken.Collector();
    log_->Submit(std::move(submission));
  }
  const absl::Status status = SubmitAndWait(*log_, WriteOf("r2", "", {Say("a", "x")})).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(status), "OVERLOADED");
  release();
  for (const absl::StatusOr<Receipt>& outcome : taken.AwaitCount(2)) EXPECT_TRUE(outcome.ok());
}

TEST_F(WriteTest, StopFinishesWhatWasTakenAndRefusesTheRest) {
  Open();
  const std::function<void()> release = HoldSequencer();
  Outcomes outcomes;
  for (int i = 0; i < 50; ++i) {
    Submission submission = WriteOf(absl::StrCat("r", i), "", {Say("a", "x")});
    submission.done = outcomes.Collector();
    log_->Submit(std::move(submission));
  }
  release();
  log_->Stop();
  for (const absl::StatusOr<Receipt>& outcome : outcomes.AwaitCount(50)) {
    EXPECT_TRUE(outcome.ok()) << outcome.status();
  }
  EXPECT_EQ(log_->tree_head().size, TreeSize{51});
  EXPECT_EQ(ReasonOf(SubmitAndWait(*log_, WriteOf("late", "", {Say("a", "x")})).status()),
            "UNAVAILABLE");
  EXPECT_EQ(ReadAll(*log_).size(), 51U);
}

TEST_F(WriteTest, ReadOnlyLogShowsWhatIsThereAndTakesNothing) {
  Open();
  AppendMany(300);
  const TreeHead head = log_->tree_head();
  // Beside the writer and without it.
  for (int round = 0; round < 2; ++round) {
    const absl::StatusOr<std::unique_ptr<Log>> reader = Log::OpenReadOnly(directory_.path());
    ASSERT_TRUE(reader.ok()) << reader.status();
    EXPECT_EQ((*reader)->tree_head(), head);
    EXPECT_EQ(ReadAll(**reader).size(), static_cast<size_t>(head.size.value));
    EXPECT_EQ(ReasonOf(SubmitAndWait(**reader, WriteOf("r", "", {Say("a", "x")})).status()),
              "UNAVAILABLE");
    Close();
  }
}

}  // namespace
}  // namespace credence::ledger
