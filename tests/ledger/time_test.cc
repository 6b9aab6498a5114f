#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "ledger_fixture.h"

namespace credence::ledger {
namespace {

class TimeTest : public LedgerFixture {};

absl::Time RecordTime(const StoredEntry& entry) {
  return DecodeEntry(*entry.bytes)->AsEvent().record_time;
}

TEST_F(TimeTest, RecordTimeRisesWhenTheClockStandsStillOrGoesBack) {
  Open();
  std::vector<absl::Time> times = {Append("a", {"x"}).record_time};
  times.push_back(Append("a", {"standing still"}).record_time);
  clock_.Advance(-absl::Hours(24));
  times.push_back(Append("a", {"back a day"}).record_time);
  Reopen();
  times.push_back(Append("a", {"back a day, reopened"}).record_time);
  clock_.Advance(absl::Hours(48));
  times.push_back(Append("a", {"forward"}).record_time);
  for (size_t i = 1; i + 1 < times.size(); ++i) {
    EXPECT_EQ(times[i], times[i - 1] + absl::Microseconds(1));
  }
  EXPECT_EQ(times.back(), clock_.Now());
}

TEST_F(TimeTest, EventsOfOneWriteShareOneTimeInMicroseconds) {
  clock_.Set(absl::FromUnixNanos(1'700'000'000'123'456'789));
  Open();
  const Receipt receipt = Append("a", {"x", "y", "z"});
  EXPECT_EQ(receipt.record_time, absl::FromUnixMicros(1'700'000'000'123'456));
  const std::vector<StoredEntry> entries = ReadAll(*log_);
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(RecordTime(entries[i]), receipt.record_time);
}

TEST_F(TimeTest, LastPositionAtATimeNeverSplitsAWrite) {
  Open();
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(absl::Seconds(i % 3));
    Append("a", std::vector<std::string>(static_cast<size_t>(1 + i % 4), "x"));
  }
  const std::vector<StoredEntry> entries = ReadAll(*log_);
  for (size_t i = 0; i < entries.size(); ++i) {
    for (const int64_t offset : {-1, 0, 1}) {
      const absl::Time time = RecordTime(entries[i]) + absl::Microseconds(offset);
      std::optional<Position> expected;
      for (const StoredEntry& entry : entries) {
        if (RecordTime(entry) <= time) expected = entry.position;
      }
      EXPECT_EQ(*log_->LastPositionAt(time), expected) << i << " " << offset;
    }
  }
  EXPECT_EQ(*log_->LastPositionAt(absl::InfinitePast()), std::nullopt);
  EXPECT_EQ(*log_->LastPositionAt(absl::InfiniteFuture()), entries.back().position);
}

}  // namespace
}  // namespace credence::ledger
