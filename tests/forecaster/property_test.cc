#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "absl/strings/str_cat.h"
#include "credence/forecaster/explanation.h"
#include "fixtures.h"

namespace credence::forecaster::testing {
namespace {

// Small networks and evidence drawn from a seed.
class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  int Below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  double Between(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random_);
  }
  bool Chance(double p) { return Between(0, 1) < p; }

  std::vector<double> Distribution(int states) {
    std::vector<double> result(states);
    double sum = 0.0;
    for (double& value : result) sum += value = Between(.05, 1);
    for (double& value : result) value /= sum;
    return result;
  }

  Network MakeRandomNetwork() {
    Network network = MakeNetwork({});
    const int count = 2 + Below(6);
    for (int i = 0; i < count; ++i) network.nodes.push_back(RandomNode(network, i));
    return network;
  }

  std::vector<EvidenceItem> RandomEvidence(const Network& network, bool with_new_marginals) {
    std::vector<EvidenceItem> items;
    const int count = Below(9);
    for (int i = 0; i < count; ++i) {
      const Node& node = network.nodes[Below(static_cast<int>(network.nodes.size()))];
      EvidenceItem item =
          Item(absl::StrCat("e", i), node.name, RandomStatement(node, with_new_marginals));
      Decorate(item);
      items.push_back(item);
    }
    return items;
  }

 private:
  Node RandomNode(const Network& network, int index) {
    std::vector<std::string> parents;
    int rows = 1;
    for (const Node& candidate : network.nodes) {
      if (parents.size() < 3 && Chance(.45)) {
        parents.push_back(candidate.name);
        rows *= static_cast<int>(candidate.states.size());
      }
    }
    const std::string name = absl::StrCat("n", index);
    if (Chance(.3)) return RandomHazardNode(name, parents, rows);
    const int states = 2 + Below(3);
    std::vector<std::string> names;
    for (int s = 0; s < states; ++s) names.push_back(absl::StrCat("s", s));
    Node node = FixedNode(name, names, parents, {});
    RowTable table;
    for (int r = 0; r < rows; ++r) {
      if (Chance(.2)) {
        table.rows.emplace_back(DirichletRow{Distribution(states)});
      } else {
        table.rows.emplace_back(FixedRow{Distribution(states)});
      }
    }
    node.table = table;
    return node;
  }

  Node RandomHazardNode(const std::string& name, const std::vector<std::string>& parents,
                        int rows) {
    std::vector<HazardRow> hazards;
    for (int r = 0; r < rows; ++r) {
      hazards.push_back({.shape = Between(.3, 4),
                         .rate_days = Between(20, 3000),
                         .weibull_shape = Chance(.5) ? 1.0 : Between(.5, 2)});
    }
    Node node = HazardNode(name, parents, hazards);
    if (Chance(.3)) node.start_time = Day(Between(-100, 50));
    if (Chance(.3)) node.deadline = Day(Between(60, 800));
    return node;
  }

  Statement RandomStatement(const Node& node, bool with_new_marginals) {
    const int states = static_cast<int>(node.states.size());
    const bool hazard = std::get<RowTable>(node.table).rows[0].index() == 2;
    if (with_new_marginals && !hazard && Chance(.25)) return NewMarginal{Distribution(states)};
    if (hazard && Chance(.4)) return HazardRatio{Between(.2, 5)};
    if (states == 2 && Chance(.4)) return LikelihoodRatio{Between(.1, 10)};
    switch (Below(4)) {
      case 0:
        return ObservedState{node.states[Below(states)]};
      case 1:
        return StatedProbability{Distribution(states), std::nullopt};
      case 2:
        return Count{2, 5, Distribution(states)};
      default:
        return LikelihoodVector{Distribution(states)};
    }
  }

  void Decorate(EvidenceItem& item) {
    const bool new_marginal = std::holds_alternative<NewMarginal>(item.statement);
    item.occur_time = Day(Between(-20, 300));
    item.effective_time = std::max(Day(0), item.occur_time);
    item.reliability = Between(.1, .95);
    if (new_marginal) {
      item.reliability = 1.0;
      return;
    }
    if (Chance(.3)) item.cluster = Chance(.5) ? "one" : "two";
    if (Chance(.3)) item.cluster_correlation = Between(0, 1);
    const bool hazard_ratio = std::holds_alternative<HazardRatio>(item.statement);
    if (!hazard_ratio && Chance(.3)) item.half_life_days = Between(5, 200);
  }

  std::mt19937 random_;
};

// A new marginal for a node under intervention is a contradiction, so the two are not drawn
// together.
InferenceOptions RandomOptions(Generator& generator, const Network& network,
                               bool with_interventions) {
  InferenceOptions options = OptionsAt(Day(generator.Between(-10, 400)));
  if (with_interventions && generator.Chance(.3)) {
    const Node& node = network.nodes[generator.Below(static_cast<int>(network.nodes.size()))];
    options.interventions = {{.node = node.name, .state = node.states[0]}};
  }
  if (generator.Chance(.3)) options.occur_time_limit = Day(150);
  return options;
}

