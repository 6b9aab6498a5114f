#include <cmath>
#include <random>
#include <string>

#include "decide/scores.h"
#include "query/score_queries.h"
#include "world.h"

// What sources claimed, how it is scored with each resolution, and the reports on it; and what
// becomes of scores where a question changes.
namespace credence::server {
namespace {

class SourceTest : public testing::Test {
 protected:
  void SetUp() override {
    world.now = At("2026-03-01T00:00:00Z");
    for (const char* source : {"ann", "bob"}) {
      ASSERT_TRUE(world.Do(&DecideCreateSource, Cat("source_id: '", source, "'")).ok());
    }
  }

  void Question(const std::string& id, double prior) {
    const DecisionOr created = world.Do(
        &DecideCreateQuestion,
        Cat("question_id: '", id, "' question { title: 'Will it?' tags: 'ships' ",
            "open_time { seconds: 1764547200 } close_time { seconds: 1772323200 } ",
            "prior { fixed { probabilities: ", prior, " probabilities: ", 1 - prior, " } } }"),
        "2025-12-01T00:00:00Z");
    ASSERT_TRUE(created.ok()) << created.status();
  }

  DecisionOr Report(const std::string& question, const std::string& item, const char* source,
                    double ratio, const char* effective) {
    return world.Do(&DecideCreateEvidence,
                    Cat("parent: 'questions/", question, "' evidence_id: '", item,
                        "' evidence { model { node: '", question, "' source: 'sources/", source,
                        "' likelihood_ratio: ", ratio, " } }"),
                    effective);
  }

  void Resolve(const std::string& question, const std::string& outcome,
               const char* effective = "2026-01-20T00:00:00Z") {
    const DecisionOr resolved = world.Do(
        &DecideResolveQuestion,
        Cat("name: 'questions/", question, "' resolution { outcome: '", outcome, "' }"), effective);
    ASSERT_TRUE(resolved.ok()) << resolved.status();
  }

  const ScoreVersionState& Scores(const std::string& question) const {
    return *world.state.questions.Find(question)->scores.back();
  }

  // The gain of a source on a question; absent where it has none.
  std::optional<double> Gain(const std::string& question, const std::string& source) const {
    const ScoreVersionState& scores = Scores(question);
    const auto index = scores.FindRule("evidence.gain");
    for (const SubjectScoreState& subject : scores.subjects) {
      if (subject.subject == Cat("sources/", source) && index) return subject.values[*index];
    }
    return std::nullopt;
  }

  template <typename Response, typename Request>
  Response Filled(absl::Status (*fill)(const State&, const Request&, Response&),
                  const std::string& request) {
    Response response;
    const absl::Status filled = fill(world.state, Parse<Request>(request), response);
    EXPECT_TRUE(filled.ok()) << filled;
    return response;
  }

