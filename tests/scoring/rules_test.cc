#include "credence/scoring/rules.h"

#include <cmath>
#include <set>

#include "scoring_test_util.h"

namespace credence::scoring {
namespace {

double LastValue(std::string_view rule, const ScoredQuestion& question,
                 std::vector<double> probabilities) {
  const std::size_t state_count = probabilities.size();
  return ValueOf(rule, question, Series({States(0, std::move(probabilities))}, state_count));
}

TEST(RulesTest, RegistryHoldsEveryContractedIdOnce) {
  std::set<std::string_view> ids;
  for (const Rule& rule : AllRules()) {
    EXPECT_TRUE(ids.insert(rule.id).second) << rule.id;
    EXPECT_GT(rule.convention.size(), 60U) << rule.id;
    for (const std::string_view text :
         {rule.formula, rule.range, rule.source, rule.traps, rule.check}) {
      EXPECT_FALSE(text.empty()) << rule.id;
    }
  }
  for (const std::string_view id :
       {"brier.half.last", "brier.full.last", "brier.half.daily", "brier.full.daily",
        "brier.half.timeweighted", "brier.ordered.daily", "log.last", "log.timeweighted",
        "spherical.last", "metaculus.baseline", "metaculus.peer", "metaculus.spot_baseline",
        "metaculus.spot_peer", "rps.last", "crps.last"}) {
    EXPECT_EQ(ids.count(id), 1U) << id;
  }
}

TEST(RulesTest, UnknownIdNamesTheNearestOne) {
  const auto rule = FindRule("brier.haf.last");
  ASSERT_EQ(rule.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(rule.status()), "UNKNOWN_RULE");
  EXPECT_EQ(GetErrorDetail(rule.status()).metadata.at("nearest"), "brier.half.last");
  const auto huge = FindRule(std::string(10'000'000, 'x'));
  EXPECT_EQ(huge.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_LT(huge.status().message().size(), 200U);
}

TEST(RulesTest, BrierMeetsItsCheckValues) {
  const ScoredQuestion no = BinaryQuestion(HappenedNo());
  EXPECT_NEAR(LastValue("brier.half.last", no, {0.271, 0.729}), 0.073441, 1e-15);
  EXPECT_NEAR(LastValue("brier.full.last", no, {0.271, 0.729}), 0.146882, 1e-15);
  const ScoredQuestion third = CategoryQuestion(QuestionKind::kOrdered, 4, 2);
  EXPECT_NEAR(LastValue("brier.full.last", third, {.15, .45, .25, .15}), 0.81, 1e-15);
  EXPECT_NEAR(LastValue("brier.half.last", third, {.15, .45, .25, .15}), 0.405, 1e-15);
  EXPECT_NEAR(LastValue("brier.ordered.daily", third, {.15, .45, .25, .15}), 0.27, 1e-15);
}

TEST(RulesTest, MarketAtOneInAThousandScoresAsRecordedBeforeAndAfterItsCorrection) {
  EXPECT_NEAR(LastValue("brier.half.last", BinaryQuestion(HappenedNo()), {.001, .999}), 1e-6,
              1e-18);
  EXPECT_NEAR(LastValue("brier.half.last", BinaryQuestion(HappenedYes()), {.001, .999}), .998001,
              1e-15);
}

TEST(RulesTest, LogMeetsItsCheckValue) {
  EXPECT_NEAR(LastValue("log.last", BinaryQuestion(HappenedNo()), {.481, .519}), 0.6558514, 5e-8);
  EXPECT_FALSE(std::signbit(LastValue("log.last", BinaryQuestion(HappenedNo()), {0, 1})));
}

TEST(RulesTest, LogScoreOfTheImpossibleIsInfiniteAndNotANumberForStorage) {
  const auto score =
      ScoreOf("log.last", BinaryQuestion(HappenedYes()), Series({States(0, {0.0, 1.0})}));
  ASSERT_TRUE(score.has_value());
  EXPECT_TRUE(std::isinf(score->value));
  EXPECT_GT(score->value, 0);
  EXPECT_FALSE(score->finite());
  EXPECT_EQ(score->FiniteValue(), std::nullopt);
}

TEST(RulesTest, SphericalMeetsItsCheckValue) {
  EXPECT_NEAR(LastValue("spherical.last", BinaryQuestion(HappenedYes()), {.7, .3}), 0.919145, 5e-7);
}

TEST(RulesTest, RankedProbabilityMeetsItsCheckValues) {
  const ScoredQuestion third = CategoryQuestion(QuestionKind::kOrdered, 4, 2);
  EXPECT_NEAR(LastValue("rps.last", third, {.01, .32, .44, .23}), 0.1619, 1e-12);
  const ScoredQuestion first = CategoryQuestion(QuestionKind::kOrdered, 3, 0);
  EXPECT_NEAR(LastValue("rps.last", first, {.2, .5, .3}) / 2, 0.365, 1e-12);
  EXPECT_NEAR(LastValue("rps.last", third, {.15, .45, .25, .15}) * 2 / 3, 0.27, 1e-12);
}

TEST(RulesTest, CrpsOfBinsIsTheIntegralOverTheirWidth) {
  ScoredQuestion question = CategoryQuestion(QuestionKind::kNumeric, 4, 2);
  EXPECT_NEAR(LastValue("crps.last", question, {.01, .32, .44, .23}), 0.1619, 1e-12);
  question.bin_width = 5;
  EXPECT_NEAR(LastValue("crps.last", question, {.01, .32, .44, .23}), 5 * 0.1619, 1e-12);
}

TEST(RulesTest, OrderedRulesLeaveUnorderedStatesUnscored) {
  const ScoredQuestion question = CategoryQuestion(QuestionKind::kMultipleChoice, 3, 0);
  const ForecastSeries series = Series({States(0, {.2, .5, .3})}, 3);
  EXPECT_EQ(ScoreOf("rps.last", question, series), std::nullopt);
  EXPECT_EQ(ScoreOf("brier.ordered.daily", question, series), std::nullopt);
  EXPECT_EQ(ScoreOf("crps.last", question, series), std::nullopt);
  EXPECT_TRUE(ScoreOf("brier.half.last", question, series).has_value());
}

TEST(RulesTest, OrderedBrierOfTwoStatesIsTheFullScore) {
  const ScoredQuestion question = BinaryQuestion(HappenedYes());
  EXPECT_DOUBLE_EQ(LastValue("brier.ordered.daily", question, {.3, .7}),
                   LastValue("brier.full.daily", question, {.3, .7}));
}

TEST(RulesTest, MetaculusBaselineMeetsItsCheckValues) {
  const ScoredQuestion yes = BinaryQuestion(HappenedYes());
  EXPECT_NEAR(LastValue("metaculus.baseline", yes, {.9, .1}), 84.79969066, 5e-9);
  EXPECT_NEAR(LastValue("metaculus.baseline", yes, {.1, .9}), -232.19280949, 5e-9);
  const double root = std::sqrt(0.5);
  EXPECT_NEAR(LastValue("metaculus.baseline", yes, {root, 1 - root}), 50, 1e-12);
  EXPECT_NEAR(LastValue("metaculus.spot_baseline", yes, {.9, .1}), 84.79969066, 5e-9);
  const ScoredQuestion second = CategoryQuestion(QuestionKind::kMultipleChoice, 4, 1);
  EXPECT_NEAR(LastValue("metaculus.baseline", second, {.25, .25, .25, .25}), 0, 1e-12);
  EXPECT_NEAR(LastValue("metaculus.baseline", second, {0, 1, 0, 0}), 100, 1e-12);
}

TEST(RulesTest, MetaculusBaselineOfANumberComparesWithItsBinsMass) {
  ScoredQuestion inside = CategoryQuestion(QuestionKind::kNumeric, 4, 1);
  inside.open_bound_count = 1;
  EXPECT_NEAR(LastValue("metaculus.baseline", inside, {.05, .475, .475, 0}), 0, 1e-12);
  inside.open_bound_count = 2;
  EXPECT_NEAR(LastValue("metaculus.baseline", inside, {.05, .9, .03, .02}), 50 * std::log(2.0),
              1e-12);
  const ScoredQuestion below = CategoryQuestion(QuestionKind::kNumeric, 4, 0);
  EXPECT_NEAR(LastValue("metaculus.baseline", below, {.1, .4, .4, .1}), 50 * std::log(2.0), 1e-12);
}

TEST(RulesTest, FractionTakesThePlaceOfTheOutcome) {
  const ScoredQuestion half = BinaryQuestion(*Outcome::Fraction(0.5));
  EXPECT_NEAR(LastValue("brier.half.last", half, {.7, .3}), 0.04, 1e-15);
  EXPECT_NEAR(LastValue("log.last", half, {.7, .3}), -0.5 * (std::log(.7) + std::log(.3)), 1e-15);
  const ScoredQuestion whole = BinaryQuestion(*Outcome::Fraction(1));
  const ScoredQuestion yes = BinaryQuestion(HappenedYes());
  for (const Rule& rule : AllRules()) {
    // Numbers settle at no fraction, one alone has no median to be compared with, and sources have
    // no forecasts.
    const bool without = rule.kernel == Kernel::kCrpsBins || rule.kernel == Kernel::kEvidenceGain ||
                         rule.comparison == Comparison::kDailyMedian ||
                         rule.comparison == Comparison::kDailyMedianAllDays;
    if (without) continue;
    EXPECT_NEAR(LastValue(rule.id, whole, {.7, .3}), LastValue(rule.id, yes, {.7, .3}), 1e-12)
        << rule.id;
  }
  EXPECT_DOUBLE_EQ(LastValue("log.last", whole, {1, 0}), 0);
}

// Expected value of the rule under `truth` when `forecast` is what was said.
double ExpectedScore(const Rule& rule, const ScoredQuestion& question,
                     const std::vector<double>& truth, const std::vector<double>& forecast) {
  double sum = 0;
  for (std::size_t k = 0; k < truth.size(); ++k) {
    ScoredQuestion resolved = question;
    resolved.outcome = Outcome::State(k);
    sum += truth[k] * EvaluateKernel(rule.kernel, resolved, forecast);
  }
  return sum;
}

TEST(RulesTest, ExpectedScoreIsBestAtTheTruth) {
  constexpr unsigned kSeed = 20211102;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  std::mt19937_64 generator(kSeed);
  for (const Rule& rule : AllRules()) {
    // A comparison differs from the kernel by what the others said; a floor ends propriety; sources
    // have no forecasts.
    if (rule.needs_others() || rule.floor > 0 || rule.kernel == Kernel::kEvidenceGain) continue;
    for (int trial = 0; trial < 300; ++trial) {
      const std::size_t count = 3 + static_cast<std::size_t>(trial % 4);
      const ScoredQuestion question = CategoryQuestion(QuestionKind::kNumeric, count, 0);
      const std::vector<double> truth = RandomProbabilities(generator, count);
      const std::vector<double> other = RandomProbabilities(generator, count);
      const double at_truth = ExpectedScore(rule, question, truth, truth);
      const double elsewhere = ExpectedScore(rule, question, truth, other);
      if (rule.orientation == Orientation::kLowerIsBetter) {
        EXPECT_LT(at_truth, elsewhere) << rule.id;
      } else {
        EXPECT_GT(at_truth, elsewhere) << rule.id;
      }
    }
  }
}

}  // namespace
}  // namespace credence::scoring
