#include <algorithm>
#include <string>

#include "credence/v1/view_service.pb.h"
#include "served.h"

// Histories for charts, and pools with a forecast that is only supposed.
namespace credence::server {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class HistoryTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    MakeQuestion();
    for (const char* id : {"alice", "bob"}) {
      v1::CreateForecasterRequest request;
      request.set_forecaster_id(id);
      ASSERT_TRUE(client->CreateForecaster(request).ok());
    }
  }

  void Report(const std::string& id, double ratio) {
    clock.Advance(absl::Hours(1));
    v1::CreateEvidenceRequest request;
    request.set_parent("networks/n");
    request.set_evidence_id(id);
    auto& model = *request.mutable_evidence()->mutable_model();
    model.set_node("d");
    model.set_summary("A report");
    model.set_likelihood_ratio(ratio);
    const auto response = client->CreateEvidence(request);
    ASSERT_TRUE(response.ok()) << response.status();
  }

  void Forecast(const std::string& forecaster, double probability) {
    clock.Advance(absl::Hours(1));
    v1::CreateForecastRequest request;
    request.set_parent("questions/q");
    request.mutable_forecast()->set_forecaster("forecasters/" + forecaster);
    request.mutable_forecast()->set_probability(probability);
    const auto response = client->CreateForecast(request);
    ASSERT_TRUE(response.ok()) << response.status();
  }

  absl::StatusOr<v1::BatchGetHistoriesResponse> Histories(
      const v1::BatchGetHistoriesRequest& request) {
    return client->Call<v1::BatchGetHistoriesResponse>(request);
  }

  v1::QuestionHistory History(v1::BatchGetHistoriesRequest request) {
    request.add_questions("questions/q");
    const auto response = Histories(request);
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok() || response->histories_size() != 1) return {};
    return response->histories(0);
  }
};

TEST_F(HistoryTest, ThePosteriorsAreThoseOfTheList) {
  Report("report-1", 3);
  Report("report-2", 0.5);
  const v1::QuestionHistory history = History({});
  EXPECT_THAT(history.states(), ElementsAre("yes", "no"));
  v1::ListPosteriorsRequest request;
  request.set_parent("questions/q");
  const auto list = client->ListPosteriors(request);
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_THAT(history.model(), SizeIs(3));
  ASSERT_THAT(list->posteriors(), SizeIs(3));
  for (int i = 0; i < 3; ++i) {
    const v1::HistoryPoint& point = history.model(i);
    const v1::PublishedPosterior& posterior = list->posteriors(i);
    EXPECT_EQ(point.position(), posterior.position());
    EXPECT_EQ(point.cause(), posterior.cause());
    EXPECT_EQ(point.effective_time().seconds(), posterior.effective_time().seconds());
    ASSERT_THAT(point.probabilities(), SizeIs(2));
    EXPECT_DOUBLE_EQ(point.probabilities(0), posterior.probabilities(0).probability());
  }
  EXPECT_THAT(history.pool(), SizeIs(0)) << "pools were not asked for";
}

TEST_F(HistoryTest, APosteriorWithCredibleIntervalsHasTheirEndsAsQuantiles) {
  clock.Advance(absl::Hours(1));
  const auto created = client->CreateEvidence(Text<v1::CreateEvidenceRequest>(
      "parent: 'networks/n' evidence { model { node: 'd' summary: 'A report' reliability: 1 "
      "likelihood_ratio: 4 spread_decibans: 3 } }"));
  ASSERT_TRUE(created.ok()) << created.status();
  v1::ListPosteriorsRequest request;
  request.set_parent("questions/q");
  const auto list = client->ListPosteriors(request);
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_EQ(list->posteriors().rbegin()->intervals_size(), 2);
  const v1::StateInterval& published = list->posteriors().rbegin()->intervals(0);
  const v1::HistoryPoint point = *History({}).model().rbegin();
  ASSERT_THAT(point.quantiles(), SizeIs(7));
  EXPECT_NEAR(point.quantiles(3).probability(), 0.5, 1e-12);
  EXPECT_DOUBLE_EQ(point.quantiles(3).value(), published.median());
  EXPECT_NEAR(point.quantiles(2).probability(), 0.25, 1e-12);
  EXPECT_DOUBLE_EQ(point.quantiles(2).value(), published.intervals(0).low());
  EXPECT_DOUBLE_EQ(point.quantiles(4).value(), published.intervals(0).high());
  EXPECT_NEAR(point.quantiles(1).probability(), 0.1, 1e-12);
  EXPECT_DOUBLE_EQ(point.quantiles(1).value(), published.intervals(1).low());
}

TEST_F(HistoryTest, ThePoolChangesWithEachForecastAndTellsItsSpread) {
  Forecast("alice", 0.2);
  Forecast("bob", 0.5);
  v1::BatchGetHistoriesRequest request;
  request.set_with_pool(true);
  const v1::QuestionHistory history = History(request);
  ASSERT_THAT(history.pool(), SizeIs(2));
  EXPECT_EQ(history.pool(0).forecast_count(), 1);
  EXPECT_NEAR(history.pool(0).probabilities(0), 0.2, 1e-12);
  EXPECT_EQ(history.pool(1).forecast_count(), 2);
  // The geometric mean of the odds 1/4 and 1.
  EXPECT_NEAR(history.pool(1).probabilities(0), 1.0 / 3.0, 1e-12);
  ASSERT_THAT(history.pool(1).quantiles(), SizeIs(5));
  EXPECT_NEAR(history.pool(1).quantiles(0).value(), 0.23, 1e-12) << "a tenth of the way";
  EXPECT_NEAR(history.pool(1).quantiles(2).value(), 0.35, 1e-12);
  EXPECT_NEAR(history.pool(1).quantiles(4).value(), 0.47, 1e-12);
}

