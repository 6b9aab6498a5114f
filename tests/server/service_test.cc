#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"

#include "served.h"

// The services as their clients meet them: over a socket, on a ledger on disk.
namespace credence::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

MATCHER(IsOk, "") {
  *result_listener << arg;
  return arg.ok();
}

v1::CreateEvidenceRequest Evidence(const std::string& id, const std::string& statement) {
  return Text<v1::CreateEvidenceRequest>(
      Cat("parent: \"networks/n\" evidence_id: \"", id,
          "\" evidence { model { node: \"d\" summary: \"A report\" ", statement, " } }"));
}

v1::CreateForecastRequest ForecastOf(const std::string& forecaster, double probability) {
  v1::CreateForecastRequest request;
  request.set_parent("questions/q");
  request.mutable_forecast()->set_forecaster("forecasters/" + forecaster);
  request.mutable_forecast()->set_probability(probability);
  return request;
}

v1::QueryPosteriorRequest Query(const std::string& name) {
  v1::QueryPosteriorRequest request;
  request.mutable_target()->set_name(name);
  return request;
}

double FirstProbability(const absl::StatusOr<v1::QueryPosteriorResponse>& response) {
  EXPECT_TRUE(response.ok()) << response.status();
  if (!response.ok() || response->posterior().states_size() == 0) return std::nan("");
  return response->posterior().states(0).probability();
}

void AddForecaster(client::Client& client, const std::string& id) {
  v1::CreateForecasterRequest request;
  request.set_forecaster_id(id);
  const auto response = client.CreateForecaster(request);
  EXPECT_TRUE(response.ok()) << response.status();
}

TEST_F(ServiceTest, EvidenceMovesTheQuestionAndSaysByHowMuch) {
  MakeQuestion();
  const auto created = client->CreateEvidence(Evidence("e", "likelihood_ratio: 3"));
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->evidence().name(), "networks/n/evidence/e");
  EXPECT_EQ(created->evidence().state(), v1::Evidence::STATE_ACTIVE);
  ASSERT_THAT(created->moves(), SizeIs(1));
  // P(d = a) is 3/4, so P(yes) = 0.75 * 0.8 + 0.25 * 0.4.
  EXPECT_NEAR(created->moves(0).probability_before(), 0.6, 1e-12);
  EXPECT_NEAR(created->moves(0).probability_after(), 0.7, 1e-12);
  EXPECT_FALSE(created->receipt().duplicate());
  EXPECT_EQ(created->receipt().event_count(), 2);
  EXPECT_EQ(created->receipt().leaf_hash().size(), 32U);
  EXPECT_NEAR(FirstProbability(client->QueryPosterior(Query("questions/q"))), 0.7, 1e-12);
}

TEST_F(ServiceTest, ExplanationSumsToThePosterior) {
  MakeQuestion();
  ASSERT_THAT(client->CreateEvidence(Evidence("first", "likelihood_ratio: 3")).status(), IsOk());
  ASSERT_THAT(client->CreateEvidence(Evidence("second", "likelihood_ratio: 0.5")).status(), IsOk());
  v1::ExplainPosteriorRequest request;
  request.mutable_target()->set_name("questions/q");
  const auto response = client->ExplainPosterior(request);
  ASSERT_TRUE(response.ok()) << response.status();
  double sum = 0.0;
  int items = 0;
  for (const v1::ExplanationStep& step : response->steps()) {
    sum += step.weight_decibans();
    if (step.kind() == v1::EXPLANATION_STEP_KIND_EVIDENCE) ++items;
  }
  EXPECT_EQ(items, 2);
  EXPECT_NEAR(sum, response->log_odds_decibans(), 1e-9);
  EXPECT_NEAR(sum, 10.0 * std::log10(response->probability() / (1.0 - response->probability())),
              1e-9);
}

TEST_F(ServiceTest, SimulationWritesNothing) {
  MakeQuestion();
  ASSERT_THAT(client->CreateEvidence(Evidence("e", "likelihood_ratio: 3")).status(), IsOk());
  const int64_t before = tree_size();
  const auto request = Text<v1::SimulatePosteriorRequest>(R"pb(
    target { name: "questions/q" }
    hypothetical_evidence { node: "d" likelihood_ratio: 9 }
    withheld_evidence: "e")pb");
  const auto response = client->SimulatePosterior(request);
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_THAT(response->nodes(), SizeIs(1));
  EXPECT_NEAR(response->nodes(0).actual(0).probability(), 0.7, 1e-12);
  EXPECT_NEAR(response->nodes(0).simulated(0).probability(), 0.9 * 0.8 + 0.1 * 0.4, 1e-12);
  auto forced =
      Text<v1::SimulatePosteriorRequest>(R"pb(target { name: "questions/q" }
                                              interventions { node: "d" state: "b" })pb");
  const auto intervened = client->SimulatePosterior(forced);
  ASSERT_TRUE(intervened.ok()) << intervened.status();
  EXPECT_NEAR(intervened->nodes(0).simulated(0).probability(), 0.4, 1e-12);
  forced.mutable_interventions(0)->set_state("c");
  ExpectError(client->SimulatePosterior(forced), absl::StatusCode::kInvalidArgument,
              "UNKNOWN_STATE", "interventions[0].state");
  EXPECT_EQ(tree_size(), before);
}

