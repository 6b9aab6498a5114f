#include "credence/forecaster/evidence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "fixtures.h"

namespace credence::forecaster::testing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Network Lone(double prior) {
  return MakeNetwork({FixedNode("x", {"yes", "no"}, {}, {{prior, 1.0 - prior}}),
                      FixedNode("three", {"a", "b", "c"}, {}, {{.2, .3, .5}})});
}

// The likelihood ratio that an item is worth in the end.
double EffectiveRatio(const EvidenceItem& item, absl::Time at = Day(0)) {
  const auto network = Compiled(Lone(0.5));
  const auto log_likelihood = EffectiveLogLikelihood(*network, item, GradeTable(), at);
  EXPECT_TRUE(log_likelihood.ok()) << log_likelihood.status();
  return log_likelihood.ok() ? std::exp((*log_likelihood)[0] - (*log_likelihood)[1]) : kNan;
}

EvidenceItem Trusted(Statement statement, double reliability) {
  EvidenceItem item = Item("e", "x", std::move(statement));
  item.reliability = reliability;
  return item;
}

ErrorDetail Refused(const EvidenceItem& item, std::string_view reason) {
  const auto network = Compiled(Lone(0.5));
  const auto posterior = ComputePosterior(*network, std::vector{item}, OptionsAt(Day(1)));
  ExpectError(posterior.status(), absl::StatusCode::kInvalidArgument, reason);
  return ExpectError(ValidateEvidence(*network, item), absl::StatusCode::kInvalidArgument, reason);
}

TEST(EvidenceTest, ALikelihoodRatioMovesThePriorByBayes) {
  const auto network = Compiled(Lone(0.1));
  const double p =
      Probability(*network, {Item("e", "x", LikelihoodRatio{4})}, OptionsAt(Day(1)), "x");
  EXPECT_NEAR(p, 0.307692307692, 1e-12);
}

TEST(EvidenceTest, DecibansAreTheLogarithmOfTheRatio) {
  EXPECT_NEAR(EffectiveRatio(Item("e", "x", Weight{6.020599913279624})), 4.0, 1e-12);
}

TEST(EvidenceTest, ReliabilityGivesTheStatedRatios) {
  EXPECT_NEAR(EffectiveRatio(Trusted(LikelihoodRatio{10}, .8)), 4.789473684211, 1e-12);
  EXPECT_NEAR(EffectiveRatio(Trusted(LikelihoodRatio{10}, .36)), 1.835051546392, 1e-12);
  EXPECT_NEAR(EffectiveRatio(Trusted(LikelihoodRatio{.2}, .6)), 0.428571428571, 1e-12);
  EXPECT_NEAR(EffectiveRatio(Trusted(ObservedState{"yes"}, .5)), 3.0, 1e-12);
  EXPECT_NEAR(EffectiveRatio(Trusted(LikelihoodRatio{1e300}, .5)), 3.0, 1e-12);
}

TEST(EvidenceTest, AStatedNoiseLikelihoodReplacesTheMean) {
  EvidenceItem item = Trusted(LikelihoodPair{.6, .2}, .5);
  item.noise_likelihood = .3;
  EXPECT_NEAR(EffectiveRatio(item), 1.8, 1e-12);
  item = Trusted(LikelihoodPair{.9, .1}, .8);
  item.noise_likelihood = .5;
  EXPECT_NEAR(EffectiveRatio(item), 41.0 / 9.0, 1e-12);
}

TEST(EvidenceTest, AnUntrustedReportSaysNothing) {
  EXPECT_NEAR(EffectiveRatio(Trusted(LikelihoodRatio{1e9}, 0)), 1.0, 1e-15);
  EXPECT_NEAR(EffectiveRatio(Trusted(ObservedState{"no"}, 0)), 1.0, 1e-15);
}

TEST(EvidenceTest, GradesMultiplySourceAndInformation) {
  EvidenceItem item = Item("e", "x", LikelihoodRatio{2});
  EXPECT_DOUBLE_EQ(*ResolveReliability(item, GradeTable()), 1.0);
  item.grade = AdmiraltyGrade{'B', '3'};
  EXPECT_DOUBLE_EQ(*ResolveReliability(item, GradeTable()), .80 * .60);
  item.reliability = 0.25;
  EXPECT_DOUBLE_EQ(*ResolveReliability(item, GradeTable()), 0.25);
}

TEST(EvidenceTest, ClustersGiveTheStatedRatios) {
  const auto network = Compiled(Lone(0.5));
  const auto combined = [&](double correlation) {
    std::vector<EvidenceItem> items;
    for (const double ratio : {4.0, 3.0, 2.0}) {
      items.push_back(Item(std::to_string(ratio), "x", LikelihoodRatio{ratio}));
      items.back().cluster = "wire";
      items.back().cluster_correlation = correlation;
    }
    const double p = Probability(*network, items, OptionsAt(Day(1)), "x");
    return p / (1.0 - p);
  };
  EXPECT_NEAR(combined(0.0), 24.0, 1e-12 * 24);
  EXPECT_NEAR(combined(0.5), 4.898979485566, 1e-12 * 5);
  EXPECT_NEAR(combined(1.0), 2.884499140615, 1e-12 * 3);
}

