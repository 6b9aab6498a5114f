#include <gtest/gtest.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "fixtures.h"

namespace credence::forecaster::testing {
namespace {

Network LoneDeadline(HazardRow row) { return MakeNetwork({HazardNode("q", {}, {row})}); }

const HazardRow kRow = {.shape = 2, .rate_days = 7300, .weibull_shape = 1};

EvidenceItem Speed(std::string id, double ratio, double day) {
  EvidenceItem item = Item(std::move(id), "q", HazardRatio{ratio});
  item.occur_time = item.effective_time = Day(day);
  return item;
}

TEST(DeadlineTest, SilenceLowersTheChanceByTheStatedValues) {
  const auto network = Compiled(LoneDeadline(kRow));
  const std::vector<EvidenceItem> items = {Item("e", "q", LikelihoodRatio{4})};
  const auto at = [&](double day) {
    return Probability(*network, items, OptionsAt(Day(day)), "q");
  };
  EXPECT_NEAR(at(0), 0.290780141844, 1e-12);
  EXPECT_NEAR(at(90), 0.232680835040, 1e-12);
  EXPECT_NEAR(at(180), 0.166880342835, 1e-12);
  EXPECT_NEAR(at(270), 0.091756453050, 1e-12);
  EXPECT_NEAR(at(364), 0.001042820826, 1e-12);
  EXPECT_EQ(at(365), 0.0);
  EXPECT_EQ(at(1000), 0.0);
}

TEST(DeadlineTest, PriorsHaveTheStatedValues) {
  const HazardRow one = {.shape = 1, .rate_days = 3650, .weibull_shape = 1};
  EXPECT_NEAR(Probability(*Compiled(LoneDeadline(one)), {}, OptionsAt(Day(0)), "q"), 0.090909090909,
              1e-12);
  EXPECT_NEAR(Probability(*Compiled(LoneDeadline(kRow)), {}, OptionsAt(Day(180)), "q"),
              0.047688832210, 1e-12);
}

TEST(DeadlineTest, SilenceIsEvidenceAboutTheParents) {
  const Network network = MakeNetwork({FixedNode("p", {"fast", "slow"}, {}, {{.5, .5}}),
                                       HazardNode("q", {"p"}, {{5, 100, 1}, {1, 10'000, 1}})});
  const auto compiled = Compiled(network);
  double previous = 0.5;
  for (int day = 30; day <= 360; day += 30) {
    const double fast = Probability(*compiled, {}, OptionsAt(Day(day)), "p");
    EXPECT_LT(fast, previous);
    previous = fast;
    ExpectAgrees(*compiled, network, {}, OptionsAt(Day(day)));
  }
}

TEST(DeadlineTest, ANodeMayHaveItsOwnStartAndDeadline) {
  Network network = MakeNetwork(
      {HazardNode("early", {}, {kRow}), HazardNode("late", {"early"}, {kRow, {3, 500, 1.5}})});
  network.nodes[0].start_time = Day(-100);
  network.nodes[0].deadline = Day(50);
  network.nodes[1].start_time = Day(20);
  network.nodes[1].deadline = Day(700);
  const auto compiled = Compiled(network);
  for (const double day : {-200.0, -50.0, 0.0, 10.0, 30.0, 49.99, 50.0, 300.0, 699.0}) {
    ExpectAgrees(*compiled, network, {}, OptionsAt(Day(day)));
  }
}

TEST(DeadlineTest, HazardRatiosRunFromTheirOccurTimeOn) {
  const Network network = LoneDeadline({.shape = 1.5, .rate_days = 900, .weibull_shape = 1.3});
  const auto compiled = Compiled(network);
  std::vector<EvidenceItem> items = {Speed("a", 3, 40), Speed("b", .5, 90), Speed("c", 2, -20),
                                     Speed("d", 4, 500), Item("e", "q", LikelihoodRatio{2})};
  items[1].reliability = .7;
  items[3].effective_time = Day(100);
  for (const double day : {0.0, 39.0, 41.0, 89.0, 100.0, 200.0, 364.0}) {
    ExpectAgrees(*compiled, network, items, OptionsAt(Day(day)));
  }
}

TEST(DeadlineTest, ClusteredHazardRatiosCountOnce) {
  const auto network = Compiled(LoneDeadline(kRow));
  const double one = Probability(*network, {Speed("a", 3, 40)}, OptionsAt(Day(50)), "q");
  std::vector<EvidenceItem> copies;
  for (const char* id : {"a", "b", "c"}) {
    copies.push_back(Speed(id, 3, 40));
    copies.back().cluster = "wire";
    copies.back().cluster_correlation = 1.0;
  }
  EXPECT_NEAR(Probability(*network, copies, OptionsAt(Day(50)), "q"), one, 1e-14);
}

TEST(DeadlineTest, NestedDeadlinesStayOrderedUnderHazardRatios) {
  Network network = MakeNetwork({});
  for (int i = 0; i < 6; ++i) {
    Node node = HazardNode(absl::StrCat("d", i), {}, {{1.2, 800, 1.4}});
    node.deadline = Day(100 + 60 * i);
    network.nodes.push_back(node);
  }
  const auto compiled = Compiled(network);
  std::vector<EvidenceItem> items;
  int number = 0;
  for (const Node& node : network.nodes) {
    for (const auto& [ratio, day] : {std::pair(5.0, 20.0), {.1, 60.0}, {8.0, 90.0}}) {
      items.push_back(Speed(absl::StrCat("e", number++), ratio, day));
      items.back().node = node.name;
      items.back().reliability = .9;
    }
  }
  for (int day = 0; day < 100; day += 7) {
    const auto posterior = ComputePosterior(*compiled, items, OptionsAt(Day(day)));
    ASSERT_TRUE(posterior.ok());
    for (size_t i = 1; i < posterior->nodes.size(); ++i) {
      EXPECT_LT(posterior->nodes[i - 1].probabilities[0], posterior->nodes[i].probabilities[0]);
    }
  }
}

TEST(DeadlineTest, ThePosteriorIsContinuousInTime) {
  const auto network = Compiled(Afghanistan());
  std::vector<EvidenceItem> items = AfghanistanEvidence();
  EvidenceItem speed = Item("speed", "china-recognizes", HazardRatio{6});
  speed.occur_time = At("2022-02-01T00:00:00Z");
  speed.effective_time = At("2021-11-10T00:00:00Z");
  items.push_back(speed);
  items[0].half_life_days = 50;
  // No item takes effect after 2021-11-10, so that from then on only time passes.
  double previous = -1.0;
  for (int hour = 0; hour < 24 * 340; ++hour) {
    const absl::Time at = At("2021-11-10T00:00:00Z") + absl::Hours(hour);
    InferenceOptions options = OptionsAt(at);
    options.with_conflict = false;
    const double p = Probability(*network, items, options, "china-recognizes");
    if (previous >= 0.0) {
      EXPECT_LT(std::abs(p - previous), 2e-4) << at;
    }
    previous = p;
  }
}

TEST(DeadlineTest, AResolutionWithoutTimeIsTheMassSoFar) {
  const Network network = MakeNetwork({FixedNode("p", {"fast", "slow"}, {}, {{.5, .5}}),
                                       HazardNode("q", {"p"}, {{5, 100, 1}, {1, 10'000, 1}})});
  const auto compiled = Compiled(network);
  for (const char* state : {"yes", "no"}) {
    for (const double day : {0.0, 1.0, 200.0, 365.0, 500.0}) {
      InferenceOptions options = OptionsAt(Day(day));
      options.resolved = {{.node = "q", .state = state, .event_time = std::nullopt}};
      ExpectAgrees(*compiled, network, {}, options);
    }
  }
}

TEST(DeadlineTest, AnEventTimeMakesTheRowExact) {
  const auto network =
      Compiled(MakeNetwork({FixedNode("p", {"fast", "slow"}, {}, {{.5, .5}}),
                            HazardNode("q", {"p"}, {{5, 100, 1}, {1, 10'000, 1}})}));
  InferenceOptions options = OptionsAt(Day(200));
  options.resolved = {{.node = "q", .state = "yes", .event_time = Day(30)}};
  const double fast = 5.0 / 130.0 * std::pow(100.0 / 130.0, 5);
  const double slow = 1.0 / 10'030.0 * (10'000.0 / 10'030.0);
  EXPECT_NEAR(Probability(*network, {}, options, "p"), fast / (fast + slow), 1e-14);
  EXPECT_EQ(Probability(*network, {}, options, "q"), 1.0);
}

TEST(DeadlineTest, ObservationsCountFromTheirTimesOn) {
  const auto network = Compiled(LoneDeadline(kRow));
  InferenceOptions options = OptionsAt(Day(10));
  options.resolved = {{.node = "q", .state = "yes", .event_time = Day(30)}};
  EXPECT_LT(Probability(*network, {}, options, "q"), 1.0);
  options.at = Day(30);
  EXPECT_EQ(Probability(*network, {}, options, "q"), 1.0);
  options.resolved[0].effective_time = Day(40);
  EXPECT_LT(Probability(*network, {}, options, "q"), 1.0);
}

TEST(DeadlineTest, EventTimesOutsideTheWindowAreRefused) {
  const auto network = Compiled(LoneDeadline(kRow));
  InferenceOptions options = OptionsAt(Day(10));
  for (const double day : {0.0, -5.0, 366.0}) {
    options.resolved = {{.node = "q", .state = "yes", .event_time = Day(day)}};
    const auto posterior = ComputePosterior(*network, {}, options);
    const ErrorDetail detail =
        ExpectError(posterior.status(), absl::StatusCode::kInvalidArgument, "TIME_INVALID");
    ASSERT_EQ(detail.fields.size(), 1u);
    EXPECT_EQ(detail.fields[0].field, "options.resolved[0].event_time");
  }
}

TEST(DeadlineTest, AChanceOfALastInstantIsTinyAndNotZero) {
  const auto network = Compiled(LoneDeadline(kRow));
  const double p = Probability(*network, {}, OptionsAt(Day(365) - absl::Nanoseconds(1)), "q");
  const double days = 1e-9 / 86'400.0;
  EXPECT_NEAR(p / (2.0 * days / 7665.0), 1.0, 1e-9);
}

}  // namespace
}  // namespace credence::forecaster::testing
