#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "credence/ledger/backup.h"
#include "credence/ledger/fsck.h"
#include "fault_disk.h"
#include "ledger_fixture.h"
#include "log_factory.h"

// Each operation on a file that a ledger does while it opens, writes, flushes, compacts, copies
// itself, erases a text and closes is made to fail in turn. Whatever fails: the ledger opens again,
// is sound, has all that was acknowledged as it was acknowledged, texts too, no write by half, and
// in none of its files a text whose erasure it holds.
//
//   CREDENCE_FAULT_RUNS     how many of the faults are tried, drawn at random; 0 for all
//   CREDENCE_CRASH_SECONDS  ends the trying after this time; not set for no limit
//   CREDENCE_FAULT_SEED     draws the same again
namespace credence::ledger {
namespace {

namespace fs = std::filesystem;

constexpr int kWrites = 30;
constexpr char kErased[] = "Qx7-Wv2z_Kj9!pLr4#TnB8@yHd3$FmG6";

int64_t Setting(const char* name, int64_t fallback) {
  const char* const text = std::getenv(name);
  int64_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : fallback;
}

std::string NameOf(const FaultPlan& plan) {
  const char* const names[] = {"error", "no space", "short write", "power loss"};
  return absl::StrCat(names[static_cast<size_t>(plan.fault)], " at operation ", plan.operation,
                      plan.persistent ? " and after it" : "");
}

class FaultSweepTest : public LedgerFixture {
 protected:
  // What every run begins with: several generations of tables, so that an opening flushes and then
  // compacts, and a write-ahead log to replay.
  void MakeTemplate() {
    for (int i = 0; i < 4; ++i) {
      Open();
      AppendMany(70);
      if (i == 0) {
        const auto receipt = SubmitAndWait(*log_, WriteOf("to erase", "", {Forecast(kErased)}));
        ASSERT_TRUE(receipt.ok()) << receipt.status();
        erased_ = receipt->position;
      }
      size_ = log_->tree_head().size.value;
      Close();
    }
  }

  struct Outcome {
    std::string request_id;
    absl::StatusOr<Receipt> receipt = absl::UnknownError("not answered");
  };

  static Submission MakeWrite(const std::string& request_id) {
    return WriteOf(request_id, request_id,
                   {Say("a", request_id), Say(request_id, "second"), Forecast(request_id)});
  }

  // Writes, a backup in the middle of them, an erasure after it, and closing. What was answered.
  std::vector<Outcome> Work(FaultDisk& disk, const std::string& directory) {
    OpenOptions options;
    options.directory = directory;
    options.clock = &clock_;
    options.limits.batch_events_max = 6;
    absl::StatusOr<std::unique_ptr<Log>> log = LogFactory::Open(options, disk.env());
    if (!log.ok()) return {};
    (*log)->Start(nullptr);
    std::vector<Outcome> outcomes(kWrites);
    absl::Mutex mutex;
    int answered = 0;
    for (int i = 0; i < kWrites; ++i) {
      Outcome& outcome = outcomes[static_cast<size_t>(i)];
      outcome.request_id = absl::StrCat("write-", i);
      Submission submission = MakeWrite(outcome.request_id);
      submission.done = [&](absl::StatusOr<Receipt> receipt) {
        absl::MutexLock lock(&mutex);
        outcome.receipt = std::move(receipt);
        ++answered;
      };
      (*log)->Submit(std::move(submission));
      if (i == kWrites / 2) {
        {
          // A backup that meets a write as it fails ends the process in Debian's RocksDB.
          absl::MutexLock lock(&mutex);
          const auto so_far = [&] { return answered == i + 1; };
          mutex.Await(absl::Condition(&so_far));
        }
        // It may fail; that is its caller's to know, and harms nothing.
        CreateBackup(**log, {.backup_directory = directory + "/backups"}).status().IgnoreError();
        SubmitAndWait(**log, Erasure("erasure", erased_)).status().IgnoreError();
      }
    }
    absl::MutexLock lock(&mutex);
    const auto all = [&] { return answered == kWrites; };
    mutex.Await(absl::Condition(&all));
    return outcomes;
  }

  // One fault, and what is left of the ledger.
  void Try(const FaultPlan& plan, uint64_t seed) {
    const TemporaryDirectory place;
    const std::string directory = place.path() + "/ledger";
    fs::copy(directory_.path(), directory, fs::copy_options::recursive);
    fs::create_directory(place.path() + "/trash");
    FaultDisk disk(place.path() + "/trash");
    disk.Arm(plan);
    const std::vector<Outcome> outcomes = Work(disk, directory);
    disk.Disarm();
    if (disk.fired()) ++fired_count_;
    if (plan.fault == DiskFault::kPowerLoss) {
      std::mt19937_64 random(seed);
      disk.LosePower(random);
    }
    Judge(directory, outcomes);
    if (HasFailure()) {
      fs::copy(directory, kept_path_, fs::copy_options::recursive);
      std::printf("the ledger is kept in %s\n", kept_path_.c_str());
    }
  }

  void Judge(const std::string& directory, const std::vector<Outcome>& outcomes) {
    ExpectSoundFiles(directory);
    OpenOptions options;
    options.directory = directory;
    options.clock = &clock_;
    absl::StatusOr<std::unique_ptr<Log>> log = LogFactory::Open(options, nullptr);
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
    log_->Start(nullptr);
    ExpectSound();
    std::map<std::string, std::vector<int64_t>> positions;
    for (const StoredEntry& entry : ReadAll(*log_)) {
      positions[EnvelopeOf(entry).request_id()].push_back(entry.position.value);
    }
    ExpectTexts(directory, !positions["erasure"].empty());
    EXPECT_GE(log_->tree_head().size.value, size_);
    for (const Outcome& outcome : outcomes) {
      ExpectKept(outcome, positions[outcome.request_id]);
    }
    // It takes writes again, each of the old ones once.
    for (size_t i = 0; i < outcomes.size(); i += 7) ExpectRepeats(outcomes[i]);
    Close();
    ExpectSoundFiles(directory);
  }

