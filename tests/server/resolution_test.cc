#include <cmath>
#include <string>

#include "credence/event/v1/question_events.pb.h"
#include "decide/scores.h"
#include "state/documents.h"
#include "world.h"

// How questions end, and what is scored then: given events, when a command comes, then events.
namespace credence::server {
namespace {

class EndTest : public testing::Test {
 protected:
  void SetUp() override {
    world.now = At("2026-03-01T00:00:00Z");
    ASSERT_TRUE(world.Do(&DecideCreateForecaster, "forecaster_id: 'market'").ok());
    const DecisionOr created = world.Do(&DecideCreateQuestion,
                                        R"(question_id: "q"
           question { title: "Will it happen?" without_model: true
                      open_time { seconds: 1764547200 } close_time { seconds: 1772323200 } })",
                                        "2025-12-01T00:00:00Z");
    ASSERT_TRUE(created.ok()) << created.status();
  }

  void Forecast(double probability, const char* effective) {
    v1::CreateForecastRequest request;
    request.set_parent("questions/q");
    request.mutable_forecast()->set_forecaster("forecasters/market");
    request.mutable_forecast()->set_probability(probability);
    const DecisionOr decision = world.Do(&DecideCreateForecast, request, effective);
    ASSERT_TRUE(decision.ok()) << decision.status();
  }

  DecisionOr Resolve(const std::string& resolution, const char* effective) {
    return world.Do(&DecideResolveQuestion,
                    Cat("name: 'questions/q' resolution { ", resolution, " }"), effective);
  }
  DecisionOr Amend(const std::string& resolution, const char* effective) {
    return world.Do(&DecideAmendResolution,
                    Cat("name: 'questions/q' resolution { ", resolution, " }"), effective);
  }

  const QuestionState& question() const { return *world.state.questions.Find("q"); }

  // The market's score in force at a time; absent where none is.
  std::optional<double> ScoreAt(const char* time, const std::string& rule) const {
    const ScoreVersionState* version = question().ScoresAt(At(time));
    if (version == nullptr) return std::nullopt;
    const auto index = version->FindRule(rule);
    for (const SubjectScoreState& subject : version->subjects) {
      if (subject.subject == "forecasters/market" && index) return subject.values[*index];
    }
    return std::nullopt;
  }

  World world;
};

TEST_F(EndTest, AQuestionKeepsThatItHidesItsPool) {
  EXPECT_FALSE(question().hides_pool);
  ASSERT_TRUE(world
                  .Do(&DecideCreateQuestion, R"(question_id: "apart"
           question { title: "Will it?" without_model: true hides_pool: true
                      open_time { seconds: 1764547200 } close_time { seconds: 1772323200 } })",
                      "2025-12-01T00:00:00Z")
                  .ok());
  const QuestionState& apart = *world.state.questions.Find("apart");
  EXPECT_TRUE(apart.hides_pool);
  EXPECT_TRUE(FromDocument(ToDocument(apart), 1).hides_pool);
}

TEST_F(EndTest, ACorrectionScoresAgainFromItsOwnTimeAndTheOldVersionStaysWithItsCause) {
  Forecast(0.001, "2025-12-30T00:00:00Z");
  ASSERT_TRUE(Resolve("outcome: 'no'", "2026-01-15T02:49:49Z").ok());
  ASSERT_TRUE(Amend("outcome: 'yes'", "2026-01-18T02:15:35Z").ok());
  EXPECT_EQ(ScoreAt("2026-01-14T00:00:00Z", "brier.half.last"), std::nullopt);
  EXPECT_NEAR(*ScoreAt("2026-01-17T00:00:00Z", "brier.half.last"), 1e-6, 1e-15);
  EXPECT_NEAR(*ScoreAt("2026-01-18T02:15:35Z", "brier.half.last"), 0.998001, 1e-15);
  ASSERT_EQ(question().scores.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(question().scores[i]->cause_position, question().resolutions[i].position);
    EXPECT_EQ(question().scores[i]->version, static_cast<int64_t>(i) + 1);
  }
  EXPECT_EQ(question().ScoresAt(At("2026-01-17T00:00:00Z"))->outcome, "no");
  EXPECT_EQ(question().ScoresAt(At("2026-02-17T00:00:00Z"))->outcome, "yes");
}

TEST_F(EndTest, AFractionIsScoredAsTheShareOfTheFirstState) {
  Forecast(0.7, "2025-12-30T00:00:00Z");
  const DecisionOr resolved = Resolve("fraction: 0.5", "2026-01-15T00:00:00Z");
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_NEAR(*ScoreAt("2026-02-01T00:00:00Z", "brier.half.last"), 0.04, 1e-15);
  EXPECT_EQ(question().scores.back()->outcome, "0.5");
  EXPECT_EQ(question().ResolutionAt(At("2026-02-01T00:00:00Z")), nullptr);
  EXPECT_EQ(question().phase, QuestionPhase::kResolved);
}

