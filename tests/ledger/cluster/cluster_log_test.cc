// A log that is committed to etcd by one server and derived from there by others.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "batch_follower.h"
#include "batch_record.h"
#include "cluster_fixture.h"

namespace credence::ledger {
namespace {

class ClusterLogTest : public ClusterFixture {};

TEST_F(ClusterLogTest, FollowerDerivesTheSameDatabaseByteForByte) {
  // Records of the map of streams come often, so that there are some.
  limits_.uncovered_entries_max = 40;
  const std::string copy = Copy();
  const auto leadership = Lead("a");
  TellingProjection leading;
  log_ = OpenLeading(directory_.path(), leadership->term(), &leading);
  AppendMany(300);
  const auto forecast = SubmitAndWait(*log_, WriteOf("f1", "f1", {LinkedForecast("why")}));
  ASSERT_TRUE(forecast.ok()) << forecast.status();
  ASSERT_TRUE(
      SubmitAndWait(*log_, WriteOf("f2", "f2", {LinkedForecast("more"), Say("b", "x")})).ok());
  // What was erased is erased there as well, and the rest of the request's record stays.
  ASSERT_TRUE(SubmitAndWait(*log_, Erasure("erase", forecast->position)).ok());
  AppendMany(100);
  const TreeHead head = log_->tree_head();
  Close();

  TellingProjection following;
  auto replica = Replica::Open(copy, &following);
  ASSERT_TRUE(replica.ok()) << replica.status();
  FollowTo(**replica, head.size);
  EXPECT_EQ((*replica)->head(), head);
  const auto leader = Replica::Open(directory_.path(), nullptr);
  ASSERT_TRUE(leader.ok()) << leader.status();
  const Contents expected = ContentsOf((*leader)->store());
  const Contents got = ContentsOf((*replica)->store());
  EXPECT_GT(expected.size(), 1'000);
  EXPECT_TRUE(got == expected) << "of " << expected.size() << " and " << got.size() << " keys";
}

TEST_F(ClusterLogTest, BatchTooLargeForOneRequestIsCutAndPutTogether) {
  const std::string copy = Copy();
  const auto leadership = Lead("a");
  settings_.part_bytes = 100'000;
  log_ = OpenLeading(directory_.path(), leadership->term());
  std::vector<EventDraft> drafts;
  for (int i = 0; i < 60; ++i) drafts.push_back(Say("a", std::string(50'000, 'x')));
  ASSERT_TRUE(SubmitAndWait(*log_, WriteOf("large", "", drafts)).ok());
  ASSERT_TRUE(SubmitAndWait(*log_, WriteOf("small", "", {Say("a", "x")})).ok());
  auto replica = Replica::Open(copy, nullptr);
  ASSERT_TRUE(replica.ok()) << replica.status();
  FollowTo(**replica, log_->tree_head().size);
  EXPECT_EQ((*replica)->head(), log_->tree_head());
  // It was cut: about 3 MB in parts of 100 kB.
  int64_t parts = 0;
  const std::string prefix = keys_.Parts(PositionAfter(TreeSize{1}), leadership->term());
  ASSERT_TRUE(
      client_
          ->Scan(prefix, prefix + "g", 0, 10, [&](const mvccpb::KeyValue&) { return ++parts > 0; })
          .ok());
  EXPECT_GT(parts, 29);
}

TEST_F(ClusterLogTest, DeposedLeaderCommitsNothing) {
  const std::string copy = Copy();
  auto first = Lead("a");
  log_ = OpenLeading(directory_.path(), first->term());
  ASSERT_TRUE(SubmitAndWait(*log_, WriteOf("by-a", "", {Say("a", "1")})).ok());
  const TreeSize size = log_->tree_head().size;
  // The lease ends while `a` holds itself for the leader.
  ASSERT_TRUE(client_->RevokeLease(first->lease().id()).ok());
  const auto second = Lead("b");
  EXPECT_GT(second->term(), first->term());
  const absl::StatusOr<Receipt> refused =
      SubmitAndWait(*log_, WriteOf("late", "", {Say("a", "2")}));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable) << refused.status();
  EXPECT_EQ(ReasonOf(refused.status()), "UNAVAILABLE");
  // Parts of a large batch are refused as well.
  EXPECT_EQ(client_->Get(keys_.Batch(PositionAfter(size)))->kvs_size(), 0);

  auto replica = Replica::Open(copy, nullptr);
  ASSERT_TRUE(replica.ok()) << replica.status();
  FollowTo(**replica, size);
  replica->reset();
  const std::unique_ptr<Log> next = OpenLeading(copy, second->term());
  // The write that was refused is made at the next leader, the one before is not made again.
  const auto late = SubmitAndWait(*next, WriteOf("late", "", {Say("a", "2")}));
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_FALSE(late->duplicate);
  EXPECT_EQ(late->position, PositionAfter(size));
  const auto repeat = SubmitAndWait(*next, WriteOf("by-a", "", {Say("a", "1")}));
  ASSERT_TRUE(repeat.ok()) << repeat.status();
  EXPECT_TRUE(repeat->duplicate);
}

TEST_F(ClusterLogTest, LeaderThatIsBehindCommitsNothing) {
  const std::string copy = Copy();
  {
    const auto first = Lead("a");
    log_ = OpenLeading(directory_.path(), first->term());
    ASSERT_TRUE(SubmitAndWait(*log_, WriteOf("by-a", "", {Say("a", "1")})).ok());
  }
  const auto second = Lead("b");
  const std::unique_ptr<Log> behind = OpenLeading(copy, second->term());
  const auto refused = SubmitAndWait(*behind, WriteOf("by-b", "", {Say("a", "2")}));
  EXPECT_EQ(ReasonOf(refused.status()), "LEDGER_FAILED") << refused.status();
}

TEST_F(ClusterLogTest, WithoutEtcdWritesAreRefusedInTimeAndReadsGoOn) {
  const auto leadership = Lead("a");
  settings_.timeout = absl::Milliseconds(500);
  log_ = OpenLeading(directory_.path(), leadership->term());
  ASSERT_TRUE(SubmitAndWait(*log_, WriteOf("before", "", {Say("a", "1")})).ok());
  members_.Kill(0);
  const auto refused = SubmitAndWait(*log_, WriteOf("without", "", {Say("a", "2")}));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable) << refused.status();
  EXPECT_TRUE(log_->FindReceipt("before")->has_value());
  EXPECT_EQ(ReadAll(*log_).size(), 2);
  members_.Restart(0);
}

TEST_F(ClusterLogTest, CandidateTakesOverWhenTheLeaderIsGone) {
  auto first = Lead("a");
  EXPECT_EQ((*FindLeader(*client_, keys_))->server(), "a");
  Leadership::Candidate candidate;
  candidate.leader.set_server("b");
  EXPECT_EQ(Leadership::Take(*client_, keys_, candidate).status().code(),
            absl::StatusCode::kFailedPrecondition);
  absl::Notification stop;
  std::unique_ptr<Leadership> second;
  std::thread campaign([&] { second = Leadership::Campaign(*client_, keys_, candidate, stop); });
  first.reset();
  campaign.join();
  ASSERT_NE(second, nullptr);
  EXPECT_EQ((*FindLeader(*client_, keys_))->server(), "b");
  // A campaign that is stopped ends without it.
  candidate.leader.set_server("c");
  std::unique_ptr<Leadership> third;
  std::thread idle([&] { third = Leadership::Campaign(*client_, keys_, candidate, stop); });
  stop.Notify();
  idle.join();
  EXPECT_EQ(third, nullptr);
}

TEST_F(ClusterLogTest, ClusterBeginsOnce) {
  EXPECT_EQ(BeginClusterLog(*client_, keys_, TreeHead()).code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(ClusterLogTest, BatchThatHasLeftEtcdEndsTheFollowing) {
  const auto leadership = Lead("a");
  log_ = OpenLeading(directory_.path(), leadership->term());
  ASSERT_TRUE(SubmitAndWait(*log_, WriteOf("w1", "", {Say("a", "1")})).ok());
  ASSERT_TRUE(SubmitAndWait(*log_, WriteOf("w2", "", {Say("a", "2")})).ok());
  ASSERT_TRUE(client_->Commit(etcd::Transaction().Delete(keys_.Batch(Position{1}))).ok());
  absl::Notification ended;
  absl::Status end;
  const BatchFollower follower(*client_, keys_, TreeSize{1},
                               {.on_batch =
                                    [](const cluster::v1::Batch&) {
                                      ADD_FAILURE() << "a gap was passed over";
                                      return absl::OkStatus();
                                    },
                                .on_end =
                                    [&](const absl::Status& status) {
                                      end = status;
                                      ended.Notify();
                                    }});
  ended.WaitForNotification();
  EXPECT_EQ(end.code(), absl::StatusCode::kOutOfRange) << end;
}

TEST_F(ClusterLogTest, BatchThatWasChangedInEtcdEndsTheFollowing) {
  const auto leadership = Lead("a");
  log_ = OpenLeading(directory_.path(), leadership->term());
  ASSERT_TRUE(SubmitAndWait(*log_, WriteOf("w1", "", {Say("a", "true")})).ok());
  const std::string key = keys_.Batch(Position{1});
  cluster::v1::CommittedBatch committed;
  ASSERT_TRUE(committed.ParseFromString(client_->Get(key)->kvs(0).value()));
  std::string& bytes = *committed.mutable_batch();
  bytes[bytes.find("true")] = 'T';
  ASSERT_TRUE(client_->Commit(etcd::Transaction().Put(key, committed.SerializeAsString())).ok());
  absl::Notification ended;
  absl::Status end;
  const BatchFollower follower(
      *client_, keys_, TreeSize{1},
      {.on_batch = [](const cluster::v1::Batch&) { return absl::OkStatus(); },
       .on_end =
           [&](const absl::Status& status) {
             end = status;
             ended.Notify();
           }});
  ended.WaitForNotification();
  EXPECT_EQ(ReasonOf(end), "LEDGER_FAILED") << end;
}

}  // namespace
}  // namespace credence::ledger
