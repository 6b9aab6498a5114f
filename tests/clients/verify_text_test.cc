#include "credence/client/verify/text_checker.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "credence/base/strings.h"
#include "credence/client/verify/export_log.h"
#include "credence/client/verify/hash.h"
#include "credence/event/v1/network_events.pb.h"
#include "credence/event/v1/text.pb.h"
#include "verify_log_fixture.h"

namespace credence::client {
namespace {

using event::v1::EntryText;
using event::v1::TextBundle;

class VerifyTextTest : public VerifyLogTest {
 protected:
  VerifyTextTest() { log_.AddMany(20); }

  // An entry with a text beside it; its position.
  int64_t AddText(const std::string& text) {
    event::v1::EvidenceRetracted payload;
    payload.set_network("n");
    const auto position = static_cast<int64_t>(log_.envelopes().size());
    const std::string salt(32, static_cast<char>('a' + position % 26));
    event::v1::TextDigest& digest = *payload.add_text_digests();
    digest.set_field("rationale");
    digest.set_digest(std::string(BytesOf(Sha256(Cat(salt, text)))));
    log_.Add("networks/n", payload);
    EntryText& shown = *texts_.add_texts();
    shown.set_position(position);
    shown.set_field("rationale");
    shown.set_salt(salt);
    shown.set_text(text);
    return position;
  }

  // An event that erases the text; its position.
  int64_t AddErasure(int64_t position) {
    event::v1::TextsErased payload;
    event::v1::ErasedText& text = *payload.add_texts();
    text.set_position(position);
    text.set_stream("networks/n");
    text.add_fields("rationale");
    log_.Add("ledger", payload);
    return static_cast<int64_t>(log_.envelopes().size()) - 1;
  }

  EntryText& TextAt(int64_t position) {
    for (EntryText& text : *texts_.mutable_texts()) {
      if (text.position() == position) return text;
    }
    return *texts_.add_texts();
  }

  void MarkErased(int64_t position, int64_t event) {
    EntryText& text = TextAt(position);
    text.clear_salt();
    text.clear_text();
    text.set_erased_position(event);
  }

  void Write(bool with_texts = true) {
    log_.Write(directory_);
    std::filesystem::create_directories(directory_ + "/text");
    if (with_texts) {
      std::ofstream(directory_ + "/text/000", std::ios::binary) << texts_.SerializeAsString();
    }
  }

  TextCounts Counts() {
    const absl::StatusOr<VerifyReport> report = Verify();
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? report->text_counts : TextCounts();
  }

  TextBundle texts_;
};

TEST_F(VerifyTextTest, TextsAreComparedWithTheirDigests) {
  AddText("One.");
  const int64_t second = AddText("Two.");
  MarkErased(second, AddErasure(second));
  AddText("Three.");
  TextAt(second + 2).clear_salt();
  TextAt(second + 2).clear_text();
  Write();
  ExpectSound();
  EXPECT_EQ(Counts().shown, 1);
  EXPECT_EQ(Counts().erased, 1);
  EXPECT_EQ(Counts().not_shown, 1);
  EXPECT_NE(python_output_.find("\"texts\": 1, \"textsErased\": 1, \"textsHidden\": 1"),
            std::string::npos)
      << python_output_;
}

TEST_F(VerifyTextTest, ALogWithoutItsTextsIsProvedAsWell) {
  AddText("One.");
  Write(false);
  ExpectSound();
  EXPECT_EQ(Counts().not_shown, 1);
}

TEST_F(VerifyTextTest, ATextThatWasChangedIsFound) {
  const int64_t position = AddText("It did not happen.");
  TextAt(position).set_text("It happened.");
  Write();
  ExpectBroken(position, "does not have the digest");
}

TEST_F(VerifyTextTest, ATextThatNobodySaidIsFound) {
  AddText("One.");
  EntryText& invented = *texts_.add_texts();
  invented = texts_.texts(0);
  invented.set_position(3);
  Write();
  ExpectBroken(3, "has no digest of the text");
}

TEST_F(VerifyTextTest, ATextThatWasTakenAwayWithoutAnEventIsFound) {
  const int64_t position = AddText("One.");
  log_.AddMany(3);
  MarkErased(position, position + 2);
  Write();
  ExpectBroken(position, "which does not say so");
}

TEST_F(VerifyTextTest, ATextThatIsShownThoughItWasErasedIsFound) {
  const int64_t position = AddText("One.");
  AddErasure(position);
  Write();
  ExpectBroken(position, "is shown, though the event");
}

TEST_F(VerifyTextTest, ATextErasedAfterTheCheckpointIsNoFault) {
  const int64_t position = AddText("One.");
  MarkErased(position, 10'000);
  Write();
  ExpectSound();
  EXPECT_EQ(Counts().erased, 1);
}

TEST_F(VerifyTextTest, AnErasureOfWhatComesLaterIsFound) {
  AddText("One.");
  const int64_t event = AddErasure(5'000);
  Write();
  ExpectBroken(event, "which it cannot");
}

TEST_F(VerifyTextTest, EntriesThatAreVerifiedLaterAreComparedWithTheirTextsToo) {
  const int64_t first = AddText("One.");
  Write();
  ASSERT_TRUE(VerifyLater().ok());
  AddText("Two.");
  MarkErased(first, AddErasure(first));
  Write();
  const absl::StatusOr<VerifyReport> report = VerifyLater();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->text_counts.shown, 1);
}

TEST_F(VerifyTextTest, ACopyOfALogErasesWhatWasErasedSince) {
  const int64_t position = AddText("One.");
  log_.AddMany(300);
  Write();
  const std::string copy = root_ + "/copy";
  ASSERT_TRUE(ExportLog(*MakeDirectorySource(directory_), copy, {}).ok());
  MarkErased(position, AddErasure(position));
  Write();
  ASSERT_TRUE(ExportLog(*MakeDirectorySource(directory_), copy, {}).ok());
  const absl::StatusOr<std::string> text = MakeDirectorySource(copy)->Read("text/000");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(text->find("One."), std::string::npos);
  directory_ = copy;
  ExpectSound();
}

TEST(TextBundlePathTest, AFileHasOnePath) {
  EXPECT_EQ(TextBundlePath(0), "text/000");
  EXPECT_EQ(TextBundlePath(1'234'067), "text/x001/x234/067");
  EXPECT_EQ(ParseTextBundlePath("text/x001/x234/067"), 1'234'067);
  for (const char* const path :
       {"text/", "text/1", "text/x000/001", "text/000.p/5", "tile/0/000"}) {
    EXPECT_EQ(ParseTextBundlePath(path), -1) << path;
  }
}

}  // namespace
}  // namespace credence::client
