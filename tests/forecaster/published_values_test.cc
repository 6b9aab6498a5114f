#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"
#include "credence/forecaster/engine.h"
#include "credence/forecaster/numeric.h"
#include "credence/forecaster/query.h"
#include "fixtures.h"
#include "numeric/hazard.h"

// Closed forms, and values computed to 40 digits, of the formulas that the forecaster rests on; and
// inputs on which other programs are known to fail.
namespace credence::forecaster::testing {
namespace {

double ProbabilityOfFirst(const HazardFactor& factor) {
  return std::exp(factor.log_first) / (std::exp(factor.log_first) + std::exp(factor.log_second));
}

TEST(PublishedValuesTest, SevenOfTenUnderJeffreysPrior) {
  const WeightedStatement report{TrialReport{7, 10}, 1.0};
  const auto after = [&](int64_t trials) {
    return Predict(UpdateModel(BetaPrior{.5, .5, trials}, {&report, 1}));
  };
  EXPECT_NEAR(Density(after(1), 1), 15.0 / 22, 1e-14);
  EXPECT_NEAR(Density(after(3), 3), 1615.0 / 4576, 1e-14);
  // The marginal probability of one order of successes and failures.
  const double log_marginal =
      std::log(Density(Predict(BetaPrior{.5, .5, 10}), 7)) - std::log(120.0);
  EXPECT_NEAR(log_marginal, -7.5138046198191083, 1e-12);
}

TEST(PublishedValuesTest, CountsUnderAGammaRateAreNegativeBinomial) {
  EXPECT_NEAR(Density(Predict(GammaPrior{3, 4, 2}), 2), 16.0 / 81, 1e-15);
}

TEST(PublishedValuesTest, NormalPrecisionsAdd) {
  const WeightedStatement report{Measurement{.value = 5, .deviation = 1.0, .sample_count = 3}, 1.0};
  const auto model = std::get<NormalPrior>(UpdateModel(NormalPrior{2.0, 2.0, 0.0}, {&report, 1}));
  EXPECT_NEAR(model.mean, 62.0 / 13, 1e-14);
  EXPECT_NEAR(model.deviation * model.deviation, 4.0 / 13, 1e-15);
}

TEST(PublishedValuesTest, WaitingTimesAreLomax) {
  const ExposurePath path;
  const HazardRow quick = {.shape = 1, .rate_days = 10};
  EXPECT_NEAR(ProbabilityOfFirst(OpenFactor(quick, path, 2, 1)), 1.0 / 13, 1e-15);
  const HazardRow slow = {.shape = 2.5, .rate_days = 20};
  EXPECT_NEAR(ProbabilityOfFirst(OpenFactor(slow, path, .75, .25)), 0.029496701501422076, 1e-16);
  const HazardRow year = {.shape = 1, .rate_days = 12};
  EXPECT_NEAR(std::exp(HappenedFactor(year, path, 108).log_first), .9, 1e-15);
  // A sharp rate makes it exponential.
  const HazardRow sharp = {.shape = 3e12, .rate_days = 1e13};
  EXPECT_NEAR(std::exp(HappenedFactor(sharp, path, 2).log_first), 0.45118836390596736, 1e-12);
}

TEST(PublishedValuesTest, RareEventsDoNotCancel) {
  const ExposurePath path;
  const auto chance = [&](double rate) {
    return std::exp(HappenedFactor({.shape = .5, .rate_days = rate}, path, 1).log_first);
  };
  EXPECT_NEAR(chance(1e9) / 4.99999999625e-10, 1.0, 1e-14);
  EXPECT_NEAR(chance(1e17) / 5e-18, 1.0, 1e-14);
}

TEST(PublishedValuesTest, ADirichletRowPredictsItsShares) {
  Network network = MakeNetwork({FixedNode("x", {"a", "b", "c"}, {}, {{.2, .3, .5}})});
  network.nodes[0].table = RowTable{{DirichletRow{{1 + 2, 1 + 1, 1 + 0}}}};
  const auto compiled = Compiled(network);
  EXPECT_NEAR(Probability(*compiled, {}, OptionsAt(Day(1)), "x", 0), 3.0 / 6, 1e-15);
  EXPECT_NEAR(Probability(*compiled, {}, OptionsAt(Day(1)), "x", 1), 2.0 / 6, 1e-15);
  EXPECT_NEAR(Probability(*compiled, {}, OptionsAt(Day(1)), "x", 2), 1.0 / 6, 1e-15);
}

TEST(PublishedValuesTest, RatiosMultiplyTheOdds) {
  const auto network = Compiled(MakeNetwork({FixedNode("h", {"yes", "no"}, {}, {{.02, .98}})}));
  const std::vector<EvidenceItem> items = {Item("a", "h", LikelihoodRatio{3}),
                                           Item("b", "h", LikelihoodRatio{.5}),
                                           Item("c", "h", LikelihoodRatio{10})};
  EXPECT_NEAR(Probability(*network, items, OptionsAt(Day(1)), "h"), 15.0 / 64, 1e-15);
}

TEST(PublishedValuesTest, AReportOfStatedNoiseIsAMixture) {
  const auto network = Compiled(MakeNetwork({FixedNode("h", {"yes", "no"}, {}, {{.2, .8}})}));
  EvidenceItem item = Item("e", "h", LikelihoodPair{.9, .1});
  item.reliability = .8;
  item.noise_likelihood = .5;
  EXPECT_NEAR(Probability(*network, {item}, OptionsAt(Day(1)), "h"), 41.0 / 77, 1e-15);
}

TEST(PublishedValuesTest, AsiasLungGivenDyspnoeaAndXray) {
  const auto network = Compiled(Asia());
  const std::vector<EvidenceItem> items = {Item("d", "dysp", ObservedState{"yes"}),
                                           Item("x", "xray", ObservedState{"yes"}),
                                           Item("s", "smoke", ObservedState{"yes"})};
  const std::vector<EvidenceItem> two(items.begin(), items.begin() + 2);
  const double a = .4018;
  const double b = .003724;
  const double c = .38475648;
  const double d = .0321944564;
  EXPECT_NEAR(Probability(*network, two, OptionsAt(Day(1)), "lung"), (a * .1 + b) / (c * .1 + d),
              1e-12);
  EXPECT_NEAR(Probability(*network, two, OptionsAt(Day(1)), "lung"), 0.6212527966776288, 1e-14);
}

// Pruning what does not bear on `smoke` would hide that the two cannot be.
TEST(KnownFailuresTest, AContradictionFarFromTheQuestionIsRefused) {
  const auto network = Compiled(Asia());
  Engine engine(*network);
  engine.Observe(*network->FindNode("lung"), 0);
  engine.Observe(*network->FindNode("either"), 1);
  ExpectError(engine.LogMarginal(*network->FindNode("smoke")).status(),
              absl::StatusCode::kFailedPrecondition, "CONTRADICTORY_EVIDENCE");
}

TEST(KnownFailuresTest, AWeightOfEvidenceMayExceedOneAndTheAnswerIsRight) {
  const auto network = Compiled(Asia());
  Engine engine(*network);
  const int xray = *network->FindNode("xray");
  engine.SetLogLikelihood(xray, std::vector<double>{std::log(9.0), 0.0});
  const double p = 0.11029004;  // Of an abnormal X-ray, without evidence.
  EXPECT_NEAR(std::exp(*engine.LogWeight()), 9 * p + (1 - p), 1e-8);
  EXPECT_NEAR(std::exp((*engine.LogMarginal(*network->FindNode("lung")))[0]), 0.25829822630826194,
              1e-14);
}

TEST(KnownFailuresTest, ReportsLeaveNoNodeBehind) {
  const auto network = Compiled(Asia());
  const size_t before = network->network().nodes.size();
  Engine engine(*network);
  engine.SetLogLikelihood(0, std::vector<double>{-1.0, 0.0});
  const auto with = engine.Marginals();
  ASSERT_TRUE(with.ok());
  EXPECT_EQ(with->size(), 2 * before);
  EXPECT_EQ(network->network().nodes.size(), before);
}

// 2,000 coins, each seen to fall as it does once in e^5 times.
TEST(KnownFailuresTest, OneInEToTheTenThousandIsAnOrdinaryProbability) {
  Network network = MakeNetwork({});
  const double rare = std::exp(-5.0);
  for (int i = 0; i < 2'000; ++i) {
    std::vector<std::string> parents;
    std::vector<std::vector<double>> rows = {{rare, 1 - rare}};
    if (i > 0) {
      parents = {absl::StrCat("c", i - 1)};
      rows.push_back({2 * rare, 1 - 2 * rare});
    }
    network.nodes.push_back(FixedNode(absl::StrCat("c", i), {"yes", "no"}, parents, rows));
  }
  const auto compiled = Compiled(network);
  Engine engine(*compiled);
  for (int i = 0; i < 2'000; ++i) engine.Observe(i, 0);
  EXPECT_NEAR(*engine.LogWeight(), -10'000.0, 1e-8);
  // With every second one unseen, what is unseen is still a probability.
  for (int i = 1; i < 1'999; i += 2) engine.SetLogLikelihood(i, {});
  const double seen = rare * rare;
  const double unseen = (1 - rare) * 2 * rare;
  EXPECT_NEAR(std::exp((*engine.LogMarginal(777))[0]), seen / (seen + unseen), 1e-14);
}

// A wheel of 300 copies of one another, each with a witness; two witnesses disagree.
TEST(KnownFailuresTest, AConflictInALargeNetworkIsNamedExactly) {
  Network network = MakeNetwork({FixedNode("n0", {"yes", "no"}, {}, {{.5, .5}})});
  std::vector<EvidenceItem> items;
  for (int i = 1; i < 300; ++i) {
    // Every tenth link is loose, so that only what lies between two of these hangs together.
    const double tight = i % 10 == 0 ? .9 : 1.0;
    network.nodes.push_back(FixedNode(absl::StrCat("n", i), {"yes", "no"},
                                      {absl::StrCat("n", i - 1)},
                                      {{tight, 1 - tight}, {1 - tight, tight}}));
    if (i % 3 == 0) {
      const bool clash = i == 156;
      items.push_back(Item(absl::StrCat("item-", i), absl::StrCat("n", i),
                           ObservedState{clash ? "no" : "yes"}));
    }
  }
  const auto compiled = Compiled(network);
  const ErrorDetail detail =
      ExpectError(ComputePosterior(*compiled, items, OptionsAt(Day(1))).status(),
                  absl::StatusCode::kFailedPrecondition, "CONTRADICTORY_EVIDENCE");
  // 156 lies in the piece from 150 to 159, with 150, 153 and 159.
  ASSERT_EQ(detail.subjects.size(), 2u);
  EXPECT_TRUE(detail.subjects[0] == "item-156" || detail.subjects[1] == "item-156");
  EXPECT_EQ(detail.metadata.count("minimal"), 0u);
}

}  // namespace
}  // namespace credence::forecaster::testing