TEST_F(HistoryTest, AForecastThatWasWithdrawnIsInNoLaterPool) {
  Forecast("alice", 0.2);
  Forecast("bob", 0.5);
  clock.Advance(absl::Hours(1));
  v1::WithdrawForecastRequest withdraw;
  withdraw.set_parent("questions/q");
  withdraw.set_forecaster("forecasters/bob");
  ASSERT_TRUE(client->WithdrawForecast(withdraw).ok());
  v1::BatchGetHistoriesRequest request;
  request.set_with_pool(true);
  const v1::QuestionHistory history = History(request);
  ASSERT_THAT(history.pool(), SizeIs(3));
  EXPECT_NEAR(history.pool(2).probabilities(0), 0.2, 1e-12);
}

TEST_F(HistoryTest, ALongHistoryKeepsItsEndsItsLowestAndItsHighest) {
  for (int i = 0; i < 40; ++i) Report(Cat("report-", i), i % 2 == 0 ? 1.0 + i : 1.0 / (1.0 + i));
  const v1::QuestionHistory whole = History({});
  v1::BatchGetHistoriesRequest request;
  request.set_point_count_max(8);
  const v1::QuestionHistory thin = History(request);
  EXPECT_LE(thin.model_size(), 8);
  EXPECT_GE(thin.model_size(), 4);
  const auto less = [](const v1::HistoryPoint& left, const v1::HistoryPoint& right) {
    return left.probabilities(0) < right.probabilities(0);
  };
  const auto low = [&less](const v1::QuestionHistory& history) {
    return std::min_element(history.model().begin(), history.model().end(), less)->position();
  };
  const auto high = [&less](const v1::QuestionHistory& history) {
    return std::max_element(history.model().begin(), history.model().end(), less)->position();
  };
  EXPECT_EQ(low(thin), low(whole));
  EXPECT_EQ(high(thin), high(whole));
  EXPECT_EQ(thin.model(0).position(), whole.model(0).position());
  EXPECT_EQ(thin.model(thin.model_size() - 1).position(),
            whole.model(whole.model_size() - 1).position());
}

TEST_F(HistoryTest, NothingThatCountsLaterIsTold) {
  Report("report-1", 3);
  const absl::Time between = clock.Now();
  Report("report-2", 0.5);
  Forecast("alice", 0.2);
  v1::BatchGetHistoriesRequest request;
  request.set_with_pool(true);
  request.mutable_effective_time()->set_seconds(absl::ToUnixSeconds(between));
  const v1::QuestionHistory history = History(request);
  EXPECT_THAT(history.model(), SizeIs(2));
  EXPECT_THAT(history.pool(), SizeIs(0));
}

TEST_F(HistoryTest, BadRequestsNameTheirField) {
  ExpectError(Histories({}), absl::StatusCode::kInvalidArgument, "FIELD_REQUIRED", "questions");
  v1::BatchGetHistoriesRequest request;
  request.add_questions("questions/q");
  request.add_questions("questions/absent");
  ExpectError(Histories(request), absl::StatusCode::kNotFound, "NOT_FOUND", "");
  request.mutable_questions()->RemoveLast();
  request.set_point_count_max(1);
  ExpectError(Histories(request), absl::StatusCode::kInvalidArgument, "FIELD_INVALID",
              "point_count_max");
}

TEST_F(HistoryTest, ASupposedForecastIsPooledAndNotWritten) {
  Forecast("alice", 0.2);
  const int64_t before = tree_size();
  v1::SimulatePoolRequest request;
  request.set_parent("questions/q");
  request.mutable_forecast()->set_forecaster("forecasters/bob");
  request.mutable_forecast()->set_probability(0.5);
  const auto pooled = client->Call<v1::SimulatePoolResponse>(request);
  ASSERT_TRUE(pooled.ok()) << pooled.status();
  EXPECT_EQ(pooled->forecast_count(), 2);
  EXPECT_NEAR(pooled->probabilities(0).probability(), 1.0 / 3.0, 1e-12);
  // In place of what the forecaster says already.
  request.mutable_forecast()->set_forecaster("forecasters/alice");
  const auto replaced = client->Call<v1::SimulatePoolResponse>(request);
  ASSERT_TRUE(replaced.ok()) << replaced.status();
  EXPECT_EQ(replaced->forecast_count(), 1);
  EXPECT_NEAR(replaced->probabilities(0).probability(), 0.5, 1e-12);
  EXPECT_EQ(tree_size(), before);
  request.mutable_forecast()->set_probability(1.5);
  ExpectError(client->Call<v1::SimulatePoolResponse>(request), absl::StatusCode::kInvalidArgument,
              "PROBABILITY_INVALID", "forecast.probability");
}

}  // namespace
}  // namespace credence::server
