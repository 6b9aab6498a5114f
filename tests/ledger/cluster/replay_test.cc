// A batch is stored only as far as it was checked: each way in which it may not be the leader's.

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "batch_record.h"
#include "credence/event/v1/envelope.pb.h"
#include "ledger_fixture.h"
#include "log_factory.h"
#include "replica.h"

namespace credence::ledger {
namespace {

// Keeps what it commits.
class RecordingCommitLog final : public CommitLog {
 public:
  RecordingCommitLog(Store& store, std::vector<cluster::v1::Batch>& batches)
      : store_(store), batches_(batches) {}
  absl::Status Commit(const CommitBatch& batch) override {
    batches_.push_back(ToRecord(batch));
    return store_.Commit(batch);
  }

 private:
  StoreCommitLog store_;
  std::vector<cluster::v1::Batch>& batches_;
};

class ReplayTest : public LedgerFixture {
 protected:
  // The first batch of a ledger, and a replica that waits for it.
  void SetUp() override {
    limits_.uncovered_entries_max = 3;
    Open();
    Close();
    replica_directory_ = std::make_unique<TemporaryDirectory>();
    std::filesystem::copy(directory_.path(), replica_directory_->path(),
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing);
    absl::StatusOr<std::unique_ptr<Log>> log = LogFactory::Open(
        {.directory = directory_.path(), .clock = &clock_, .limits = limits_}, nullptr,
        [&](Store& store) { return std::make_unique<RecordingCommitLog>(store, batches_); });
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
    log_->Start(nullptr);
    EventDraft linked = Say("b", "two");
    linked.links = {"c"};
    ASSERT_TRUE(SubmitAndWait(*log_, WriteOf("w1", "x", {Say("a", "one"), linked})).ok());
    ASSERT_TRUE(SubmitAndWait(*log_, WriteOf("w2", "y", {Say("a", "three")})).ok());
    ASSERT_GE(batches_.size(), 2);
    // Of the second batch, all before it are in place.
    absl::StatusOr<std::unique_ptr<Replica>> replica =
        Replica::Open(replica_directory_->path(), nullptr);
    ASSERT_TRUE(replica.ok()) << replica.status();
    replica_ = *std::move(replica);
  }

  // What becomes of the first batch after `change`.
  absl::Status ApplyChanged(const std::function<void(cluster::v1::Batch&)>& change) {
    cluster::v1::Batch batch = batches_[0];
    change(batch);
    return replica_->Apply(batch);
  }

  // The same after a change of an entry's envelope.
  absl::Status ApplyEnvelope(int entry,
                             const std::function<void(event::v1::EventEnvelope&)>& change) {
    return ApplyChanged([&](cluster::v1::Batch& batch) {
      event::v1::EventEnvelope envelope;
      ASSERT_TRUE(envelope.ParseFromString(batch.entries(entry)));
      change(envelope);
      batch.set_entries(entry, envelope.SerializeAsString());
    });
  }

  void ExpectRefused(const absl::Status& status) {
    EXPECT_EQ(ReasonOf(status), "LEDGER_FAILED") << status;
    EXPECT_EQ(replica_->head().size.value, 1);
    EXPECT_EQ(replica_->store().CountEntries()->value, 1);
  }