TEST_F(EndTest, AnEarlyCloseEndsTheTimeThatIsScored) {
  Forecast(0.7, "2025-12-31T00:00:00Z");
  ASSERT_TRUE(world.Do(&DecideCloseQuestion, "name: 'questions/q'", "2026-01-10T00:00:00Z").ok());
  ASSERT_TRUE(Resolve("outcome: 'yes'", "2026-01-20T00:00:00Z").ok());
  const ScoreVersionState& scores = *question().scores.back();
  // Ten of the forty days that it was open, where fifty passed to the resolution.
  EXPECT_NEAR(scores.subjects.front().coverage, 0.25, 1e-12);
}

TEST_F(EndTest, VoidAndAmbiguousAreNeverScored) {
  Forecast(0.7, "2025-12-30T00:00:00Z");
  ASSERT_TRUE(Resolve("unscored: UNSCORED_VOID", "2026-01-15T00:00:00Z").ok());
  ASSERT_TRUE(Amend("unscored: UNSCORED_AMBIGUOUS", "2026-01-16T00:00:00Z").ok());
  EXPECT_EQ(world.Count<event::v1::QuestionScored>(), 0);
  EXPECT_EQ(question().phase, QuestionPhase::kResolved);
  EXPECT_EQ(question().ResolutionAt(At("2026-02-01T00:00:00Z")), nullptr);
  EXPECT_EQ(question().EndAt(At("2026-01-15T12:00:00Z"))->unscored, event::v1::UNSCORED_VOID);
}

TEST_F(EndTest, WhatIsFoundVoidLaterEndsTheScores) {
  Forecast(0.7, "2025-12-30T00:00:00Z");
  ASSERT_TRUE(Resolve("outcome: 'yes'", "2026-01-15T00:00:00Z").ok());
  ASSERT_TRUE(Amend("unscored: UNSCORED_VOID", "2026-01-20T00:00:00Z").ok());
  EXPECT_NEAR(*ScoreAt("2026-01-19T00:00:00Z", "brier.half.last"), 0.09, 1e-15);
  EXPECT_EQ(ScoreAt("2026-01-20T00:00:00Z", "brier.half.last"), std::nullopt);
  ASSERT_EQ(question().scores.size(), 2U);
  EXPECT_EQ(question().scores.back()->cause_position, question().resolutions.back().position);
}

TEST_F(EndTest, AnAnnulledQuestionIsScoredAgainWhereItsResolutionIsRestored) {
  Forecast(0.7, "2025-12-30T00:00:00Z");
  ASSERT_TRUE(Resolve("outcome: 'yes'", "2026-01-15T00:00:00Z").ok());
  ASSERT_TRUE(world.Do(&DecideAnnulQuestion, "name: 'questions/q'", "2026-01-20T00:00:00Z").ok());
  ASSERT_TRUE(Amend("outcome: 'no'", "2026-01-22T00:00:00Z").ok());
  EXPECT_EQ(ScoreAt("2026-01-21T00:00:00Z", "brier.half.last"), std::nullopt);
  EXPECT_NEAR(*ScoreAt("2026-01-22T00:00:00Z", "brier.half.last"), 0.49, 1e-15);
}

TEST_F(EndTest, NoEndTakesEffectBeforeAnEarlierOne) {
  Forecast(0.7, "2025-12-30T00:00:00Z");
  ASSERT_TRUE(Resolve("outcome: 'yes'", "2026-01-15T00:00:00Z").ok());
  ASSERT_TRUE(Amend("outcome: 'no'", "2026-01-10T00:00:00Z").ok());
  EXPECT_EQ(question().resolutions.back().effective_time, At("2026-01-15T00:00:00Z"));
}

TEST_F(EndTest, AResolutionStatesExactlyOneEnd) {
  EXPECT_TRUE(Refused(Resolve("", "2026-01-15T00:00:00Z"), "FIELD_REQUIRED", "resolution.outcome"));
  EXPECT_TRUE(Refused(Resolve("outcome: 'yes' fraction: 0.5", "2026-01-15T00:00:00Z"),
                      "FIELD_INVALID", "resolution"));
  EXPECT_TRUE(Refused(Resolve("fraction: 1.5", "2026-01-15T00:00:00Z"), "PROBABILITY_INVALID",
                      "resolution.fraction"));
}

TEST_F(EndTest, WithoutAModelNothingIsPublishedAndNoModelIsScored) {
  Forecast(0.7, "2025-12-30T00:00:00Z");
  ASSERT_TRUE(Resolve("outcome: 'yes'", "2026-01-15T00:00:00Z").ok());
  EXPECT_EQ(world.Count<event::v1::PosteriorPublished>(), 0);
  for (const SubjectScoreState& subject : question().scores.back()->subjects) {
    EXPECT_NE(subject.kind, event::v1::SCORE_SUBJECT_KIND_MODEL);
  }
}

