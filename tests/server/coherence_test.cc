#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "audit/audit.h"
#include "program_run.h"
#include "served.h"

// Forecasts on related questions that cannot all be right, listed and watched over a real socket.
namespace credence::server {
namespace {

class CoherenceTest : public ServiceTest {
 protected:
  absl::Status Create(const std::string& id, double prior, const std::string& relations = "") {
    return client
        ->CreateQuestion(Text<v1::CreateQuestionRequest>(
            Cat("question_id: '", id, "' question { title: 'x' close_time { seconds: 1798761600 } ",
                "prior { fixed { probabilities: ", prior, " probabilities: ", 1 - prior, " } } ",
                relations, " }")))
        .status();
  }
  void Forecast(const std::string& question, double probability) {
    const auto made = client->CreateForecast(Text<v1::CreateForecastRequest>(
        Cat("parent: 'questions/", question, "' forecast { forecaster: 'forecasters/ann' ",
            "probability: ", probability, " }")));
    ASSERT_TRUE(made.ok()) << made.status();
  }
  void MakeForecaster() {
    ASSERT_TRUE(
        client->CreateForecaster(Text<v1::CreateForecasterRequest>("forecaster_id: 'ann'")).ok());
  }
  std::vector<v1::CoherenceAlarm> Alarms(const std::string& more = "") {
    const auto listed = client->ListCoherenceAlarms(Text<v1::ListCoherenceAlarmsRequest>(more));
    EXPECT_TRUE(listed.ok()) << listed.status();
    return {listed->alarms().begin(), listed->alarms().end()};
  }
  // Output of a command, which must succeed.
  std::string Run(std::vector<std::string> args) {
    args.insert(args.begin(), {"--endpoint", Cat("127.0.0.1:", served->server->port())});
    const Ran ran = RunCommands(args, {}, "");
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.out;
  }
};

TEST_F(CoherenceTest, NestedDeadlinesOutOfOrderRaiseAnAlarm) {
  ASSERT_TRUE(Create("late", 0.2).ok());
  ASSERT_TRUE(Create("early", 0.3, "implied_questions: 'questions/late'").ok());
  const auto alarms = Alarms();
  ASSERT_EQ(alarms.size(), 1u);
  EXPECT_EQ(alarms[0].kind(), v1::COHERENCE_ALARM_KIND_ORDER);
  EXPECT_EQ(alarms[0].subject(), "model");
  EXPECT_EQ(alarms[0].question().question(), "questions/early");
  EXPECT_NEAR(alarms[0].question().probability(), 0.3, 1e-12);
  ASSERT_EQ(alarms[0].related_size(), 1);
  EXPECT_EQ(alarms[0].related(0).question(), "questions/late");
  EXPECT_NEAR(alarms[0].bound(), 0.2, 1e-12);
  EXPECT_NEAR(alarms[0].excess(), 0.1, 1e-12);
  EXPECT_TRUE(Alarms("subject: 'forecasters/ann'").empty());
  EXPECT_EQ(Alarms("parent: 'questions/late'").size(), 1u);
}

TEST_F(CoherenceTest, AForecastersOwnNumbersAreComparedAsOfAnyTime) {
  MakeForecaster();
  ASSERT_TRUE(Create("late", 0.5).ok());
  ASSERT_TRUE(Create("early", 0.4, "implied_questions: 'questions/late'").ok());
  Forecast("early", 0.6);
  Forecast("late", 0.7);
  EXPECT_TRUE(Alarms().empty());
  const int64_t before = absl::ToUnixSeconds(clock.Now());
  clock.Advance(absl::Hours(24));
  Forecast("late", 0.45);
  const auto alarms = Alarms("subject: 'forecasters/ann'");
  ASSERT_EQ(alarms.size(), 1u);
  EXPECT_NEAR(alarms[0].excess(), 0.15, 1e-12);
  EXPECT_TRUE(Alarms(Cat("effective_time { seconds: ", before + 60, " }")).empty());
  EXPECT_EQ(Alarms(Cat("effective_time { seconds: ", before + 86'500, " }")).size(), 1u);
  EXPECT_TRUE(Alarms(Cat("view { position: ", tree_size() - 2, " }")).empty());
}

TEST_F(CoherenceTest, AConjunctionOutsideTheFrechetBoundsRaisesAnAlarm) {
  ASSERT_TRUE(Create("a", 0.6).ok());
  ASSERT_TRUE(Create("b", 0.7).ok());
  ASSERT_TRUE(Create("both", 0.65, "conjuncts: 'questions/a' conjuncts: 'questions/b'").ok());
  ASSERT_TRUE(Create("hardly", 0.25, "conjuncts: 'questions/a' conjuncts: 'questions/b'").ok());
  ASSERT_TRUE(Create("well", 0.3, "conjuncts: 'questions/a' conjuncts: 'questions/b'").ok());
  const auto alarms = Alarms();
  ASSERT_EQ(alarms.size(), 2u);
  EXPECT_EQ(alarms[0].question().question(), "questions/both");
  EXPECT_EQ(alarms[0].kind(), v1::COHERENCE_ALARM_KIND_JOINT_ABOVE);
  EXPECT_NEAR(alarms[0].bound(), 0.6, 1e-12);
  EXPECT_EQ(alarms[1].question().question(), "questions/hardly");
  EXPECT_EQ(alarms[1].kind(), v1::COHERENCE_ALARM_KIND_JOINT_BELOW);
  EXPECT_NEAR(alarms[1].bound(), 0.3, 1e-12);
  EXPECT_NEAR(alarms[1].excess(), 0.05, 1e-12);
  EXPECT_EQ(alarms[1].related_size(), 2);
}

TEST_F(CoherenceTest, AChainIsFollowedThroughQuestionsWithoutANumber) {
  MakeForecaster();
  ASSERT_TRUE(Create("year", 0.9).ok());
  ASSERT_TRUE(Create("month", 0.8, "implied_questions: 'questions/year'").ok());
  ASSERT_TRUE(Create("week", 0.7, "implied_questions: 'questions/month'").ok());
  Forecast("week", 0.5);
  Forecast("year", 0.4);
  ASSERT_EQ(Alarms().size(), 1u);
  EXPECT_EQ(Alarms()[0].related(0).question(), "questions/year");
  // With a number between, that number tells.
  Forecast("month", 0.45);
  const auto alarms = Alarms();
  ASSERT_EQ(alarms.size(), 2u);
  EXPECT_EQ(alarms[0].question().question(), "questions/month");
  EXPECT_EQ(alarms[1].related(0).question(), "questions/month");
}

TEST_F(CoherenceTest, OfAnEndedQuestionOnlyTheOutcomeCounts) {
  MakeForecaster();
  ASSERT_TRUE(Create("late", 0.5).ok());
  ASSERT_TRUE(Create("early", 0.4, "implied_questions: 'questions/late'").ok());
  Forecast("early", 0.9);
  Forecast("late", 0.8);
  ASSERT_EQ(Alarms().size(), 1u);
  ASSERT_TRUE(client
                  ->ResolveQuestion(Text<v1::ResolveQuestionRequest>(
                      "name: 'questions/early' resolution { outcome: 'yes' }"))
                  .ok());
  const auto alarms = Alarms();
  ASSERT_EQ(alarms.size(), 1u) << "the model must now take the later deadline for certain";
  EXPECT_EQ(alarms[0].subject(), "model");
  EXPECT_NEAR(alarms[0].excess(), 0.5, 1e-12);
  ASSERT_TRUE(
      client->AnnulQuestion(Text<v1::AnnulQuestionRequest>("name: 'questions/early'")).ok());
  EXPECT_TRUE(Alarms().empty());
}

TEST_F(CoherenceTest, AWatchTellsWhatStandsAndWhatBecomesOfIt) {
  MakeForecaster();
  ASSERT_TRUE(Create("late", 0.2).ok());
  ASSERT_TRUE(Create("early", 0.3, "implied_questions: 'questions/late'").ok());
  ASSERT_TRUE(Create("other", 0.5).ok());
  auto watcher = MakeClient();
  absl::Mutex mutex;
  std::vector<v1::WatchCoherenceAlarmsResponse> seen;
  const auto wait_for = [&](size_t count) {
    absl::MutexLock lock(&mutex);
    const auto arrived = [&] { return seen.size() >= count; };
    return mutex.AwaitWithTimeout(absl::Condition(&arrived), absl::Seconds(30));
  };
  std::thread watch([&] {
    const absl::Status ended = watcher->WatchCoherenceAlarms(
        v1::WatchCoherenceAlarmsRequest(), [&](const v1::WatchCoherenceAlarmsResponse& message) {
          absl::MutexLock lock(&mutex);
          if (message.has_alarm()) seen.push_back(message);
          return seen.size() < 5;
        });
    EXPECT_TRUE(ended.ok()) << ended;
  });
  EXPECT_TRUE(wait_for(1));
  Forecast("other", 0.1);
  Forecast("late", 0.2);
  Forecast("early", 0.35);
  EXPECT_TRUE(wait_for(2));
  Forecast("early", 0.4);
  EXPECT_TRUE(wait_for(3));
  Forecast("late", 0.6);
  EXPECT_TRUE(wait_for(4));
  // A question that is updated to imply another.
  v1::UpdateQuestionRequest update;
  update.set_name("questions/other");
  update.mutable_question()->add_implied_questions("questions/late");
  update.mutable_update_mask()->add_paths("implied_questions");
  EXPECT_TRUE(client->UpdateQuestion(update).ok());
  watch.join();
  ASSERT_EQ(seen.size(), 5u);
  EXPECT_EQ(seen[0].change(), v1::COHERENCE_CHANGE_STANDING);
  EXPECT_EQ(seen[0].alarm().subject(), "model");
  EXPECT_EQ(seen[1].change(), v1::COHERENCE_CHANGE_RAISED);
  EXPECT_EQ(seen[1].alarm().subject(), "forecasters/ann");
  EXPECT_NEAR(seen[1].alarm().excess(), 0.15, 1e-12);
  EXPECT_EQ(seen[2].change(), v1::COHERENCE_CHANGE_MOVED);
  EXPECT_NEAR(seen[2].alarm().excess(), 0.2, 1e-12);
  EXPECT_EQ(seen[3].change(), v1::COHERENCE_CHANGE_CLEARED);
  EXPECT_EQ(seen[4].change(), v1::COHERENCE_CHANGE_RAISED);
  EXPECT_EQ(seen[4].alarm().question().question(), "questions/other");
}

TEST_F(CoherenceTest, RelationsSurviveARestartAndAnAudit) {
  ASSERT_TRUE(Create("late", 0.2).ok());
  ASSERT_TRUE(Create("early", 0.3, "implied_questions: 'questions/late'").ok());
  v1::UpdateQuestionRequest update;
  update.set_name("questions/late");
  update.mutable_question()->set_title("renamed");
  update.mutable_update_mask()->add_paths("title");
  ASSERT_TRUE(client->UpdateQuestion(update).ok());
  Restart();
  EXPECT_EQ(Alarms().size(), 1u);
  v1::GetQuestionRequest get;
  get.set_name("questions/early");
  const auto early = client->GetQuestion(get);
  ASSERT_TRUE(early.ok()) << early.status();
  ASSERT_EQ(early->question().implied_questions_size(), 1);
  EXPECT_EQ(early->question().implied_questions(0), "questions/late");
  const auto report = AuditLog(*served->log, [](int64_t) {});
  EXPECT_TRUE(report.ok()) << report.status();
}

TEST_F(CoherenceTest, WhatCannotBeRelatedIsRefused) {
  ASSERT_TRUE(Create("a", 0.2).ok());
  const auto expect = [this](const std::string& relations, absl::StatusCode code,
                             const std::string& field) {
    const absl::Status created = Create("b", 0.3, relations);
    EXPECT_EQ(created.code(), code) << created;
    const ErrorDetail detail = GetErrorDetail(created);
    if (field.empty()) return;
    ASSERT_FALSE(detail.fields.empty()) << created;
    EXPECT_EQ(detail.fields.front().field, field);
  };
  expect("implied_questions: 'questions/b'", absl::StatusCode::kInvalidArgument,
         "question.implied_questions[0]");
  expect("implied_questions: 'a'", absl::StatusCode::kInvalidArgument,
         "question.implied_questions[0]");
  expect("implied_questions: 'questions/z'", absl::StatusCode::kNotFound, "");
  expect("conjuncts: 'questions/a'", absl::StatusCode::kInvalidArgument, "question.conjuncts");
  expect("conjuncts: 'questions/a' conjuncts: 'questions/a'", absl::StatusCode::kInvalidArgument,
         "question.conjuncts[1]");
}

TEST_F(CoherenceTest, TheCommandListsAndWatches) {
  ASSERT_TRUE(Create("late", 0.2).ok());
  EXPECT_THAT(Run({"posterior", "alarms"}),
              testing::HasSubstr("no forecasts contradict each other"));
  Run({"question", "create", "early", "--title", "x", "--prior", "0.3", "--close-time",
       "2026-12-01T00:00:00Z", "--implies", "late"});
  const std::string listed = Run({"posterior", "alarms", "early"});
  EXPECT_THAT(listed, testing::HasSubstr("exceeds what it implies"));
  EXPECT_THAT(listed, testing::HasSubstr("late 20.00 %"));
  EXPECT_THAT(Run({"posterior", "alarms", "--watch", "--count", "1"}),
              testing::HasSubstr("standing  model: early 30.00 %"));
  Run({"question", "update", "early", "--implies", ""});
  EXPECT_THAT(Run({"posterior", "alarms", "--output", "json"}),
              testing::Not(testing::HasSubstr("early")));
}

}  // namespace
}  // namespace credence::server
