#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "anchor.h"
#include "credence/event/v1/ledger_events.pb.h"
#include "ledger_fixture.h"
#include "log_factory.h"
#include "note.h"
#include "tampering.h"

namespace credence::ledger {
namespace {

std::string Slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Where a path leads from a leaf: section 2.1.3.2 of RFC 9162.
Hash RootOf(Position leaf, TreeSize size, Hash hash, const std::vector<Hash>& path) {
  int64_t node = leaf.value;
  int64_t last = size.value - 1;
  for (const Hash& sibling : path) {
    EXPECT_NE(last, 0);
    if (node % 2 == 1 || node == last) {
      hash = NodeHash(sibling, hash);
      while (node % 2 == 0 && node != 0) {
        node /= 2;
        last /= 2;
      }
    } else {
      hash = NodeHash(hash, sibling);
    }
    node /= 2;
    last /= 2;
  }
  EXPECT_EQ(last, 0);
  return hash;
}

class CheckpointTest : public LedgerFixture {
 protected:
  [[nodiscard]] std::string Path(std::string_view name) const {
    return absl::StrCat(directory_.path(), "/", std::string(name));
  }
  [[nodiscard]] OpenOptions Options() const {
    OpenOptions options;
    options.directory = directory_.path();
    options.clock = &clock_;
    return options;
  }
  absl::StatusOr<SignedCheckpoint> Request() {
    absl::Notification called;
    absl::StatusOr<SignedCheckpoint> outcome = absl::UnknownError("not called");
    log_->RequestCheckpoint([&](absl::StatusOr<SignedCheckpoint> checkpoint) {
      outcome = std::move(checkpoint);
      called.Notify();
    });
    called.WaitForNotification();
    return outcome;
  }
  absl::StatusOr<Receipt> AppendWithProof(std::string_view request_id) {
    Submission submission = WriteOf(request_id, request_id, {Say("a", request_id)});
    submission.with_proof = true;
    return SubmitAndWait(*log_, std::move(submission));
  }
  void ExpectProved(const Receipt& receipt, std::string_view key) {
    ASSERT_NE(receipt.proof, nullptr);
    const SignedCheckpoint& checkpoint = receipt.proof->checkpoint;
    const auto opened = OpenNote(checkpoint.note, key);
    ASSERT_TRUE(opened.has_value()) << checkpoint.note;
    EXPECT_EQ(opened->text, CheckpointText("example.org/test", checkpoint.head));
    EXPECT_EQ(
        RootOf(receipt.position, checkpoint.head.size, receipt.leaf_hash, receipt.proof->path),
        checkpoint.head.root);
    EXPECT_EQ(log_->TreeHeadAt(checkpoint.head.size).value(), checkpoint.head);
  }
  // The files of the closed ledger, put back by Restore.
  void Save() { std::filesystem::copy(directory_.path(), copy_.path() + "/saved", kAll); }
  void Restore(std::string_view name) {
    std::filesystem::remove_all(Path(name));
    std::filesystem::copy(absl::StrCat(copy_.path(), "/saved/", std::string(name)), Path(name),
                          kAll);
  }

  static constexpr auto kAll = std::filesystem::copy_options::recursive;
  TemporaryDirectory copy_;
};

TEST_F(CheckpointTest, ANewLedgerHasACheckpointOfItsFirstEntry) {
  Open();
  const SignedCheckpoint checkpoint = log_->LatestCheckpoint().value();
  EXPECT_EQ(checkpoint.head, log_->tree_head());
  EXPECT_TRUE(OpenNote(checkpoint.note, verifier_key_).has_value());
}

TEST_F(CheckpointTest, ARequestSignsTheHeadAndIsSignedOnce) {
  Open();
  AppendMany(700);
  const auto first = Request();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->head, log_->tree_head());
  const auto opened = OpenNote(first->note, verifier_key_);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->text, CheckpointText("example.org/test", first->head));
  EXPECT_EQ(Request()->note, first->note);
}

TEST_F(CheckpointTest, ReceiptsComeWithProofsThatHold) {
  Open();
  AppendMany(300);
  for (int i = 0; i < 20; ++i) {
    const auto receipt = AppendWithProof(absl::StrCat("proved-", i));
    ASSERT_TRUE(receipt.ok()) << receipt.status();
    ExpectProved(*receipt, verifier_key_);
  }
  EXPECT_EQ(Append("a", {"plain"}).proof, nullptr);
}

