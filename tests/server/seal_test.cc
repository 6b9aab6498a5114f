#include <filesystem>
#include <map>
#include <string>

#include "audit/audit.h"
#include "credence/client/seal.h"
#include "credence/client/verify/entry_checker.h"
#include "served.h"

// Forecasts that are sealed and told later, against a server on a ledger on disk.
namespace credence::server {
namespace {

class SealTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    MakeQuestion();
    MakeForecasters({"a", "b"});
  }

  static v1::Forecast ForecastOf(const std::string& forecaster, double probability) {
    v1::Forecast forecast;
    forecast.set_forecaster("forecasters/" + forecaster);
    forecast.set_probability(probability);
    return forecast;
  }

  client::MadeSeal Make(const std::string& forecaster, double probability) {
    auto made = client::MakeSeal(*client, "questions/q", "", ForecastOf(forecaster, probability));
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }

  // Seals, and gives what reveals it.
  v1::SealSecret Seal(const std::string& forecaster, double probability) {
    const client::MadeSeal made = Make(forecaster, probability);
    const auto sealed = client->SealForecast(made.request);
    EXPECT_TRUE(sealed.ok()) << sealed.status();
    return made.secret;
  }

  absl::StatusOr<v1::RevealForecastResponse> Reveal(const v1::SealSecret& secret) {
    return client->RevealForecast(client::RevealRequest(secret));
  }

  void Say(const std::string& forecaster, double probability) {
    v1::CreateForecastRequest request;
    request.set_parent("questions/q");
    *request.mutable_forecast() = ForecastOf(forecaster, probability);
    const auto said = client->CreateForecast(request);
    ASSERT_TRUE(said.ok()) << said.status();
  }

