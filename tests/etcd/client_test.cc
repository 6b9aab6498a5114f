// The client against real members: keys, transactions, leases, watches, space.

#include "credence/etcd/client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "credence/base/error.h"
#include "credence/etcd/keys.h"
#include "credence/etcd/lease.h"
#include "credence/etcd/watch.h"
#include "etcd_members.h"
#include "heard.h"

namespace credence::etcd {
namespace {

TEST(EndpointsTest, BadEndpointIsNamedWithWhatWouldBeRight) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "endpoints"},
      {{"127.0.0.1:2379"}, "endpoints[0]"},
      {{"http://127.0.0.1"}, "endpoints[0]"},
      {{"http://:2379"}, "endpoints[0]"},
      {{"http://a:0"}, "endpoints[0]"},
      {{"http://a:65536"}, "endpoints[0]"},
      {{"http://a:2379", "http://b:23x"}, "endpoints[1]"},
      {{"http://a:2379/path"}, "endpoints[0]"},
      {{"http://a:2379", "https://b:2379"}, "endpoints[1]"},
  };
  for (const auto& [endpoints, field] : cases) {
    const auto client = Client::Create({.endpoints = endpoints});
    ASSERT_EQ(client.status().code(), absl::StatusCode::kInvalidArgument);
    ASSERT_EQ(GetErrorDetail(client.status()).fields.size(), 1);
    EXPECT_EQ(GetErrorDetail(client.status()).fields[0].field, field) << client.status();
  }
  EXPECT_TRUE(Client::Create({.endpoints = {"http://[::1]:2379", "http://b:2379/"}}).ok());
}

TEST(EndpointsTest, FilesOfCertificatesAreChecked) {
  const auto field_of = [](const Options& options) {
    return GetErrorDetail(Client::Create(options).status()).fields.at(0).field;
  };
  EXPECT_EQ(field_of({.endpoints = {"https://a:1"}, .tls = {.authority_file = "/nowhere"}}),
            "tls.authority_file");
  EXPECT_EQ(field_of({.endpoints = {"https://a:1"}, .tls = {.certificate_file = "/dev/null"}}),
            "tls.key_file");
  EXPECT_EQ(field_of({.endpoints = {"http://a:1"}, .tls = {.authority_file = "/dev/null"}}),
            "endpoints[0]");
}

TEST(KeysTest, PrefixEndIsTheLeastKeyAfterTheRange) {
  EXPECT_EQ(PrefixEnd("a/"), "a0");
  EXPECT_EQ(PrefixEnd("a\xff"), "b");
  EXPECT_EQ(PrefixEnd("\xff\xff"), std::string(1, '\0'));
  EXPECT_EQ(PrefixEnd(""), std::string(1, '\0'));
}

// One member for all; each test has keys of its own.
class ClientTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { members_ = new EtcdMembers({}); }
  static void TearDownTestSuite() {
    delete members_;
    members_ = nullptr;
  }

  [[nodiscard]] std::string Key(std::string_view name) const {
    return absl::StrCat(testing::UnitTest::GetInstance()->current_test_info()->name(), "/",
                        std::string(name));
  }
  [[nodiscard]] std::string End() const { return PrefixEnd(Key("")); }

  int64_t Put(std::string_view key, std::string_view value) {
    const auto put = client_->Commit(Transaction().Put(key, value));
    EXPECT_TRUE(put.ok()) << put.status();
    return put.ok() ? put->header().revision() : 0;
  }

  [[nodiscard]] std::string ValueOf(std::string_view key) const {
    const auto got = client_->Get(key);
    EXPECT_TRUE(got.ok()) << got.status();
    return got.ok() && got->kvs_size() == 1 ? got->kvs(0).value() : "absent";
  }

  static EtcdMembers* members_;
  const std::unique_ptr<Client> client_ = members_->MakeClient();
};

EtcdMembers* ClientTest::members_ = nullptr;

