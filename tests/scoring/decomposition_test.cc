#include "credence/scoring/decomposition.h"

#include <cmath>
#include <limits>

#include "scoring_test_util.h"

namespace credence::scoring {
namespace {

// The six forecasts of the check values.
std::vector<BinaryForecast> SixForecasts() {
  return {{.4, false}, {.3, false}, {.2, false}, {.1, true}, {.5, true}, {.9, true}};
}

std::vector<BinaryForecast> RandomForecasts(std::mt19937_64& generator, std::size_t count) {
  std::uniform_int_distribution<int> step(1, 19);
  std::bernoulli_distribution happened(0.3);
  std::vector<BinaryForecast> forecasts;
  for (std::size_t i = 0; i < count; ++i) {
    forecasts.push_back({0.05 * step(generator), happened(generator)});
  }
  return forecasts;
}

double MeanHalfBrier(const std::vector<BinaryForecast>& forecasts) {
  double sum = 0;
  for (const BinaryForecast& forecast : forecasts) {
    sum += std::pow(forecast.probability - (forecast.happened ? 1 : 0), 2);
  }
  return sum / static_cast<double>(forecasts.size());
}

TEST(DecompositionTest, CorpMeetsItsCheckValues) {
  const auto brier = DecomposeCorp(SixForecasts(), BinaryLoss::kHalfBrier);
  ASSERT_TRUE(brier.ok());
  EXPECT_NEAR(brier->miscalibration, .1016667, 5e-8);
  EXPECT_NEAR(brier->discrimination, .125, 1e-12);
  EXPECT_NEAR(brier->uncertainty, .25, 1e-12);
  EXPECT_NEAR(brier->score, .2266667, 5e-8);
  const auto log = DecomposeCorp(SixForecasts(), BinaryLoss::kLog);
  ASSERT_TRUE(log.ok());
  EXPECT_NEAR(log->miscalibration, .3237327, 5e-8);
  EXPECT_NEAR(log->discrimination, .3182571, 5e-8);
  EXPECT_NEAR(log->uncertainty, .6931472, 5e-8);
  EXPECT_NEAR(log->score, .6986228, 5e-8);
}

TEST(DecompositionTest, PartsAddUpToTheScore) {
  constexpr unsigned kSeed = 1973;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  std::mt19937_64 generator(kSeed);
  for (std::size_t count = 1; count < 400; count += 7) {
    const std::vector<BinaryForecast> forecasts = RandomForecasts(generator, count);
    const auto murphy = DecomposeMurphy(forecasts);
    ASSERT_TRUE(murphy.ok());
    EXPECT_NEAR(murphy->reliability - murphy->resolution + murphy->uncertainty,
                MeanHalfBrier(forecasts), 1e-12);
    for (const BinaryLoss loss : {BinaryLoss::kHalfBrier, BinaryLoss::kLog}) {
      const auto corp = DecomposeCorp(forecasts, loss);
      ASSERT_TRUE(corp.ok());
      EXPECT_NEAR(corp->miscalibration - corp->discrimination + corp->uncertainty, corp->score,
                  1e-12);
      EXPECT_GE(corp->miscalibration, 0);
      EXPECT_GE(corp->discrimination, 0);
    }
    EXPECT_NEAR(DecomposeCorp(forecasts, BinaryLoss::kHalfBrier)->score, MeanHalfBrier(forecasts),
                1e-12);
  }
}

TEST(DecompositionTest, MurphySeparatesBiasFromDiscrimination) {
  // Said .8 with rate .5, said .2 with rate 0; base rate .25.
  const std::vector<BinaryForecast> forecasts = {{.8, true}, {.2, false}, {.8, false}, {.2, false}};
  const auto murphy = DecomposeMurphy(forecasts);
  ASSERT_TRUE(murphy.ok());
  EXPECT_NEAR(murphy->reliability, 0.5 * 0.09 + 0.5 * 0.04, 1e-15);
  EXPECT_NEAR(murphy->resolution, 0.0625, 1e-15);
  EXPECT_NEAR(murphy->uncertainty, 0.1875, 1e-15);
}

TEST(DecompositionTest, TiesArePooledBeforeAnythingElse) {
  // In either order of the tied pair the block is one with rate one half.
  for (const bool first : {true, false}) {
    const std::vector<BinaryForecast> forecasts = {{.3, first}, {.3, !first}, {.6, true}};
    const auto blocks = RecalibrateIsotonic(forecasts);
    ASSERT_TRUE(blocks.ok());
    ASSERT_EQ(blocks->size(), 2U);
    EXPECT_DOUBLE_EQ((*blocks)[0].recalibrated, 0.5);
    EXPECT_EQ((*blocks)[0].count, 2U);
    EXPECT_DOUBLE_EQ((*blocks)[1].recalibrated, 1);
  }
}

TEST(DecompositionTest, RecalibrationPoolsAdjacentViolators) {
  const auto blocks = RecalibrateIsotonic(SixForecasts());
  ASSERT_TRUE(blocks.ok());
  ASSERT_EQ(blocks->size(), 2U);
  EXPECT_DOUBLE_EQ((*blocks)[0].probability_min, .1);
  EXPECT_DOUBLE_EQ((*blocks)[0].probability_max, .4);
  EXPECT_DOUBLE_EQ((*blocks)[0].recalibrated, .25);
  EXPECT_DOUBLE_EQ((*blocks)[1].probability_min, .5);
  EXPECT_DOUBLE_EQ((*blocks)[1].recalibrated, 1);
}

TEST(DecompositionTest, RecalibrationRisesAndKeepsTheTotal) {
  constexpr unsigned kSeed = 1955;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  std::mt19937_64 generator(kSeed);
  const std::vector<BinaryForecast> forecasts = RandomForecasts(generator, 1000);
  const auto blocks = RecalibrateIsotonic(forecasts);
  ASSERT_TRUE(blocks.ok());
  double happened = 0;
  for (const BinaryForecast& forecast : forecasts) happened += forecast.happened ? 1 : 0;
  for (std::size_t i = 0; i < blocks->size(); ++i) {
    happened -= (*blocks)[i].recalibrated * static_cast<double>((*blocks)[i].count);
    if (i == 0) continue;
    EXPECT_GT((*blocks)[i].recalibrated, (*blocks)[i - 1].recalibrated);
  }
  EXPECT_NEAR(happened, 0, 1e-9);
}

TEST(DecompositionTest, CertainAndRightHasNoMiscalibration) {
  const std::vector<BinaryForecast> forecasts = {{1, true}, {0, false}};
  const auto log = DecomposeCorp(forecasts, BinaryLoss::kLog);
  ASSERT_TRUE(log.ok());
  EXPECT_DOUBLE_EQ(log->score, 0);
  EXPECT_NEAR(log->discrimination, std::log(2.0), 1e-15);
}

TEST(DecompositionTest, BadInputIsRefusedByReason) {
  EXPECT_EQ(ReasonOf(DecomposeMurphy({}).status()), "FIELD_REQUIRED");
  const std::vector<BinaryForecast> nan = {{std::numeric_limits<double>::quiet_NaN(), true}};
  EXPECT_EQ(ReasonOf(DecomposeMurphy(nan).status()), "PROBABILITY_INVALID");
  const std::vector<BinaryForecast> impossible = {{0, true}};
  const auto log = DecomposeCorp(impossible, BinaryLoss::kLog);
  EXPECT_EQ(ReasonOf(log.status()), "WRONG_STATE");
  EXPECT_TRUE(DecomposeCorp(impossible, BinaryLoss::kHalfBrier).ok());
}

}  // namespace
}  // namespace credence::scoring