TEST_F(EndTest, PeersAreScoredAgainstEachOtherAndPoolsAreNot) {
  Forecast(0.9, "2025-12-30T00:00:00Z");
  ASSERT_TRUE(world.Do(&DecideCreateForecaster, "forecaster_id: 'other'").ok());
  ASSERT_TRUE(world
                  .Do(&DecideCreateForecast,
                      R"(parent: "questions/q"
                         forecast { forecaster: "forecasters/other" probability: 0.1 })",
                      "2025-12-30T00:00:00Z")
                  .ok());
  ASSERT_TRUE(Resolve("outcome: 'no'", "2026-03-01T00:00:00Z").ok());
  const ScoreVersionState& version = *question().scores.back();
  const auto peer = version.FindRule("metaculus.spot_peer");
  ASSERT_TRUE(peer.has_value());
  for (const SubjectScoreState& subject : version.subjects) {
    const double value = *peer < subject.values.size() ? subject.values[*peer] : std::nan("");
    if (subject.subject == "forecasters/market") {
      EXPECT_NEAR(value, 100.0 * std::log(1.0 / 9.0), 1e-9);
    }
    if (subject.kind == event::v1::SCORE_SUBJECT_KIND_POOL) {
      EXPECT_TRUE(std::isnan(value));
    }
  }
}

TEST_F(EndTest, AClosedQuestionStillTakesWhatCountedBeforeItWasClosed) {
  ASSERT_TRUE(world.Do(&DecideCloseQuestion, "name: 'questions/q'", "2026-01-10T00:00:00Z").ok());
  Forecast(0.7, "2026-01-09T00:00:00Z");
  EXPECT_TRUE(Refused(world.Do(&DecideCreateForecast,
                               R"(parent: "questions/q"
                                  forecast { forecaster: "forecasters/market" probability: 0.5 })",
                               "2026-01-10T00:00:00Z"),
                      "WRONG_STATE", ""));
}

class BatchTest : public EndTest {};

TEST_F(BatchTest, ABatchOfEndsScoresEachInItsOwnOrder) {
  Forecast(0.001, "2025-12-30T00:00:00Z");
  const DecisionOr ended = world.Do(&DecideBatchResolveQuestions, R"(
      items { name: "questions/q" resolution { outcome: "no" }
              effective_time { seconds: 1768445389 } }
      items { name: "questions/q" resolution { outcome: "yes" } action: ACTION_AMEND
              effective_time { seconds: 1768702535 } })");
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_NEAR(*ScoreAt("2026-01-17T00:00:00Z", "brier.half.last"), 1e-6, 1e-15);
  EXPECT_NEAR(*ScoreAt("2026-01-19T00:00:00Z", "brier.half.last"), 0.998001, 1e-15);
}

TEST_F(BatchTest, AWrongItemIsNamedAndNothingIsDone) {
  const int64_t size = world.state.size;
  EXPECT_TRUE(Refused(world.Do(&DecideBatchResolveQuestions, R"(
      items { name: "questions/q" resolution { outcome: "no" } }
      items { name: "questions/q" resolution { outcome: "maybe" } action: ACTION_AMEND })"),
                      "UNKNOWN_STATE", "items[1].resolution.outcome"));
  EXPECT_TRUE(Refused(world.Do(&DecideBatchCreateQuestions, R"(
      items { question_id: "a" question { title: "A" without_model: true
              close_time { seconds: 1772323200 } } effective_time { seconds: 1768445389 } }
      items { question_id: "a" question { title: "A" without_model: true
              close_time { seconds: 1772323200 } } effective_time { seconds: 1768445389 } })"),
                      "ALREADY_EXISTS", ""));
  EXPECT_TRUE(Refused(world.Do(&DecideBatchCreateQuestions, R"(
      items { question_id: "a" question { title: "A" close_time { seconds: 1772323200 } } })"),
                      "FIELD_REQUIRED", "items[0].question.prior"));
  EXPECT_EQ(world.state.size, size);
}

TEST_F(BatchTest, AWithdrawalInABatchEndsAForecastOfTheSameBatch) {
  const DecisionOr made = world.Do(&DecideBatchCreateForecasts, R"(
      items { parent: "questions/q" forecast { forecaster: "forecasters/market" probability: 0.3 }
              effective_time { seconds: 1768445389 } }
      items { parent: "questions/q" forecast { forecaster: "forecasters/market" } withdraw: true
              effective_time { seconds: 1768702535 } })");
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(question().standing.size(), 0U);
  EXPECT_TRUE(Refused(world.Do(&DecideBatchCreateForecasts, R"(
      items { parent: "questions/q" forecast { forecaster: "forecasters/market" } withdraw: true
              effective_time { seconds: 1768702535 } })"),
                      "WRONG_STATE", ""));
}

TEST_F(BatchTest, ForecastersAreRegisteredTogetherOrNotAtAll) {
  ASSERT_TRUE(world
                  .Do(&DecideBatchCreateForecasters,
                      "items { forecaster_id: 'a' } items { forecaster_id: 'b' }")
                  .ok());
  EXPECT_TRUE(Refused(world.Do(&DecideBatchCreateForecasters,
                               "items { forecaster_id: 'c' } items { forecaster_id: 'b' }"),
                      "ALREADY_EXISTS", ""));
  EXPECT_EQ(world.state.forecasters.Find("c"), nullptr);
  EXPECT_NE(world.state.forecasters.Find("a"), nullptr);
}

}  // namespace
}  // namespace credence::server
