#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "audit/audit.h"
#include "credence/event/v1/envelope.pb.h"
#include "credence/event/v1/network_events.pb.h"
#include "program_run.h"
#include "served.h"

// Credible intervals of posteriors, asked for and published, over a real socket and a real disk.
namespace credence::server {
namespace {

class IntervalsTest : public ServiceTest {
 protected:
  void Create(const std::string& id, const std::string& prior) {
    const auto created = client->CreateQuestion(Text<v1::CreateQuestionRequest>(
        Cat("question_id: '", id, "' question { title: 'x' open_time { seconds: 1767225600 } ",
            "close_time { seconds: 1798761600 } prior { ", prior,
            " } } options { effective_time { seconds: 1767225600 } }")));
    ASSERT_TRUE(created.ok()) << created.status();
  }
  void Report(const std::string& id, const std::string& model) {
    const auto created = client->CreateEvidence(Text<v1::CreateEvidenceRequest>(
        Cat("parent: 'questions/", id, "' evidence { model { node: '", id, "' reliability: 1 ",
            model, " } }")));
    ASSERT_TRUE(created.ok()) << created.status();
  }
  absl::StatusOr<v1::QueryPosteriorResponse> Query(const std::string& id, const std::string& more) {
    return client->QueryPosterior(
        Text<v1::QueryPosteriorRequest>(Cat("target { name: 'questions/", id, "' } ", more)));
  }
  v1::PublishedPosterior LastPublished(const std::string& id) {
    v1::ListPosteriorsRequest request;
    request.set_parent(Cat("questions/", id));
    const auto listed = client->ListPosteriors(request);
    EXPECT_TRUE(listed.ok()) << listed.status();
    return *listed->posteriors().rbegin();
  }

  std::vector<std::string> Entries() const {
    const auto entries = served->log->Read(ledger::Position{0}, ledger::ReadLimits{});
    EXPECT_TRUE(entries.ok()) << entries.status();
    std::vector<std::string> bytes;
    for (const ledger::StoredEntry& entry : *entries) bytes.emplace_back(*entry.bytes);
    return bytes;
  }
  // Audits the entries after `change` was made to every published posterior.
  template <typename Change>
  absl::Status Audit(const Change& change) const {
    EntryAuditor auditor;
    for (const std::string& bytes : Entries()) {
      event::v1::EventEnvelope envelope;
      EXPECT_TRUE(envelope.ParseFromString(bytes));
      event::v1::PosteriorPublished published;
      if (envelope.payload().UnpackTo(&published)) {
        change(published);
        envelope.mutable_payload()->PackFrom(published);
      }
      if (absl::Status taken = auditor.Take(envelope.SerializeAsString()); !taken.ok()) {
        return taken;
      }
    }
    return absl::OkStatus();
  }
};

// ln of the odds of a prior of 0.1 after a ratio of 4, and its deviation where the weight of the
// item has one of 3 decibans.
double QuantileOfSpread(double z) {
  const double log_odds = std::log(4.0 / 9.0) + z * 3.0 * std::log(10.0) / 10.0;
  return 1.0 / (1.0 + std::exp(-log_odds));
}

TEST_F(IntervalsTest, ADeclaredSpreadGivesTheQuantilesOfTheNormal) {
  Create("q", "fixed { probabilities: 0.1 probabilities: 0.9 }");
  Report("q", "likelihood_ratio: 4 spread_decibans: 3");
  const auto response = Query("q", "interval_sample { draw_count: 4096 }");
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->interval_sample().uncertain_count(), 1);
  ASSERT_EQ(response->posterior().intervals_size(), 2);
  const v1::StateInterval& yes = response->posterior().intervals(0);
  EXPECT_EQ(yes.state(), "yes");
  EXPECT_NEAR(yes.median(), 4.0 / 13.0, 1e-3);
  ASSERT_EQ(yes.intervals_size(), 3);
  constexpr double kZ[] = {0.6744897501960817, 1.2815515655446004, 1.959963984540054};
  constexpr double kLevels[] = {0.5, 0.8, 0.95};
  for (int i = 0; i < 3; ++i) {
    EXPECT_NEAR(yes.intervals(i).level(), kLevels[i], 1e-15);
    EXPECT_NEAR(yes.intervals(i).low(), QuantileOfSpread(-kZ[i]), 2e-3);
    EXPECT_NEAR(yes.intervals(i).high(), QuantileOfSpread(kZ[i]), 2e-3);
    EXPECT_NEAR(response->posterior().intervals(1).intervals(i).low(),
                1.0 - yes.intervals(i).high(), 2e-3);
  }
  ExpectError(Query("q", "interval_sample { draw_count: 2 }"), absl::StatusCode::kInvalidArgument,
              "NUMBER_INVALID", "interval_sample.draw_count");
}

TEST_F(IntervalsTest, WhatNothingUncertainBearsOnIsAPointAndPublishesNone) {
  Create("q", "fixed { probabilities: 0.1 probabilities: 0.9 }");
  Report("q", "likelihood_ratio: 4");
  const auto response = Query("q", "interval_sample { }");
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->interval_sample().uncertain_count(), 0);
  for (const auto& interval : response->posterior().intervals(0).intervals()) {
    EXPECT_NEAR(interval.low(), 4.0 / 13.0, 1e-12);
    EXPECT_NEAR(interval.high(), 4.0 / 13.0, 1e-12);
  }
  EXPECT_EQ(LastPublished("q").intervals_size(), 0);
}

