#include "credence/ledger/fsck.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "block_log.h"
#include "ledger_fixture.h"
#include "log_factory.h"
#include "tampering.h"

namespace credence::ledger {
namespace {

namespace fs = std::filesystem;

class FsckTest : public LedgerFixture {
 protected:
  // A closed ledger with several table files and a write-ahead log.
  void Fill() {
    for (const int count : {300, 250, 80}) {
      Open();
      AppendMany(count);
      for (int i = 0; count == 80 && i < 10; ++i) Append("tail", {absl::StrCat(i)});
      Close();
    }
  }

  [[nodiscard]] FsckReport Check() {
    const absl::StatusOr<FsckReport> report = Fsck({.directory = directory_.path()});
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *report : FsckReport();
  }

  // Whether some damage of `part` has `text` in its place or its words.
  static testing::AssertionResult Names(const FsckReport& report, const std::string& part,
                                        const std::string& text) {
    auto result = testing::AssertionFailure() << "no damage of " << part << " says " << text;
    for (const Finding& finding : report.findings) {
      const std::string line = absl::StrCat(finding.where, ": ", finding.what);
      if (finding.severity == Severity::kDamage && finding.part == part &&
          absl::StrContains(line, text)) {
        EXPECT_FALSE(finding.advice.empty());
        return testing::AssertionSuccess();
      }
      result << "\n  " << finding.part << ", " << line;
    }
    return result;
  }

  [[nodiscard]] absl::Status OpenStatus() {
    return Log::Open({.directory = directory_.path(), .clock = &clock_, .limits = {}}).status();
  }

  [[nodiscard]] fs::path LogPath() const { return fs::path(directory_.path()) / "log"; }

