#include "main/witness/witness_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "credence/base/error.h"
#include "credence/client/verify/checkpoint.h"
#include "credence/ledger/backup.h"
#include "http/http_server.h"
#include "http/site.h"
#include "http_client.h"
#include "main/witness/meet_witnesses.h"
#include "served.h"
#include "witness_server.h"

// A served ledger that asks witnesses: what is published, and what its witnesses find when the
// ledger is not what it was.
namespace credence::server {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(30);

class FeedTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    published_ = std::make_unique<PublishedCheckpoint>(served->log.get());
    key_ = client::ParseVerifierKey(served->log->verifier_key()).value();
    for (const char* const name : {"w1", "w2", "w3"}) {
      witnesses_.push_back(std::make_unique<WitnessServer>(
          Cat(directory_.path(), "/", name), Cat("example.net/", name),
          std::vector<WitnessedLog>{{"test/ledger", key_}}));
    }
  }
  void TearDown() override { Stop(); }

  [[nodiscard]] client::WitnessPolicy Policy(const std::string& threshold) const {
    std::vector<client::Witness> entries;
    for (size_t i = 0; i < witnesses_.size(); ++i) {
      entries.push_back(witnesses_[i]->Entry(Cat("w", i + 1)));
    }
    return client::WitnessPolicy::Parse(PolicyText(entries, threshold)).value();
  }

  void MakeFeed(const client::WitnessPolicy& policy) {
    feed_.reset();
    WitnessFeedOptions options(policy);
    options.path = data() + "/ledger.witnessed";
    options.renewal = renewal_;
    options.timeout = kPatience;
    auto feed = WitnessFeed::Make(*served->log, *published_, options,
                                  [this](const std::string& witness, const absl::Status& status) {
                                    reports_[witness].push_back(status);
                                  });
    ASSERT_TRUE(feed.ok()) << feed.status();
    feed_ = *std::move(feed);
  }

  void AddSource(const std::string& id) {
    v1::CreateSourceRequest request;
    request.set_source_id(id);
    request.mutable_source()->set_display_name(id);
    ASSERT_TRUE(client->CreateSource(request).ok());
  }

  // Signs what there is now.
  int64_t Sign() {
    const auto response = client->GetCheckpoint({});
    EXPECT_TRUE(response.ok()) << response.status();
    return response->tree_head().tree_size();
  }

  [[nodiscard]] std::string Published() { return published_->Get().value().note; }

  // Size of a note that is cosigned by the policy.
  int64_t CosignedSize(const std::string& note, const client::WitnessPolicy& policy) {
    const absl::StatusOr<client::SignedNote> parsed = client::ParseNote(note);
    EXPECT_TRUE(parsed.ok()) << note;
    const auto report = client::CheckCosignatures(*parsed, policy);
    EXPECT_TRUE(report.ok()) << report.status() << "\n" << note;
    return client::OpenCheckpoint(note, key_)->tree_size;
  }

  void Stop() {
    feed_.reset();
    client.reset();
    published_.reset();
    served.reset();
  }
  void Serve() {
    served = std::make_unique<Served>(data(), &clock);
    published_ = std::make_unique<PublishedCheckpoint>(served->log.get());
    client = MakeClient();
  }
  void Restart() {
    Stop();
    Serve();
  }

  client::VerifierKey key_;
  absl::Duration renewal_ = absl::Hours(1);
  std::vector<std::unique_ptr<WitnessServer>> witnesses_;
  std::map<std::string, std::vector<absl::Status>> reports_;
  std::unique_ptr<PublishedCheckpoint> published_;
  std::unique_ptr<WitnessFeed> feed_;
};

