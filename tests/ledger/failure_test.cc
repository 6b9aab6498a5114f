
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "credence/ledger/backup.h"
#include "credence/ledger/subscription.h"
#include "fault_env.h"
#include "ledger_fixture.h"
#include "tampering.h"

namespace credence::ledger {
namespace {

class FailureTest : public LedgerFixture, public testing::WithParamInterface<Fault> {
 protected:
  // Destroyed after the log that uses it.
  ~FailureTest() override { Close(); }

  // Writes that hand over all at once; their outcomes by request.
  std::map<std::string, absl::StatusOr<Receipt>> WriteAll(int count) {
    absl::Mutex mutex;
    std::map<std::string, absl::StatusOr<Receipt>> outcomes;
    for (int i = 0; i < count; ++i) {
      const std::string request_id = absl::StrCat("write-", i);
      Submission submission = WriteOf(request_id, request_id, {Say("a", request_id)});
      submission.done = [&, request_id](absl::StatusOr<Receipt> outcome) {
        absl::MutexLock lock(&mutex);
        outcomes.emplace(request_id, std::move(outcome));
      };
      log_->Submit(std::move(submission));
    }
    absl::MutexLock lock(&mutex);
    const auto all = [&] { return outcomes.size() == static_cast<size_t>(count); };
    mutex.Await(absl::Condition(&all));
    return outcomes;
  }

  FaultEnv faults_;
};

TEST_P(FailureTest, BackupThatMeetsAWriteAsItFailsIsRefused) {
  Open(faults_.env());
  Append("a", {"before"});
  const TemporaryDirectory backups;
  absl::Notification failing;
  faults_.Arm(GetParam(), 1, [&] {
    if (failing.HasBeenNotified()) return;
    failing.Notify();
    // Time for the backup to come to where it would sync the log; it holds with less, too.
    absl::SleepFor(absl::Milliseconds(50));
  });
  std::thread writer([&] {
    EXPECT_EQ(ReasonOf(SubmitAndWait(*log_, WriteOf("failing", "", {Say("a", "x")})).status()),
              "LEDGER_FAILED");
  });
  failing.WaitForNotification();
  const auto backup = CreateBackup(*log_, {.backup_directory = backups.path()});
  writer.join();
  EXPECT_FALSE(backup.ok());
  EXPECT_TRUE(absl::StrContains(backup.status().message(), "a write failed before"))
      << backup.status();
}

TEST_P(FailureTest, FailedWriteStopsWritingAndLosesNothingAcknowledged) {
  limits_.batch_events_max = 3;
  Open(faults_.env());
  Append("a", {"before"});
  faults_.Arm(GetParam(), 5);
  const auto outcomes = WriteAll(60);
  int64_t acknowledged = 0;
  for (const auto& [request_id, outcome] : outcomes) {
    acknowledged += outcome.ok() ? 1 : 0;
    if (!outcome.ok()) {
      EXPECT_EQ(outcome.status().code(), absl::StatusCode::kDataLoss);
      EXPECT_EQ(ReasonOf(outcome.status()), "LEDGER_FAILED");
    }
  }
  EXPECT_GT(acknowledged, 0);
  EXPECT_LT(acknowledged, 60);
  // Later writes are refused though the disk is well again; reads go on.
  faults_.Arm(Fault::kNone, 0);
  EXPECT_EQ(ReasonOf(SubmitAndWait(*log_, WriteOf("late", "", {Say("a", "x")})).status()),
            "LEDGER_FAILED");
  EXPECT_EQ(log_->tree_head().size, TreeSize{2 + acknowledged});
  ExpectSound();

  Reopen();
  ExpectSound();
  for (const auto& [request_id, outcome] : outcomes) {
    const absl::StatusOr<Receipt> again =
        SubmitAndWait(*log_, WriteOf(request_id, request_id, {Say("a", request_id)}));
    ASSERT_TRUE(again.ok()) << again.status();
    if (!outcome.ok()) continue;
    EXPECT_TRUE(again->duplicate);
    EXPECT_EQ(again->position, outcome->position);
    EXPECT_EQ(again->leaf_hash, outcome->leaf_hash);
  }
  // Each exactly once, whether it had reached the disk or not.
  EXPECT_EQ(log_->tree_head().size, TreeSize{62});
  std::map<std::string, int> texts;
  const std::vector<StoredEntry> entries = ReadAll(*log_);
  for (size_t i = 2; i < entries.size(); ++i) ++texts[TextOf(entries[i])];
  EXPECT_EQ(texts.size(), 60U);
  ExpectSound();
}

TEST_P(FailureTest, FailureEndsTheWatches) {
  Open(faults_.env());
  absl::Notification ended;
  absl::Status status;
  log_->WatchHead(TreeSize{100}, [&](const absl::Status& end) {
    status = end;
    ended.Notify();
  });
  faults_.Arm(GetParam(), 1);
  EXPECT_FALSE(SubmitAndWait(*log_, WriteOf("r", "", {Say("a", "x")})).ok());
  ended.WaitForNotification();
  EXPECT_EQ(ReasonOf(status), "LEDGER_FAILED");
}

INSTANTIATE_TEST_SUITE_P(Faults, FailureTest, testing::Values(Fault::kAppend, Fault::kSync),
                         [](const testing::TestParamInfo<Fault>& fault) {
                           return fault.param == Fault::kAppend ? "Append" : "Sync";
                         });

class DamageTest : public LedgerFixture {
 protected:
  void Tamper(const std::string& family, const TamperFunction& change) {
    TamperWithFamily(directory_.path() + "/log", family, change);
  }