  // The files whose names end so, by name.
  [[nodiscard]] std::vector<fs::path> Files(const std::string& suffix) const {
    std::vector<fs::path> files;
    for (const auto& file : fs::directory_iterator(LogPath())) {
      const std::string name = file.path().filename().string();
      if (absl::EndsWith(name, suffix) || absl::StartsWith(name, suffix)) {
        files.push_back(file.path());
      }
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  // The write-ahead log that has something in it.
  [[nodiscard]] fs::path WriteAheadLog() const {
    for (const fs::path& file : Files(".log")) {
      if (fs::file_size(file) > 0) return file;
    }
    ADD_FAILURE() << "there is no write-ahead log";
    return {};
  }

  void Tamper(const std::string& family, const TamperFunction& change) {
    TamperWithFamily(LogPath().string(), family, change);
  }
};

TEST_F(FsckTest, SoundLedgerHasNoFinding) {
  Fill();
  const FsckReport report = Check();
  for (const Finding& finding : report.findings) {
    ADD_FAILURE() << finding.part << ", " << finding.where << ": " << finding.what;
  }
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.origin, "example.org/test");
  EXPECT_EQ(report.verifier_key, verifier_key_);
  EXPECT_EQ(report.recorded.size, TreeSize{641});
  EXPECT_EQ(report.intact_size, TreeSize{641});
  EXPECT_EQ(report.stream_count, 7);
  EXPECT_GT(report.byte_count, 0);
  Open();
  EXPECT_EQ(log_->tree_head(), report.recorded);
}

TEST_F(FsckTest, LedgerThatIsOpenIsNotChecked) {
  Open();
  const absl::StatusOr<FsckReport> report = Fsck({.directory = directory_.path()});
  EXPECT_EQ(report.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(report.status()), "WRONG_STATE");
}

TEST_F(FsckTest, DirectoryWithoutLedgerIsNotFound) {
  const TemporaryDirectory empty;
  EXPECT_EQ(Fsck({.directory = empty.path()}).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(FsckTest, FlippedBitInTheMiddleOfTheWriteAheadLogIsDamageAndStopsTheOpening) {
  Fill();
  const fs::path file = WriteAheadLog();
  FlipBit(file, static_cast<int64_t>(fs::file_size(file)) / 2, 3);
  EXPECT_TRUE(Names(Check(), "write-ahead-log", file.filename().string()));
  const absl::Status opened = OpenStatus();
  EXPECT_EQ(ReasonOf(opened), "LEDGER_FAILED");
  EXPECT_TRUE(absl::StrContains(opened.message(), file.filename().string())) << opened;
  // Nothing was repaired away: a second look finds the same.
  EXPECT_TRUE(Names(Check(), "write-ahead-log", file.filename().string()));
  EXPECT_EQ(ReasonOf(Log::OpenReadOnly(directory_.path()).status()), "LEDGER_FAILED");
}

TEST_F(FsckTest, TornEndOfTheWriteAheadLogIsAWarning) {
  Fill();
  std::ofstream(WriteAheadLog(), std::ios::app | std::ios::binary)
      << std::string("\x12\x34\x56\x78\x40\x00\x01", 7);
  const FsckReport report = Check();
  EXPECT_TRUE(report.sound());
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings.front().part, "write-ahead-log");
  EXPECT_TRUE(OpenStatus().ok());
}

TEST_F(FsckTest, MissingTableIsNamed) {
  Fill();
  const fs::path file = Files(".sst").front();
  fs::remove(file);
  EXPECT_TRUE(Names(Check(), "table", file.filename().string()));
  EXPECT_EQ(ReasonOf(OpenStatus()), "LEDGER_FAILED");
}

TEST_F(FsckTest, TruncatedTableIsNamed) {
  Fill();
  const fs::path file = Files(".sst").back();
  fs::resize_file(file, fs::file_size(file) - 100);
  EXPECT_TRUE(Names(Check(), "table", file.filename().string()));
}

TEST_F(FsckTest, FlippedBitInATableIsNamed) {
  Fill();
  for (const fs::path& file : Files(".sst")) {
    FlipBit(file, 20, 0);
    EXPECT_TRUE(Names(Check(), "table", file.filename().string()));
    FlipBit(file, 20, 0);
  }
  EXPECT_TRUE(Check().sound());
}

// What lies at the end of a table is read before its checksums are compared: among it the bit at
// which Debian's RocksDB ends the process.
TEST_F(FsckTest, FlippedHighBitAtTheEndOfATableIsNamedAndEndsNoProcess) {
  constexpr int64_t kTailBytes = 330;
  Fill();
  const fs::path table = Files(".sst").front();
  const auto size = static_cast<int64_t>(fs::file_size(table));
  int refused = 0;
  for (int64_t byte = std::max(size - kTailBytes, int64_t{0}); byte < size; ++byte) {
    FlipBit(table, byte, 7);
    const auto log = Log::OpenReadOnly(directory_.path());
    if (!log.ok() && absl::StrContains(log.status().message(), "in their last byte")) {
      EXPECT_EQ(ReasonOf(log.status()), "LEDGER_FAILED");
      EXPECT_TRUE(Names(Check(), "table", table.filename().string()));
      ++refused;
    }
    FlipBit(table, byte, 7);
  }
  EXPECT_EQ(refused, 1);
  EXPECT_TRUE(Check().sound());
}

TEST_F(FsckTest, SwappedTablesAreNoticed) {
  Fill();
  const std::vector<fs::path> files = Files(".sst");
  ASSERT_GE(files.size(), 2U);
  const fs::path aside = LogPath() / "aside";
  fs::rename(files.front(), aside);
  fs::rename(files.back(), files.front());
  fs::rename(aside, files.back());
  const FsckReport report = Check();
  EXPECT_FALSE(report.sound());
  EXPECT_TRUE(Names(report, "database", ".sst"));
  EXPECT_EQ(ReasonOf(OpenStatus()), "LEDGER_FAILED");
}

TEST_F(FsckTest, MissingManifestAndMalformedCurrentAreNamed) {
  Fill();
  const fs::path manifest = Files("MANIFEST-").front();
  const fs::path aside = fs::path(directory_.path()) / "aside";
  fs::rename(manifest, aside);
  EXPECT_TRUE(Names(Check(), "manifest", manifest.filename().string()));
  fs::rename(aside, manifest);
  std::ofstream(LogPath() / "CURRENT") << "MANIFEST";
  EXPECT_TRUE(Names(Check(), "current", "CURRENT"));
  EXPECT_EQ(ReasonOf(OpenStatus()), "LEDGER_FAILED");
}

TEST_F(FsckTest, FlippedBitInTheManifestIsNamed) {
  Fill();
  const fs::path manifest = Files("MANIFEST-").front();
  FlipBit(manifest, 40, 1);
  EXPECT_TRUE(Names(Check(), "manifest", manifest.filename().string()));
  EXPECT_EQ(ReasonOf(OpenStatus()), "LEDGER_FAILED");
}

TEST_F(FsckTest, KeyFileThatIsNotTheLedgersIsNamed) {
  Fill();
  const fs::path key = fs::path(directory_.path()) / "ledger.key";
  const fs::path aside = fs::path(directory_.path()) / "aside";
  chmod(key.c_str(), 0644);
  const FsckReport readable = Check();
  EXPECT_TRUE(readable.sound());
  ASSERT_EQ(readable.findings.size(), 1U);
  EXPECT_EQ(readable.findings.front().advice, "chmod 600 it");
  fs::rename(key, aside);
  EXPECT_TRUE(Names(Check(), "key", "missing"));
  std::ofstream(key) << "PRIVATE+KEY+example.org/test+00000000+AAAA\n";
  EXPECT_TRUE(Names(Check(), "key", "not a key of example.org/test"));
}

TEST_F(FsckTest, CopyOfTheCheckpointThatIsNotWholeIsAWarningAndBothAreDamage) {
  constexpr int64_t kSlotBytes = 4'096;
  Fill();
  const fs::path anchor = fs::path(directory_.path()) / "ledger.anchor";
  ASSERT_EQ(fs::file_size(anchor), 2 * kSlotBytes);
  for (const int64_t slot : {int64_t{0}, kSlotBytes}) {
    // In the note, in the bytes after it, in their digest.
    for (const int64_t byte : {int64_t{20}, int64_t{3'000}, kSlotBytes - 1}) {
      FlipBit(anchor, slot + byte, 3);
      const FsckReport report = Check();
      FlipBit(anchor, slot + byte, 3);
      EXPECT_TRUE(report.sound());
      ASSERT_EQ(report.findings.size(), 1U) << "byte " << slot + byte;
      const Finding& finding = report.findings.front();
      EXPECT_EQ(finding.severity, Severity::kWarning);
      EXPECT_EQ(finding.part, "anchor");
      EXPECT_EQ(finding.where, absl::StrCat("ledger.anchor byte ", slot));
      EXPECT_FALSE(finding.advice.empty());
    }
  }
  EXPECT_TRUE(Check().findings.empty());
  FlipBit(anchor, 20, 3);
  FlipBit(anchor, kSlotBytes + 20, 3);
  EXPECT_TRUE(Names(Check(), "anchor", "ledger.anchor"));
  // What the advice promises: the next checkpoints take the place of the damaged copy.
  FlipBit(anchor, 20, 3);
  for (int i = 0; i < 2; ++i) {
    Open();
    Append("a", {"more"});
    Close();
  }
  EXPECT_TRUE(Check().findings.empty());
}

TEST_F(FsckTest, ChangedEntryIsNamedByPosition) {
  Fill();
  Tamper("entries", [](rocksdb::DB& database, rocksdb::ColumnFamilyHandle* family) {
    std::string entry;
    ASSERT_TRUE(database.Get({}, family, BigEndian(100), &entry).ok());
    // The last byte is text of the payload.
    entry.back() ^= 1;
    ASSERT_TRUE(database.Put({}, family, BigEndian(100), entry).ok());
  });
  const FsckReport report = Check();
  EXPECT_TRUE(Names(report, "entry", "position 100"));
  EXPECT_EQ(report.intact_size, TreeSize{100});
}

TEST_F(FsckTest, MissingEntryIsNamedByPosition) {
  Fill();
  Tamper("entries", [](rocksdb::DB& database, rocksdb::ColumnFamilyHandle* family) {
    ASSERT_TRUE(database.Delete({}, family, BigEndian(17)).ok());
  });
  const FsckReport report = Check();
  EXPECT_TRUE(Names(report, "entry", "position 17: is missing"));
  EXPECT_EQ(report.intact_size, TreeSize{17});
}

TEST_F(FsckTest, ChangedTileIsNamed) {
  Fill();
  Tamper("tiles", [](rocksdb::DB& database, rocksdb::ColumnFamilyHandle* family) {
    std::string tile;
    const std::string key = std::string(1, '\0') + BigEndian(1);
    ASSERT_TRUE(database.Get({}, family, key, &tile).ok());
    tile[32 * 7] ^= 1;
    ASSERT_TRUE(database.Put({}, family, key, tile).ok());
  });
  EXPECT_TRUE(Names(Check(), "entry", absl::StrCat("position ", 256 + 7)));
}

TEST_F(FsckTest, IndexesThatDoNotFitAreNamed) {
  Fill();
  Tamper("streams", [](rocksdb::DB& database, rocksdb::ColumnFamilyHandle* family) {
    const std::string name("streams/1\0", 10);
    ASSERT_TRUE(database.Put({}, family, name + BigEndian(3), BigEndian(0)).ok());
    ASSERT_TRUE(database.Delete({}, family, name + BigEndian(5)).ok());
    ASSERT_TRUE(database.Put({}, family, name + BigEndian(100'000), BigEndian(3)).ok());
  });
  Tamper("requests", [](rocksdb::DB& database, rocksdb::ColumnFamilyHandle* family) {
    std::string record;
    ASSERT_TRUE(database.Get({}, family, "many-2", &record).ok());
    ASSERT_TRUE(database.Put({}, family, "many-3", record).ok());
    ASSERT_TRUE(database.Delete({}, family, "many-4").ok());
    ASSERT_TRUE(database.Put({}, family, "many-x", record).ok());
    ASSERT_TRUE(database.Put({}, family, "many-y", record).ok());
  });
  const FsckReport report = Check();
  EXPECT_TRUE(Names(report, "stream-index", "streams/1 version 3"));
  EXPECT_TRUE(Names(report, "stream-index", "streams/1 version 5: is missing"));
  EXPECT_TRUE(Names(report, "stream-index", "not in the log"));
  EXPECT_TRUE(Names(report, "request-index", "request many-3"));
  EXPECT_TRUE(Names(report, "request-index", "request many-4: is missing"));
  EXPECT_TRUE(Names(report, "request-index", "number of requests"));
}

TEST_F(FsckTest, RecordedHeadThatDoesNotFitIsNamed) {
  Fill();
  Tamper("meta", [](rocksdb::DB& database, rocksdb::ColumnFamilyHandle* family) {
    std::string head;
    ASSERT_TRUE(database.Get({}, family, "head", &head).ok());
    head[20] ^= 1;
    ASSERT_TRUE(database.Put({}, family, "head", head).ok());
  });
  const FsckReport report = Check();
  EXPECT_TRUE(Names(report, "head", "root"));
  // Full tiles vouch for this many.
  EXPECT_EQ(report.intact_size, TreeSize{512});
}

TEST_F(FsckTest, FindingsAreCountedWhereThereAreTooMany) {
  Fill();
  Tamper("streams", [](rocksdb::DB& database, rocksdb::ColumnFamilyHandle* family) {
    for (int64_t i = 0; i < 50; ++i) {
      ASSERT_TRUE(database.Delete({}, family, std::string("streams/1\0", 10) + BigEndian(i)).ok());
    }
  });
  const absl::StatusOr<FsckReport> report =
      Fsck({.directory = directory_.path(), .findings_max = 3});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->findings.size(), 3U);
  EXPECT_EQ(report->omitted_finding_count, 47);
}

// --- The physical form ---

TEST(BlockLogTest, ChecksumIsTheCastagnoliCode) {
  // RFC 3720, appendix B.4, and the usual check value.
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aaU);
}

TEST_F(FsckTest, EveryDefectOfALogFileIsSeenAndEveryWholeRecordToo) {
  Fill();
  std::ifstream file(WriteAheadLog(), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<int64_t> offsets;
  const BlockLogScan whole =
      ScanBlockLog(bytes, [&](int64_t offset, std::string_view) { offsets.push_back(offset); });
  EXPECT_FALSE(whole.defect.has_value());
  ASSERT_GE(offsets.size(), 3U);
  const auto size = static_cast<int64_t>(bytes.size());
  for (int64_t at = 0; at < size; at += 1 + size / 400) {
    SCOPED_TRACE(at);
    std::string flipped = bytes;
    flipped[static_cast<size_t>(at)] ^= 0x10;
    std::vector<int64_t> found;
    const BlockLogScan scan =
        ScanBlockLog(flipped, [&](int64_t offset, std::string_view) { found.push_back(offset); });
    ASSERT_TRUE(scan.defect.has_value());
    EXPECT_LE(scan.defect->offset, at);
    EXPECT_EQ(scan.intact_after_defect, at < offsets.back());
    EXPECT_EQ(found.size() + 1, offsets.size());
  }
  for (int64_t cut = 1; cut < size; cut += 1 + size / 400) {
    const BlockLogScan scan =
        ScanBlockLog(std::string_view(bytes).substr(0, static_cast<size_t>(cut)),
                     [](int64_t, std::string_view) {});
    EXPECT_EQ(scan.defect.has_value(),
              std::find(offsets.begin(), offsets.end(), cut) == offsets.end());
    EXPECT_FALSE(scan.intact_after_defect);
  }
}

TEST_F(FsckTest, LogFileOfSeveralBlocksIsRead) {
  Open();
  for (int i = 0; i < 8; ++i) Append("large", {std::string(60'000, static_cast<char>('a' + i))});
  Close();
  std::ifstream file(WriteAheadLog(), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  int64_t longest = 0;
  const BlockLogScan scan = ScanBlockLog(bytes, [&](int64_t, std::string_view record) {
    longest = std::max(longest, static_cast<int64_t>(record.size()));
  });
  EXPECT_FALSE(scan.defect.has_value());
  EXPECT_EQ(scan.record_count, 8);
  EXPECT_GT(longest, 60'000);
  // Zeros that were reserved behind the end.
  EXPECT_FALSE(ScanBlockLog(bytes + std::string(100'000, '\0'), [](int64_t, std::string_view) {
               }).defect.has_value());
}

}  // namespace
}  // namespace credence::ledger