TEST_F(IntervalsTest, ThePublishedIntervalIsTheOneThatIsAskedForAtItsPosition) {
  Create("q", "hazard { shape: 2 rate_days: 3650 }");
  Report("q", "likelihood_ratio: 4 spread_decibans: 2");
  const v1::PublishedPosterior published = LastPublished("q");
  ASSERT_EQ(published.intervals_size(), 2);
  EXPECT_GT(published.interval_draw_count(), 0);
  auto request = Text<v1::QueryPosteriorRequest>("target { name: 'questions/q' }");
  *request.mutable_target()->mutable_effective_time() = published.effective_time();
  request.mutable_target()->mutable_view()->set_position(published.position());
  request.mutable_interval_sample()->set_draw_count(published.interval_draw_count());
  const auto asked = client->QueryPosterior(request);
  ASSERT_TRUE(asked.ok()) << asked.status();
  for (int i = 0; i < 3; ++i) {
    const auto& stored = published.intervals(0).intervals(i);
    EXPECT_NEAR(asked->posterior().intervals(0).intervals(i).low(), stored.low(), 1e-12);
    EXPECT_NEAR(asked->posterior().intervals(0).intervals(i).high(), stored.high(), 1e-12);
    EXPECT_NEAR(published.intervals(1).intervals(i).low(), 1.0 - stored.high(), 1e-12);
    EXPECT_LT(stored.low(), published.intervals(0).median());
    EXPECT_GT(stored.high(), published.intervals(0).median());
  }
  EXPECT_LT(published.intervals(0).intervals(2).low(), published.intervals(0).intervals(0).low());
}

TEST_F(IntervalsTest, AReplayFindsTheSameIntervalsAndEveryChangeOfOne) {
  Create("q", "hazard { shape: 1 rate_days: 3650 }");
  Report("q", "likelihood_ratio: 3 spread_decibans: 1");
  clock.Advance(absl::Hours(30 * 24));
  Report("q", "likelihood_ratio: 0.5");
  const auto report = AuditLog(*served->log, [](int64_t) {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GT(report->posterior_count, 2);
  EXPECT_TRUE(Audit([](event::v1::PosteriorPublished&) {}).ok());
  const absl::Status moved = Audit([](event::v1::PosteriorPublished& published) {
    for (auto& posterior : *published.mutable_posteriors()) {
      for (auto& spread : *posterior.mutable_spreads()) {
        spread.mutable_intervals(0)->set_low(spread.intervals(0).low() + 1e-6);
      }
    }
  });
  EXPECT_EQ(moved.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(moved.message()), testing::HasSubstr("credible intervals"));
}

TEST_F(IntervalsTest, ALedgerWrittenBeforeThereWereIntervalsIsVerified) {
  Create("q", "hazard { shape: 1 rate_days: 3650 }");
  Report("q", "likelihood_ratio: 3 spread_decibans: 1");
  const absl::Status old = Audit([](event::v1::PosteriorPublished& published) {
    published.clear_interval_draw_count();
    published.set_engine_version("1");
    for (auto& posterior : *published.mutable_posteriors()) posterior.clear_spreads();
  });
  EXPECT_TRUE(old.ok()) << old;
}

TEST_F(IntervalsTest, TheCommandsShowThem) {
  Create("q", "fixed { probabilities: 0.1 probabilities: 0.9 }");
  const auto run = [this](std::vector<std::string> args) {
    args.insert(args.begin(), {"--endpoint", Cat("127.0.0.1:", served->server->port())});
    const Ran ran = RunCommands(args, {}, "");
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.out;
  };
  run({"evidence", "add", "q", "--node", "q", "--likelihood-ratio", "4", "--spread", "3",
       "--reliability", "1"});
  const std::string got = run({"posterior", "get", "q", "--draws", "4096"});
  EXPECT_THAT(got, testing::HasSubstr("30.77 %"));
  EXPECT_THAT(got, testing::HasSubstr("4096 draws of 1 uncertain numbers"));
  EXPECT_THAT(run({"posterior", "history", "q"}), testing::HasSubstr(", 80 % between "));
  EXPECT_THAT(run({"posterior", "get", "q", "--approximate", "1000"}),
              testing::HasSubstr("STANDARD ERROR"));
}

TEST_F(IntervalsTest, ASpreadThatMeansNothingIsRefused) {
  Create("q", "fixed { probabilities: 0.1 probabilities: 0.9 }");
  const auto report = [this](const std::string& model) {
    return client->CreateEvidence(Text<v1::CreateEvidenceRequest>(
        Cat("parent: 'questions/q' evidence { model { node: 'q' ", model, " } }")));
  };
  ExpectError(report("likelihood_ratio: 2 spread_decibans: -1"), absl::StatusCode::kInvalidArgument,
              "NUMBER_INVALID", "evidence.model.spread_decibans");
  ExpectError(report("observed_state: 'yes' spread_decibans: 1"),
              absl::StatusCode::kInvalidArgument, "STATEMENT_UNSUITABLE",
              "evidence.model.spread_decibans");
}

}  // namespace
}  // namespace credence::server