TEST_F(FeedTest, WhatAQuorumCosignedIsPublishedEverywhere) {
  MakeFeed(Policy("2"));
  AddSource("one");
  const int64_t size = Sign();
  ASSERT_TRUE(feed_->RunRound());
  EXPECT_EQ(CosignedSize(Published(), Policy("all")), size);
  // Over HTTP.
  Site site(served->router, *served->engine,
            {.listen = "127.0.0.1:0", .published = published_.get()});
  const auto http = HttpServer::Start([&](const auto& exchange) { site.Serve(exchange); },
                                      {.listen = "127.0.0.1:0"});
  ASSERT_TRUE(http.ok());
  EXPECT_EQ(HttpClient((*http)->port()).Get("/checkpoint").body(), Published());
  // Over gRPC the newest, which is the same one and has its cosignatures too.
  Router router;
  AddServices(router, *served->engine, {.published = published_.get()});
  const auto grpc =
      GrpcServer::Start(router, served->engine->executor(), {.listen = "127.0.0.1:0"});
  ASSERT_TRUE(grpc.ok());
  client::ClientOptions options;
  options.endpoint = Cat("127.0.0.1:", (*grpc)->port());
  options.verifier_key = served->log->verifier_key();
  client::Client reader(options);
  EXPECT_EQ(reader.GetCheckpoint({})->checkpoint(), Published());
  // What is newer is not published before it is cosigned.
  AddSource("two");
  EXPECT_EQ(Sign(), size + 1);
  EXPECT_EQ(reader.GetCheckpoint({})->tree_head().tree_size(), size + 1);
  EXPECT_EQ(CosignedSize(HttpClient((*http)->port()).Get("/checkpoint").body(), Policy("2")), size);
  ASSERT_TRUE(feed_->RunRound());
  EXPECT_EQ(CosignedSize(reader.GetCheckpoint({})->checkpoint(), Policy("2")), size + 1);
  (*grpc)->Drain(absl::Now() + absl::Seconds(5));
}

TEST_F(FeedTest, AQuorumSufficesAndFewerDoNot) {
  MakeFeed(Policy("2"));
  const int64_t size = Sign();
  witnesses_[1]->Stop();
  ASSERT_TRUE(feed_->RunRound());
  EXPECT_EQ(CosignedSize(Published(), Policy("2")), size);
  witnesses_[2]->Stop();
  AddSource("one");
  Sign();
  EXPECT_FALSE(feed_->RunRound());
  EXPECT_EQ(CosignedSize(Published(), Policy("2")), size) << "the last that a quorum cosigned";
  // One that comes back is asked again, and its failure was told once.
  witnesses_[1]->Start();
  ASSERT_TRUE(feed_->RunRound());
  EXPECT_EQ(CosignedSize(Published(), Policy("2")), size + 1);
  ASSERT_EQ(reports_["w2"].size(), 2U);
  EXPECT_TRUE(absl::IsUnavailable(reports_["w2"][0]));
  EXPECT_TRUE(reports_["w2"][1].ok());
  EXPECT_EQ(reports_["w3"].size(), 1U);
}

TEST_F(FeedTest, BeforeAnyQuorumTheLastSignedIsPublished) {
  for (const auto& witness : witnesses_) witness->Stop();
  MakeFeed(Policy("any"));
  AddSource("one");
  const int64_t size = Sign();
  EXPECT_FALSE(feed_->RunRound());
  EXPECT_EQ(client::OpenCheckpoint(Published(), key_)->tree_size, size);
}

TEST_F(FeedTest, HowTheWitnessesStandIsTold) {
  witnesses_[2]->Stop();
  MakeFeed(Policy("2"));
  const int64_t size = Sign();
  ASSERT_TRUE(feed_->RunRound());
  const std::vector<WitnessStanding> standings = published_->witnesses();
  ASSERT_EQ(standings.size(), 3U);
  EXPECT_EQ(standings[0].name, "w1");
  EXPECT_EQ(standings[0].size.value, size);
  EXPECT_TRUE(standings[0].time.has_value());
  EXPECT_EQ(standings[0].error, "");
  EXPECT_EQ(standings[2].size.value, 0);
  EXPECT_THAT(standings[2].error, HasSubstr("127.0.0.1"));
}

