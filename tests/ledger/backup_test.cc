#include "credence/ledger/backup.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger_fixture.h"
#include "tampering.h"

namespace credence::ledger {
namespace {

namespace fs = std::filesystem;

class BackupTest : public LedgerFixture {
 protected:
  [[nodiscard]] BackupOptions Options() const { return {.backup_directory = backups_.path()}; }

  BackupInfo Back(const BackupOptions& options) {
    const absl::StatusOr<BackupInfo> info = CreateBackup(*log_, options);
    EXPECT_TRUE(info.ok()) << info.status();
    return info.ok() ? *info : BackupInfo();
  }

  void ExpectSoundBackup(int64_t id) {
    const absl::StatusOr<FsckReport> report = VerifyBackup(backups_.path(), id);
    ASSERT_TRUE(report.ok()) << report.status();
    for (const Finding& finding : report->findings) {
      // The log of a busy ledger is copied in the middle of a write.
      const bool torn = finding.severity == Severity::kWarning && finding.part == "write-ahead-log";
      EXPECT_TRUE(torn) << finding.part << ", " << finding.where << ": " << finding.what;
    }
    EXPECT_TRUE(report->sound());
    EXPECT_EQ(report->intact_size, report->recorded.size);
  }

  // Restores into a fresh directory.
  absl::StatusOr<BackupInfo> Restore(int64_t id, const std::string& directory) {
    RestoreOptions options;
    options.backup_directory = backups_.path();
    options.id = id;
    options.ledger_directory = directory;
    return RestoreBackup(options);
  }