TEST(EvidenceTest, EquallyCorrelatedReportsCountByTheDesignEffect) {
  const auto network = Compiled(Lone(0.5));
  std::vector<EvidenceItem> items;
  for (const char* id : {"a", "b", "c", "d"}) {
    items.push_back(Item(id, "x", LikelihoodRatio{3}));
    items.back().cluster = "wire";
  }
  InferenceOptions options = OptionsAt(Day(1));
  options.default_cluster_correlation = 0.5;
  const double p = Probability(*network, items, options, "x");
  EXPECT_NEAR(p / (1.0 - p), 5.7995461347952883, 1e-12);
}

TEST(EvidenceTest, ClustersActPerNode) {
  const auto network = Compiled(Lone(0.5));
  EvidenceItem on_x = Item("a", "x", LikelihoodRatio{3});
  EvidenceItem elsewhere = Item("b", "three", LikelihoodVector{{1, 2, 3}});
  on_x.cluster = elsewhere.cluster = "wire";
  EXPECT_NEAR(Probability(*network, {on_x, elsewhere}, OptionsAt(Day(1)), "x"), 0.75, 1e-15);
}

TEST(EvidenceTest, NCopiesInAFullyCorrelatedClusterEqualOne) {
  const auto network = Compiled(Lone(0.3));
  const double one =
      Probability(*network, {Item("e", "x", LikelihoodRatio{7})}, OptionsAt(Day(1)), "x");
  std::vector<EvidenceItem> copies;
  for (int i = 0; i < 9; ++i) {
    copies.push_back(Item(std::to_string(i), "x", LikelihoodRatio{7}));
    copies.back().cluster = "echo";
    copies.back().cluster_correlation = 1.0;
  }
  EXPECT_NEAR(Probability(*network, copies, OptionsAt(Day(1)), "x"), one, 1e-14);
}

TEST(EvidenceTest, AHalfLifeHalvesTheWeightOfAStaleReport) {
  EvidenceItem item = Item("e", "x", LikelihoodRatio{16});
  item.half_life_days = 10.0;
  EXPECT_NEAR(EffectiveRatio(item, Day(0)), 16.0, 1e-12);
  EXPECT_NEAR(EffectiveRatio(item, Day(10)), 4.0, 1e-12);
  EXPECT_NEAR(EffectiveRatio(item, Day(20)), 2.0, 1e-12);
  item.occur_time = Day(5);
  EXPECT_NEAR(EffectiveRatio(item, Day(0)), 16.0, 1e-12);
}

TEST(EvidenceTest, CountsAreBinomialAndPoissonLikelihoods) {
  EXPECT_NEAR(EffectiveRatio(Item("e", "x", Count{3, 5, {.6, .2}})),
              (.6 * .6 * .6 * .4 * .4) / (.2 * .2 * .2 * .8 * .8), 1e-12);
  EXPECT_NEAR(EffectiveRatio(Item("e", "x", ExposureCount{2, 10, {.3, .1}})), 9.0 * std::exp(-2.0),
              1e-12);
}

TEST(EvidenceTest, AStatedProbabilityCountsAgainstItsBaseline) {
  EXPECT_NEAR(EffectiveRatio(Item("e", "x", StatedProbability{{.8, .2}, std::nullopt})), 4.0,
              1e-12);
  EXPECT_NEAR(
      EffectiveRatio(Item("e", "x", StatedProbability{{.8, .2}, std::vector<double>{.5, .5}})), 4.0,
      1e-12);
  EXPECT_NEAR(
      EffectiveRatio(Item("e", "x", StatedProbability{{.5, .5}, std::vector<double>{.2, .8}})), 4.0,
      1e-12);
}

TEST(EvidenceTest, HugeOddsKeepBothSides) {
  const auto network = Compiled(Lone(0.5));
  const auto posterior = ComputePosterior(
      *network, std::vector{Item("e", "x", LikelihoodRatio{1e20})}, OptionsAt(Day(1)));
  ASSERT_TRUE(posterior.ok());
  EXPECT_NEAR(posterior->nodes[0].probabilities[1] / 1e-20, 1.0, 1e-12);
  EXPECT_NEAR(posterior->nodes[0].log_odds[0], 20 * std::log(10.0), 1e-12);
}