TEST_F(CheckpointTest, ARepeatHasAProofOfTheFirstReceipt) {
  Open();
  const Receipt first = AppendWithProof("once").value();
  AppendMany(50);
  const auto repeat = AppendWithProof("once");
  ASSERT_TRUE(repeat.ok());
  EXPECT_TRUE(repeat->duplicate);
  EXPECT_EQ(repeat->position, first.position);
  EXPECT_EQ(repeat->leaf_hash, first.leaf_hash);
  ExpectProved(*repeat, verifier_key_);
  EXPECT_GT(repeat->proof->checkpoint.head.size, first.proof->checkpoint.head.size);
}

TEST_F(CheckpointTest, WritesOfManyAreProvedTogether) {
  Open();
  Outcomes outcomes;
  constexpr int kWrites = 500;
  const std::function<void()> release = HoldSequencer();
  for (int i = 0; i < kWrites; ++i) {
    const std::string id = absl::StrCat("many-proved-", i);
    Submission submission = WriteOf(id, id, {Say("a", id)});
    submission.with_proof = true;
    submission.done = outcomes.Collector();
    log_->Submit(std::move(submission));
  }
  release();
  std::set<std::string> notes;
  for (const absl::StatusOr<Receipt>& outcome : outcomes.AwaitCount(kWrites)) {
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    ExpectProved(*outcome, verifier_key_);
    notes.insert(outcome->proof->checkpoint.note);
  }
  // Five hundred waited for the sequencer: they are in few batches, each signed at most once.
  EXPECT_LT(notes.size(), 20U);
}

TEST_F(CheckpointTest, ClosingSignsWhatWasWritten) {
  Open();
  AppendMany(30);
  const TreeHead head = log_->tree_head();
  Close();
  const auto log = Log::OpenReadOnly(directory_.path());
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ((*log)->LatestCheckpoint()->head, head);
}

TEST_F(CheckpointTest, AnAnchorThatIsBehindIsCaughtUp) {
  Save();
  Open();
  AppendMany(400);
  const TreeHead head = log_->tree_head();
  Close();
  // As after a kill between the commit of the entries and their signature.
  Restore("ledger.anchor");
  Open();
  EXPECT_EQ(log_->LatestCheckpoint()->head.size, TreeSize{1});
  EXPECT_EQ(Request()->head, head);
  ExpectProved(AppendWithProof("after").value(), verifier_key_);
}

TEST_F(CheckpointTest, WhatIsStoredOtherwiseThanItWasTakenIsNotSigned) {
  Save();
  Open();
  AppendMany(400);
  Close();
  // As after a kill between the commit of the entries and their signature, and a bit that turned
  // over in memory on the way to the disk: the database's own checksums hold.
  Restore("ledger.anchor");
  TamperWithFamily(Path("log"), "entries",
                   [](rocksdb::DB& database, rocksdb::ColumnFamilyHandle* family) {
                     std::string entry;
                     ASSERT_TRUE(database.Get({}, family, BigEndian(200), &entry).ok());
                     entry.back() ^= 1;
                     ASSERT_TRUE(database.Put({}, family, BigEndian(200), entry).ok());
                   });
  const std::string anchor = Slurp(Path("ledger.anchor"));
  for (int attempt = 0; attempt < 2; ++attempt) {
    Open();
    const auto refused = Request();
    EXPECT_EQ(ReasonOf(refused.status()), "LEDGER_FAILED") << refused.status();
    EXPECT_TRUE(absl::StrContains(refused.status().message(), "as they are stored"))
        << refused.status();
    EXPECT_FALSE(AppendWithProof(absl::StrCat("proof-", attempt)).ok());
    EXPECT_FALSE(
        SubmitAndWait(*log_, WriteOf(absl::StrCat("plain-", attempt), "", {Say("a", "b")})).ok())
        << "no write is taken on a log that signs nothing any more";
    EXPECT_EQ(log_->LatestCheckpoint()->head.size, TreeSize{1});
    Close();
    EXPECT_EQ(Slurp(Path("ledger.anchor")), anchor);
  }
}

TEST_F(CheckpointTest, AnOlderCopyOfTheLogIsRefused) {
  Open();
  AppendMany(20);
  Close();
  Save();
  Open();
  AppendMany(20);
  Close();
  Restore("log");
  const absl::Status status = Log::Open(Options()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReasonOf(status), "LEDGER_FAILED");
  EXPECT_TRUE(absl::StrContains(status.message(), "it has only 21 entries")) << status;
  EXPECT_TRUE(Log::OpenReadOnly(directory_.path()).ok());
}