TEST_F(FeedTest, AWitnessThatWasAwayAddsItsLineToAnUnchangedLog) {
  witnesses_[2]->Stop();
  MakeFeed(Policy("2"));
  const int64_t size = Sign();
  ASSERT_TRUE(feed_->RunRound());
  const std::string first = Published();
  EXPECT_FALSE(feed_->RunRound()) << "it is asked again, and is still away";
  EXPECT_EQ(published_->witnesses()[2].failure_count, 2);
  EXPECT_EQ(Published(), first);
  witnesses_[2]->Start();
  ASSERT_TRUE(feed_->RunRound());
  // The lines of the others are those that they gave before.
  EXPECT_EQ(CosignedSize(Published(), Policy("all")), size);
  EXPECT_TRUE(published_->witnesses()[2].error.empty());
  EXPECT_EQ(published_->witnesses()[2].failure_count, 2);
  const std::string whole = Published();
  EXPECT_FALSE(feed_->RunRound()) << "there is nobody to ask";
  EXPECT_EQ(Published(), whole);
}

TEST_F(FeedTest, AnUnchangedLogIsCosignedAgainAfterARenewal) {
  renewal_ = absl::ZeroDuration();
  MakeFeed(Policy("2"));
  Sign();
  ASSERT_TRUE(feed_->RunRound());
  EXPECT_TRUE(feed_->RunRound());
  renewal_ = absl::Hours(1);
  MakeFeed(Policy("2"));
  EXPECT_TRUE(feed_->RunRound());
  EXPECT_FALSE(feed_->RunRound()) << "nothing is due";
}

TEST_F(FeedTest, ARestartGoesOnFromWhatWasPublished) {
  MakeFeed(Policy("2"));
  AddSource("one");
  const int64_t size = Sign();
  ASSERT_TRUE(feed_->RunRound());
  const std::string before = Published();
  Restart();
  AddSource("two");
  Sign();
  MakeFeed(Policy("2"));
  EXPECT_EQ(Published(), before);
  // Another policy finds it wanting: then nothing is known to be cosigned.
  Restart();
  std::vector<client::Witness> other = {witnesses_[0]->Entry("w")};
  witnesses_.push_back(
      std::make_unique<WitnessServer>(directory_.path() + "/w4", "example.net/w4",
                                      std::vector<WitnessedLog>{{"test/ledger", key_}}));
  other[0] = witnesses_.back()->Entry("w4");
  MakeFeed(client::WitnessPolicy::Parse(PolicyText(other, "1")).value());
  EXPECT_EQ(client::OpenCheckpoint(Published(), key_)->tree_size, size + 1);
}

TEST_F(FeedTest, PoliciesThatCannotBeMetAreRefused) {
  const std::vector<client::Witness> silent = {{"w", witnesses_[0]->key(), ""},
                                               witnesses_[1]->Entry("x")};
  for (const std::string& threshold : std::vector<std::string>{"all", "2"}) {
    WitnessFeedOptions options(client::WitnessPolicy::Parse(PolicyText(silent, threshold)).value());
    EXPECT_TRUE(absl::IsInvalidArgument(
        WitnessFeed::Make(*served->log, *published_, options, nullptr).status()));
  }
}

// Takes a request and never answers.
class DeafServer {
 public:
  DeafServer() {
    auto server = HttpServer::Start(
        [this](const auto& exchange) {
          absl::MutexLock lock(&mutex_);
          held_.push_back(exchange);
        },
        {.listen = "127.0.0.1:0"});
    EXPECT_TRUE(server.ok());
    server_ = *std::move(server);
  }
  ~DeafServer() {
    {
      absl::MutexLock lock(&mutex_);
      held_.clear();
    }
    server_.reset();
  }
  DeafServer(const DeafServer&) = delete;
  DeafServer& operator=(const DeafServer&) = delete;

  [[nodiscard]] std::string url() const { return Cat("http://127.0.0.1:", server_->port()); }
  void AwaitRequest() {
    absl::MutexLock lock(&mutex_);
    const auto any = [this] { return !held_.empty(); };
    mutex_.Await(absl::Condition(&any));
  }