  std::vector<cluster::v1::Batch> batches_;
  std::unique_ptr<TemporaryDirectory> replica_directory_;
  std::unique_ptr<Replica> replica_;
};

TEST_F(ReplayTest, UnchangedBatchesAreTakenInOrder) {
  for (const cluster::v1::Batch& batch : batches_) {
    const absl::Status applied = replica_->Apply(batch);
    ASSERT_TRUE(applied.ok()) << applied;
  }
  EXPECT_EQ(replica_->head(), log_->tree_head());
}

TEST_F(ReplayTest, BatchOutOfTurnIsRefused) { ExpectRefused(replica_->Apply(batches_[1])); }

TEST_F(ReplayTest, EmptyBatchIsRefused) {
  ExpectRefused(ApplyChanged([](auto& batch) { batch.clear_entries(); }));
}

TEST_F(ReplayTest, EntryThatIsNoEnvelopeIsRefused) {
  ExpectRefused(ApplyChanged([](auto& batch) { batch.set_entries(0, "\xff"); }));
}

TEST_F(ReplayTest, EntryAtAnotherPositionIsRefused) {
  ExpectRefused(ApplyEnvelope(0, [](auto& envelope) { envelope.set_position(2); }));
}

TEST_F(ReplayTest, EntryOfAnEarlierTimeIsRefused) {
  ExpectRefused(ApplyEnvelope(
      0, [](auto& envelope) { envelope.mutable_record_time()->set_seconds(1'000'000'000); }));
}

TEST_F(ReplayTest, EntryThatDoesNotContinueItsStreamIsRefused) {
  ExpectRefused(ApplyEnvelope(0, [](auto& envelope) { envelope.set_stream_version(1); }));
}

TEST_F(ReplayTest, EntryWithAnotherPredecessorIsRefused) {
  ExpectRefused(ApplyEnvelope(0, [](auto& envelope) { envelope.set_previous_position(0); }));
}

TEST_F(ReplayTest, LinkThatDoesNotContinueItsStreamIsRefused) {
  ExpectRefused(
      ApplyEnvelope(1, [](auto& envelope) { envelope.mutable_links(0)->set_stream_version(7); }));
}

TEST_F(ReplayTest, EntryThatSaysSomethingElseGivesAnotherRoot) {
  ExpectRefused(ApplyEnvelope(1, [](auto& envelope) { envelope.set_actor("somebody"); }));
}

TEST_F(ReplayTest, AnotherRootIsRefused) {
  ExpectRefused(ApplyChanged([](auto& batch) { (*batch.mutable_root())[0] ^= 1; }));
}

TEST_F(ReplayTest, AnotherLastRecordTimeIsRefused) {
  ExpectRefused(ApplyChanged(
      [](auto& batch) { batch.set_last_record_time_us(batch.last_record_time_us() + 1); }));
}

TEST_F(ReplayTest, ReceiptOfAnotherRequestIsRefused) {
  ExpectRefused(ApplyChanged([](auto& batch) { batch.mutable_requests(0)->set_request_id("w9"); }));
}

TEST_F(ReplayTest, MalformedReceiptIsRefused) {
  ExpectRefused(ApplyChanged([](auto& batch) { batch.mutable_requests(0)->set_record("x"); }));
}

TEST_F(ReplayTest, MapOfStreamsIsHeldAgainstWhatWasRecorded) {
  // The record came with the second write at the latest.
  size_t at = 0;
  int entry = -1;
  for (size_t i = 0; i < batches_.size() && entry < 0; ++i) {
    for (int k = 0; k < batches_[i].entries_size(); ++k) {
      event::v1::EventEnvelope envelope;
      ASSERT_TRUE(envelope.ParseFromString(batches_[i].entries(k)));
      if (envelope.payload().type_url().find("StreamHeadsRecorded") == std::string::npos) continue;
      at = i;
      entry = k;
      break;
    }
  }
  ASSERT_GE(entry, 0);
  for (size_t i = 0; i < at; ++i) ASSERT_TRUE(replica_->Apply(batches_[i]).ok());
  cluster::v1::Batch batch = batches_[at];
  event::v1::EventEnvelope envelope;
  ASSERT_TRUE(envelope.ParseFromString(batch.entries(entry)));
  // The last byte of the payload is the last of the root.
  envelope.mutable_payload()->mutable_value()->back() ^= 1;
  batch.set_entries(entry, envelope.SerializeAsString());
  const absl::Status refused = replica_->Apply(batch);
  EXPECT_EQ(ReasonOf(refused), "LEDGER_FAILED");
  EXPECT_NE(refused.message().find("map of streams"), std::string::npos) << refused;
}

}  // namespace
}  // namespace credence::ledger
