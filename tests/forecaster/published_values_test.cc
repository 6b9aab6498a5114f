#include <gtest/gtest.h>

#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/gamma.hpp>
#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"
#include "credence/forecaster/engine.h"
#include "credence/forecaster/numeric.h"
#include "credence/forecaster/query.h"
#include "fixtures.h"
#include "numeric/hazard.h"
#include "numeric/math_policy.h"

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

// With a rate known for sure a window's chance decays with what is left of it.
TEST(PublishedValuesTest, AWindowDecaysWithWhatIsLeftOfIt) {
  const ExposurePath path;
  const auto left = [&](double chance, double now_days, double left_days) {
    // The shape makes the rate sharp; it is ln(1 / (1 - chance)) over 100 days.
    constexpr double kShape = 1e15;
    const HazardRow row = {.shape = kShape, .rate_days = kShape * 100 / -std::log1p(-chance)};
    return ProbabilityOfFirst(OpenFactor(row, path, now_days, left_days));
  };
  EXPECT_NEAR(left(.3, 50, 50), 0.16333997346592445, 1e-13);
  EXPECT_NEAR(left(1e-6, 90, 10) / 1.0000004500002850e-7, 1.0, 1e-12);
}

// Lomax: a = 2, b = 1, and half of the time is over. Laplace's rule of succession: nothing in two
// units, two to come, and no prior rate to speak of.
TEST(PublishedValuesTest, UncertainRatesHaveTheirClosedForms) {
  const ExposurePath path;
  EXPECT_NEAR(ProbabilityOfFirst(OpenFactor({.shape = 2, .rate_days = 1}, path, .5, .5)), .4375,
              1e-15);
  EXPECT_NEAR(ProbabilityOfFirst(OpenFactor({.shape = 1, .rate_days = 1e-12}, path, 2, 2)), .5,
              1e-12);
}

