#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/network_events.pb.h"
#include "credence/event/v1/text.pb.h"
#include "credence/ledger/backup.h"
#include "credence/ledger/fsck.h"
#include "credence/ledger/salvage.h"
#include "credence/ledger/text.h"
#include "ledger_fixture.h"
#include "tampering.h"

namespace credence::ledger {
namespace {

namespace fs = std::filesystem;

using event::v1::EntryText;
using event::v1::ForecastRecorded;

// Does not compress, so that it stands in the files letter by letter.
constexpr char kSecret[] = "Qx7-Wv2z_Kj9!pLr4#TnB8@yHd3$FmG6";

// A projection that keeps what forecasts say, as a server's does.
class KeepingProjection final : public Projection {
 public:
  void Fold(const SequencedEvent& event) override {
    if (const auto* forecast = dynamic_cast<const ForecastRecorded*>(event.payload)) {
      said_[event.position.value] = forecast->rationale();
    }
    if (const auto* erased = dynamic_cast<const event::v1::TextsErased*>(event.payload)) {
      for (const auto& text : erased->texts()) said_[text.position()] = std::string(kErasedText);
    }
  }
  BatchSteps Seal(StateWriter& state, TreeSize) override {
    for (const auto& [position, text] : said_) state.Put(absl::StrCat("said/", position), text);
    return {};
  }

 private:
  std::map<int64_t, std::string> said_;
};

class ErasureTest : public LedgerFixture {
 protected:
  void SetUp() override { projection_ = &keeping_; }

  // A forecast with a rationale; its position.
  Position Record(const std::string& rationale) {
    const auto receipt = SubmitAndWait(
        *log_, WriteOf(absl::StrCat("forecast-", ++writes_), rationale, {Forecast(rationale)}));
    EXPECT_TRUE(receipt.ok()) << receipt.status();
    return receipt.ok() ? receipt->position : Position();
  }

  absl::StatusOr<Receipt> Erase(Position position, const std::string& field = "rationale") {
    return SubmitAndWait(*log_, Erasure(absl::StrCat("erase-", ++writes_), position, field));
  }

  StoredEntry EntryAt(Position position) {
    const auto entries = log_->Read(position, {.entry_count_max = 1});
    EXPECT_TRUE(entries.ok()) << entries.status();
    return entries->front();
  }

  std::string RationaleAt(Position position) {
    const absl::StatusOr<DecodedEvent> event = log_->Decode(EntryAt(position));
    EXPECT_TRUE(event.ok()) << event.status();
    return event.ok() ? dynamic_cast<const ForecastRecorded&>(*event->payload).rationale() : "";
  }

  [[nodiscard]] FsckReport Check() {
    const absl::StatusOr<FsckReport> report = Fsck({.directory = directory_.path()});
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *report : FsckReport();
  }

  static testing::AssertionResult SaysOfTexts(const FsckReport& report, const std::string& what) {
    auto result = testing::AssertionFailure() << "no damage of a text says: " << what;
    for (const Finding& finding : report.findings) {
      if (finding.part == "text" && absl::StrContains(finding.what, what)) {
        return testing::AssertionSuccess();
      }
      result << "\n  " << finding.part << ", " << finding.where << ": " << finding.what;
    }
    return result;
  }

  [[nodiscard]] std::string database() const { return directory_.path() + "/log"; }