  absl::Status OpenStatus() {
    return Log::Open({.directory = directory_.path(), .clock = &clock_, .limits = {}}).status();
  }
};

TEST_F(DamageTest, ChangedEntryAtTheEndIsNoticedAtOpening) {
  Open();
  AppendMany(20);
  Close();
  Tamper("entries", [](rocksdb::DB& database, rocksdb::ColumnFamilyHandle* family) {
    std::string entry;
    ASSERT_TRUE(database.Get({}, family, BigEndian(10), &entry).ok());
    entry.back() ^= 1;
    ASSERT_TRUE(database.Put({}, family, BigEndian(10), entry).ok());
  });
  EXPECT_EQ(ReasonOf(OpenStatus()), "LEDGER_FAILED");
}

// An entry that was changed far from the end, so that the log opens.
class ChangedEntryTest : public DamageTest {
 protected:
  static constexpr int64_t kChanged = 10;

  void SetUp() override {
    Open();
    AppendMany(600);
    stream_ = EnvelopeOf(ReadAll(*log_)[kChanged]).stream();
    version_ = EnvelopeOf(ReadAll(*log_)[kChanged]).stream_version();
    Close();
    Tamper("entries", [](rocksdb::DB& database, rocksdb::ColumnFamilyHandle* family) {
      std::string entry;
      ASSERT_TRUE(database.Get({}, family, BigEndian(kChanged), &entry).ok());
      entry.back() ^= 1;
      ASSERT_TRUE(database.Put({}, family, BigEndian(kChanged), entry).ok());
    });
    Open();
  }

  void ExpectDamage(const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(ReasonOf(status), "LEDGER_FAILED");
    EXPECT_TRUE(absl::StrContains(status.message(), "position 10 ")) << status;
    // It is not the ledger any more that receipts were given for.
    EXPECT_EQ(SubmitAndWait(*log_, WriteOf("later", "", {Say("a", "x")})).status(), status);
    // What fits is served.
    EXPECT_TRUE(log_->Read(Position{kChanged + 1}, {}).ok());
  }

  std::string stream_;
  int64_t version_ = 0;
};

TEST_F(ChangedEntryTest, IsNotReadAndStopsWrites) {
  EXPECT_TRUE(log_->Read(Position{0}, {.entry_count_max = kChanged}).ok());
  EXPECT_TRUE(SubmitAndWait(*log_, WriteOf("before", "", {Say("a", "x")})).ok());
  ExpectDamage(log_->Read(Position{0}, {.entry_count_max = kChanged + 1}).status());
}

TEST_F(ChangedEntryTest, IsNotReadInItsStreamAndStopsWrites) {
  ExpectDamage(log_->ReadStream(stream_, version_, {.entry_count_max = 1}).status());
}

TEST_F(ChangedEntryTest, IsNotReadToFindATimeAndStopsWrites) {
  const std::vector<StoredEntry> before =
      log_->Read(Position{kChanged - 1}, {.entry_count_max = 1}).value();
  const event::v1::EventEnvelope envelope = EnvelopeOf(before.front());
  // Found between this entry and the next, so that both are looked at.
  const absl::Time time = absl::FromUnixSeconds(envelope.record_time().seconds()) +
                          absl::Nanoseconds(envelope.record_time().nanos());
  ExpectDamage(log_->LastPositionAt(time).status());
}

TEST_F(ChangedEntryTest, IsNotBundledAndStopsWrites) {
  EXPECT_TRUE(log_->ReadEntryBundle(1, 256).ok());
  ExpectDamage(log_->ReadEntryBundle(0, 256).status());
}

TEST_F(ChangedEntryTest, EndsASubscriptionAndStopsWrites) {
  Subscription subscription(*log_, Position{kChanged - 1});
  const auto ready = [](const absl::Status&) {};
  EXPECT_TRUE(subscription.Next({.entry_count_max = 1}, ready).ok());
  ExpectDamage(subscription.Next({.entry_count_max = 1}, ready).status());
}

TEST_F(DamageTest, LostLastEntryIsNoticedAtOpening) {
  Open();
  AppendMany(20);
  Close();
  Tamper("entries", [](rocksdb::DB& database, rocksdb::ColumnFamilyHandle* family) {
    ASSERT_TRUE(database.Delete({}, family, BigEndian(20)).ok());
  });
  EXPECT_EQ(ReasonOf(OpenStatus()), "LEDGER_FAILED");
}

TEST_F(DamageTest, LostTileIsNoticedAtOpening) {
  Open();
  AppendMany(600);
  Close();
  Tamper("tiles", [](rocksdb::DB& database, rocksdb::ColumnFamilyHandle* family) {
    ASSERT_TRUE(database.Delete({}, family, std::string(1, '\0') + BigEndian(1)).ok());
  });
  EXPECT_EQ(ReasonOf(OpenStatus()), "LEDGER_FAILED");
}

TEST_F(DamageTest, TornTailOfTheWriteAheadLogIsDroppedWithoutComplaint) {
  Open();
  AppendMany(30);
  const TreeHead head = log_->tree_head();
  Close();
  // Half a record: what a crash leaves of a write that was never acknowledged.
  for (const auto& file : std::filesystem::directory_iterator(directory_.path() + "/log")) {
    if (file.path().extension() != ".log" || file.file_size() == 0) continue;
    std::ofstream(file.path(), std::ios::app | std::ios::binary) << std::string(
        "\x12\x34\x56\x78"
        "\x40\x00\x01",
        7);
  }
  Open();
  EXPECT_EQ(log_->tree_head(), head);
  ExpectSound();
}

}  // namespace
}  // namespace credence::ledger