// Every bit of two posteriors is the same.
void ExpectSameBits(const Posterior& left, const Posterior& right) {
  EXPECT_EQ(std::memcmp(&left.log_weight, &right.log_weight, sizeof(double)), 0);
  EXPECT_EQ(std::memcmp(&left.conflict, &right.conflict, sizeof(double)), 0);
  EXPECT_EQ(left.items_in_force, right.items_in_force);
  ASSERT_EQ(left.nodes.size(), right.nodes.size());
  for (size_t i = 0; i < left.nodes.size(); ++i) {
    const std::vector<double>& a = left.nodes[i].probabilities;
    const std::vector<double>& b = right.nodes[i].probabilities;
    ASSERT_EQ(a.size(), b.size());
    EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(double)), 0);
  }
}

TEST(PropertyTest, RandomNetworksAgreeWithEnumeration) {
  for (uint32_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    Generator generator(seed);
    const Network network = generator.MakeRandomNetwork();
    const bool new_marginals = generator.Chance(.3);
    const InferenceOptions options = RandomOptions(generator, network, !new_marginals);
    const auto compiled = Compiled(network);
    ASSERT_NE(compiled, nullptr);
    ExpectAgrees(*compiled, network, generator.RandomEvidence(network, new_marginals), options);
  }
}

TEST(PropertyTest, RandomResolutionsAgreeWithEnumeration) {
  for (uint32_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    Generator generator(seed);
    const Network network = generator.MakeRandomNetwork();
    InferenceOptions options = OptionsAt(Day(generator.Between(0, 400)));
    const Node& node = network.nodes[generator.Below(static_cast<int>(network.nodes.size()))];
    options.resolved = {
        {.node = node.name, .state = node.states[generator.Below(2)], .event_time = std::nullopt}};
    ExpectAgrees(*Compiled(network), network, generator.RandomEvidence(network, false), options);
  }
}

TEST(PropertyTest, AnyOrderOfArrivalGivesTheSameBits) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    Generator generator(seed);
    const Network network = generator.MakeRandomNetwork();
    const bool new_marginals = seed % 2 == 0;
    const InferenceOptions options = RandomOptions(generator, network, !new_marginals);
    std::vector<EvidenceItem> items = generator.RandomEvidence(network, new_marginals);
    const auto compiled = Compiled(network);
    const auto first = ComputePosterior(*compiled, items, options);
    ASSERT_TRUE(first.ok()) << first.status();
    std::mt19937 shuffler(seed);
    for (int i = 0; i < 5; ++i) {
      std::shuffle(items.begin(), items.end(), shuffler);
      const auto again = ComputePosterior(*compiled, items, options);
      ASSERT_TRUE(again.ok());
      ExpectSameBits(*first, *again);
    }
  }
}

TEST(PropertyTest, AnItemLeftOutIsAsIfItHadNeverBeen) {
  const auto network = Compiled(Afghanistan());
  const std::vector<EvidenceItem> items = AfghanistanEvidence();
  for (size_t i = 0; i < items.size(); ++i) {
    std::vector<EvidenceItem> others = items;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    InferenceOptions options = OptionsAt(At("2022-01-01T00:00:00Z"));
    const auto never = ComputePosterior(*network, others, options);
    options.withheld = {items[i].id};
    const auto withheld = ComputePosterior(*network, items, options);
    ASSERT_TRUE(never.ok() && withheld.ok());
    ExpectSameBits(*never, *withheld);
  }
}

TEST(PropertyTest, ItemsBeyondTheLimitsDoNotCount) {
  const auto network = Compiled(Afghanistan());
  const std::vector<EvidenceItem> items = AfghanistanEvidence();
  InferenceOptions options = OptionsAt(At("2021-09-17T00:00:00Z"));
  const auto early = ComputePosterior(*network, items, options);
  ASSERT_TRUE(early.ok());
  EXPECT_EQ(early->items_in_force.size(), 8u);
  options.at = At("2022-01-01T00:00:00Z");
  options.occur_time_limit = At("2021-09-16T12:00:00Z");
  const auto limited = ComputePosterior(*network, items, options);
  ASSERT_TRUE(limited.ok());
  EXPECT_EQ(limited->items_in_force,
            (std::vector<std::string>{"e01", "e02", "e03", "e04", "e05", "e06"}));
}

TEST(PropertyTest, WaterfallsSumToTheWholeOnRandomNetworks) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    Generator generator(seed);
    const Network network = generator.MakeRandomNetwork();
    const InferenceOptions options = OptionsAt(Day(generator.Between(0, 59)));
    const std::vector<EvidenceItem> items = generator.RandomEvidence(network, seed % 2 == 0);
    const auto compiled = Compiled(network);
    const Node& target = network.nodes.back();
    const auto explanation = Explain(*compiled, items, options, target.name, target.states[0]);
    ASSERT_TRUE(explanation.ok()) << explanation.status();
    double sum = 0.0;
    for (const WaterfallStep& step : explanation->steps) {
      if (step.kind != StepKind::kPosterior) sum += step.decibans;
    }
    const double p = Probability(*compiled, items, options, target.name);
    EXPECT_NEAR(sum, 10.0 * std::log10(p / (1.0 - p)), 1e-9);
    EXPECT_NEAR(explanation->steps.back().decibans, sum, 1e-9);
    EXPECT_NEAR(explanation->posterior_probability, p, 1e-14);
  }
}

}  // namespace
}  // namespace credence::forecaster::testing