TEST_F(CheckpointTest, AnotherHistoryOfTheSameLengthIsRefused) {
  Save();
  Open();
  Append("a", {"one"});
  Close();
  const std::string anchor = Slurp(Path("ledger.anchor"));
  Restore("log");
  Restore("ledger.anchor");
  Open();
  Append("a", {"two"});
  Append("a", {"three"});
  Close();
  std::ofstream(Path("ledger.anchor"), std::ios::binary) << anchor;
  const absl::Status status = Log::Open(Options()).status();
  EXPECT_EQ(ReasonOf(status), "LEDGER_FAILED");
  EXPECT_TRUE(absl::StrContains(status.message(), "its root at that size is")) << status;
}

TEST_F(CheckpointTest, AMissingOrForeignAnchorIsRefusedByName) {
  Open();
  AppendMany(5);
  Close();
  Save();
  std::filesystem::remove(Path("ledger.anchor"));
  absl::Status status = Log::Open(Options()).status();
  EXPECT_EQ(ReasonOf(status), "WRONG_STATE");
  EXPECT_TRUE(absl::StrContains(status.message(), "ledger.anchor")) << status;

  std::ofstream(Path("ledger.anchor"), std::ios::binary) << std::string(8192, 'x');
  EXPECT_EQ(ReasonOf(Log::Open(Options()).status()), "LEDGER_FAILED");

  OpenOptions elsewhere = Options();
  elsewhere.anchor_path = copy_.path() + "/saved/ledger.anchor";
  EXPECT_TRUE(Log::Open(elsewhere).ok());
}

TEST_F(CheckpointTest, ARestoredLogIsTakenAfterItsLastCheckpoint) {
  Open();
  AppendMany(20);
  const std::string old = Request()->note;
  Close();
  Save();
  Open();
  AppendMany(20);
  const std::string last = Request()->note;
  Close();
  std::filesystem::remove(Path("ledger.anchor"));
  Restore("log");
  const absl::Status refused = Log::SetAnchor(Options(), last);
  EXPECT_EQ(ReasonOf(refused), "LEDGER_FAILED") << refused;
  EXPECT_FALSE(std::filesystem::exists(Path("ledger.anchor")));
  const absl::Status taken = Log::SetAnchor(Options(), old);
  EXPECT_TRUE(taken.ok()) << taken;
  Open();
  ExpectProved(AppendWithProof("restored").value(), verifier_key_);
}