TEST(EvidenceTest, TenThousandForAndTenThousandAgainstCancel) {
  const auto network = Compiled(Lone(0.5));
  std::vector<EvidenceItem> items;
  for (int i = 0; i < 20'000; ++i) {
    items.push_back(Item(std::to_string(i), "x", LikelihoodRatio{i < 10'000 ? 1e3 : 1e-3}));
  }
  EXPECT_NEAR(Probability(*network, items, OptionsAt(Day(1)), "x"), 0.5, 1e-9);
}

TEST(EvidenceTest, NegativeNanInfiniteAndAllZeroLikelihoodsAreRefused) {
  for (const double bad : {-1.0, kNan, kInfinity}) {
    const ErrorDetail detail =
        Refused(Item("e", "x", LikelihoodVector{{bad, 2}}), "LIKELIHOOD_INVALID");
    ASSERT_FALSE(detail.fields.empty());
    EXPECT_EQ(detail.fields[0].field, "statement.values[0]");
    Refused(Item("e", "x", LikelihoodRatio{bad}), "LIKELIHOOD_INVALID");
    Refused(Item("e", "x", LikelihoodPair{bad, .5}), "LIKELIHOOD_INVALID");
  }
  Refused(Item("e", "x", LikelihoodVector{{0, 0}}), "LIKELIHOOD_INVALID");
  Refused(Item("e", "x", LikelihoodPair{0, 0}), "LIKELIHOOD_INVALID");
  Refused(Item("e", "x", Weight{kNan}), "LIKELIHOOD_INVALID");
  Refused(Item("e", "x", Count{1, 1, {0, 0}}), "LIKELIHOOD_INVALID");
  Refused(Item("e", "x", StatedProbability{{.7, .2}, std::nullopt}), "LIKELIHOOD_INVALID");
}

TEST(EvidenceTest, WrongLengthsAndUnsuitableFormsAreRefused) {
  Refused(Item("e", "x", LikelihoodVector{{1, 2, 3}}), "LIKELIHOOD_INVALID");
  Refused(Item("e", "three", LikelihoodRatio{2}), "STATEMENT_UNSUITABLE");
  Refused(Item("e", "x", HazardRatio{2}), "STATEMENT_UNSUITABLE");
  EvidenceItem item = Item("e", "x", LikelihoodRatio{2});
  item.noise_likelihood = .5;
  Refused(item, "STATEMENT_UNSUITABLE");
  item = Item("e", "x", NewMarginal{{.5, .5}});
  item.cluster = "wire";
  Refused(item, "STATEMENT_UNSUITABLE");
}

TEST(EvidenceTest, UnknownNodesAndStatesAreRefusedWithTheNearestName) {
  const ErrorDetail node = Refused(Item("e", "thre", LikelihoodRatio{2}), "UNKNOWN_NODE");
  EXPECT_NE(node.fields[0].description.find("did you mean \"three\"?"), std::string::npos);
  const ErrorDetail state = Refused(Item("e", "x", ObservedState{"yess"}), "UNKNOWN_STATE");
  EXPECT_NE(state.fields[0].description.find("did you mean \"yes\"?"), std::string::npos);
}

TEST(EvidenceTest, TrustOutsideItsRangeIsRefused) {
  Refused(Trusted(LikelihoodRatio{2}, 1.1), "RELIABILITY_INVALID");
  Refused(Trusted(LikelihoodRatio{2}, kNan), "RELIABILITY_INVALID");
  EvidenceItem item = Item("e", "x", LikelihoodRatio{2});
  item.grade = AdmiraltyGrade{'G', '1'};
  Refused(item, "GRADE_INVALID");
  item.grade = AdmiraltyGrade{'A', '0'};
  Refused(item, "GRADE_INVALID");
}

TEST(EvidenceTest, EveryViolationIsReportedAtOnce) {
  EvidenceItem item = Item("", "x", LikelihoodVector{{-1, kNan}});
  item.reliability = 2.0;
  item.half_life_days = 0.0;
  item.cluster_correlation = -1.0;
  const auto network = Compiled(Lone(0.5));
  const ErrorDetail detail = GetErrorDetail(ValidateEvidence(*network, item));
  std::vector<std::string> fields;
  for (const FieldViolation& violation : detail.fields) fields.push_back(violation.field);
  const std::vector<std::string> expected = {
      "id",          "statement.values[0]", "statement.values[1]", "statement.values",
      "reliability", "half_life_days",      "cluster_correlation"};
  EXPECT_EQ(fields, expected);
}

TEST(EvidenceTest, AnItemIsNamedByItsPlaceInTheList) {
  const auto network = Compiled(Lone(0.5));
  const std::vector<EvidenceItem> items = {Item("a", "x", LikelihoodRatio{2}),
                                           Item("a", "x", LikelihoodRatio{-2})};
  const auto posterior = ComputePosterior(*network, items, OptionsAt(Day(1)));
  const ErrorDetail detail =
      ExpectError(posterior.status(), absl::StatusCode::kInvalidArgument, "LIKELIHOOD_INVALID");
  ASSERT_EQ(detail.fields.size(), 2u);
  EXPECT_EQ(detail.fields[0].field, "items[1].statement.ratio");
  EXPECT_EQ(detail.fields[1].field, "items[1].id");
}

}  // namespace
}  // namespace credence::forecaster::testing