// What intervals of Beta and Gamma rows are compared with (interval_test.cc), at the policy of this
// room: from the middle of the range to its far ends.
TEST(PublishedValuesTest, QuantilesOfRatesMeetTheirFortyDigits) {
  const auto at = [](double alpha, double beta, double u) {
    return quantile(boost::math::beta_distribution<double, MathPolicy>(alpha, beta), u);
  };
  EXPECT_NEAR(at(7.5, 3.5, .05), 0.44187323351536595, 1e-15);
  EXPECT_NEAR(at(7.5, 3.5, .95), 0.88267062331978984, 1e-15);
  EXPECT_NEAR(at(1, 51, .95), 0.057047952360442778, 1e-16);
  EXPECT_NEAR(at(.5, .5, .1), 0.024471741852423214, 1e-16);
  EXPECT_NEAR(at(.01, 5, .5) / 9.8922404241125256e-32, 1.0, 1e-12);
  EXPECT_NEAR(at(2e6, 8e6, .025), 0.19975213883875934, 1e-14);
  // Of three categories, (1, 1, 1) + (2, 1, 0): the first against the rest.
  EXPECT_NEAR(at(3, 3, .95), 0.81074462256222921, 1e-15);
  const boost::math::gamma_distribution<double, MathPolicy> rate(3, 1.0 / 4);
  EXPECT_NEAR(quantile(rate, .05), 0.20442286179098833, 1e-15);
  EXPECT_NEAR(quantile(rate, .95), 1.5739484054679974, 1e-14);
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

Network DirichletNetwork(std::vector<double> counts) {
  Network network = MakeNetwork({FixedNode("x", {"a", "b", "c"}, {}, {{.2, .3, .5}})});
  network.nodes[0].table = RowTable{{DirichletRow{std::move(counts)}}};
  return network;
}

// Two of the first and one of the second, in this order: 1/3, then 2/4, then 1/5.
TEST(PublishedValuesTest, CasesOneAfterAnotherHaveTheOrderedMarginal) {
  const auto next = [](std::vector<double> counts, int state) {
    return Probability(*Compiled(DirichletNetwork(std::move(counts))), {}, OptionsAt(Day(1)), "x",
                       state);
  };
  EXPECT_NEAR(next({1, 1, 1}, 0) * next({2, 1, 1}, 0) * next({3, 1, 1}, 1), 1.0 / 30, 1e-16);
}

// BDeu: an equivalent sample size of 10 over 4 rows of 3 states is 5/6 a cell (Buntine 1991).
TEST(PublishedValuesTest, AnEquivalentSampleIsSharedOutOverTheCells) {
  const double cell = 10.0 / (3 * 4);
  EXPECT_NEAR(cell, 5.0 / 6, 1e-15);
  // One case in a row moves it as one of 10 / 4 + 1.
  const auto compiled = Compiled(DirichletNetwork({cell + 1, cell, cell}));
  EXPECT_NEAR(Probability(*compiled, {}, OptionsAt(Day(1)), "x", 0), (5.0 / 6 + 1) / 3.5, 1e-15);
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

// Two Gaussian indicators of unit variance and correlation .5, each one deviation apart and seen
// one beyond the middle, speak for ln LR 1 each and for 4/3 together.
TEST(PublishedValuesTest, EquicorrelatedIndicatorsSpeakAsTheirCluster) {
  const auto network = Compiled(MakeNetwork({FixedNode("h", {"yes", "no"}, {}, {{.5, .5}})}));
  std::vector<EvidenceItem> items;
  for (const char* id : {"a", "b"}) {
    items.push_back(Item(id, "h", LikelihoodRatio{std::exp(1.0)}));
    items.back().cluster = "sensors";
    items.back().cluster_correlation = .5;
  }
  EXPECT_NEAR(Probability(*network, items, OptionsAt(Day(1)), "h"), 1 / (1 + std::exp(-4.0 / 3)),
              1e-15);
}

// Reports that share a cause, which is likelier under the hypothesis, speak less and less for it;
// the cause alone bounds what they say.
TEST(PublishedValuesTest, ReportsOfACommonCauseSaturate) {
  const double ratios[] = {146.0 / 27, 2594.0 / 333, 7.9880157507276151};
  Network network = MakeNetwork({FixedNode("h", {"yes", "no"}, {}, {{.5, .5}}),
                                 FixedNode("c", {"yes", "no"}, {"h"}, {{.8, .2}, {.1, .9}})});
  for (const char* name : {"e0", "e1", "e2"}) {
    network.nodes.push_back(FixedNode(name, {"yes", "no"}, {"c"}, {{.9, .1}, {.05, .95}}));
  }
  const auto compiled = Compiled(network);
  std::vector<EvidenceItem> items;
  for (int n = 1; n <= 3; ++n) {
    const std::string name = absl::StrCat("e", n - 1);
    items.push_back(Item(name, name, ObservedState{"yes"}));
    const double p = Probability(*compiled, items, OptionsAt(Day(1)), "h");
    EXPECT_NEAR(p / (1 - p), ratios[n - 1], 1e-13) << n;
  }
  EXPECT_NEAR(
      Probability(*compiled, {Item("c", "c", ObservedState{"yes"})}, OptionsAt(Day(1)), "h"),
      8.0 / 9, 1e-15);
}

// "Ninety per cent sure" as a new marginal is worth a ratio of 72.6, not of 9.
TEST(PublishedValuesTest, ANewMarginalIsTheRatioOfItsOddsToTheCurrentOnes) {
  const auto network = Compiled(Asia());
  const double p = Probability(*network, {}, OptionsAt(Day(1)), "xray");
  const double ratio = 9 / (p / (1 - p));
  EXPECT_NEAR(ratio, 72.603, 5e-4);
  const double by_ratio =
      Probability(*network, {Item("x", "xray", LikelihoodRatio{ratio})}, OptionsAt(Day(1)), "lung");
  const double by_marginal =
      Probability(*network, {Item("x", "xray", NewMarginal{{.9, .1}})}, OptionsAt(Day(1)), "lung");
  EXPECT_NEAR(by_marginal, 0.4399638969846791, 1e-14);
  EXPECT_NEAR(by_ratio, by_marginal, 1e-14);
}

// Two new marginals in turn do not commute; given again and again they settle where both hold
// (iterative proportional fitting, Deming and Stephan 1940).
TEST(PublishedValuesTest, NewMarginalsInTurnSettleWhereAllHold) {
  const auto network = Compiled(Asia());
  std::vector<EvidenceItem> items;
  for (int i = 0; i < 40; ++i) {
    items.push_back(Item(absl::StrCat("x", i), "xray", NewMarginal{{.9, .1}}));
    items.push_back(Item(absl::StrCat("y", i), "dysp", NewMarginal{{.2, .8}}));
    for (int k = 0; k < 2; ++k) {
      items[items.size() - 2 + static_cast<size_t>(k)].effective_time =
          Day(0) + absl::Seconds(2 * i + k);
    }
  }
  EXPECT_NEAR(Probability(*network, items, OptionsAt(Day(1)), "lung"), 0.2974153087031231, 1e-12);
  EXPECT_NEAR(Probability(*network, items, OptionsAt(Day(1)), "xray"), .9, 1e-12);
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
