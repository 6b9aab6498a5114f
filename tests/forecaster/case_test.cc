#include <gtest/gtest.h>

#include "fixtures.h"

namespace credence::forecaster::testing {
namespace {

TEST(CaseTest, OpeningPosteriorIsTheStatedOne) {
  const auto network = Compiled(Afghanistan());
  const InferenceOptions options = OptionsAt(At("2021-08-15T00:00:00Z"));
  const std::vector<EvidenceItem> items = AfghanistanEvidence();
  EXPECT_NEAR(Probability(*network, items, options, "china-recognizes"), 0.095221961536, 1e-12);
  EXPECT_NEAR(Probability(*network, items, options, "russia-recognizes"), 0.093343820994, 1e-12);
  EXPECT_NEAR(Probability(*network, items, options, "joint-recognition"), 0.010521166744, 1e-12);
  EXPECT_NEAR(Probability(*network, items, options, "coordination"), 0.534502262443, 1e-12);
}

TEST(CaseTest, EveryInstantAgreesWithEnumeration) {
  const auto network = Compiled(Afghanistan());
  for (int day = -30; day <= 480; day += 17) {
    const absl::Time at = At("2021-08-15T06:30:00Z") + absl::Hours(24) * day;
    ExpectAgrees(*network, Afghanistan(), AfghanistanEvidence(), OptionsAt(at));
  }
}

TEST(CaseTest, EveryResolutionAgreesWithEnumeration) {
  const auto network = Compiled(Afghanistan());
  for (const char* state : {"yes", "no"}) {
    for (const char* node : {"china-recognizes", "russia-recognizes", "joint-recognition"}) {
      InferenceOptions options = OptionsAt(At("2022-03-01T00:00:00Z"));
      options.resolved = {{.node = node, .state = state, .event_time = std::nullopt}};
      ExpectAgrees(*network, Afghanistan(), AfghanistanEvidence(), options);
    }
  }
}

TEST(CaseTest, AnEventTimeAgreesWithEnumeration) {
  const auto network = Compiled(Afghanistan());
  InferenceOptions options = OptionsAt(At("2022-03-01T00:00:00Z"));
  options.resolved = {
      {.node = "china-recognizes", .state = "yes", .event_time = At("2022-01-10T00:00:00Z")}};
  // The enumeration takes the density by a difference quotient, which costs it some digits.
  ExpectAgrees(*network, Afghanistan(), AfghanistanEvidence(), options, 1e-8);
}

TEST(CaseTest, ADeadlineThatHasPassedLeavesNoChance) {
  const auto network = Compiled(Afghanistan());
  const InferenceOptions options = OptionsAt(At("2022-10-31T00:00:00Z"));
  for (const char* node : {"china-recognizes", "russia-recognizes", "joint-recognition"}) {
    EXPECT_EQ(Probability(*network, AfghanistanEvidence(), options, node), 0.0);
  }
}

}  // namespace
}  // namespace credence::forecaster::testing
