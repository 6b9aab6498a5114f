#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "credence/base/error.h"
#include "credence/ledger/fsck.h"
#include "credence/ledger/salvage.h"
#include "ledger_fixture.h"
#include "tampering.h"

// A ledger that a newer program wrote is told from one that is damaged, whatever reads it.
namespace credence::ledger {
namespace {

class FormatTest : public LedgerFixture {
 protected:
  void Fill() {
    Open();
    Append("a", {"x"});
    Close();
  }

  [[nodiscard]] std::string LogPath() const { return directory_.path() + "/log"; }

  void SetFormat(int64_t format) {
    TamperWithFamily(LogPath(), "meta", [&](rocksdb::DB& database, auto* family) {
      ASSERT_TRUE(database.Put(rocksdb::WriteOptions(), family, "format", BigEndian(format)).ok());
    });
  }

  // A family that only a newer program knows.
  void AddFamily() {
    TamperWithFamily(LogPath(), "meta", [](rocksdb::DB& database, auto*) {
      rocksdb::ColumnFamilyHandle* added = nullptr;
      ASSERT_TRUE(
          database.CreateColumnFamily(rocksdb::ColumnFamilyOptions(), "of_the_future", &added)
              .ok());
      ASSERT_TRUE(database.DestroyColumnFamilyHandle(added).ok());
    });
  }

  [[nodiscard]] std::vector<absl::Status> OpenInEveryWay() const {
    const std::string& directory = directory_.path();
    return {
        Log::Open({.directory = directory, .clock = &clock_, .limits = {}}).status(),
        Log::OpenReadOnly(directory).status(),
        Log::RotateKey({.directory = directory, .clock = &clock_, .limits = {}}).status(),
        Fsck({.directory = directory}).status(),
        Salvage({.directory = directory, .out_directory = directory + "/salvaged"}).status(),
    };
  }

  void ExpectNewer(const std::string& format) {
    for (const absl::Status& status : OpenInEveryWay()) {
      EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
      EXPECT_EQ(ReasonOf(status), "WRONG_STATE") << status;
      EXPECT_EQ(GetErrorDetail(status).metadata["format"], format) << status;
      EXPECT_TRUE(absl::StrContains(status.message(), "has the format " + format)) << status;
    }
  }
};

TEST_F(FormatTest, ANewerFormatIsRefusedByItsNumberAndLeftAsItIs) {
  Fill();
  SetFormat(2);
  ExpectNewer("2");
  SetFormat(1);
  Open();
  ExpectSound();
}

TEST_F(FormatTest, FamiliesOfANewerFormatDoNotLookLikeDamage) {
  Fill();
  AddFamily();
  SetFormat(7);
  ExpectNewer("7");
}

TEST_F(FormatTest, AFormatThatNoProgramWroteIsDamage) {
  Fill();
  SetFormat(0);
  const absl::Status status =
      Log::Open({.directory = directory_.path(), .clock = &clock_, .limits = {}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
}

}  // namespace
}  // namespace credence::ledger