  KeepingProjection keeping_;
  const TemporaryDirectory backups_;
  int writes_ = 0;
};

TEST_F(ErasureTest, EntryHoldsTheSaltedDigestOfATextAndNotTheText) {
  Open();
  const Position first = Record(kSecret);
  const Position second = Record(kSecret);
  EXPECT_FALSE(absl::StrContains(*EntryAt(first).bytes, kSecret));
  EXPECT_EQ(RationaleAt(first), kSecret);
  const auto texts = log_->ReadTexts(EntryAt(first));
  ASSERT_TRUE(texts.ok()) << texts.status();
  ASSERT_EQ(texts->size(), 1U);
  EXPECT_EQ(texts->front().field(), "rationale");
  EXPECT_EQ(texts->front().text(), kSecret);
  EXPECT_EQ(texts->front().salt().size(), kTextSaltBytes);
  const auto decoded = DecodeEntry(*EntryAt(first).bytes);
  const auto digests = TextDigestsOf(*decoded->payload);
  ASSERT_EQ(digests.size(), 1U);
  EXPECT_TRUE(FitsDigest(digests[0], texts->front().salt(), kSecret));
  // The same text twice is not seen to be the same.
  const auto other = DecodeEntry(*EntryAt(second).bytes);
  EXPECT_NE(TextDigestsOf(*other->payload)[0].digest(), digests[0].digest());
}

TEST_F(ErasureTest, TextsOfNestedFieldsAreKeptByTheirPaths) {
  auto payload = std::make_shared<event::v1::EvidenceRecorded>();
  payload->mutable_model()->set_node("n");
  payload->mutable_model()->set_summary("Said so.");
  payload->mutable_model()->set_url("https://example.org/a");
  EventDraft draft = Say("networks/n", "");
  draft.payload = payload;
  Open();
  const auto receipt = SubmitAndWait(*log_, WriteOf("evidence", "", {draft}));
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  const auto texts = log_->ReadTexts(EntryAt(receipt->position));
  ASSERT_TRUE(texts.ok()) << texts.status();
  ASSERT_EQ(texts->size(), 2U);
  EXPECT_EQ((*texts)[0].field(), "model.summary");
  EXPECT_EQ((*texts)[1].field(), "model.url");
  const auto event = log_->Decode(EntryAt(receipt->position));
  ASSERT_TRUE(event.ok());
  const auto& read = dynamic_cast<const event::v1::EvidenceRecorded&>(*event->payload);
  EXPECT_EQ(read.model().summary(), "Said so.");
  EXPECT_EQ(read.model().url(), "https://example.org/a");
}

TEST_F(ErasureTest, EveryTypeWithMarkedFieldsHasPlaceForTheirDigests) {
  const auto* const pool = google::protobuf::DescriptorPool::generated_pool();
  for (const char* const file :
       {"forecast_events", "network_events", "question_events", "author_events"}) {
    const auto* const descriptor =
        pool->FindFileByName(absl::StrCat("credence/event/v1/", file, ".proto"));
    ASSERT_NE(descriptor, nullptr);
    for (int i = 0; i < descriptor->message_type_count(); ++i) {
      const auto* const type = descriptor->message_type(i);
      const std::unique_ptr<google::protobuf::Message> message(
          google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
      bool marked = false;
      for (int f = 0; f < type->field_count(); ++f) {
        marked = marked || type->field(f)->options().GetExtension(event::v1::erasable);
      }
      if (marked) {
        EXPECT_NE(type->FindFieldByName("text_digests"), nullptr) << type->full_name();
      }
      for (int f = 0; f < type->field_count(); ++f) {
        if (!type->field(f)->options().GetExtension(event::v1::erasable)) continue;
        EXPECT_TRUE(SetErasableText(*message, std::string(type->field(f)->name()), "x"))
            << type->full_name() << " is not among the types whose texts are separated";
      }
    }
  }
}

TEST_F(ErasureTest, ErasedTextReadsAsErasedAndItsProofsHold) {
  Open();
  const Position position = Record(kSecret);
  const TreeHead before = log_->tree_head();
  const std::string entry = *EntryAt(position).bytes;
  const auto receipt = Erase(position);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(RationaleAt(position), kErasedText);
    const auto texts = log_->ReadTexts(EntryAt(position));
    ASSERT_TRUE(texts.ok());
    EXPECT_TRUE((*texts)[0].text().empty());
    EXPECT_TRUE((*texts)[0].salt().empty());
    EXPECT_EQ((*texts)[0].erased_position(), receipt->position.value);
    EXPECT_EQ(*EntryAt(position).bytes, entry);
    EXPECT_EQ(log_->TreeHeadAt(before.size)->root, before.root);
    Reopen();
  }
  ExpectSound();
  Close();
  EXPECT_TRUE(Check().sound());
}

TEST_F(ErasureTest, ErasedTextIsInNoTableAndNoLogOfWrites) {
  Open();
  const Position in_table = Record(absl::StrCat(kSecret, " 1"));
  AppendMany(400);
  // Closing leaves it in the log of writes, opening puts it into a table.
  Reopen();
  AppendMany(100);
  Reopen();
  const Position in_log = Record(absl::StrCat(kSecret, " 2"));
  const Position kept = Record("Stays.");
  ASSERT_GE(FilesWith(directory_.path(), absl::StrCat(kSecret, " 1")).size(), 1U);
  ASSERT_GE(FilesWith(directory_.path(), absl::StrCat(kSecret, " 2")).size(), 1U);
  const std::string salt = log_->ReadTexts(EntryAt(in_table))->front().salt();
  ASSERT_GE(FilesWith(directory_.path(), salt).size(), 1U);
  ASSERT_TRUE(Erase(in_table).ok());
  ASSERT_TRUE(Erase(in_log).ok());
  ASSERT_TRUE(log_->PurgeErased().ok());
  // While it is open, and after.
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(FilesWith(directory_.path(), kSecret).empty())
        << FilesWith(directory_.path(), kSecret).front();
    EXPECT_TRUE(FilesWith(directory_.path(), salt).empty());
    Reopen();
  }
  EXPECT_EQ(RationaleAt(kept), "Stays.");
  EXPECT_FALSE(FilesWith(directory_.path(), "Stays.").empty());
  Close();
  EXPECT_TRUE(Check().sound());
}

TEST_F(ErasureTest, PurgeThatWasNotReachedIsDoneWhenTheLedgerIsOpened) {
  Open();
  const Position position = Record(kSecret);
  ASSERT_TRUE(Erase(position).ok());
  Close();
  ASSERT_FALSE(FilesWith(directory_.path(), kSecret).empty());
  Open();
  EXPECT_TRUE(FilesWith(directory_.path(), kSecret).empty());
}

TEST_F(ErasureTest, PurgeIsDoneThoughTheLogOfWritesEndsTorn) {
  Open();
  const Position position = Record(kSecret);
  ASSERT_TRUE(Erase(position).ok());
  Close();
  // As where the power failed, or the disk was full, in the middle of a record.
  for (const auto& file : fs::directory_iterator(database())) {
    if (file.path().extension() != ".log" || file.file_size() == 0) continue;
    std::ofstream(file.path(), std::ios::binary | std::ios::app)
        << std::string("\x12\x34\x56\x78\x40\x00\x01", 7);
  }
  for (int i = 0; i < 2; ++i) {
    Open();
    EXPECT_TRUE(FilesWith(directory_.path(), kSecret).empty());
    Close();
  }
}

TEST_F(ErasureTest, BackupsHoldTheTextUntilThoseFromBeforeAreDeleted) {
  Open();
  const Position position = Record(kSecret);
  AppendMany(50);
  const BackupOptions options{.backup_directory = backups_.path()};
  ASSERT_TRUE(CreateBackup(*log_, options).ok());
  ASSERT_TRUE(Erase(position).ok());
  ASSERT_TRUE(log_->PurgeErased().ok());
  ASSERT_FALSE(FilesWith(backups_.path(), kSecret).empty());
  ASSERT_TRUE(CreateBackup(*log_, options).ok());
  ASSERT_TRUE(PruneBackups(backups_.path(), 1).ok());
  EXPECT_TRUE(FilesWith(backups_.path(), kSecret).empty());
  const auto report = VerifyBackup(backups_.path(), 0);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->sound());
}

