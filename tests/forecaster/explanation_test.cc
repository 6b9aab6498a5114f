#include "credence/forecaster/explanation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "credence/forecaster/indicators.h"
#include "fixtures.h"

namespace credence::forecaster::testing {
namespace {

double Decibans(double p) { return 10.0 * std::log10(p / (1.0 - p)); }

Explanation ExplainCase(const InferenceOptions& options, std::string_view node,
                        std::string_view state) {
  auto explanation = Explain(*Compiled(Afghanistan()), AfghanistanEvidence(), options, node, state);
  EXPECT_TRUE(explanation.ok()) << explanation.status();
  return explanation.ok() ? *std::move(explanation) : Explanation();
}

TEST(ExplanationTest, StepsLeadFromThePriorToThePosterior) {
  const InferenceOptions options = OptionsAt(At("2022-01-01T00:00:00Z"));
  const auto network = Compiled(Afghanistan());
  const Explanation explanation = ExplainCase(options, "china-recognizes", "yes");
  ASSERT_EQ(explanation.steps.size(), 1u + 1u + 26u + 1u);
  EXPECT_EQ(explanation.steps[0].kind, StepKind::kPrior);
  EXPECT_EQ(explanation.steps[1].kind, StepKind::kDrift);
  EXPECT_EQ(explanation.steps[2].subject, "e01");
  EXPECT_EQ(explanation.steps[27].subject, "e26");
  EXPECT_EQ(explanation.steps[28].kind, StepKind::kPosterior);
  const double prior =
      Probability(*network, {}, OptionsAt(At("2021-08-15T00:00:00Z")), "china-recognizes");
  const double drifted = Probability(*network, {}, options, "china-recognizes");
  const double posterior =
      Probability(*network, AfghanistanEvidence(), options, "china-recognizes");
  EXPECT_NEAR(explanation.prior_probability, prior, 1e-15);
  EXPECT_NEAR(explanation.steps[1].decibans, Decibans(drifted) - Decibans(prior), 1e-10);
  EXPECT_NEAR(explanation.steps[1].probability_after, drifted, 1e-15);
  EXPECT_NEAR(explanation.steps[28].decibans, Decibans(posterior), 1e-10);
  double sum = 0.0;
  for (size_t i = 0; i + 1 < explanation.steps.size(); ++i) sum += explanation.steps[i].decibans;
  EXPECT_NEAR(sum, Decibans(posterior), 1e-9);
}

TEST(ExplanationTest, LeaveOneOutComparesWithNeverHavingHadTheItem) {
  const InferenceOptions options = OptionsAt(At("2022-01-01T00:00:00Z"));
  const Explanation explanation = ExplainCase(options, "coordination", "deep");
  const auto network = Compiled(Afghanistan());
  const std::vector<EvidenceItem> items = AfghanistanEvidence();
  ASSERT_EQ(explanation.leave_one_out.size(), items.size());
  const double posterior = Probability(*network, items, options, "coordination", 2);
  for (const LeaveOneOut& entry : explanation.leave_one_out) {
    std::vector<EvidenceItem> others = items;
    std::erase_if(others, [&](const EvidenceItem& item) { return item.id == entry.item_id; });
    const double without = Probability(*network, others, options, "coordination", 2);
    EXPECT_NEAR(entry.probability_without, without, 1e-14);
    EXPECT_NEAR(entry.decibans, Decibans(posterior) - Decibans(without), 1e-10);
  }
}

TEST(ExplanationTest, LeaveOneOutReappliesNewMarginals) {
  const auto network = Compiled(Asia());
  EvidenceItem marginal = Item("marginal", "xray", NewMarginal{{.9, .1}});
  marginal.effective_time = Day(1);
  const std::vector<EvidenceItem> items = {Item("film", "xray", LikelihoodRatio{20}), marginal};
  const auto explanation = Explain(*network, items, OptionsAt(Day(2)), "xray", "yes");
  ASSERT_TRUE(explanation.ok());
  // Whatever came before, the new marginal is reached.
  EXPECT_NEAR(explanation->leave_one_out[0].probability_without, .9, 1e-14);
  EXPECT_NEAR(explanation->leave_one_out[0].decibans, 0.0, 1e-10);
}

TEST(ExplanationTest, ResolutionsAndInterventionsAreStepsOfTheirOwn) {
  InferenceOptions options = OptionsAt(At("2022-01-01T00:00:00Z"));
  options.resolved = {
      {.node = "china-recognizes", .state = "yes", .event_time = At("2021-12-01T00:00:00Z")}};
  options.interventions = {{.node = "base-response", .state = "cooperates"}};
  const Explanation explanation = ExplainCase(options, "russia-recognizes", "yes");
  ASSERT_GE(explanation.steps.size(), 4u);
  EXPECT_EQ(explanation.steps[1].kind, StepKind::kIntervention);
  EXPECT_EQ(explanation.steps[1].subject, "base-response");
  EXPECT_NEAR(explanation.steps[1].decibans, 0.0, 1e-10);
  EXPECT_EQ(explanation.steps[2].kind, StepKind::kDrift);
  EXPECT_EQ(explanation.steps[3].kind, StepKind::kResolution);
  EXPECT_EQ(explanation.steps[3].subject, "china-recognizes");
  EXPECT_GT(explanation.steps[3].decibans, 5.0);
}

TEST(ExplanationTest, ACertainPosteriorHasAnInfiniteStepAndNoNan) {
  const InferenceOptions options = OptionsAt(At("2022-10-31T00:00:00Z"));
  const Explanation explanation = ExplainCase(options, "china-recognizes", "yes");
  EXPECT_EQ(explanation.posterior_probability, 0.0);
  EXPECT_EQ(explanation.steps[1].decibans, -std::numeric_limits<double>::infinity());
  for (size_t i = 2; i + 1 < explanation.steps.size(); ++i) {
    EXPECT_EQ(explanation.steps[i].decibans, 0.0);
  }
  for (const LeaveOneOut& entry : explanation.leave_one_out) EXPECT_EQ(entry.decibans, 0.0);
}

TEST(ExplanationTest, AContradictionIsRefusedAsAWhole) {
  const std::vector<EvidenceItem> items = {Item("a", "lung", ObservedState{"yes"}),
                                           Item("b", "either", ObservedState{"no"})};
  const auto explanation = Explain(*Compiled(Asia()), items, OptionsAt(Day(1)), "smoke", "yes");
  ExpectError(explanation.status(), absl::StatusCode::kFailedPrecondition,
              "CONTRADICTORY_EVIDENCE");
}

TEST(ExplanationTest, UnknownTargetsAreNotFound) {
  const auto network = Compiled(Asia());
  ExpectError(Explain(*network, {}, OptionsAt(Day(1)), "lungs", "yes").status(),
              absl::StatusCode::kNotFound, "NODE_NOT_FOUND");
  ExpectError(Explain(*network, {}, OptionsAt(Day(1)), "lung", "yess").status(),
              absl::StatusCode::kNotFound, "STATE_NOT_FOUND");
}

std::vector<IndicatorValue> RankForLung(const std::vector<EvidenceItem>& items) {
  Network network = Asia();
  network.nodes[4].role = NodeRole::kDriver;
  const auto ranked = RankIndicators(*Compiled(network), items, OptionsAt(Day(1)), "lung");
  EXPECT_TRUE(ranked.ok()) << ranked.status();
  return ranked.ok() ? *ranked : std::vector<IndicatorValue>();
}

double InformationNats(const std::vector<IndicatorValue>& values, std::string_view node) {
  for (const IndicatorValue& value : values) {
    if (value.node == node) return value.mutual_information_bits * std::log(2.0);
  }
  ADD_FAILURE() << node << " is not ranked";
  return -1.0;
}

TEST(IndicatorTest, WhatIsSeenMovesTheTargetAsEvidenceWould) {
  const auto network = Compiled(Asia());
  for (const IndicatorValue& value : RankForLung({})) {
    for (int state = 0; state < 2; ++state) {
      const std::vector<EvidenceItem> seen = {
          Item("seen", value.node, ObservedState{state == 0 ? "yes" : "no"})};
      EXPECT_NEAR(value.target_probabilities[state],
                  Probability(*network, seen, OptionsAt(Day(1)), "lung"), 1e-13)
          << value.node;
    }
    EXPECT_NEAR(value.probabilities[0], Probability(*network, {}, OptionsAt(Day(1)), value.node),
                1e-13);
  }
}

TEST(IndicatorTest, InformationAboutLungHasTheStatedValues) {
  const std::vector<IndicatorValue> values = RankForLung({});
  EXPECT_NEAR(InformationNats(values, "xray"), 0.1280986148945817, 1e-13);
  EXPECT_NEAR(InformationNats(values, "smoke"), 0.022439943439616458, 1e-13);
  EXPECT_NEAR(InformationNats(values, "tub"), 0.0, 1e-13);
  for (size_t i = 1; i < values.size(); ++i) {
    EXPECT_GE(values[i - 1].mutual_information_bits, values[i].mutual_information_bits);
  }
}

TEST(IndicatorTest, DriversTheTargetAndTheObservedAreNotRanked) {
  for (const IndicatorValue& value : RankForLung({Item("a", "xray", ObservedState{"yes"})})) {
    EXPECT_NE(value.node, "bronc");
    EXPECT_NE(value.node, "lung");
    EXPECT_NE(value.node, "xray");
  }
  EXPECT_EQ(RankForLung({Item("a", "xray", ObservedState{"yes"})}).size(), 5u);
  EXPECT_EQ(RankForLung({Item("a", "xray", LikelihoodRatio{9})}).size(), 6u);
}

TEST(IndicatorTest, BrierReductionIsWhatObservingWouldBring) {
  const auto network = Compiled(Asia());
  const InferenceOptions options = OptionsAt(Day(1));
  const double lung = Probability(*network, {}, options, "lung");
  const double xray = Probability(*network, {}, options, "xray");
  double expected = 0.0;
  for (const auto& [state, p] : {std::pair("yes", xray), {"no", 1.0 - xray}}) {
    const double after =
        Probability(*network, {Item("a", "xray", ObservedState{state})}, options, "lung");
    expected += p * 2.0 * (after - lung) * (after - lung);
  }
  for (const IndicatorValue& value : RankForLung({})) {
    if (value.node == "xray") {
      EXPECT_NEAR(value.expected_brier_reduction, expected, 1e-14);
    }
  }
}

}  // namespace
}  // namespace credence::forecaster::testing