  void Resolve() {
    const auto resolved = client->ResolveQuestion(Text<v1::ResolveQuestionRequest>(
        R"pb(name: "questions/q"
             resolution { outcome: "yes" rationale: "It did." })pb"));
    ASSERT_TRUE(resolved.ok()) << resolved.status();
  }

  // Scores in force by subject and rule.
  std::map<std::string, std::map<std::string, double>> Scores() {
    v1::ListScoresRequest request;
    request.set_question("questions/q");
    const auto response = client->ListScores(request);
    EXPECT_TRUE(response.ok()) << response.status();
    std::map<std::string, std::map<std::string, double>> scores;
    for (const v1::Score& score : response->scores()) {
      for (const auto& rule : score.scores()) scores[score.subject()][rule.rule()] = rule.value();
    }
    return scores;
  }

  v1::SealCounts Counts(const std::string& forecaster) {
    v1::GetForecasterRequest request;
    request.set_name("forecasters/" + forecaster);
    const auto response = client->GetForecaster(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response->forecaster().seals();
  }

  std::vector<v1::Forecast> List(bool standing = false) {
    v1::ListForecastsRequest request;
    request.set_parent("questions/q");
    request.set_standing_only(standing);
    const auto response = client->ListForecasts(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return {response->forecasts().begin(), response->forecasts().end()};
  }

  int64_t PoolSizeAt(const char* time) {
    v1::GetPoolRequest request;
    request.set_parent("questions/q");
    request.mutable_effective_time()->set_seconds(absl::ToUnixSeconds(Instant(time)));
    const auto response = client->GetPool(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response->forecast_count();
  }

  // By the verifier, and by the audit that computes every score anew, also from stored projections.
  void ExpectSound() {
    Restart();
    const auto key = client::ParseVerifierKey(served->log->verifier_key());
    client::EntryChecker checker(*key);
    const auto entries = served->log->Read(ledger::Position{0}, {});
    ASSERT_TRUE(entries.ok());
    for (const ledger::StoredEntry& entry : *entries) {
      const absl::Status taken = checker.Take(*entry.bytes);
      ASSERT_TRUE(taken.ok()) << taken;
    }
    const auto audited = AuditLog(*served->log, [](int64_t) {});
    EXPECT_TRUE(audited.ok()) << audited.status();
  }
};

TEST_F(SealTest, ASealedForecastIsUnknownUntilItIsRevealed) {
  const v1::SealSecret secret = Seal("a", 0.9);
  ASSERT_EQ(List().size(), 1U);
  const v1::Forecast sealed = List().front();
  EXPECT_EQ(sealed.name(), secret.name());
  EXPECT_EQ(sealed.forecaster(), "forecasters/a");
  EXPECT_EQ(sealed.seal().digest().size(), 32U);
  EXPECT_EQ(sealed.probabilities_size(), 0);
  EXPECT_TRUE(List(true).empty());
  clock.Advance(absl::Hours(24));
  const auto revealed = Reveal(secret);
  ASSERT_TRUE(revealed.ok()) << revealed.status();
  EXPECT_DOUBLE_EQ(revealed->forecast().probability(), 0.9);
  EXPECT_EQ(revealed->forecast().effective_time().seconds(), sealed.record_time().seconds());
  EXPECT_FALSE(revealed->forecast().seal().revealed_late());
  ASSERT_EQ(List().size(), 1U);
  EXPECT_DOUBLE_EQ(List().front().probability(), 0.9);
  ASSERT_EQ(List(true).size(), 1U);
  EXPECT_DOUBLE_EQ(List(true).front().probability(), 0.9);
  ExpectError(Reveal(secret), absl::StatusCode::kFailedPrecondition, "WRONG_STATE", "");
  ExpectSound();
}

TEST_F(SealTest, ItCountsForItsForecasterFromTheSealAndInPoolsFromTheReveal) {
  const v1::SealSecret secret = Seal("a", 0.9);
  Say("b", 0.9);
  clock.Set(Instant("2026-03-01T00:00:00Z"));
  ASSERT_TRUE(Reveal(secret).ok());
  clock.Set(Instant("2026-03-02T00:00:00Z"));
  EXPECT_EQ(PoolSizeAt("2026-02-20T00:00:00Z"), 1);
  EXPECT_EQ(PoolSizeAt("2026-03-01T12:00:00Z"), 2);
  clock.Set(Instant("2026-05-01T00:00:00Z"));
  Resolve();
  const auto scores = Scores();
  ASSERT_TRUE(scores.contains("forecasters/a"));
  // Microseconds apart.
  for (const auto& [rule, value] : scores.at("forecasters/b")) {
    EXPECT_NEAR(scores.at("forecasters/a").at(rule), value, 1e-9) << rule;
  }
  ExpectSound();
}

TEST_F(SealTest, WhatIsRevealedAfterTheEndIsShownAndNeverScored) {
  const v1::SealSecret secret = Seal("a", 0.9);
  Say("b", 0.6);
  clock.Set(Instant("2026-05-01T00:00:00Z"));
  Resolve();
  EXPECT_EQ(Counts("a").unrevealed_count(), 1);
  const auto late = Reveal(secret);
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_TRUE(late->forecast().seal().revealed_late());
  ASSERT_EQ(List().size(), 2U);
  EXPECT_TRUE(List().back().seal().revealed_late());
  EXPECT_DOUBLE_EQ(List().back().probability(), 0.9);
  const auto amended = client->AmendResolution(Text<v1::AmendResolutionRequest>(
      R"pb(name: "questions/q"
           resolution { outcome: "no" rationale: "It did not." })pb"));
  ASSERT_TRUE(amended.ok()) << amended.status();
  EXPECT_FALSE(Scores().contains("forecasters/a"));
  EXPECT_TRUE(Scores().contains("forecasters/b"));
  EXPECT_EQ(Counts("a").revealed_late_count(), 1);
  EXPECT_EQ(Counts("a").unrevealed_count(), 0);
  ExpectSound();
}

TEST_F(SealTest, TheRevealTimeItselfIsTooLate) {
  client::MadeSeal early = Make("a", 0.9);
  client::MadeSeal late = Make("b", 0.9);
  for (client::MadeSeal* made : {&early, &late}) {
    made->request.mutable_reveal_time()->set_seconds(
        absl::ToUnixSeconds(Instant("2026-03-01T00:00:00Z")));
    ASSERT_TRUE(client->SealForecast(made->request).ok());
  }
  clock.Set(Instant("2026-03-01T00:00:00Z") - absl::Microseconds(10));
  const auto in_time = Reveal(early.secret);
  ASSERT_TRUE(in_time.ok()) << in_time.status();
  EXPECT_FALSE(in_time->forecast().seal().revealed_late());
  EXPECT_EQ(Counts("b").unrevealed_count(), 0);
  clock.Set(Instant("2026-03-01T00:00:00Z"));
  EXPECT_EQ(Counts("b").unrevealed_count(), 1);
  const auto too_late = Reveal(late.secret);
  ASSERT_TRUE(too_late.ok()) << too_late.status();
  EXPECT_TRUE(too_late->forecast().seal().revealed_late());
}

TEST_F(SealTest, OfSeveralSealsAllCountOrNone) {
  const v1::SealSecret high = Seal("a", 0.95);
  const v1::SealSecret low = Seal("a", 0.05);
  const v1::SealSecret first = Seal("b", 0.3);
  clock.Advance(absl::Hours(24 * 10));
  const v1::SealSecret second = Seal("b", 0.8);
  ASSERT_TRUE(Reveal(high).ok());
  ASSERT_TRUE(Reveal(second).ok());
  ASSERT_TRUE(Reveal(first).ok());
  clock.Set(Instant("2026-05-01T00:00:00Z"));
  Resolve();
  EXPECT_FALSE(Scores().contains("forecasters/a"));
  ASSERT_TRUE(Scores().contains("forecasters/b"));
  // The later seal stands, whatever was revealed last.
  EXPECT_NEAR(Scores().at("forecasters/b").at("brier.half.last"), 0.2 * 0.2, 1e-12);
  EXPECT_EQ(Counts("a").unrevealed_count(), 1);
  v1::GetScorecardRequest scorecard;
  scorecard.set_subject("forecasters/a");
  EXPECT_EQ(client->GetScorecard(scorecard)->seals().unrevealed_count(), 1);
  v1::GetLeaderboardRequest leaderboard;
  leaderboard.set_rule("brier.half.last");
  const auto ranked = client->GetLeaderboard(leaderboard);
  ASSERT_TRUE(ranked.ok()) << ranked.status();
  bool found = false;
  for (const auto& entry : ranked->entries()) {
    if (entry.subject() != "forecasters/b") continue;
    found = true;
    EXPECT_EQ(entry.seals().revealed_count(), 2);
  }
  EXPECT_TRUE(found);
  // Telling the other one now mends nothing.
  ASSERT_TRUE(Reveal(low).ok());
  ASSERT_TRUE(client
                  ->AmendResolution(Text<v1::AmendResolutionRequest>(
                      R"pb(name: "questions/q"
                           resolution { outcome: "no" rationale: "No." })pb"))
                  .ok());
  EXPECT_FALSE(Scores().contains("forecasters/a"));
  ExpectSound();
}

TEST_F(SealTest, WhatWasSaidAfterTheSealStands) {
  const v1::SealSecret a = Seal("a", 0.9);
  const v1::SealSecret b = Seal("b", 0.9);
  clock.Advance(absl::Hours(1));
  Say("a", 0.6);
  Say("b", 0.5);
  v1::WithdrawForecastRequest withdraw;
  withdraw.set_parent("questions/q");
  withdraw.set_forecaster("forecasters/b");
  ASSERT_TRUE(client->WithdrawForecast(withdraw).ok());
  ASSERT_TRUE(Reveal(a).ok());
  ASSERT_TRUE(Reveal(b).ok());
  ASSERT_EQ(List(true).size(), 1U);
  EXPECT_DOUBLE_EQ(List(true).front().probability(), 0.6);
  clock.Set(Instant("2026-05-01T00:00:00Z"));
  Resolve();
  EXPECT_NEAR(Scores().at("forecasters/a").at("brier.half.last"), 0.4 * 0.4, 1e-12);
  ExpectSound();
}

TEST_F(SealTest, ACopiedSealCannotBeRevealedByWhoCopiedIt) {
  const client::MadeSeal mine = Make("a", 0.9);
  ASSERT_TRUE(client->SealForecast(mine.request).ok());
  v1::SealForecastRequest copied = mine.request;
  copied.set_forecaster("forecasters/b");
  copied.set_forecast_id("copied");
  ASSERT_TRUE(client->SealForecast(copied).ok());
  ASSERT_TRUE(Reveal(mine.secret).ok());
  v1::SealSecret theirs = mine.secret;
  theirs.set_name("questions/q/forecasts/copied");
  const int64_t size = tree_size();
  ExpectError(Reveal(theirs), absl::StatusCode::kInvalidArgument, "FIELD_INVALID", "statement");
  // Nor with the name changed: it is not what was hashed then.
  event::v1::SealedForecast statement = mine.secret.forecast();
  statement.set_forecaster("b");
  theirs.set_statement(statement.SerializeAsString());
  ExpectError(Reveal(theirs), absl::StatusCode::kInvalidArgument, "FIELD_INVALID", "statement");
  EXPECT_EQ(tree_size(), size);
}

TEST_F(SealTest, WhatDoesNotFitIsRefused) {
  v1::SealForecastRequest request = Make("a", 0.9).request;
  request.set_digest("short");
  ExpectError(client->SealForecast(request), absl::StatusCode::kInvalidArgument, "FIELD_INVALID",
              "digest");
  request = Make("a", 0.9).request;
  request.mutable_reveal_time()->set_seconds(1);
  ExpectError(client->SealForecast(request), absl::StatusCode::kInvalidArgument, "TIME_INVALID",
              "reveal_time");
  request = Make("a", 0.9).request;
  request.mutable_options()->mutable_effective_time()->set_seconds(1769000000);
  ExpectError(client->SealForecast(request), absl::StatusCode::kInvalidArgument, "TIME_INVALID",
              "options.effective_time");
  v1::SealSecret secret = Seal("a", 0.9);
  secret.mutable_salt()->pop_back();
  ExpectError(Reveal(secret), absl::StatusCode::kInvalidArgument, "FIELD_INVALID", "salt");
  v1::SealSecret unknown = Seal("a", 0.8);
  unknown.set_name("questions/q/forecasts/unknown");
  ExpectError(Reveal(unknown), absl::StatusCode::kNotFound, "NOT_FOUND", "");
  EXPECT_TRUE(
      absl::IsInvalidArgument(client::MakeSeal(*client, "questions/q", "", Text<v1::Forecast>(R"pb(
                                forecaster: "forecasters/a"
                                probabilities { state: "maybe" probability: 1 })pb"))
                                  .status()));
  clock.Set(Instant("2026-05-01T00:00:00Z"));
  Resolve();
  ExpectError(client->SealForecast(Make("b", 0.9).request), absl::StatusCode::kFailedPrecondition,
              "WRONG_STATE", "");
}

// Whoever seals nonsense has sealed something that cannot be revealed.
TEST_F(SealTest, ProbabilitiesThatAreNoneCannotBeRevealed) {
  client::MadeSeal made = Make("a", 0.9);
  event::v1::SealedForecast statement = made.secret.forecast();
  statement.set_probabilities(0, 0.5);
  statement.set_probabilities(1, 0.9);
  made.secret.set_statement(statement.SerializeAsString());
  const ledger::Hash digest = ledger::Sha256(made.secret.salt() + made.secret.statement());
  made.request.set_digest(std::string(digest.begin(), digest.end()));
  ASSERT_TRUE(client->SealForecast(made.request).ok());
  ExpectError(Reveal(made.secret), absl::StatusCode::kInvalidArgument, "PROBABILITY_INVALID",
              "statement.probabilities");
}

TEST_F(SealTest, ASecretIsKeptInAFileOfItsOwn) {
  const v1::SealSecret secret = Seal("a", 0.9);
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/seal.json";
  ASSERT_TRUE(client::WriteSecret(secret, path).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(client::WriteSecret(secret, path)));
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const auto read = client::ReadSecret(path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(Reveal(*read).ok());
  EXPECT_TRUE(absl::IsNotFound(client::ReadSecret(path + ".none").status()));
}

}  // namespace
}  // namespace credence::server