TEST_F(ErasureTest, RepeatOfAWriteWhoseTextsAreErasedGetsItsFirstReceipt) {
  Open();
  const Position position = Record(kSecret);
  const auto repeat = [&](const std::string& body) {
    return SubmitAndWait(*log_, WriteOf("forecast-1", body, {Say("questions/q", "")}));
  };
  EXPECT_EQ(ReasonOf(repeat("other").status()), "REQUEST_ID_REUSED");
  ASSERT_TRUE(Erase(position).ok());
  for (int round = 0; round < 2; ++round) {
    const auto receipt = repeat("other");
    ASSERT_TRUE(receipt.ok()) << receipt.status();
    EXPECT_TRUE(receipt->duplicate);
    EXPECT_EQ(receipt->position, position);
    Reopen();
  }
}

TEST_F(ErasureTest, TextsWithinOldEntriesAreRead) {
  Open();
  event::v1::EventEnvelope envelope;
  ForecastRecorded payload;
  payload.set_rationale("Written before.");
  envelope.set_position(7);
  envelope.set_stream("questions/q");
  envelope.mutable_payload()->PackFrom(payload);
  const StoredEntry old{Position{7},
                        std::make_shared<const std::string>(envelope.SerializeAsString())};
  const auto event = log_->Decode(old);
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(dynamic_cast<const ForecastRecorded&>(*event->payload).rationale(), "Written before.");
  EXPECT_TRUE(log_->ReadTexts(old)->empty());
}

