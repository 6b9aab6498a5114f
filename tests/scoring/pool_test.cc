#include "credence/scoring/pool.h"

#include <cmath>

#include "scoring_test_util.h"

namespace credence::scoring {
namespace {

using Vectors = std::vector<std::vector<double>>;

absl::StatusOr<std::vector<double>> PoolOf(const Vectors& forecasts, const PoolOptions& options,
                                           const std::vector<double>& weights = {}) {
  const std::vector<std::span<const double>> spans(forecasts.begin(), forecasts.end());
  return Pool(spans, weights, options);
}

double PoolYes(const std::vector<double>& probabilities, const PoolOptions& options,
               const std::vector<double>& weights = {}) {
  Vectors forecasts;
  for (const double p : probabilities) forecasts.push_back({p, 1 - p});
  const auto pooled = PoolOf(forecasts, options, weights);
  EXPECT_TRUE(pooled.ok()) << pooled.status();
  EXPECT_NEAR((*pooled)[0] + (*pooled)[1], 1, 1e-15);
  return (*pooled)[0];
}

PoolOptions Method(PoolMethod method) {
  PoolOptions options;
  options.method = method;
  return options;
}

PoolOptions Extremised(std::optional<double> factor) {
  PoolOptions options = Method(PoolMethod::kExtremisedLogarithmic);
  options.extremising_factor = factor;
  return options;
}

constexpr PoolMethod kAllMethods[] = {PoolMethod::kMedian, PoolMethod::kLinear,
                                      PoolMethod::kLogarithmic, PoolMethod::kExtremisedLogarithmic};

TEST(PoolTest, GeometricMeanOfOddsMeetsItsCheckValues) {
  const PoolOptions log = Method(PoolMethod::kLogarithmic);
  EXPECT_NEAR(PoolYes({.1, .2, .3, .4, .5}, log), 0.2754277, 5e-8);
  EXPECT_NEAR(PoolYes({.1, .2, .3, .4, .5}, log, {.5, .1, .1, .1, .2}), 0.20, 5e-3);
}

TEST(PoolTest, ExtremisingMeetsItsCheckValue) {
  EXPECT_NEAR(PoolYes({.7}, Extremised(std::sqrt(3.0))), 0.8126867, 5e-8);
}

TEST(PoolTest, NeymanRoughgardenMeetsItsCheckValues) {
  EXPECT_DOUBLE_EQ(NeymanRoughgardenFactor(1), 1);
  EXPECT_NEAR(NeymanRoughgardenFactor(2), 1.2915026, 5e-8);
  EXPECT_NEAR(NeymanRoughgardenFactor(10), 1.6249525, 5e-8);
  EXPECT_NEAR(NeymanRoughgardenFactor(100'000'000), std::sqrt(3.0), 1e-7);
}

TEST(PoolTest, ExtremisingMovesAwayFromTheBaseline) {
  PoolOptions options = Extremised(std::nullopt);
  options.baseline = {.2, .8};
  const auto logit = [](double p) { return std::log(p / (1 - p)); };
  const double expected =
      logit(.2) + NeymanRoughgardenFactor(2) * (0.5 * (logit(.3) + logit(.4)) - logit(.2));
  EXPECT_NEAR(logit(PoolYes({.3, .4}, options)), expected, 1e-12);
  EXPECT_NEAR(PoolYes({.2, .2}, options), .2, 1e-15);
}

TEST(PoolTest, LinearPoolIsTheWeightedMean) {
  EXPECT_NEAR(PoolYes({.1, .5}, Method(PoolMethod::kLinear)), .3, 1e-15);
  EXPECT_NEAR(PoolYes({.1, .5}, Method(PoolMethod::kLinear), {3, 1}), .2, 1e-15);
}

TEST(PoolTest, MedianOfOddAndEvenCounts) {
  const PoolOptions median = Method(PoolMethod::kMedian);
  EXPECT_NEAR(PoolYes({.9, .1, .3}, median), .3, 1e-15);
  EXPECT_NEAR(PoolYes({.9, .1, .3, .4}, median), .35, 1e-15);
}

TEST(PoolTest, WeightedMedianSplitsTheWeight) {
  const PoolOptions median = Method(PoolMethod::kMedian);
  EXPECT_NEAR(PoolYes({.1, .3, .9}, median, {1, 1, 3}), .9, 1e-15);
  EXPECT_NEAR(PoolYes({.1, .3, .9}, median, {1, 1, 2}), .6, 1e-15);
  EXPECT_NEAR(PoolYes({.1, .3, .9, .95}, median, {.1, .1, .1, .1}), .6, 1e-15);
  EXPECT_NEAR(PoolYes({.1, .3, .9}, median, {1, 1, 0}), .2, 1e-15);
}

TEST(PoolTest, MedianOfCategoriesIsRenormalised) {
  const auto pooled =
      PoolOf({{.6, .3, .1}, {.2, .2, .6}, {.1, .8, .1}}, Method(PoolMethod::kMedian));
  ASSERT_TRUE(pooled.ok());
  EXPECT_NEAR((*pooled)[0], .2 / .6, 1e-15);
  EXPECT_NEAR((*pooled)[1], .3 / .6, 1e-15);
  EXPECT_NEAR((*pooled)[2], .1 / .6, 1e-15);
}

TEST(PoolTest, AgreementIsKeptByEveryMethodButTheExtremised) {
  for (const PoolMethod method : kAllMethods) {
    if (method == PoolMethod::kExtremisedLogarithmic) continue;
    EXPECT_NEAR(PoolYes({.3, .3, .3}, Method(method)), .3, 1e-15);
  }
}

TEST(PoolTest, LogPoolLetsOneMemberRuleAStateOut) {
  const auto pooled = PoolOf({{0, .5, .5}, {.8, .1, .1}}, Method(PoolMethod::kLogarithmic));
  ASSERT_TRUE(pooled.ok());
  EXPECT_DOUBLE_EQ((*pooled)[0], 0);
  EXPECT_NEAR((*pooled)[1], .5, 1e-15);
}

TEST(PoolTest, ContradictionsAreRefused) {
  const auto log = PoolOf({{0, 1}, {1, 0}}, Method(PoolMethod::kLogarithmic));
  EXPECT_EQ(log.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(log.status()), "WRONG_STATE");
  const auto median = PoolOf({{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, Method(PoolMethod::kMedian));
  EXPECT_EQ(ReasonOf(median.status()), "WRONG_STATE");
}

std::string FieldOf(const absl::Status& status) {
  const ErrorDetail detail = GetErrorDetail(status);
  return detail.fields.empty() ? std::string() : detail.reason + " " + detail.fields[0].field;
}

TEST(PoolTest, BadInputIsRefusedByReason) {
  const PoolOptions linear = Method(PoolMethod::kLinear);
  EXPECT_EQ(FieldOf(PoolOf({}, linear).status()), "FIELD_REQUIRED forecasts");
  EXPECT_EQ(FieldOf(PoolOf({{.5, .5}, {.2, .3, .5}}, linear).status()),
            "FIELD_INVALID forecasts[1]");
  EXPECT_EQ(FieldOf(PoolOf({{.5, .6}}, linear).status()), "PROBABILITY_INVALID forecasts[0]");
  EXPECT_EQ(FieldOf(PoolOf({{.5, .5}}, linear, {-1}).status()), "FIELD_INVALID weights[0]");
  EXPECT_EQ(FieldOf(PoolOf({{.5, .5}}, linear, {0}).status()), "FIELD_INVALID weights");
  EXPECT_EQ(FieldOf(PoolOf({{.5, .5}}, linear, {1, 1}).status()), "FIELD_INVALID weights");
  EXPECT_EQ(FieldOf(PoolOf({{.5, .5}}, Extremised(-1)).status()),
            "FIELD_INVALID extremising_factor");
  PoolOptions zero_baseline = Extremised(1.5);
  zero_baseline.baseline = {0, 1};
  EXPECT_EQ(FieldOf(PoolOf({{.5, .5}}, zero_baseline).status()), "FIELD_INVALID baseline");
  EXPECT_EQ(FieldOf(PoolSeries({}, {}, linear).status()), "FIELD_REQUIRED members");
}

TEST(PoolSeriesTest, StepsFollowEachMemberAndEndWithTheLast) {
  const std::vector<ForecastSeries> members = {Series({Yes(0, .2), Withdraw(4)}),
                                               Series({Yes(2, .6), Yes(4, .7), Withdraw(6)})};
  const auto pooled = PoolSeries(Views(members), {}, Method(PoolMethod::kLinear));
  ASSERT_TRUE(pooled.ok());
  const SeriesView view = pooled->view();
  ASSERT_EQ(view.steps.size(), 4U);
  EXPECT_NEAR(view.Probabilities(0)[0], .2, 1e-15);
  EXPECT_EQ(view.steps[1].start, At(2));
  EXPECT_NEAR(view.Probabilities(1)[0], .4, 1e-15);
  EXPECT_EQ(view.steps[2].start, At(4));
  EXPECT_NEAR(view.Probabilities(2)[0], .7, 1e-15);
  EXPECT_EQ(view.steps[3].start, At(6));
  EXPECT_FALSE(view.steps[3].standing);
}

TEST(PoolSeriesTest, ContradictionWithdrawsThePoolUntilItIsMended) {
  const std::vector<ForecastSeries> members = {Series({Yes(0, 1)}),
                                               Series({Yes(2, 0), Yes(3, .5)})};
  const auto pooled = PoolSeries(Views(members), {}, Method(PoolMethod::kLogarithmic));
  ASSERT_TRUE(pooled.ok());
  ASSERT_EQ(pooled->view().steps.size(), 3U);
  EXPECT_FALSE(pooled->view().steps[1].standing);
  EXPECT_DOUBLE_EQ(pooled->view().Probabilities(2)[0], 1);
}

TEST(PoolSeriesTest, MemberWithoutWeightLeavesNoStep) {
  const std::vector<ForecastSeries> members = {Series({Yes(0, .2)}), Series({Yes(2, .6)})};
  const std::vector<double> weights = {1, 0};
  const auto pooled = PoolSeries(Views(members), weights, Method(PoolMethod::kMedian));
  ASSERT_TRUE(pooled.ok());
  EXPECT_EQ(pooled->view().steps.size(), 1U);
}

void ExpectPoolAtEveryStep(const std::vector<SeriesView>& members,
                           const std::vector<double>& weights, const PoolOptions& options) {
  const auto pooled = PoolSeries(members, weights, options);
  ASSERT_TRUE(pooled.ok()) << pooled.status();
  const SeriesView view = pooled->view();
  for (std::size_t i = 0; i < view.steps.size(); ++i) {
    std::vector<std::span<const double>> standing;
    std::vector<double> standing_weights;
    for (std::size_t m = 0; m < members.size(); ++m) {
      const auto step = members[m].StepAt(view.steps[i].start);
      if (!step || !members[m].steps[*step].standing) continue;
      standing.push_back(members[m].Probabilities(*step));
      if (!weights.empty()) standing_weights.push_back(weights[m]);
    }
    ASSERT_EQ(view.steps[i].standing, !standing.empty());
    if (standing.empty()) continue;
    const auto expected = Pool(standing, standing_weights, options);
    ASSERT_TRUE(expected.ok());
    for (std::size_t k = 0; k < view.state_count; ++k) {
      EXPECT_NEAR(view.Probabilities(i)[k], (*expected)[k], 1e-13);
    }
  }
}

TEST(PoolSeriesTest, EveryStepIsThePoolOfWhatStandsThere) {
  constexpr unsigned kSeed = 1893;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  std::mt19937_64 generator(kSeed);
  std::uniform_int_distribution<int> day(0, 300);
  std::vector<ForecastSeries> members;
  std::vector<double> weights;
  for (int m = 0; m < 20; ++m) {
    std::vector<ForecastPoint> points;
    for (int i = 0; i < 50; ++i) {
      ForecastPoint point = States(day(generator), RandomProbabilities(generator, 3));
      point.withdrawn = generator() % 5 == 0;
      points.push_back(point);
    }
    members.push_back(Series(points, 3));
    weights.push_back(0.5 + m % 3);
  }
  for (const PoolMethod method : kAllMethods) {
    ExpectPoolAtEveryStep(Views(members), {}, Method(method));
    ExpectPoolAtEveryStep(Views(members), weights, Method(method));
  }
}

}  // namespace
}  // namespace credence::scoring
