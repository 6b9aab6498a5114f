// Three members of which one fails, stands still, or is left alone.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "credence/etcd/client.h"
#include "credence/etcd/watch.h"
#include "etcd_members.h"
#include "heard.h"

namespace credence::etcd {
namespace {

class FailoverTest : public testing::Test {
 protected:
  // Writes `value`, whatever fails meanwhile, exactly once: a write whose outcome is unknown is
  // looked for before it is repeated, by the version of its key.
  void PutOnce(const std::string& key, const std::string& value) {
    const int64_t version = VersionOf(key);
    while (VersionOf(key) == version) {
      const auto put = client_->Commit(Transaction().IfVersion(key, version).Put(key, value));
      if (!put.ok()) {
        EXPECT_TRUE(put.status().code() == absl::StatusCode::kUnknown ||
                    put.status().code() == absl::StatusCode::kUnavailable)
            << put.status();
      }
    }
  }

  int64_t VersionOf(const std::string& key) {
    while (true) {
      const auto got = client_->Get(key);
      if (got.ok()) return got->kvs_size() == 1 ? got->kvs(0).version() : 0;
      EXPECT_EQ(got.status().code(), absl::StatusCode::kUnavailable) << got.status();
    }
  }

  EtcdMembers members_{{.count = 3}};
  const std::unique_ptr<Client> client_ = MakeImpatient();

 private:
  // A write at a member that stands still is given up early.
  std::unique_ptr<Client> MakeImpatient() {
    Options options = members_.options();
    options.call_timeout = absl::Seconds(2);
    return *Client::Create(options);
  }
};

TEST_F(FailoverTest, EachWriteIsMadeOnceAndHeardOnceWhileMembersAreKilledInTurn) {
  Heard heard;
  PutOnce("k", "0");
  Watch watch(*client_, heard.OptionsFor("k", client_->Get("k")->kvs(0).mod_revision()));
  int next = 1;
  for (size_t member = 0; member < 3; ++member) {
    members_.Kill(member);
    for (int i = 0; i < 10; ++i, ++next) PutOnce("k", absl::StrCat(next));
    members_.Restart(member);
    for (int i = 0; i < 10; ++i, ++next) PutOnce("k", absl::StrCat(next));
  }
  const std::vector<std::string> values = heard.AwaitCount(static_cast<size_t>(next));
  ASSERT_EQ(values.size(), static_cast<size_t>(next));
  for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], absl::StrCat(i));
}

TEST_F(FailoverTest, MemberThatStandsStillIsLeft) {
  Heard heard;
  WatchOptions options = heard.OptionsFor("k", 0);
  options.silence_max = absl::Seconds(1);
  Watch watch(*client_, options);
  // Heard once, so that the watch is under way.
  int next = 0;
  do {
    PutOnce("k", "before");
    ++next;
  } while (heard.count() == 0);
  const size_t before = heard.AwaitCount(1).size();
  for (size_t member = 0; member < 3; ++member) {
    members_.Pause(member);
    for (int i = 0; i < 3; ++i) PutOnce("k", "after");
    heard.AwaitCount(before + 3 * (member + 1));
    members_.Resume(member);
  }
}

TEST_F(FailoverTest, WithoutAQuorumCallsEndInTimeAndGoOnWhenItIsBack) {
  PutOnce("k", "before");
  members_.Kill(0);
  members_.Kill(1);
  const absl::Status read = client_->Get("k").status();
  EXPECT_EQ(read.code(), absl::StatusCode::kUnavailable) << read;
  const absl::Status write = client_->Commit(Transaction().Put("k", "lost?")).status();
  EXPECT_TRUE(write.code() == absl::StatusCode::kUnavailable ||
              write.code() == absl::StatusCode::kUnknown)
      << write;
  // What a member knows of itself needs no quorum.
  Options alone = members_.options();
  alone.endpoints = {alone.endpoints[2]};
  EXPECT_TRUE((*Client::Create(alone))->StatusOf(0).ok());
  members_.Restart(0);
  PutOnce("k", "after");
  EXPECT_EQ(client_->Get("k")->kvs(0).value(), "after");
}

}  // namespace
}  // namespace credence::etcd