TEST_F(ErasureTest, LedgerFromBeforeTextsLayBesideTheLogIsOpened) {
  Open();
  AppendMany(20);
  Close();
  TamperWithFamily(database(), "blobs",
                   [](rocksdb::DB& database, rocksdb::ColumnFamilyHandle* family) {
                     ASSERT_TRUE(database.DropColumnFamily(family).ok());
                   });
  {
    const auto read_only = Log::OpenReadOnly(directory_.path());
    ASSERT_TRUE(read_only.ok()) << read_only.status();
    EXPECT_EQ(ReadAll(**read_only).size(), 21U);
  }
  EXPECT_TRUE(Check().sound());
  Open();
  EXPECT_EQ(RationaleAt(Record(kSecret)), kSecret);
}

TEST_F(ErasureTest, TextThatIsMissingOrChangedIsDamage) {
  Open();
  const Position missing = Record("Is missing.");
  const Position changed = Record("Is changed.");
  const Position erased = Record("Is erased.");
  ASSERT_TRUE(Erase(erased).ok());
  Close();
  TamperWithFamily(
      database(), "blobs", [&](rocksdb::DB& database, rocksdb::ColumnFamilyHandle* family) {
        const auto key = [](Position position) {
          return absl::StrCat(BigEndian(position.value), "rationale");
        };
        const rocksdb::WriteOptions options;
        ASSERT_TRUE(database.Delete(options, family, key(missing)).ok());
        std::string value;
        ASSERT_TRUE(database.Get(rocksdb::ReadOptions(), family, key(changed), &value).ok());
        value.back() = '!';
        ASSERT_TRUE(database.Put(options, family, key(changed), value).ok());
        // Put back what the event says is gone.
        ASSERT_TRUE(database.Put(options, family, key(erased), value).ok());
      });
  const FsckReport report = Check();
  EXPECT_FALSE(report.sound());
  EXPECT_TRUE(SaysOfTexts(report, "is missing"));
  EXPECT_TRUE(SaysOfTexts(report, "does not have the digest"));
  EXPECT_TRUE(SaysOfTexts(report, "has no mark that the event"));
  projection_ = nullptr;
  Open();
  EXPECT_EQ(ReasonOf(log_->Decode(EntryAt(missing)).status()), "LEDGER_FAILED");
  // What does not verify takes no more.
  EXPECT_EQ(ReasonOf(SubmitAndWait(*log_, WriteOf("after", "", {Say("s", "x")})).status()),
            "LEDGER_FAILED");
}

TEST_F(ErasureTest, MarkWithoutAnEventThatErasedIsDamage) {
  Open();
  const Position position = Record("Hidden.");
  Close();
  TamperWithFamily(database(), "blobs",
                   [&](rocksdb::DB& database, rocksdb::ColumnFamilyHandle* family) {
                     ASSERT_TRUE(database
                                     .Put(rocksdb::WriteOptions(), family,
                                          absl::StrCat(BigEndian(position.value), "rationale"),
                                          absl::StrCat("\x02", BigEndian(0)))
                                     .ok());
                   });
  EXPECT_TRUE(SaysOfTexts(Check(), "which does not say so"));
}

TEST_F(ErasureTest, SalvageKeepsTextsAndLeavesErasedOnesErased) {
  Open();
  const Position kept = Record("Is kept.");
  const Position erased = Record(kSecret);
  ASSERT_TRUE(Erase(erased).ok());
  AppendMany(20);
  Close();
  const std::string out = backups_.path() + "/salvaged";
  const auto report = Salvage({.directory = directory_.path(), .out_directory = out});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->lost_text_count, 0);
  EXPECT_TRUE(FilesWith(out, kSecret).empty());
  const auto log = Log::OpenReadOnly(out);
  ASSERT_TRUE(log.ok()) << log.status();
  const auto entries = ReadAll(**log);
  const auto say = [&](Position position) {
    const auto event = (*log)->Decode(entries[static_cast<size_t>(position.value)]);
    EXPECT_TRUE(event.ok()) << event.status();
    return dynamic_cast<const ForecastRecorded&>(*event->payload).rationale();
  };
  EXPECT_EQ(say(kept), "Is kept.");
  EXPECT_EQ(say(erased), kErasedText);
}

}  // namespace
}  // namespace credence::ledger