TEST_F(ClientTest, TransactionIsCarriedOutWhereAllConditionsHoldAndReadsOtherwise) {
  const std::string head = Key("head");
  const auto first = client_->Commit(Transaction().IfAbsent(head).Put(head, "1"));
  ASSERT_TRUE(first.ok() && first->succeeded());
  const int64_t created = first->header().revision();
  const auto again = client_->Commit(Transaction().IfAbsent(head).Put(head, "2").ElseGet(head));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(again->succeeded());
  EXPECT_EQ(again->responses(0).response_range().kvs(0).value(), "1");
  const auto second = client_->Commit(Transaction()
                                          .IfVersion(head, 1)
                                          .IfCreateRevision(head, created)
                                          .IfModRevision(head, created)
                                          .IfValue(head, "1")
                                          .Put(head, "2")
                                          .Put(Key("other"), "x")
                                          .Get(Key("third")));
  ASSERT_TRUE(second.ok() && second->succeeded());
  EXPECT_FALSE(client_->Commit(Transaction().IfVersion(head, 1).Put(head, "3"))->succeeded());
  EXPECT_EQ(ValueOf(head), "2");
  EXPECT_EQ(ValueOf(Key("other")), "x");
  ASSERT_TRUE(client_->Commit(Transaction().Delete(head).DeleteRange(Key("o"), End())).ok());
  EXPECT_EQ(ValueOf(head), "absent");
  EXPECT_EQ(ValueOf(Key("other")), "absent");
}