TEST_F(ServiceTest, IndicatorOutcomesAverageToThePosterior) {
  MakeQuestion();
  v1::RankIndicatorsRequest request;
  request.mutable_target()->set_name("networks/n/nodes/d");
  const auto response = client->RankIndicators(request);
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_THAT(response->indicators(), SizeIs(1));
  const v1::IndicatorRank& rank = response->indicators(0);
  EXPECT_EQ(rank.node(), "q");
  EXPECT_GT(rank.mutual_information_bits(), 0.0);
  double mean = 0.0;
  for (const v1::IndicatorOutcome& outcome : rank.outcomes()) {
    mean += outcome.probability() * outcome.target_probability();
  }
  EXPECT_NEAR(mean, 0.5, 1e-12);
}

TEST_F(ServiceTest, ResolutionScoresForecastersModelAndPools) {
  MakeQuestion();
  AddForecaster(*client, "f1");
  AddForecaster(*client, "f2");
  ASSERT_TRUE(client->CreateForecast(ForecastOf("f1", 0.9)).ok());
  ASSERT_TRUE(client->CreateForecast(ForecastOf("f2", 0.5)).ok());
  v1::GetPoolRequest pool;
  pool.set_parent("questions/q");
  const auto pooled = client->GetPool(pool);
  ASSERT_TRUE(pooled.ok()) << pooled.status();
  EXPECT_EQ(pooled->forecast_count(), 2);
  EXPECT_NEAR(pooled->probabilities(0).probability(), 0.75, 1e-12);  // Odds sqrt(9 * 1) = 3.
  clock.Advance(absl::Hours(72));
  const auto resolved = client->ResolveQuestion(
      Text<v1::ResolveQuestionRequest>(R"pb(name: "questions/q"
                                            resolution { outcome: "yes" })pb"));
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(resolved->question().state(), v1::Question::STATE_RESOLVED);
  std::vector<std::string> subjects;
  for (const v1::Score& score : resolved->scores()) subjects.push_back(score.subject());
  EXPECT_THAT(subjects, testing::UnorderedElementsAre("forecasters/f1", "forecasters/f2", "model",
                                                      "pools/median", "pools/log"));
  v1::GetLeaderboardRequest board;
  board.set_rule("brier.half.last");
  const auto ranked = client->GetLeaderboard(board);
  ASSERT_TRUE(ranked.ok()) << ranked.status();
  ASSERT_GE(ranked->entries_size(), 2);
  EXPECT_EQ(ranked->entries(0).subject(), "forecasters/f1");
  EXPECT_NEAR(ranked->entries(0).mean(), 0.01, 1e-12);
  board.set_rule("brier.half.lst");
  ExpectError(client->GetLeaderboard(board), absl::StatusCode::kInvalidArgument, "UNKNOWN_RULE",
              "rule");
  v1::GetScorecardRequest card;
  card.set_subject("forecasters/f2");
  const auto scorecard = client->GetScorecard(card);
  ASSERT_TRUE(scorecard.ok()) << scorecard.status();
  EXPECT_GT(scorecard->live_size(), 0);
  EXPECT_EQ(scorecard->backfilled_size(), 0);
}

TEST_F(ServiceTest, RetryGetsTheFirstReceiptAcrossARestart) {
  MakeQuestion();
  auto request = Evidence("", "likelihood_ratio: 3");
  request.mutable_options()->set_request_id("7a9a0b4e-2f1c-4a58-9c0e-2f9d6c1b5a10");
  const auto first = client->CreateEvidence(request);
  ASSERT_TRUE(first.ok()) << first.status();
  const int64_t size = tree_size();
  Restart();
  const auto second = client->CreateEvidence(request);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->receipt().duplicate());
  EXPECT_EQ(second->receipt().position(), first->receipt().position());
  EXPECT_EQ(second->receipt().leaf_hash(), first->receipt().leaf_hash());
  EXPECT_EQ(second->evidence().name(), first->evidence().name());
  EXPECT_EQ(tree_size(), size);
}