  World world;
};

double Decibans(double ratio) { return 10 * std::log10(ratio); }

TEST_F(SourceTest, EachSourceEarnsWhatItsItemsMovedThePublishedPosteriorTowardsTheTruth) {
  Question("q", 0.2);
  ASSERT_TRUE(Report("q", "i1", "ann", 4, "2025-12-10T00:00:00Z").ok());
  ASSERT_TRUE(Report("q", "i2", "bob", 0.5, "2025-12-20T00:00:00Z").ok());
  ASSERT_TRUE(Report("q", "i3", "ann", 2, "2025-12-30T00:00:00Z").ok());
  Resolve("q", "yes");
  // .2, .5, 1/3, .5.
  EXPECT_NEAR(*Gain("q", "ann"), Decibans(0.5 / 0.2) + Decibans(0.5 * 3), 1e-9);
  EXPECT_NEAR(*Gain("q", "bob"), Decibans(2.0 / 3), 1e-9);
  ASSERT_EQ(Scores("q").claims.size(), 3U);
  const event::v1::EvidenceClaim& first = Scores("q").claims.front();
  EXPECT_EQ(first.source(), "ann");
  EXPECT_EQ(first.evidence(0), "i1");
  EXPECT_NEAR(first.prior_probabilities(0), 0.2, 1e-12);
  EXPECT_NEAR(first.posterior_probabilities(0), 0.5, 1e-12);
  // In force from the tenth on, of fifty days to the resolution.
  for (const SubjectScoreState& subject : Scores("q").subjects) {
    if (subject.subject != "sources/ann") continue;
    EXPECT_NEAR(subject.coverage, 41.0 / 50.0, 1e-12);
  }
}

TEST_F(SourceTest, ACorrectionScoresSourcesAgainAndAnAnnulmentEndsTheirScores) {
  Question("q", 0.2);
  ASSERT_TRUE(Report("q", "i1", "ann", 4, "2025-12-10T00:00:00Z").ok());
  Resolve("q", "yes");
  ASSERT_TRUE(world
                  .Do(&DecideAmendResolution, "name: 'questions/q' resolution { outcome: 'no' }",
                      "2026-01-25T00:00:00Z")
                  .ok());
  EXPECT_NEAR(*Gain("q", "ann"), Decibans(0.5 / 0.8), 1e-9);
  const char* at = "subject: 'sources/ann' effective_time { seconds: ";
  const auto card = [&](const char* time) {
    return Filled(&FillScorecard, Cat(at, absl::ToUnixSeconds(At(time)), " }"));
  };
  EXPECT_NEAR(card("2026-01-21T00:00:00Z").backfilled(0).mean(), Decibans(2.5), 1e-9);
  EXPECT_NEAR(card("2026-01-26T00:00:00Z").backfilled(0).mean(), Decibans(0.5 / 0.8), 1e-9);
  ASSERT_TRUE(world.Do(&DecideAnnulQuestion, "name: 'questions/q'", "2026-01-30T00:00:00Z").ok());
  EXPECT_TRUE(Scores("q").claims.empty());
  const auto after = card("2026-02-01T00:00:00Z");
  EXPECT_TRUE(after.backfilled().empty());
  EXPECT_EQ(after.settlement().annulled_count(), 1);
}

TEST_F(SourceTest, WhatWasRetractedInTimeDoesNotCountAndWhatSupersedesAddsUp) {
  Question("q", 0.2);
  ASSERT_TRUE(Report("q", "i1", "ann", 4, "2025-12-10T00:00:00Z").ok());
  ASSERT_TRUE(Report("q", "i2", "bob", 4, "2025-12-12T00:00:00Z").ok());
  const DecisionOr superseded = world.Do(
      &DecideSupersedeEvidence,
      "name: 'networks/q/evidence/i1' evidence_id: 'i3' evidence { model { node: 'q' source: "
      "'sources/ann' likelihood_ratio: 8 } }",
      "2025-12-20T00:00:00Z");
  ASSERT_TRUE(superseded.ok()) << superseded.status();
  ASSERT_TRUE(world
                  .Do(&DecideRetractEvidence, "name: 'networks/q/evidence/i2' rationale: 'wrong'",
                      "2025-12-30T00:00:00Z")
                  .ok());
  Resolve("q", "yes");
  // ann: .2 to .5, then 4/5 to 8/9; bob's item did not stand at the end.
  EXPECT_NEAR(*Gain("q", "ann"), Decibans(2.5) + Decibans((8.0 / 9) / (4.0 / 5)), 1e-9);
  EXPECT_EQ(Gain("q", "bob"), std::nullopt);
}

TEST_F(SourceTest, ItemsOfSeveralSourcesTakenInTogetherAreNotToldApart) {
  Question("q", 0.2);
  const auto item = [](const std::string& source, int64_t seconds, int number) {
    return Cat(" items { evidence_id: '", source, seconds, "x", number,
               "' evidence { model { node: 'q' source: 'sources/", source,
               "' likelihood_ratio: 2 } } effective_time { seconds: ", seconds, " } }");
  };
  const auto batch = [&](const char* first, const char* second, int64_t seconds) {
    return world.Do(
        &DecideBatchCreateEvidence,
        Cat("parent: 'questions/q'", item(first, seconds, 1), item(second, seconds, 2)));
  };
  ASSERT_TRUE(batch("ann", "bob", 1765324800).ok());
  ASSERT_TRUE(batch("ann", "ann", 1765411200).ok());
  Resolve("q", "yes");
  ASSERT_EQ(Scores("q").claims.size(), 1U);
  EXPECT_EQ(Scores("q").claims.front().evidence_size(), 2);
  EXPECT_EQ(Gain("q", "bob"), std::nullopt);
  // Odds of 1 to 4 doubled twice before, and twice by the claim.
  EXPECT_NEAR(*Gain("q", "ann"), Decibans(0.8 / 0.5), 1e-9);
}

TEST_F(SourceTest, SlopesTellTheBoldFromTheCalibratedSource) {
  constexpr unsigned kSeed = 1958;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937_64 random(kSeed);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (int i = 0; i < 120; ++i) {
    const std::string id = Cat("q", i);
    Question(id, 0.5);
    // ann states the ratio that is true, bob its square.
    const bool up = uniform(random) < 0.5;
    const double honest = up ? 4.0 : 0.25;
    const bool bold = i % 2 == 1;
    const double stated = bold ? honest * honest : honest;
    ASSERT_TRUE(Report(id, "e", bold ? "bob" : "ann", stated, "2025-12-10T00:00:00Z").ok());
    const double probability = honest / (1 + honest);
    Resolve(id, uniform(random) < probability ? "yes" : "no");
  }
  const auto ann = Filled(&FillCalibration, "subject: 'sources/ann' filter { backfilled: true }");
  const auto bob = Filled(&FillCalibration, "subject: 'sources/bob' filter { backfilled: true }");
  EXPECT_EQ(ann.weights().claim_count(), 60);
  EXPECT_EQ(ann.weights().question_count(), 60);
  EXPECT_EQ(ann.weights().claims_size(), 60);
  EXPECT_NEAR(ann.weights().slope(), 1, 3 * ann.weights().slope_standard_error());
  EXPECT_NEAR(bob.weights().slope(), 0.5, 3 * bob.weights().slope_standard_error());
  EXPECT_LT(bob.weights().p_value(), 0.1);
  EXPECT_GT(ann.weights().p_value(), 0.01);
  EXPECT_LT(bob.weights().gain_decibans(), bob.weights().expected_gain_decibans());
  // ann states 6 decibans throughout, bob 12.
  ASSERT_EQ(ann.weights().bands_size(), 1);
  EXPECT_EQ(ann.weights().bands(0).weight_min(), 5);
  EXPECT_NEAR(ann.weights().bands(0).expected_rate(), 0.8, 1e-12);
  EXPECT_EQ(bob.weights().bands(0).weight_min(), 10);
  EXPECT_LT(bob.weights().bands(0).observed_rate(), bob.weights().bands(0).expected_rate());
  const v1::ClaimOutcome& claim = ann.weights().claims(0);
  EXPECT_NEAR(std::abs(claim.weight_decibans()), 10 * std::log10(4.0), 1e-9);
  EXPECT_NEAR(claim.gain_decibans(),
              10 * std::log10(claim.posterior_probability() / claim.prior_probability()), 1e-9);

  const auto board = Filled(&FillLeaderboard,
                            "rule: 'evidence.gain' backfilled: true kind: "
                            "SCORE_SUBJECT_KIND_SOURCE tag: 'ships' resample_count: 200");
  ASSERT_EQ(board.entries_size(), 2);
  EXPECT_GT(board.entries(0).mean(), board.entries(1).mean());
  EXPECT_EQ(board.settlement().ended_count(), 120);
  const auto compared = Filled(&FillComparison,
                               "subjects: 'sources/ann' subjects: 'sources/bob' rule: "
                               "'evidence.gain' filter { backfilled: true }");
  EXPECT_EQ(compared.comparisons(0).question_count(), 0);
}

TEST_F(SourceTest, SkillIsSaidAgainstTheBaseRateThePoolAndAnyForecaster) {
  for (const char* name : {"market", "flat"}) {
    ASSERT_TRUE(world.Do(&DecideCreateForecaster, Cat("forecaster_id: '", name, "'")).ok());
  }
  for (int i = 0; i < 4; ++i) {
    const std::string id = Cat("q", i);
    Question(id, 0.5);
    const bool yes = i == 0;
    for (const auto& [name, probability] :
         {std::pair("market", yes ? 0.9 : 0.1), std::pair("flat", 0.5)}) {
      const DecisionOr said =
          world.Do(&DecideCreateForecast,
                   Cat("parent: 'questions/", id, "' forecast { forecaster: 'forecasters/", name,
                       "' probability: ", probability, " }"),
                   "2025-12-10T00:00:00Z");
      ASSERT_TRUE(said.ok()) << said.status();
    }
    Resolve(id, yes ? "yes" : "no");
  }
  const auto skill = [&](const std::string& reference) {
    const auto card =
        Filled(&FillScorecard, Cat("subject: 'forecasters/market' reference: '", reference, "'"));
    for (const v1::RuleSkill& entry : card.skills()) {
      if (entry.rule() == "brier.half.last" && entry.backfilled()) return entry;
    }
    return v1::RuleSkill();
  };
  const v1::RuleSkill rate = skill("base-rate");
  EXPECT_EQ(rate.question_count(), 4);
  EXPECT_NEAR(rate.mean(), 0.01, 1e-12);
  EXPECT_NEAR(rate.reference_mean(), 0.25 * 0.75, 1e-12);
  EXPECT_NEAR(rate.skill(), 1 - 0.01 / 0.1875, 1e-12);
  EXPECT_NEAR(skill("forecasters/flat").skill(), 1 - 0.01 / 0.25, 1e-12);
  EXPECT_NEAR(skill("pools/median").reference_mean(), (0.3 * 0.3 + 3 * 0.3 * 0.3) / 4, 1e-9);
  EXPECT_EQ(skill("forecasters/nobody").question_count(), 0);
  EXPECT_EQ(skill("base-rate").reference_coverage(), 1);

  const auto board =
      Filled(&FillLeaderboard, "rule: 'brier.half.last' backfilled: true reference: 'base-rate'");
  EXPECT_EQ(board.entries(0).subject(), "forecasters/market");
  EXPECT_NEAR(board.entries(0).skill().skill(), rate.skill(), 1e-12);
  const auto compared = Filled(&FillComparison,
                               "subjects: 'base-rate' subjects: 'forecasters/market' rule: "
                               "'brier.half.last' filter { backfilled: true }");
  EXPECT_NEAR(compared.comparisons(0).left_mean(), 0.1875, 1e-12);
  EXPECT_NEAR(compared.comparisons(0).right_mean(), 0.01, 1e-12);
  // Everybody answered everything: the adjusted means are the plain ones.
  const auto adjusted = Filled(
      &FillLeaderboard, "rule: 'brier.half.last' backfilled: true difficulty_adjusted: true");
  for (const v1::LeaderboardEntry& entry : adjusted.entries()) {
    EXPECT_NEAR(entry.adjusted(), entry.mean(), 1e-9);
    EXPECT_NEAR(entry.brier_index(), 100 * (1 - std::sqrt(entry.mean())), 1e-6);
  }
  v1::GetLeaderboardResponse refused;
  const absl::Status other =
      FillLeaderboard(world.state,
                      Parse<v1::GetLeaderboardRequest>(
                          "rule: 'log.last' backfilled: true difficulty_adjusted: true"),
                      refused);
  EXPECT_EQ(GetErrorDetail(other).fields.front().field, "difficulty_adjusted");
  v1::GetScorecardResponse response;
  const absl::Status wrong = FillScorecard(
      world.state,
      Parse<v1::GetScorecardRequest>("subject: 'forecasters/market' reference: 'luck'"), response);
  EXPECT_EQ(GetErrorDetail(wrong).reason, "NAME_INVALID");
}

TEST_F(SourceTest, ForecastsMadeBeforeAMaterialChangeAreFlagged) {
  for (const char* name : {"early", "late", "updated"}) {
    ASSERT_TRUE(world.Do(&DecideCreateForecaster, Cat("forecaster_id: '", name, "'")).ok());
  }
  Question("q", 0.5);
  const auto forecast = [&](const char* name, const char* effective) {
    const DecisionOr said =
        world.Do(&DecideCreateForecast,
                 Cat("parent: 'questions/q' forecast { forecaster: 'forecasters/", name,
                     "' probability: 0.7 }"),
                 effective);
    ASSERT_TRUE(said.ok()) << said.status();
  };
  const auto update = [&](const char* criteria, bool wording_only, const char* effective) {
    const DecisionOr updated =
        world.Do(&DecideUpdateQuestion,
                 Cat("name: 'questions/q' question { resolution_criteria: '", criteria,
                     "' } update_mask { paths: 'resolution_criteria' } wording_only: ",
                     wording_only ? "true" : "false"),
                 effective);
    ASSERT_TRUE(updated.ok()) << updated.status();
  };
  forecast("early", "2025-12-10T00:00:00Z");
  forecast("updated", "2025-12-10T00:00:00Z");
  update("By the count of the customs.", false, "2025-12-20T00:00:00Z");
  forecast("updated", "2025-12-20T00:00:00Z");
  forecast("late", "2025-12-25T00:00:00Z");
  update("By the count of the port.", true, "2025-12-28T00:00:00Z");
  Resolve("q", "yes");
  const QuestionState& question = *world.state.questions.Find("q");
  EXPECT_EQ(question.VersionAt(At("2025-12-19T00:00:00Z")), 1);
  EXPECT_EQ(question.VersionAt(At("2025-12-29T00:00:00Z")), 3);
  EXPECT_EQ(question.MaterialVersionAt(At("2025-12-29T00:00:00Z")), 2);
  for (const SubjectScoreState& subject : Scores("q").subjects) {
    if (subject.kind == event::v1::SCORE_SUBJECT_KIND_FORECASTER) {
      EXPECT_EQ(subject.across_versions, subject.subject != "forecasters/late") << subject.subject;
    }
  }
  const auto card = Filled(&FillScorecard, "subject: 'forecasters/early'");
  EXPECT_EQ(card.backfilled(0).across_versions_count(), 1);
  const auto late = Filled(&FillScorecard, "subject: 'forecasters/late'");
  EXPECT_EQ(late.backfilled(0).across_versions_count(), 0);
  const auto compared = Filled(&FillComparison,
                               "subjects: 'forecasters/late' subjects: 'forecasters/early' rule: "
                               "'brier.half.last' filter { backfilled: true }");
  EXPECT_EQ(compared.comparisons(0).across_versions_count(), 1);
}

TEST_F(SourceTest, StatesInOrderAreAlsoScoredByHowNearTheMissWas) {
  ASSERT_TRUE(world.Do(&DecideCreateForecaster, "forecaster_id: 'market'").ok());
  const DecisionOr created = world.Do(
      &DecideCreateQuestion,
      "question_id: 'bins' question { title: 'How many?' without_model: true ordered: true states: "
      "'b1' states: 'b2' states: 'b3' states: 'b4' open_time { seconds: 1764547200 } close_time { "
      "seconds: 1772323200 } }",
      "2025-12-01T00:00:00Z");
  ASSERT_TRUE(created.ok()) << created.status();
  const DecisionOr said = world.Do(
      &DecideCreateForecast,
      "parent: 'questions/bins' forecast { forecaster: 'forecasters/market' "
      "probabilities { state: 'b1' probability: .15 } probabilities { state: 'b2' probability: .45 "
      "}"
      "probabilities { state: 'b3' probability: .25 } probabilities { state: 'b4' probability: .15 "
      "} }",
      "2025-12-02T00:00:00Z");
  ASSERT_TRUE(said.ok()) << said.status();
  Resolve("bins", "b3");
  const ScoreVersionState& scores = Scores("bins");
  const auto value = [&](const char* rule) {
    const auto index = scores.FindRule(rule);
    return index ? scores.subjects.front().values[*index] : -1;
  };
  EXPECT_NEAR(value("brier.ordered.last"), 0.27, 1e-12);
  EXPECT_NEAR(value("brier.ordered.daily"), 0.27, 1e-12);
  EXPECT_NEAR(value("brier.full.last"), 0.81, 1e-12);
  EXPECT_TRUE(Refused(world.Do(&DecideCreateQuestion,
                               "question_id: 'two' question { title: 'Or?' without_model: true "
                               "ordered: true close_time { seconds: 1775001600 } }"),
                      "FIELD_INVALID", "question.ordered"));
}

}  // namespace
}  // namespace credence::server