 private:
  absl::Mutex mutex_;
  std::vector<std::shared_ptr<HttpExchange>> held_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(FeedTest, AWitnessThatDoesNotAnswerDelaysNoWriteNoQuorumAndNoEnd) {
  DeafServer deaf;
  std::vector<client::Witness> entries = {witnesses_[0]->Entry("w1"), witnesses_[1]->Entry("w2"),
                                          witnesses_[2]->Entry("w3")};
  entries[2].url = deaf.url();
  const client::WitnessPolicy policy =
      client::WitnessPolicy::Parse(PolicyText(entries, "2")).value();
  MakeFeed(policy);
  const int64_t size = Sign();
  feed_->Start();
  deaf.AwaitRequest();
  // The round hangs, and all else goes on.
  for (int i = 0; i < 20; ++i) AddSource(Cat("source-", i));
  const absl::Time end = absl::Now() + kPatience;
  while (!published_->has_cosigned() && absl::Now() < end) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_GE(CosignedSize(Published(), policy), size);
  feed_->Stop();
}

// --- A ledger that is not what it was ---

TEST_F(FeedTest, ALedgerThatWasRolledBackIsToldSo) {
  MakeFeed(Policy("2"));
  Stop();
  fs::copy(data(), directory_.path() + "/old", fs::copy_options::recursive);
  Serve();
  MakeFeed(Policy("2"));
  for (int i = 0; i < 5; ++i) AddSource(Cat("source-", i));
  Sign();
  ASSERT_TRUE(feed_->RunRound());
  reports_.clear();
  // The older copy, anchor and all.
  Stop();
  fs::remove_all(data());
  fs::rename(directory_.path() + "/old", data());
  Serve();
  AddSource("another");
  Sign();
  MakeFeed(Policy("2"));
  EXPECT_FALSE(feed_->RunRound());
  ASSERT_EQ(reports_["w1"].size(), 1U);
  EXPECT_EQ(reports_["w1"][0].code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(reports_["w1"][0].message()), HasSubstr("older copy"));
  // Grown beyond what the witnesses saw, it is another history.
  for (int i = 0; i < 10; ++i) AddSource(Cat("other-", i));
  Sign();
  EXPECT_FALSE(feed_->RunRound());
  EXPECT_TRUE(absl::IsDataLoss(reports_["w1"][1])) << reports_["w1"][1];
  EXPECT_THAT(std::string(reports_["w1"][1].message()), HasSubstr("another history"));
  // Witnesses that answered once did not cosign it.
  EXPECT_FALSE(client::CheckCosignatures(client::ParseNote(Published()).value(), Policy("1")).ok());
}

// --- A restored ledger ---

class RestoredTest : public FeedTest {
 protected:
  void Backup() {
    ledger::BackupOptions options;
    options.backup_directory = directory_.path() + "/backups";
    ASSERT_TRUE(ledger::CreateBackup(*served->log, options).ok());
  }

  // Ends the ledger and restores its last backup.
  void Restore() {
    Stop();
    ledger::RestoreOptions options;
    options.backup_directory = directory_.path() + "/backups";
    options.ledger_directory = restored();
    options.key_file = data() + "/ledger.key";
    ASSERT_TRUE(ledger::RestoreBackup(options).ok());
  }

  [[nodiscard]] std::string restored() const { return directory_.path() + "/restored"; }
  [[nodiscard]] ledger::OpenOptions OpenRestored() const {
    ledger::OpenOptions options;
    options.directory = restored();
    options.clock = &clock;
    return options;
  }

  absl::Status Meet(const std::string& threshold) {
    std::ostringstream out;
    absl::Status status = MeetWitnesses(OpenRestored(), Policy(threshold), out);
    out_ = out.str();
    return status;
  }

  void ExpectSignsNothing() {
    EXPECT_EQ(ledger::Log::Open(OpenRestored()).status().code(),
              absl::StatusCode::kFailedPrecondition);
  }