TEST_F(ServiceTest, ValidateOnlySaysWhatWouldResultAndWritesNothing) {
  MakeQuestion();
  const int64_t size = tree_size();
  auto request = Evidence("e", "likelihood_ratio: 3");
  request.mutable_options()->set_validate_only(true);
  const auto response = client->CreateEvidence(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_FALSE(response->has_receipt());
  ASSERT_THAT(response->moves(), SizeIs(1));
  EXPECT_NEAR(response->moves(0).probability_after(), 0.7, 1e-12);
  EXPECT_EQ(tree_size(), size);
  EXPECT_NEAR(FirstProbability(client->QueryPosterior(Query("questions/q"))), 0.6, 1e-12);
  request.mutable_options()->set_expected_revision(99);
  ExpectError(client->CreateEvidence(request), absl::StatusCode::kAborted, "STALE_REVISION", "");
}

TEST_F(ServiceTest, AsOfReadsShowWhatTheLedgerKnew) {
  MakeQuestion();
  const int64_t head = tree_size() - 1;
  const absl::Time before = clock.Now();
  clock.Advance(absl::Hours(1));
  ASSERT_THAT(client->CreateEvidence(Evidence("e", "likelihood_ratio: 3")).status(), IsOk());
  auto request = Query("questions/q");
  request.mutable_target()->mutable_view()->set_position(head);
  EXPECT_NEAR(FirstProbability(client->QueryPosterior(request)), 0.6, 1e-12);
  request.mutable_target()->mutable_view()->mutable_record_time()->set_seconds(
      absl::ToUnixSeconds(before + absl::Minutes(1)));
  const auto by_time = client->QueryPosterior(request);
  EXPECT_NEAR(FirstProbability(by_time), 0.6, 1e-12);
  EXPECT_EQ(by_time->view_position(), head);
  request.mutable_target()->mutable_view()->set_position(10'000);
  ExpectError(client->QueryPosterior(request), absl::StatusCode::kOutOfRange, "BEYOND_HEAD", "");
}

TEST_F(ServiceTest, ReadWaitsForItsPositionUntilTheDeadline) {
  MakeQuestion();
  const int64_t head = tree_size() - 1;
  auto request = Query("questions/q");
  request.mutable_target()->mutable_view()->set_min_position(head + 1);
  absl::StatusOr<v1::QueryPosteriorResponse> waited;
  std::thread reader([&] { waited = MakeClient()->QueryPosterior(request); });
  ASSERT_THAT(client->CreateEvidence(Evidence("e", "likelihood_ratio: 3")).status(), IsOk());
  reader.join();
  EXPECT_NEAR(FirstProbability(waited), 0.7, 1e-12);

  client::ClientOptions hasty = client->options();
  hasty.timeout = absl::Milliseconds(200);
  request.mutable_target()->mutable_view()->set_min_position(10'000);
  const auto late = client::Client(hasty).QueryPosterior(request);
  EXPECT_EQ(late.status().code(), absl::StatusCode::kDeadlineExceeded) << late.status();
}

TEST_F(ServiceTest, PagesAreOneConsistentListAndTokensAreBoundToIt) {
  for (const char* id : {"c", "a", "b"}) AddForecaster(*client, id);
  v1::ListForecastersRequest request;
  request.mutable_page()->set_page_size(2);
  const auto first = client->ListForecasters(request);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_THAT(first->forecasters(), SizeIs(2));
  EXPECT_EQ(first->forecasters(0).name(), "forecasters/a");
  ASSERT_FALSE(first->next_page_token().empty());
  AddForecaster(*client, "d");
  request.mutable_page()->set_page_token(first->next_page_token());
  const auto second = client->ListForecasters(request);
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_THAT(second->forecasters(), SizeIs(1));
  EXPECT_EQ(second->forecasters(0).name(), "forecasters/c");
  EXPECT_EQ(second->view_position(), first->view_position());
  EXPECT_TRUE(second->next_page_token().empty());

  Restart();
  EXPECT_TRUE(client->ListForecasters(request).ok());
  v1::ListSourcesRequest other;
  other.mutable_page()->set_page_token(first->next_page_token());
  ExpectError(client->ListSources(other), absl::StatusCode::kInvalidArgument, "PAGE_TOKEN_INVALID",
              "page.page_token");
  request.mutable_page()->set_page_size(-1);
  ExpectError(client->ListForecasters(request), absl::StatusCode::kInvalidArgument, "FIELD_INVALID",
              "page.page_size");
}

TEST_F(ServiceTest, EventsAreListedByPositionAndByStream) {
  MakeQuestion();
  v1::ListEventsRequest request;
  request.mutable_page()->set_page_size(2);
  int64_t expected = 0;
  do {
    const auto page = client->ListEvents(request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const v1::Event& event : page->events()) {
      EXPECT_EQ(event.envelope().position(), expected++);
    }
    request.mutable_page()->set_page_token(page->next_page_token());
  } while (!request.page().page_token().empty());
  EXPECT_EQ(expected, tree_size());

  v1::ListEventsRequest stream;
  stream.set_stream("questions/q");
  const auto events = client->ListEvents(stream);
  ASSERT_TRUE(events.ok()) << events.status();
  ASSERT_THAT(events->events(), SizeIs(1));
  EXPECT_EQ(events->events(0).envelope().stream(), "questions/q");
  EXPECT_TRUE(events->next_page_token().empty());
}

TEST_F(ServiceTest, TreeHeadOfThePastIsThatOfThePast) {
  const auto young = client->GetTreeHead(v1::GetTreeHeadRequest());
  ASSERT_TRUE(young.ok()) << young.status();
  MakeQuestion();
  v1::GetTreeHeadRequest request;
  request.mutable_view()->set_position(young->tree_head().tree_size() - 1);
  const auto past = client->GetTreeHead(request);
  ASSERT_TRUE(past.ok()) << past.status();
  EXPECT_EQ(past->tree_head().root_hash(), young->tree_head().root_hash());
  const auto info = client->GetServerInfo(v1::GetServerInfoRequest());
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->tree_head().tree_size(), tree_size());
  EXPECT_EQ(info->origin(), "test/ledger");
}

// --- Watches ---

TEST_F(ServiceTest, WatchCatchesUpAndThenFollowsWithoutGapOrRepeat) {
  MakeQuestion();
  v1::WatchEventsRequest request;
  request.set_start_position(0);
  std::vector<int64_t> positions;
  const int64_t caught_up = tree_size();
  const absl::Status status =
      client->WatchEvents(request, [&](const v1::WatchEventsResponse& message) {
        for (const v1::Event& event : message.events()) {
          positions.push_back(event.envelope().position());
        }
        if (static_cast<int64_t>(positions.size()) == caught_up) {
          EXPECT_TRUE(MakeClient()->CreateEvidence(Evidence("e", "likelihood_ratio: 3")).ok());
        }
        return static_cast<int64_t>(positions.size()) < caught_up + 2;
      });
  EXPECT_TRUE(status.ok()) << status;
  for (size_t i = 0; i < positions.size(); ++i) EXPECT_EQ(positions[i], static_cast<int64_t>(i));
  EXPECT_EQ(static_cast<int64_t>(positions.size()), caught_up + 2);
}

TEST_F(ServiceTest, PosteriorWatchFollowsItsQuestion) {
  MakeQuestion();
  v1::WatchPosteriorsRequest request;
  request.set_parent("questions/q");
  request.set_start_position(tree_size());
  ASSERT_THAT(client->CreateEvidence(Evidence("up", "likelihood_ratio: 3")).status(), IsOk());
  std::vector<double> probabilities;
  const absl::Status status =
      client->WatchPosteriors(request, [&](const v1::WatchPosteriorsResponse& message) {
        if (!message.has_posterior()) return true;
        EXPECT_EQ(message.posterior().cause(), event::v1::POSTERIOR_CAUSE_EVIDENCE);
        EXPECT_EQ(message.next_position(), message.posterior().position() + 1);
        probabilities.push_back(message.posterior().probabilities(0).probability());
        if (probabilities.size() == 2) return false;
        const auto back = Evidence("down", "likelihood_pair { given_true: 0.2 given_false: 0.6 }");
        EXPECT_THAT(MakeClient()->CreateEvidence(back).status(), IsOk());
        return true;
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(probabilities,
              ElementsAre(testing::DoubleNear(0.7, 1e-12), testing::DoubleNear(0.6, 1e-12)));
  request.set_parent("questions/nobody");
  EXPECT_EQ(client->WatchPosteriors(request, [](const auto&) { return true; }).code(),
            absl::StatusCode::kNotFound);
}

TEST_F(ServiceTest, DrainEndsWatchesAndWaitingReads) {
  MakeQuestion();
  v1::WatchEventsRequest request;
  request.set_start_position(0);
  absl::Notification watching;
  absl::Status ended;
  std::thread watcher([&] {
    ended = MakeClient()->WatchEvents(request, [&](const v1::WatchEventsResponse&) {
      if (!watching.HasBeenNotified()) watching.Notify();
      return true;
    });
  });
  watching.WaitForNotification();
  std::thread waiter([&] {
    auto query = Query("questions/q");
    query.mutable_target()->mutable_view()->set_min_position(10'000);
    EXPECT_FALSE(MakeClient()->QueryPosterior(query).ok());
  });
  served->server->Drain(absl::Now() + absl::Milliseconds(100));
  watcher.join();
  waiter.join();
  EXPECT_EQ(ended.code(), absl::StatusCode::kUnavailable) << ended;
}

}  // namespace
}  // namespace credence::server