TEST_F(CheckpointTest, TheAnchorIsNotTakenBackNorGivenByStrangers) {
  Open();
  AppendMany(10);
  const std::string old = Request()->note;
  AppendMany(10);
  Close();
  EXPECT_EQ(ReasonOf(Log::SetAnchor(Options(), old)), "WRONG_STATE");
  std::string forged = old;
  forged[forged.size() - 10] = forged[forged.size() - 10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(ReasonOf(Log::SetAnchor(Options(), forged)), "LEDGER_FAILED");
  EXPECT_EQ(ReasonOf(Log::SetAnchor(Options(), "no note")), "LEDGER_FAILED");
  std::filesystem::remove(Path("ledger.anchor"));
  EXPECT_TRUE(Log::SetAnchor(Options(), "").ok());
  Open();
}

TEST_F(CheckpointTest, ACopyThatSignsElsewhereStopsTheLog) {
  Open();
  AppendMany(3);
  ASSERT_TRUE(Request().ok());
  // What another process would do that holds a copy of the ledger and the same anchor.
  auto anchor = Anchor::Open(Path("ledger.anchor"));
  ASSERT_TRUE(anchor.ok());
  const std::string note = anchor->Read().value();
  ASSERT_TRUE(anchor->CompareAndSwap(note, "example.org/test\n1000\nelsewhere\n").ok());
  AppendMany(1);
  EXPECT_EQ(Request().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(AppendWithProof("late").ok());
  EXPECT_FALSE(SubmitAndWait(*log_, WriteOf("later", "later", {Say("a", "x")})).ok());
  EXPECT_TRUE(log_->Read(Position{0}, {}).ok());
}

TEST_F(CheckpointTest, WithoutItsKeyALedgerIsRefusedByName) {
  Open();
  Close();
  std::filesystem::rename(Path("ledger.key"), Path("elsewhere.key"));
  const absl::Status status = Log::Open(Options()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(status.message(), "ledger.key")) << status;
  OpenOptions elsewhere = Options();
  elsewhere.key_path = Path("elsewhere.key");
  EXPECT_TRUE(Log::Open(elsewhere).ok());
}

TEST_F(CheckpointTest, CreationIsRefusedWhereOnlyAnAnchorIsLeft) {
  Open();
  AppendMany(2);
  Close();
  std::filesystem::remove_all(Path("log"));
  const absl::Status status =
      Log::Create({.directory = directory_.path(), .origin = "example.org/test", .clock = &clock_})
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
}

using KeyRotationTest = CheckpointTest;

TEST_F(KeyRotationTest, ChecksOutFromTheOldKeyToTheNew) {
  Open();
  AppendMany(10);
  Close();
  const auto new_key = Log::RotateKey(Options());
  ASSERT_TRUE(new_key.ok()) << new_key.status();
  EXPECT_NE(*new_key, verifier_key_);
  // The old key's last checkpoint is that of everything before the rotation.
  EXPECT_EQ(
      PeekCheckpoint(Anchor::Open(Path("ledger.anchor"))->Read().value(), "example.org/test")->size,
      TreeSize{11});
  Open();
  EXPECT_EQ(log_->verifier_key(), *new_key);
  const auto checkpoint = Request();
  ASSERT_TRUE(checkpoint.ok());
  EXPECT_EQ(checkpoint->head.size, TreeSize{12});
  EXPECT_TRUE(OpenNote(checkpoint->note, *new_key).has_value());
  EXPECT_FALSE(OpenNote(checkpoint->note, verifier_key_).has_value());
  ASSERT_EQ(log_->key_rotations().size(), 1U);
  const std::string statement = log_->key_rotations().front();
  EXPECT_EQ(
      OpenNote(statement, verifier_key_)->text,
      absl::StrCat("example.org/test\nkey-rotation/v1\n11\n", verifier_key_, "\n", *new_key, "\n"));
  EXPECT_TRUE(OpenNote(statement, *new_key).has_value());
  ExpectProved(AppendWithProof("new").value(), *new_key);
  ExpectSound();
}

TEST_F(KeyRotationTest, ARotationThatWasCutShortIsFinished) {
  Save();
  const std::string new_key = Log::RotateKey(Options()).value();
  // The new key file had not got its name yet.
  std::filesystem::rename(Path("ledger.key"), Path("ledger.key.next"));
  Restore("ledger.key");
  Open();
  EXPECT_EQ(log_->verifier_key(), new_key);
  EXPECT_FALSE(std::filesystem::exists(Path("ledger.key.next")));
  Close();
  Restore("ledger.key");
  EXPECT_EQ(ReasonOf(Log::Open(Options()).status()), "WRONG_STATE");
}

TEST_F(KeyRotationTest, MayBeDoneAgain) {
  const std::string second = Log::RotateKey(Options()).value();
  const std::string third = Log::RotateKey(Options()).value();
  Open();
  EXPECT_EQ(log_->verifier_key(), third);
  EXPECT_EQ(log_->key_rotations().size(), 2U);
  EXPECT_TRUE(OpenNote(log_->key_rotations()[1], second).has_value());
}

TEST(AnchorTest, KeepsTheOlderNoteWhereAWriteWasTorn) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/anchor";
  {
    auto anchor = Anchor::Create(path, "origin\n1\nroot\n");
    ASSERT_TRUE(anchor.ok()) << anchor.status();
    ASSERT_TRUE(anchor->CompareAndSwap("origin\n1\nroot\n", "origin\n2\nroot\n").ok());
    ASSERT_TRUE(anchor->CompareAndSwap("origin\n2\nroot\n", "origin\n3\nroot\n").ok());
    EXPECT_EQ(anchor->Read().value(), "origin\n3\nroot\n");
    EXPECT_EQ(anchor->CompareAndSwap("origin\n2\nroot\n", "origin\n4\nroot\n").code(),
              absl::StatusCode::kFailedPrecondition);
  }
  std::string bytes = Slurp(path);
  ASSERT_EQ(bytes.size(), 8192U);
  const size_t newest = bytes.find("origin\n3");
  bytes[newest + 100] = 'x';
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(Anchor::Open(path)->Read().value(), "origin\n2\nroot\n");
  bytes[(newest + 4096) % 8192] = 'x';
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(ReasonOf(Anchor::Open(path)->Read().status()), "LEDGER_FAILED");
}

// The key and the note of the documentation of golang.org/x/mod/sumdb/note.
TEST(NoteTest, SignsWhatThePublishedExampleHolds) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/key";
  std::ofstream(path) << "PRIVATE+KEY+PeterNeumann+c74f20a3+"
                         "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz\n";
  const auto key = SigningKey::Read(path, "PeterNeumann");
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->verifier_key(),
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
  EXPECT_EQ(SignNote(*key,
                     "If you think cryptography is the answer to your problem,\n"
                     "then you don't know what your problem is.\n"),
            "If you think cryptography is the answer to your problem,\n"
            "then you don't know what your problem is.\n\n"
            "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqd"
            "ngotpRZb6KE6RyyBwJnAM=\n");
}

}  // namespace
}  // namespace credence::ledger