  std::string out_;
};

TEST_F(RestoredTest, GoesOnWhenItHasMetWhatItsWitnessesCosigned) {
  MakeFeed(Policy("2"));
  AddSource("one");
  const int64_t size = Sign();
  ASSERT_TRUE(feed_->RunRound());
  AddSource("two");
  Backup();
  Restore();
  ExpectSignsNothing();
  ASSERT_TRUE(Meet("2").ok()) << out_;
  EXPECT_THAT(out_, HasSubstr(Cat("met at ", size, " entries")));
  EXPECT_TRUE(ledger::Log::Open(OpenRestored()).ok());
  // The witnesses cosign what it adds.
  fs::remove_all(data());
  fs::rename(restored(), data());
  Serve();
  AddSource("three");
  Sign();
  MakeFeed(Policy("all"));
  EXPECT_TRUE(feed_->RunRound());
}

TEST_F(RestoredTest, ThatIsOlderThanWhatWasCosignedSignsNothing) {
  MakeFeed(Policy("2"));
  AddSource("one");
  Backup();
  AddSource("two");
  const int64_t size = Sign();
  ASSERT_TRUE(feed_->RunRound());
  Restore();
  const absl::Status status = Meet("2");
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(Cat("cosigned ", size, " entries")));
  ExpectSignsNothing();
}

TEST_F(RestoredTest, NeedsAnswersFromSoManyThatTheRestIsNoQuorum) {
  MakeFeed(Policy("2"));
  AddSource("one");
  Sign();
  ASSERT_TRUE(feed_->RunRound());
  Backup();
  Restore();
  // Two of three might have cosigned more without the first.
  witnesses_[1]->Stop();
  witnesses_[2]->Stop();
  EXPECT_TRUE(absl::IsUnavailable(Meet("2")));
  ExpectSignsNothing();
  // One of three could not have.
  witnesses_[1]->Start();
  EXPECT_TRUE(Meet("2").ok()) << out_;
  EXPECT_TRUE(ledger::Log::Open(OpenRestored()).ok());
}

TEST_F(RestoredTest, WhoseWitnessesCosignedNothingYetIsTakenAsItIs) {
  AddSource("one");
  Backup();
  Restore();
  ASSERT_TRUE(Meet("1").ok()) << out_;
  EXPECT_TRUE(ledger::Log::Open(OpenRestored()).ok());
}

TEST_F(RestoredTest, OfAnotherHistoryIsRefused) {
  AddSource("one");
  AddSource("two");
  Sign();
  Backup();
  // The ledger of a twin, of the same key, whose third entry is another.
  const std::string twin = directory_.path() + "/twin";
  MakeFeed(Policy("1"));
  ASSERT_TRUE(feed_->RunRound());
  Restore();
  fs::remove_all(restored() + "/log");
  fs::create_directories(twin);
  fs::copy(data() + "/ledger.key", twin + "/ledger.key");
  ASSERT_TRUE(
      ledger::Log::Create({.directory = twin, .origin = "test/ledger", .clock = &clock}).ok());
  {
    const Served other(twin, &clock);
    client::ClientOptions options;
    options.endpoint = Cat("127.0.0.1:", other.server->port());
    client::Client twin_client(options);
    for (const char* const id : {"three", "four", "five"}) {
      v1::CreateSourceRequest request;
      request.set_source_id(id);
      request.mutable_source()->set_display_name(id);
      ASSERT_TRUE(twin_client.CreateSource(request).ok());
    }
  }
  fs::copy(twin + "/log", restored() + "/log", fs::copy_options::recursive);
  const absl::Status status = Meet("1");
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("another history"));
  ExpectSignsNothing();
}

TEST_F(RestoredTest, AsksWithTheKeyThatWasRotated) {
  AddSource("one");
  Sign();
  MakeFeed(Policy("1"));
  ASSERT_TRUE(feed_->RunRound());
  Stop();
  ledger::OpenOptions options;
  options.directory = data();
  options.clock = &clock;
  const auto rotated = ledger::Log::RotateKey(options);
  ASSERT_TRUE(rotated.ok()) << rotated.status();
  const client::VerifierKey next = client::ParseVerifierKey(*rotated).value();
  for (auto& witness : witnesses_) {
    const std::string directory = witness->directory();
    const std::string name = witness->key().name;
    witness.reset();
    witness = std::make_unique<WitnessServer>(
        directory, name, std::vector<WitnessedLog>{{"test/ledger", key_}, {"test/ledger", next}});
  }
  Serve();
  Backup();
  Restore();
  ASSERT_TRUE(Meet("1").ok()) << out_;
  EXPECT_TRUE(ledger::Log::Open(OpenRestored()).ok());
}

}  // namespace
}  // namespace credence::server