TEST_F(ClientTest, ScanReadsAllPagesAtOneRevision) {
  for (int i = 0; i < 95; ++i) Put(Key(absl::StrCat(1'000 + i)), "old");
  std::vector<std::string> keys;
  const auto revision = client_->Scan(Key(""), End(), 0, 10, [&](const mvccpb::KeyValue& pair) {
    // Neither a change nor a new key after the first page is seen.
    if (keys.empty()) {
      Put(Key("1094"), "new");
      Put(Key("2000"), "new");
    }
    EXPECT_EQ(pair.value(), "old");
    keys.push_back(pair.key());
    return true;
  });
  ASSERT_TRUE(revision.ok()) << revision.status();
  EXPECT_EQ(keys.size(), 95);
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  int visited = 0;
  ASSERT_TRUE(client_
                  ->Scan(Key(""), End(), *revision, 10,
                         [&](const mvccpb::KeyValue&) { return ++visited < 12; })
                  .ok());
  EXPECT_EQ(visited, 12);
}

TEST_F(ClientTest, RequestThatIsTooLargeIsRefusedAndChangesNothing) {
  // etcd refuses the first one, its gRPC the second.
  for (const size_t size : {size_t{7} << 18, size_t{2} << 20}) {
    const auto put = client_->Commit(Transaction().Put(Key("large"), std::string(size, 'x')));
    EXPECT_EQ(put.status().code(), absl::StatusCode::kInvalidArgument) << put.status();
    EXPECT_EQ(ValueOf(Key("large")), "absent");
  }
}

TEST_F(ClientTest, CommitEachCarriesOutAllOfThemAndSaysWhichWereRefused) {
  std::vector<Transaction> parts(40);
  for (int i = 0; i < 40; ++i) {
    const std::string key = Key(absl::StrCat("part-", i));
    parts[static_cast<size_t>(i)].IfAbsent(key).Put(key, std::string(100'000, 'p'));
  }
  Put(Key("part-7"), "before");
  const auto answers = client_->CommitEach(parts, 4);
  ASSERT_TRUE(answers.ok()) << answers.status();
  ASSERT_EQ(answers->size(), 40);
  for (size_t i = 0; i < 40; ++i) {
    EXPECT_EQ((*answers)[i].succeeded(), i != 7);
    EXPECT_EQ(ValueOf(Key(absl::StrCat("part-", i))).size(), i == 7 ? 6 : 100'000);
  }
  parts[3].Put(Key("large"), std::string(2 << 20, 'x'));
  EXPECT_EQ(client_->CommitEach(parts, 4).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(client_->CommitEach({}, 4)->empty());
}

TEST_F(ClientTest, WatchFromThePastHearsEachChangeOnceAndInOrder) {
  const int64_t first = Put(Key("k"), "0");
  for (int i = 1; i < 50; ++i) Put(Key("k"), absl::StrCat(i));
  Heard heard;
  Watch watch(*client_, heard.OptionsFor(Key(""), first));
  for (int i = 50; i < 100; ++i) Put(Key("k"), absl::StrCat(i));
  const std::vector<std::string> values = heard.AwaitCount(100);
  for (size_t i = 0; i < 100; ++i) EXPECT_EQ(values[i], absl::StrCat(i));
  // What one transaction did is heard in one piece.
  ASSERT_TRUE(client_->Commit(Transaction().Put(Key("a"), "a").Put(Key("b"), "b")).ok());
  heard.AwaitCount(102);
  EXPECT_EQ(heard.last_size(), 2);
  ASSERT_TRUE(client_->Commit(Transaction().Delete(Key("a"))).ok());
  EXPECT_EQ(heard.AwaitCount(103).back(), "deleted");
}

TEST_F(ClientTest, WatchOfACompactedRevisionEndsAndSaysSo) {
  const int64_t first = Put(Key("k"), "1");
  const int64_t last = Put(Key("k"), "2");
  ASSERT_TRUE(client_->Compact(last, /*physical=*/true).ok());
  EXPECT_EQ(client_->Compact(first, false).code(), absl::StatusCode::kOutOfRange);
  Heard heard;
  Watch watch(*client_, heard.OptionsFor(Key(""), first));
  EXPECT_EQ(heard.AwaitEnd().code(), absl::StatusCode::kOutOfRange);
  const auto scan =
      client_->Scan(Key(""), End(), first, 10, [](const mvccpb::KeyValue&) { return true; });
  EXPECT_EQ(scan.status().code(), absl::StatusCode::kOutOfRange);
}

TEST_F(ClientTest, LeaseKeepsItsKeyBeyondItsTimeAndTakesItAlongInTheEnd) {
  auto lease = Lease::Grant(*client_, absl::Seconds(1), [] { ADD_FAILURE() << "lost"; });
  ASSERT_TRUE(lease.ok()) << lease.status();
  ASSERT_TRUE(client_->Commit(Transaction().Put(Key("k"), "held", (*lease)->id())).ok());
  EXPECT_GT((*lease)->Left(), absl::ZeroDuration());
  const absl::Duration lives = *client_->RenewLease((*lease)->id(), absl::Seconds(5));
  // Longer than it would live by itself.
  absl::SleepFor(lives + absl::Seconds(1));
  EXPECT_EQ(ValueOf(Key("k")), "held");
  lease->reset();
  EXPECT_EQ(ValueOf(Key("k")), "absent");
}

TEST_F(ClientTest, LeaseThatWasRevokedIsLost) {
  absl::Notification lost;
  auto lease = Lease::Grant(*client_, absl::Seconds(1), [&] { lost.Notify(); });
  ASSERT_TRUE(lease.ok()) << lease.status();
  const int64_t id = (*lease)->id();
  ASSERT_TRUE(client_->RevokeLease(id).ok());
  lost.WaitForNotification();
  EXPECT_EQ((*lease)->Left(), absl::ZeroDuration());
  EXPECT_EQ(client_->RevokeLease(id).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(client_->RenewLease(id, absl::Seconds(5)).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(client_->Commit(Transaction().Put(Key("k"), "x", id)).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(SpaceTest, FullMemberRefusesUntilItsHistoryIsDroppedAndTheAlarmEnded) {
  const EtcdMembers members({.arguments = {"--quota-backend-bytes=8388608"}});
  const std::unique_ptr<Client> client = members.MakeClient();
  const std::string value(size_t{512} << 10, 'v');
  absl::StatusOr<etcdserverpb::TxnResponse> put;
  for (int i = 0; i < 64; ++i) {
    put = client->Commit(Transaction().Put("k", value));
    if (!put.ok()) break;
  }
  ASSERT_EQ(put.status().code(), absl::StatusCode::kResourceExhausted) << put.status();
  const auto alarms = client->ListAlarms();
  ASSERT_TRUE(alarms.ok() && alarms->size() == 1);
  EXPECT_EQ((*alarms)[0].alarm(), etcdserverpb::NOSPACE);
  const int64_t before = client->StatusOf(0)->dbsize();
  // The last revision is that of the last value.
  ASSERT_TRUE(client->Compact(client->Get("k")->kvs(0).mod_revision(), /*physical=*/true).ok());
  ASSERT_TRUE(client->Defragment(0, absl::Seconds(30)).ok());
  EXPECT_LT(client->StatusOf(0)->dbsize(), before / 2);
  ASSERT_TRUE(client->DisarmAlarm((*alarms)[0]).ok());
  EXPECT_TRUE(client->ListAlarms()->empty());
  EXPECT_TRUE(client->Commit(Transaction().Put("k", value)).ok());
}

TEST(TlsTest, MembersAndClientsKnowEachOtherByCertificate) {
  const EtcdMembers members({.tls = true});
  EXPECT_TRUE(members.MakeClient()->Commit(Transaction().Put("k", "v")).ok());
  Options without = members.options();
  without.call_timeout = absl::Milliseconds(500);
  without.tls.certificate_file.clear();
  without.tls.key_file.clear();
  EXPECT_EQ((*Client::Create(without))->Get("k").status().code(), absl::StatusCode::kUnavailable);
  Options stranger = members.options();
  stranger.call_timeout = absl::Milliseconds(500);
  stranger.tls.authority_file = MakeCertificates(members.directory() + "/other").authority;
  EXPECT_EQ((*Client::Create(stranger))->Get("k").status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace credence::etcd
