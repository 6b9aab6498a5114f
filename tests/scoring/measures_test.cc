#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <numeric>
#include <set>
#include <vector>

#include "credence/scoring/bootstrap.h"
#include "credence/scoring/comparison.h"
#include "credence/scoring/crps.h"
#include "credence/scoring/decomposition.h"
#include "credence/scoring/diagnosis.h"
#include "credence/scoring/leaderboard.h"
#include "credence/scoring/measures.h"
#include "credence/scoring/quantiles.h"
#include "credence/scoring/reliability.h"
#include "scoring_test_util.h"

// Each measure's stated check value, computed.
namespace credence::scoring {
namespace {

using Values = std::vector<double>;

// A case: the values that the text must state with these digits, and what is computed.
struct MeasureCheck {
  std::vector<std::string> expected;
  std::function<Values()> compute;
};

constexpr double kEnsemble[] = {1, 2, 3};

Values AdjustedScores() {
  const double scores[] = {.25, .1, .25, .3};
  DifficultyOptions options;
  options.always_half = 0;
  const auto adjusted =
      AdjustForDifficulty({.forecaster_count = 2, .question_count = 2, .values = scores}, options);
  EXPECT_TRUE(adjusted.ok()) << adjusted.status();
  return adjusted->adjusted;
}

Values IclrOverall() {
  const double dataset[] = {0, .2};
  const double market[] = {.1, .3};
  const auto overall = OverallOfTwoParts(dataset, market);
  EXPECT_TRUE(overall.ok()) << overall.status();
  return {overall->mean, overall->standard_error};
}

Values Takes() {
  const double totals[] = {3, -1, 4};
  Values shares;
  for (const TournamentTake& take : TournamentTakes(totals)) shares.push_back(take.share);
  return shares;
}

Values Murphy() {
  const std::vector<BinaryForecast> forecasts = {{.4, true}, {.4, false}, {.8, true}, {.8, true}};
  const auto parts = DecomposeMurphy(forecasts);
  return {parts->reliability, parts->resolution, parts->uncertainty};
}

Values Corp() {
  const std::vector<BinaryForecast> forecasts = {{.4, false}, {.3, false}, {.2, false},
                                                 {.1, true},  {.5, true},  {.9, true}};
  const auto parts = DecomposeCorp(forecasts, BinaryLoss::kHalfBrier);
  return {parts->miscalibration, parts->discrimination, parts->uncertainty};
}

Values Band() {
  std::vector<BinaryForecast> forecasts(100, BinaryForecast{.5, false});
  for (size_t i = 0; i < 50; ++i) forecasts[i].happened = true;
  ReliabilityOptions options;
  options.band = ConsistencyBand::kDiscrete;
  const auto diagram = DrawReliability(forecasts, options);
  EXPECT_TRUE(diagram.ok()) << diagram.status();
  return {diagram->points.front().band_lower, diagram->points.front().band_upper};
}

Values ConstantDifference() {
  Values values;
  for (int q = 0; q < 10; ++q) values.insert(values.end(), {q * .05 + .1, q * .05});
  const auto differences =
      BootstrapDifferences({.forecaster_count = 2, .question_count = 10, .values = values}, 1, {});
  EXPECT_TRUE(differences.ok()) << differences.status();
  const BootstrapEstimate& estimate = differences->front()->difference;
  return {estimate.lower, estimate.upper};
}

Values HeringGenton() {
  const double differences[] = {0, -1, 0, 2, -1, 0, 1, -4, -1, -1, 2, 1, 0, 2, -1};
  DieboldMarianoOptions options;
  options.variance = DieboldMarianoVariance::kExponential;
  return {DieboldMariano(differences, options)->statistic};
}

Values Discoveries() {
  const double p_values[] = {.01, .02, .03, .04};
  return *AdjustForFalseDiscovery(p_values, FalseDiscoveryControl::kBenjaminiHochberg);
}

Values Slope() {
  std::vector<WeightClaim> claims(10, WeightClaim{.5, std::log(9.0), true});
  claims.back().happened = false;
  return {CalibrateWeights(claims)->slope};
}

Values UniformCrps() {
  const CdfPoint points[] = {{0, 0}, {1, 1}};
  return {*CrpsOfPiecewiseLinearCdf(points, .5)};
}

Values Wis() {
  const IntervalForecast intervals[] = {{0, .4, .5}};
  return {*WeightedIntervalScore(.2, intervals, .1)};
}

std::map<std::string_view, MeasureCheck> Checks() {
  return {
      {"crps.family",
       {{"0.2336950"},
        [] {
          return Values{*Crps(NormalDistribution{0, 1}, 0)};
        }}},
      {"crps.cdf", {{"0.0833333"}, UniformCrps}},
      {"crps.ensemble", {{"0.3888889"}, [] { return Values{*CrpsOfEnsemble(kEnsemble, 1.5)}; }}},
      {"crps.ensemble.fair",
       {{"0.1666667"}, [] { return Values{*FairCrpsOfEnsemble(kEnsemble, 1.5)}; }}},
      {"quantile",
       {{"0.16", "0.04"},
        [] {
          return Values{*QuantileScore({.2, .5}, .3), *QuantileScore({.2, .1}, .3)};
        }}},
      {"interval",
       {{"0.4"},
        [] {
          return Values{*IntervalScore({0, .4, .5}, .1)};
        }}},
      {"wis", {{"0.1"}, Wis}},
      {"skill", {{"0.5"}, [] { return Values{*SkillScore(.1, .2)}; }}},
      {"forecastbench.bss", {{"0.1"}, [] { return Values{.2 - .1}; }}},
      {"forecastbench.adjusted", {{"0.25", "0.2"}, AdjustedScores}},
      {"forecastbench.brier_index", {{"50"}, [] { return Values{BrierIndex(.25)}; }}},
      {"forecastbench.iclr2025.overall", {{"0.15", "0.0707107"}, IclrOverall}},
      {"metaculus.average_peer", {{"10"}, [] { return Values{AveragePeerScore(300, 10)}; }}},
      {"metaculus.take", {{"0.36", "0", "0.64"}, Takes}},
      {"murphy", {{"0.025", "0.0625", "0.1875"}, Murphy}},
      {"corp", {{"0.1016667", "0.125", "0.25"}, Corp}},
      {"miscalibration.band", {{"0.4177573", "0.5822427"}, Band}},
      {"bootstrap", {{"0.1", "0.1"}, ConstantDifference}},
      {"diebold_mariano", {{"-0.169192"}, HeringGenton}},
      {"false_discovery", {{"0.04", "0.04", "0.04", "0.04"}, Discoveries}},
      {"evidence.slope", {{"1"}, Slope}},
  };
}

TEST(MeasuresTest, EveryMeasureMeetsTheValueThatItStates) {
  const auto checks = Checks();
  for (const Measure& measure : AllMeasures()) {
    SCOPED_TRACE(std::string(measure.id));
    const auto found = checks.find(measure.id);
    ASSERT_NE(found, checks.end());
    const Values values = found->second.compute();
    ASSERT_EQ(values.size(), found->second.expected.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::string& text = found->second.expected[i];
      EXPECT_NE(measure.check.find(text), std::string_view::npos) << text;
      const std::size_t point = text.find('.');
      const auto digits = point == std::string::npos ? 0 : text.size() - point - 1;
      EXPECT_NEAR(values[i], std::stod(text), 0.5000001 * std::pow(10, -static_cast<int>(digits)));
    }
  }
}

TEST(MeasuresTest, NamesAreUniqueAndNoneIsARuleOfTables) {
  std::set<std::string_view> ids;
  for (const Rule& rule : AllRules()) ids.insert(rule.id);
  for (const Measure& measure : AllMeasures()) {
    EXPECT_TRUE(ids.insert(measure.id).second) << measure.id;
    EXPECT_GT(measure.convention.size(), 40U) << measure.id;
    for (const std::string_view text :
         {measure.formula, measure.range, measure.source, measure.traps, measure.check}) {
      EXPECT_FALSE(text.empty()) << measure.id;
    }
  }
}

TEST(EvidenceGainTest, GainIsTheLogScoreSavedOnWhatHappened) {
  const double before[] = {.2, .8};
  const double after[] = {.5, .5};
  EXPECT_NEAR(EvidenceGain(Outcome::State(0), before, after), 10 * std::log10(2.5), 1e-12);
  EXPECT_NEAR(EvidenceGain(Outcome::State(1), before, after), 10 * std::log10(.625), 1e-12);
  EXPECT_NEAR(EvidenceGain(*Outcome::Fraction(.25), before, after),
              2.5 * std::log10(2.5) + 7.5 * std::log10(.625), 1e-12);
}

TEST(EvidenceGainTest, RulingOutWhatHappenedIsMinusInfinityOnce) {
  const double before[] = {.2, .8};
  const double none[] = {0, 1};
  EXPECT_EQ(EvidenceGain(Outcome::State(0), before, none), -HUGE_VAL);
  EXPECT_EQ(EvidenceGain(Outcome::State(0), none, none), 0);
}

}  // namespace
}  // namespace credence::scoring