  // Text that does not compress.
  static std::string Noise(int seed) {
    std::mt19937_64 random(static_cast<uint64_t>(seed));
    std::string text(60'000, ' ');
    for (char& letter : text) letter = static_cast<char>(' ' + random() % 90);
    return text;
  }

  [[nodiscard]] std::vector<fs::path> BackupFiles(const std::string& folder) const {
    std::vector<fs::path> files;
    for (const auto& file : fs::recursive_directory_iterator(fs::path(backups_.path()) / folder)) {
      if (file.is_regular_file()) files.push_back(file.path());
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  const TemporaryDirectory backups_;
};

TEST_F(BackupTest, RestoredLedgerIsTheOneThatWasBackedUp) {
  Open();
  AppendMany(600);
  const BackupInfo info = Back(Options());
  EXPECT_EQ(info.id, 1);
  EXPECT_EQ(info.origin, "example.org/test");
  EXPECT_EQ(info.head, log_->tree_head());
  ExpectSoundBackup(1);
  const TreeHead head = log_->tree_head();
  Append("a", {"later"});
  Close();

  const TemporaryDirectory place;
  const std::string restored = place.path() + "/restored";
  const absl::StatusOr<BackupInfo> done = Restore(0, restored);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->id, 1);
  const absl::StatusOr<std::unique_ptr<Log>> log = Log::OpenReadOnly(restored);
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ((*log)->tree_head(), head);
  EXPECT_EQ(ReadAll(**log).size(), 601U);
  EXPECT_EQ(Restore(0, restored).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(BackupTest, BackupUnderLoadHoldsWhatWasAcknowledgedBeforeIt) {
  Open();
  AppendMany(300);
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      const std::string id = absl::StrCat("load-", i);
      ASSERT_TRUE(SubmitAndWait(*log_, WriteOf(id, id,
                                               {Say("load", std::string(900, 'x')),
                                                Say("load", "and its second event")}))
                      .ok());
    }
  });
  std::vector<TreeHead> heads;
  for (int64_t id = 1; id <= 6; ++id) {
    const Receipt receipt = Append("marks", {absl::StrCat("before backup ", id)});
    heads.push_back(Back(Options()).head);
    EXPECT_GE(heads.back().size, SizeThrough(receipt.position));
  }
  stop = true;
  writer.join();
  for (int64_t id = 1; id <= 6; ++id) {
    SCOPED_TRACE(id);
    ExpectSoundBackup(id);
    const TemporaryDirectory place;
    ASSERT_TRUE(Restore(id, place.path()).ok());
    const absl::StatusOr<std::unique_ptr<Log>> log = Log::OpenReadOnly(place.path());
    ASSERT_TRUE(log.ok()) << log.status();
    const TreeHead& head = heads[static_cast<size_t>(id - 1)];
    ASSERT_GE((*log)->tree_head().size, head.size);
    EXPECT_EQ((*log)->TreeHeadAt(head.size).value(), head);
    // A prefix of what the live log holds by now.
    EXPECT_EQ(log_->TreeHeadAt((*log)->tree_head().size).value(), (*log)->tree_head());
  }
}

TEST_F(BackupTest, FurtherBackupCopiesWhatIsNew) {
  Open();
  for (int i = 0; i < 40; ++i) Append("large", {Noise(i)});
  Close();
  ASSERT_TRUE(CreateBackupOf(directory_.path(), Options()).ok());
  Open();
  const size_t shared = BackupFiles("shared_checksum").size();
  Append("a", {"little"});
  Back(Options());
  Close();
  int64_t private_bytes = 0;
  for (const fs::path& file : BackupFiles("private/2")) {
    private_bytes += static_cast<int64_t>(fs::file_size(file));
  }
  // Tables are shared; the copies of the second backup are the logs and the manifest.
  EXPECT_LE(BackupFiles("shared_checksum").size(), shared + 7);
  EXPECT_LT(private_bytes, 1 << 20);
  const absl::StatusOr<std::vector<BackupInfo>> infos = ListBackups(backups_.path());
  ASSERT_TRUE(infos.ok()) << infos.status();
  ASSERT_EQ(infos->size(), 2U);
  EXPECT_EQ((*infos)[0].head.size, TreeSize{41});
  EXPECT_EQ((*infos)[1].head.size, TreeSize{42});
  ExpectSoundBackup(1);
  ExpectSoundBackup(2);
}

TEST_F(BackupTest, KeyIsCopiedOnRequestOnly) {
  Open();
  Back(Options());
  const fs::path key = fs::path(backups_.path()) / "ledger.key";
  EXPECT_FALSE(fs::exists(key));
  std::ifstream own(directory_.path() + "/ledger.key");
  const std::string secret{std::istreambuf_iterator<char>(own), {}};
  for (const fs::path& file : BackupFiles("")) {
    std::ifstream stream(file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    EXPECT_EQ(bytes.find("PRIVATE+KEY"), std::string::npos) << file;
  }
  const TemporaryDirectory without;
  ASSERT_TRUE(Restore(0, without.path()).ok());
  EXPECT_FALSE(fs::exists(fs::path(without.path()) / "ledger.key"));

  BackupOptions options = Options();
  options.with_key = true;
  Back(options);
  struct stat status {};
  ASSERT_EQ(stat(key.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  const TemporaryDirectory with;
  ASSERT_TRUE(Restore(0, with.path()).ok());
  std::ifstream copy(with.path() + "/ledger.key");
  const std::string copied{std::istreambuf_iterator<char>(copy), {}};
  EXPECT_EQ(copied, secret);
}

TEST_F(BackupTest, DirectoryHoldsBackupsOfOneLedger) {
  Open();
  Back(Options());
  const TemporaryDirectory other;
  ASSERT_TRUE(
      Log::Create({.directory = other.path(), .origin = "example.org/other", .clock = &clock_})
          .ok());
  const absl::Status refused = CreateBackupOf(other.path(), Options()).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(refused.message(), "example.org/test")) << refused;
}

// A log of one entry is given its anchor at its first opening, as its creation may have been cut
// short; a copy of it that was restored is not, since the ledger may have gone on.
TEST_F(BackupTest, RestoredLedgerOfOneEntrySignsNothingEither) {
  Open();
  Back(Options());
  Append("a", {"later"});
  Close();
  const TemporaryDirectory place;
  const std::string restored = place.path() + "/ledger";
  ASSERT_TRUE(Restore(0, restored).ok());
  fs::copy(directory_.path() + "/ledger.key", restored + "/ledger.key");
  OpenOptions options;
  options.directory = restored;
  options.clock = &clock_;
  EXPECT_EQ(ReasonOf(Log::Open(options).status()), "WRONG_STATE");
  ASSERT_TRUE(Log::SetAnchor(options, "").ok());
  EXPECT_TRUE(Log::Open(options).ok());
}

TEST_F(BackupTest, DamagedBackupIsFoundAndNotRestored) {
  Open();
  AppendMany(300);
  Close();
  Open();
  Back(Options());
  ASSERT_FALSE(BackupFiles("shared_checksum").empty());
  for (const char* const folder : {"shared_checksum", "private"}) {
    for (const fs::path& file : BackupFiles(folder)) {
      SCOPED_TRACE(file);
      if (fs::file_size(file) == 0) continue;
      const auto middle = static_cast<int64_t>(fs::file_size(file)) / 2;
      FlipBit(file, middle, 5);
      const absl::StatusOr<FsckReport> report = VerifyBackup(backups_.path(), 0);
      EXPECT_TRUE(!report.ok() || !report->sound());
      const TemporaryDirectory place;
      EXPECT_EQ(ReasonOf(Restore(0, place.path()).status()), "LEDGER_FAILED");
      EXPECT_FALSE(fs::exists(fs::path(place.path()) / "log"));
      FlipBit(file, middle, 5);
    }
  }
  ExpectSoundBackup(0);
}

TEST_F(BackupTest, MissingFileOfABackupIsFound) {
  Open();
  AppendMany(300);
  Reopen();
  Back(Options());
  fs::remove(BackupFiles("shared_checksum").front());
  EXPECT_EQ(ReasonOf(VerifyBackup(backups_.path(), 1).status()), "LEDGER_FAILED");
  const TemporaryDirectory place;
  EXPECT_EQ(ReasonOf(Restore(1, place.path()).status()), "LEDGER_FAILED");
}

TEST_F(BackupTest, StoppedBackupLeavesNothingThatCounts) {
  Open();
  for (int i = 0; i < 60; ++i) Append("large", {Noise(i)});
  Reopen();
  BackupOptions options = Options();
  options.progress = [](int64_t) { return false; };
  EXPECT_EQ(CreateBackup(*log_, options).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(VerifyBackup(backups_.path(), 0).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Back(Options()).head, log_->tree_head());
  ExpectSoundBackup(0);
}

TEST_F(BackupTest, OldBackupsArePruned) {
  Open();
  for (int i = 0; i < 4; ++i) {
    Append("a", {absl::StrCat(i)});
    Back(Options());
  }
  ASSERT_TRUE(PruneBackups(backups_.path(), 2).ok());
  const absl::StatusOr<std::vector<BackupInfo>> infos = ListBackups(backups_.path());
  ASSERT_TRUE(infos.ok()) << infos.status();
  ASSERT_EQ(infos->size(), 2U);
  EXPECT_EQ(infos->front().id, 3);
  ExpectSoundBackup(3);
  ExpectSoundBackup(4);
  EXPECT_EQ(VerifyBackup(backups_.path(), 1).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(BackupTest, PlaceWithoutBackupsIsNotFound) {
  const TemporaryDirectory place;
  EXPECT_EQ(ListBackups(backups_.path()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(VerifyBackup(backups_.path(), 0).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Restore(0, place.path()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(PruneBackups(backups_.path(), 1).code(), absl::StatusCode::kNotFound);
}

TEST_F(BackupTest, LedgerThatIsOpenIsNotCopiedFromOutside) {
  Open();
  EXPECT_EQ(CreateBackupOf(directory_.path(), Options()).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace credence::ledger