  void ExpectKept(const Outcome& outcome, const std::vector<int64_t>& positions) {
    if (!outcome.receipt.ok()) {
      EXPECT_TRUE(positions.empty() || positions.size() == 3)
          << outcome.request_id << " is there by half";
      return;
    }
    ++acknowledged_count_;
    ASSERT_EQ(positions.size(), 3U) << outcome.request_id << " was acknowledged";
    EXPECT_EQ(positions.front(), outcome.receipt->position.value);
  }

  // Each forecast's reason, which is its request id, and the one that was to be erased.
  void ExpectTexts(const std::string& directory, bool erased) {
    const auto forecasts = log_->ReadStream("questions/q", 0, {});
    ASSERT_TRUE(forecasts.ok()) << forecasts.status();
    for (const StoredEntry& entry : *forecasts) {
      const auto texts = log_->ReadTexts(entry);
      ASSERT_TRUE(texts.ok()) << texts.status();
      ASSERT_EQ(texts->size(), 1U);
      const std::string id = EnvelopeOf(entry).request_id();
      const std::string written = entry.position == erased_ ? kErased : id;
      EXPECT_EQ(texts->front().text(), entry.position == erased_ && erased ? "" : written);
    }
    const std::vector<std::string> files = FilesWith(directory + "/log", kErased);
    EXPECT_EQ(files.empty(), erased) << "it stands in " << files.size() << " files";
  }

  void ExpectRepeats(const Outcome& outcome) {
    const absl::StatusOr<Receipt> again = SubmitAndWait(*log_, MakeWrite(outcome.request_id));
    ASSERT_TRUE(again.ok()) << again.status();
    if (!outcome.receipt.ok()) return;
    EXPECT_TRUE(again->duplicate);
    EXPECT_EQ(again->position, outcome.receipt->position);
    EXPECT_EQ(again->leaf_hash, outcome.receipt->leaf_hash);
  }

  static void ExpectSoundFiles(const std::string& directory) {
    const absl::StatusOr<FsckReport> report = Fsck({.directory = directory});
    ASSERT_TRUE(report.ok()) << report.status();
    for (const Finding& finding : report->findings) {
      if (finding.severity == Severity::kDamage) {
        ADD_FAILURE() << finding.part << ", " << finding.where << ": " << finding.what;
      }
    }
  }

  // Operations of a run in which nothing fails.
  int64_t CountOperations() {
    const TemporaryDirectory place;
    const std::string directory = place.path() + "/ledger";
    fs::copy(directory_.path(), directory, fs::copy_options::recursive);
    fs::create_directory(place.path() + "/trash");
    FaultDisk disk(place.path() + "/trash");
    for (const Outcome& outcome : Work(disk, directory)) {
      EXPECT_TRUE(outcome.receipt.ok()) << outcome.receipt.status();
    }
    return disk.operation_count();
  }

  int64_t size_ = 0;
  Position erased_;
  int64_t fired_count_ = 0;
  int64_t acknowledged_count_ = 0;
  const std::string kept_path_ =
      (fs::temp_directory_path() / absl::StrCat("credence-fault-", absl::GetCurrentTimeNanos()))
          .string();
};

TEST_F(FaultSweepTest, WhateverOperationFailsNothingAcknowledgedIsLost) {
  const auto seed = static_cast<uint64_t>(
      Setting("CREDENCE_FAULT_SEED", absl::GetCurrentTimeNanos() % 1'000'000'000));
  std::printf("CREDENCE_FAULT_SEED=%llu\n", static_cast<unsigned long long>(seed));
  ASSERT_NO_FATAL_FAILURE(MakeTemplate());
  const int64_t operations = CountOperations();
  ASSERT_GT(operations, 50);
  std::vector<FaultPlan> plans;
  for (int64_t at = 1; at <= operations; ++at) {
    for (const bool persistent : {false, true}) {
      plans.push_back({DiskFault::kError, at, persistent});
      plans.push_back({DiskFault::kNoSpace, at, persistent});
      plans.push_back({DiskFault::kShortWrite, at, persistent});
    }
    plans.push_back({DiskFault::kPowerLoss, at, true});
  }
  std::mt19937_64 random(seed);
  std::shuffle(plans.begin(), plans.end(), random);
  const int64_t run_count = Setting("CREDENCE_FAULT_RUNS", 60);
  if (run_count > 0 && run_count < static_cast<int64_t>(plans.size())) {
    plans.resize(static_cast<size_t>(run_count));
  }
  const absl::Time end = absl::Now() + absl::Seconds(Setting("CREDENCE_CRASH_SECONDS", 86'400));
  size_t tried = 0;
  for (; tried < plans.size() && absl::Now() < end && !HasFailure(); ++tried) {
    SCOPED_TRACE(NameOf(plans[tried]));
    Try(plans[tried], seed + tried);
  }
  std::printf(
      "%zu of %zu faults tried over %lld operations: %lld came to pass, %lld writes "
      "acknowledged\n",
      tried, plans.size(), static_cast<long long>(operations), static_cast<long long>(fired_count_),
      static_cast<long long>(acknowledged_count_));
  EXPECT_GT(fired_count_, 0);
  EXPECT_GT(acknowledged_count_, 0);
}

}  // namespace
}  // namespace credence::ledger
