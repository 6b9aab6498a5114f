#include "credence/forecaster/interval.h"

#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/gamma.hpp>
#include <cmath>

#include "fixtures.h"
#include "numeric/low_discrepancy.h"

namespace credence::forecaster::testing {
namespace {

Intervals Computed(const CompiledNetwork& network, const std::vector<EvidenceItem>& items,
                   const InferenceOptions& options, const std::vector<TargetState>& targets,
                   const IntervalOptions& interval = {}) {
  auto result = ComputeIntervals(network, items, options, targets, interval);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : Intervals();
}

EvidenceItem Spread(EvidenceItem item, double decibans) {
  item.spread_decibans = decibans;
  return item;
}

constexpr double kDecibans = 4.3429448190325183;

// An uncertain likelihood ratio with p = .1, m = ln 3, v = .5. The points lie 1 / 4,096 apart.
TEST(IntervalTest, AnUncertainLikelihoodRatioHasTheExactQuantiles) {
  const auto network = Compiled(MakeNetwork({FixedNode("h", {"yes", "no"}, {}, {{.1, .9}})}));
  const std::vector<EvidenceItem> items = {
      Spread(Item("e", "h", LikelihoodRatio{3}), .5 * kDecibans)};
  const Intervals result =
      Computed(*network, items, OptionsAt(Day(1)), {{"h", "yes"}}, {.seed = 5, .draw_count = 4096});
  ASSERT_EQ(result.states.size(), 1u);
  EXPECT_EQ(result.uncertain_count, 1);
  EXPECT_NEAR(result.effective_draw_count, 4096, 1e-6);
  const StateInterval& h = result.states[0];
  EXPECT_NEAR(h.median, 0.25, 5e-5);
  EXPECT_NEAR(h.mean, 0.26087362115216126, 1e-4);
  const auto at = [](double z) { return 1 / (1 + 9 / (3 * std::exp(.5 * z))); };
  EXPECT_NEAR(at(-1.6448536269514722), 0.12774573773623626, 1e-15);
  EXPECT_NEAR(at(1.6448536269514722), 0.43138920465893395, 1e-15);
  const double z[] = {0.6744897501960817, 1.2815515655446004, 1.959963984540054};
  for (int i = 0; i < 3; ++i) {
    EXPECT_NEAR(h.intervals[i].low, at(-z[i]), 3e-4);
    EXPECT_NEAR(h.intervals[i].high, at(z[i]), 3e-4);
  }
}

// p = .01, m = ln 20, v = 3: the mean is that of the quadrature, not the .3206 of the probit
// shortcut.
TEST(IntervalTest, AVeryUncertainRatioHasItsMeanByQuadrature) {
  const auto network = Compiled(MakeNetwork({FixedNode("h", {"yes", "no"}, {}, {{.01, .99}})}));
  const Intervals result =
      Computed(*network, {Spread(Item("e", "h", LikelihoodRatio{20}), 3 * kDecibans)},
               OptionsAt(Day(1)), {{"h", "yes"}}, {.seed = 5, .draw_count = 8192});
  EXPECT_NEAR(result.states[0].mean, 0.32270965186256196, 1e-4);
  EXPECT_NEAR(result.states[0].median, 20.0 / 119, 1e-4);
}

TEST(IntervalTest, ADirichletRowHasItsBetaIntervals) {
  Network network = MakeNetwork({FixedNode("h", {"yes", "no"}, {}, {{.5, .5}})});
  network.nodes[0].table = RowTable{{DirichletRow{{7.5, 3.5}}}};
  const Intervals result = Computed(*Compiled(network), {}, OptionsAt(Day(1)), {{"h", "yes"}},
                                    {.seed = 1, .draw_count = 8192});
  const boost::math::beta_distribution<double> beta(7.5, 3.5);
  const StateInterval& h = result.states[0];
  EXPECT_NEAR(h.mean, 15.0 / 22, 1e-3);
  for (const CredibleInterval& interval : h.intervals) {
    EXPECT_NEAR(interval.low, quantile(beta, .5 - interval.level / 2), 4e-3);
    EXPECT_NEAR(interval.high, quantile(beta, .5 + interval.level / 2), 4e-3);
  }
}

// Seeing a child is data about the row that produced it: Beta(2, 3) and one case of the first
// parent state with likelihoods .9 and .3 mix Beta(3, 3) and Beta(2, 4).
TEST(IntervalTest, EvidenceMovesTheParametersOfRows) {
  Network network = MakeNetwork({FixedNode("a", {"yes", "no"}, {}, {{.4, .6}}),
                                 FixedNode("b", {"yes", "no"}, {"a"}, {{.9, .1}, {.3, .7}})});
  network.nodes[0].table = RowTable{{DirichletRow{{2, 3}}}};
  const auto compiled = Compiled(network);
  const std::vector<EvidenceItem> items = {Item("e", "b", ObservedState{"yes"})};
  const InferenceOptions options = OptionsAt(Day(1));
  const Intervals result =
      Computed(*compiled, items, options, {{"a", "yes"}}, {.seed = 3, .draw_count = 16384});
  // The mean over parameters given the evidence is the posterior itself.
  EXPECT_NEAR(result.states[0].mean, Probability(*compiled, items, options, "a"), 5e-4);
  EXPECT_LT(result.effective_draw_count, 16384);
  EXPECT_GT(result.effective_draw_count, 8192);
}

TEST(IntervalTest, AHazardRowsRateIsDrawnGivenSilence) {
  const auto network = Compiled(MakeNetwork({HazardNode("war", {}, {{2, 7300}})}));
  const InferenceOptions options = OptionsAt(Day(180));
  const Intervals result =
      Computed(*network, {}, options, {{"war", "yes"}}, {.seed = 3, .draw_count = 8192});
  const StateInterval& war = result.states[0];
  EXPECT_NEAR(war.mean, Probability(*network, {}, options, "war"), 1e-4);
  // Silence for 180 days makes the rate Gamma(2, 7480).
  const boost::math::gamma_distribution<double> rate(2.0, 1.0 / 7480.0);
  for (const CredibleInterval& interval : war.intervals) {
    const auto at = [&](double q) { return -std::expm1(-185.0 * quantile(rate, q)); };
    EXPECT_NEAR(interval.low, at(.5 - interval.level / 2), 5e-4);
    EXPECT_NEAR(interval.high, at(.5 + interval.level / 2), 5e-4);
  }
}

TEST(IntervalTest, HazardRatiosAndVectorsAreDrawnToo) {
  const auto network =
      Compiled(MakeNetwork({FixedNode("c", {"x", "y", "z"}, {}, {{.2, .3, .5}}),
                            HazardNode("war", {"c"}, {{2, 900}, {2, 2000}, {2, 9000}})}));
  std::vector<EvidenceItem> items = {Spread(Item("m", "war", HazardRatio{2}), 2),
                                     Spread(Item("v", "c", LikelihoodVector{{.5, .2, 0}}), 3)};
  items[1].reliability = .8;
  const InferenceOptions options = OptionsAt(Day(30));
  const Intervals all = Computed(*network, items, options, {{"war", "yes"}, {"c", "x"}},
                                 {.seed = 9, .draw_count = 512});
  EXPECT_EQ(all.uncertain_count, 5);
  items[0].spread_decibans = 0;
  const Intervals less =
      Computed(*network, items, options, {{"war", "yes"}}, {.seed = 9, .draw_count = 512});
  EXPECT_EQ(less.uncertain_count, 4);
  EXPECT_GT(all.states[0].intervals[2].high, less.states[0].intervals[2].high);
  EXPECT_GT(all.states[1].intervals[1].high - all.states[1].intervals[1].low, 0.02);
}

TEST(IntervalTest, WithoutSpreadItIsAPoint) {
  const auto network = Compiled(Asia());
  const std::vector<EvidenceItem> items = {Item("x", "xray", ObservedState{"yes"})};
  const Intervals result = Computed(*network, items, OptionsAt(Day(1)), {{"lung", "yes"}});
  EXPECT_EQ(result.uncertain_count, 0);
  const double posterior = Probability(*network, items, OptionsAt(Day(1)), "lung");
  EXPECT_EQ(result.states[0].intervals[2].low, posterior);
  EXPECT_EQ(result.states[0].intervals[2].high, posterior);
}

TEST(IntervalTest, TheSeedIsAFunctionOfQuestionAndPosition) {
  EXPECT_EQ(IntervalSeed("questions/a", 7), IntervalSeed("questions/a", 7));
  EXPECT_NE(IntervalSeed("questions/a", 7), IntervalSeed("questions/a", 8));
  EXPECT_NE(IntervalSeed("questions/a", 7), IntervalSeed("questions/b", 7));
  const auto network = Compiled(Asia());
  const std::vector<EvidenceItem> items = {Spread(Item("x", "xray", LikelihoodRatio{4}), 3)};
  const auto low = [&](uint64_t seed) {
    return Computed(*network, items, OptionsAt(Day(1)), {{"lung", "yes"}},
                    {.seed = seed, .draw_count = 64})
        .states[0]
        .intervals[0]
        .low;
  };
  EXPECT_EQ(low(1), low(1));
  EXPECT_NE(low(1), low(2));
}

TEST(IntervalTest, WhatWouldCostTooMuchIsNotDrawn) {
  const auto network = Compiled(Asia());
  const std::vector<EvidenceItem> items = {Spread(Item("x", "xray", LikelihoodRatio{4}), 3)};
  const auto drawn = [&](double cells_max) {
    return Computed(*network, items, OptionsAt(Day(1)), {{"lung", "yes"}},
                    {.seed = 1, .draw_count = 16, .cells_max = cells_max});
  };
  EXPECT_EQ(drawn(1e6).states.size(), 1u);
  EXPECT_TRUE(drawn(16).states.empty());
  EXPECT_EQ(drawn(16).uncertain_count, 1);
}

TEST(IntervalTest, UncertainNumbersAreThoseOfRowsAndSpreads) {
  Network network = MakeNetwork({FixedNode("a", {"x", "y", "z"}, {}, {{.2, .3, .5}}),
                                 FixedNode("b", {"yes", "no"}, {}, {{.5, .5}})});
  const std::vector<EvidenceItem> items = {Spread(Item("s", "a", LikelihoodVector{{1, 2, 3}}), 2),
                                           Item("t", "b", LikelihoodRatio{2})};
  EXPECT_EQ(CountUncertainNumbers(*Compiled(network), {}), 0);
  EXPECT_EQ(CountUncertainNumbers(*Compiled(network), items), 3);
  network.nodes[1].table = RowTable{{DirichletRow{{2, 1}}}};
  EXPECT_EQ(CountUncertainNumbers(*Compiled(network), items), 5);
  network.nodes[1].table = RowTable{{HazardRow{2, 100}}};
  EXPECT_EQ(CountUncertainNumbers(*Compiled(network), {}), 1);
}

TEST(IntervalTest, MistakesAreRefused) {
  const auto network = Compiled(Asia());
  ExpectError(
      ComputeIntervals(*network, {}, OptionsAt(Day(1)), std::vector<TargetState>{{"lung", "yes"}},
                       {.seed = 0, .draw_count = 1})
          .status(),
      absl::StatusCode::kInvalidArgument, "NUMBER_INVALID");
  const std::vector<EvidenceItem> bad = {Spread(Item("x", "xray", LikelihoodRatio{4}), -1)};
  ExpectError(ComputePosterior(*network, bad, OptionsAt(Day(1))).status(),
              absl::StatusCode::kInvalidArgument, "NUMBER_INVALID");
  const std::vector<EvidenceItem> seen = {Spread(Item("x", "xray", ObservedState{"yes"}), 1)};
  ExpectError(ComputePosterior(*network, seen, OptionsAt(Day(1))).status(),
              absl::StatusCode::kInvalidArgument, "STATEMENT_UNSUITABLE");
}

// The star discrepancy of the first 4,096 points in one dimension is near 1 / n, and pairs of
// dimensions integrate a product far better than random points would.
TEST(LowDiscrepancyTest, PointsFillTheCubeEvenly) {
  LowDiscrepancySequence sequence(5000, 11);
  std::vector<double> first;
  double product = 0.0;
  double last = 0.0;
  for (int i = 0; i < 4096; ++i) {
    const std::vector<double>& point = sequence.Next();
    ASSERT_EQ(point.size(), 5000u);
    first.push_back(point[0]);
    product += point[3] * point[17];
    last += point[4999];
    for (const double u : point) ASSERT_TRUE(u > 0.0 && u < 1.0);
  }
  std::sort(first.begin(), first.end());
  for (int i = 0; i < 4096; ++i) EXPECT_NEAR(first[i], (i + .5) / 4096, 2.0 / 4096);
  EXPECT_NEAR(product / 4096, .25, 1e-3);
  EXPECT_NEAR(last / 4096, .5, 0.02);
}

}  // namespace
}  // namespace credence::forecaster::testing
