#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "absl/strings/str_cat.h"
#include "fixtures.h"

namespace credence::forecaster::testing {
namespace {

const std::vector<std::string> kYesNo = {"yes", "no"};

double AsiaLung(const std::vector<EvidenceItem>& items) {
  return Probability(*Compiled(Asia()), items, OptionsAt(Day(1)), "lung");
}

// The same marginal stated later than another, so that the order is fixed.
EvidenceItem NewMarginalOn(std::string node, double yes, double day) {
  EvidenceItem item = Item(node, node, NewMarginal{{yes, 1.0 - yes}});
  item.effective_time = Day(day);
  return item;
}

TEST(InferenceTest, AsiaAgreesWithEnumeration) {
  const auto network = Compiled(Asia());
  ExpectAgrees(*network, Asia(), {}, OptionsAt(Day(1)), 1e-15);
  ExpectAgrees(*network, Asia(),
               {Item("a", "dysp", ObservedState{"yes"}), Item("b", "asia", ObservedState{"yes"})},
               OptionsAt(Day(1)), 1e-15);
}

TEST(InferenceTest, TwoFindingsOnOneNodeBothCount) {
  EXPECT_NEAR(AsiaLung({Item("a", "xray", LikelihoodVector{{9, 1}}),
                        Item("b", "xray", LikelihoodVector{{4, 1}})}),
              0.3994731522149701, 1e-14);
}

TEST(InferenceTest, AVirtualFindingHasTheStatedEffect) {
  EXPECT_NEAR(AsiaLung({Item("a", "xray", LikelihoodVector{{9, 1}})}), 0.25829822630826194, 1e-14);
}

TEST(InferenceTest, ANewMarginalIsReachedAndMovesTheRest) {
  EXPECT_NEAR(AsiaLung({NewMarginalOn("xray", .9, 0)}), 0.4399638969846791, 1e-13);
  EXPECT_NEAR(
      Probability(*Compiled(Asia()), {NewMarginalOn("xray", .9, 0)}, OptionsAt(Day(1)), "xray"), .9,
      1e-14);
}

TEST(InferenceTest, NewMarginalsApplyInTheirOrder) {
  EXPECT_NEAR(AsiaLung({NewMarginalOn("xray", .9, 0), NewMarginalOn("dysp", .2, .5)}),
              0.286788165257695, 1e-13);
  EXPECT_NEAR(AsiaLung({NewMarginalOn("xray", .9, .5), NewMarginalOn("dysp", .2, 0)}),
              0.3486277032085207, 1e-13);
}

TEST(InferenceTest, TheImpossibleIsRefusedNamingTheItemsThatClash) {
  const auto network = Compiled(Asia());
  const std::vector<EvidenceItem> items = {
      Item("x-ray-film", "xray", ObservedState{"yes"}),
      Item("biopsy", "lung", ObservedState{"yes"}), Item("visit", "asia", ObservedState{"no"}),
      Item("all-clear", "either", ObservedState{"no"}), Item("hint", "smoke", LikelihoodRatio{5})};
  const auto posterior = ComputePosterior(*network, items, OptionsAt(Day(1)));
  const ErrorDetail detail = ExpectError(posterior.status(), absl::StatusCode::kFailedPrecondition,
                                         "CONTRADICTORY_EVIDENCE");
  EXPECT_EQ(detail.subjects, (std::vector<std::string>{"all-clear", "biopsy"}));
}

TEST(InferenceTest, ResolutionsAndInterventionsAreNamedInContradictions) {
  const auto network = Compiled(Asia());
  InferenceOptions options = OptionsAt(Day(1));
  options.resolved = {{.node = "either", .state = "no", .event_time = std::nullopt}};
  options.interventions = {{.node = "lung", .state = "yes"}};
  const auto posterior = ComputePosterior(*network, {}, options);
  const ErrorDetail detail = ExpectError(posterior.status(), absl::StatusCode::kFailedPrecondition,
                                         "CONTRADICTORY_EVIDENCE");
  EXPECT_EQ(detail.subjects, (std::vector<std::string>{"resolved:either", "do:lung"}));
}

TEST(InferenceTest, ANewMarginalForTheImpossibleIsAContradiction) {
  const auto network = Compiled(Asia());
  const std::vector<EvidenceItem> items = {Item("biopsy", "lung", ObservedState{"yes"}),
                                           Item("visit", "asia", ObservedState{"no"}),
                                           NewMarginalOn("either", .5, 1)};
  const auto posterior = ComputePosterior(*network, items, OptionsAt(Day(2)));
  const ErrorDetail detail = ExpectError(posterior.status(), absl::StatusCode::kFailedPrecondition,
                                         "CONTRADICTORY_EVIDENCE");
  EXPECT_EQ(detail.subjects, (std::vector<std::string>{"biopsy", "either"}));
}

TEST(InferenceTest, AnImpossibleRatioIsAbsorbing) {
  const auto network = Compiled(Asia());
  const std::vector<EvidenceItem> items = {Item("a", "smoke", LikelihoodRatio{0}),
                                           Item("b", "smoke", LikelihoodRatio{1e300})};
  EXPECT_EQ(Probability(*network, items, OptionsAt(Day(1)), "smoke"), 0.0);
  std::vector<EvidenceItem> both = items;
  both.push_back(Item("c", "smoke", ObservedState{"yes"}));
  const auto posterior = ComputePosterior(*network, both, OptionsAt(Day(1)));
  const ErrorDetail detail = ExpectError(posterior.status(), absl::StatusCode::kFailedPrecondition,
                                         "CONTRADICTORY_EVIDENCE");
  EXPECT_EQ(detail.subjects, (std::vector<std::string>{"a", "c"}));
}

TEST(InferenceTest, TinyOddsOnManyNodesAreNotTakenForImpossible) {
  // Each item alone is at the edge of the range of doubles; together they are far below it.
  const auto network = Compiled(Asia());
  const std::vector<EvidenceItem> items = {
      Item("a", "lung", LikelihoodRatio{1e-300}), Item("b", "tub", LikelihoodRatio{1e-300}),
      Item("c", "either", LikelihoodRatio{1e300}), Item("d", "xray", LikelihoodRatio{1e-300})};
  const auto posterior = ComputePosterior(*network, items, OptionsAt(Day(1)));
  ASSERT_TRUE(posterior.ok()) << posterior.status();
  const std::vector<double> lung = posterior->Find("lung")->log_odds;
  EXPECT_TRUE(std::isfinite(lung[0]));
  // By hand, leaving out what is 1e-300 of the rest: xray = no throughout; with lung = yes (1e-300)
  // either = yes (1e300); with lung = no the same happens for tub = yes, or neither for tub = no.
  const double lung_yes = .055 * .9896 * .02;
  const double lung_no = .945 * (.0104 * .02 + .9896 * .95);
  EXPECT_NEAR(lung[0], std::log(lung_yes / lung_no), 1e-12);
}

// ln P of the observations of a two-state chain, and P(first state) at its end and its beginning,
// by the scaled forward recursion and its mirror image.
struct ChainAnswer {
  double log_probability = 0.0;
  double last_yes = 0.0;
};

ChainAnswer ForwardRecursion(const std::vector<int>& seen, double stay, double hit) {
  ChainAnswer answer;
  double yes = 0.5;
  for (size_t i = 0; i < seen.size(); ++i) {
    if (i > 0) yes = yes * stay + (1.0 - yes) * (1.0 - stay);
    const double given_yes = seen[i] == 0 ? hit : 1.0 - hit;
    const double total = yes * given_yes + (1.0 - yes) * (1.0 - given_yes);
    answer.log_probability += std::log(total);
    yes = yes * given_yes / total;
  }
  answer.last_yes = yes;
  return answer;
}

void ExpectChainIsRight(int length, uint32_t seed) {
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  constexpr double kStay = 0.95;
  constexpr double kHit = 0.9;
  std::mt19937 random(seed);
  std::vector<Node> nodes;
  std::vector<EvidenceItem> items;
  std::vector<int> seen;
  for (int i = 0; i < length; ++i) {
    const std::string name = absl::StrCat("s", i);
    if (i == 0) {
      nodes.push_back(FixedNode(name, kYesNo, {}, {{.5, .5}}));
    } else {
      nodes.push_back(FixedNode(name, kYesNo, {absl::StrCat("s", i - 1)},
                                {{kStay, 1.0 - kStay}, {1.0 - kStay, kStay}}));
    }
    nodes.push_back(
        FixedNode(absl::StrCat("o", i), kYesNo, {name}, {{kHit, 1.0 - kHit}, {1.0 - kHit, kHit}}));
    seen.push_back(static_cast<int>(random() % 2));
    items.push_back(
        Item(absl::StrCat("o", i), absl::StrCat("o", i), ObservedState{kYesNo[seen.back()]}));
  }
  const auto network = Compiled(MakeNetwork(nodes));
  const auto posterior = ComputePosterior(*network, items, OptionsAt(Day(1)));
  ASSERT_TRUE(posterior.ok()) << posterior.status();
  const ChainAnswer forward = ForwardRecursion(seen, kStay, kHit);
  EXPECT_NEAR(posterior->log_weight, forward.log_probability, 1e-9);
  EXPECT_LT(forward.log_probability, -750.0);
  EXPECT_NEAR(posterior->nodes[2 * length - 2].probabilities[0], forward.last_yes, 1e-12);
  // The chain looks the same from its other end.
  const ChainAnswer backward =
      ForwardRecursion(std::vector<int>(seen.rbegin(), seen.rend()), kStay, kHit);
  EXPECT_NEAR(posterior->nodes[0].probabilities[0], backward.last_yes, 1e-12);
}

TEST(InferenceTest, AThousandStepChainIsFiniteAndRight) { ExpectChainIsRight(1'200, 7); }

TEST(InferenceTest, AThreeThousandStepChainIsFiniteAndRight) { ExpectChainIsRight(3'000, 8); }

TEST(InferenceTest, TheTotalIsTheProbabilityOfHardEvidence) {
  const auto posterior = ComputePosterior(
      *Compiled(Asia()), std::vector{Item("a", "smoke", ObservedState{"yes"})}, OptionsAt(Day(1)));
  ASSERT_TRUE(posterior.ok());
  EXPECT_NEAR(posterior->log_weight, std::log(.5), 1e-15);
}

TEST(InferenceTest, ConflictIsTheLogRatioOfSeparateToJointProbability) {
  const std::vector<EvidenceItem> items = {Item("a", "tub", ObservedState{"yes"}),
                                           Item("b", "asia", ObservedState{"yes"})};
  const auto posterior = ComputePosterior(*Compiled(Asia()), items, OptionsAt(Day(1)));
  ASSERT_TRUE(posterior.ok());
  EXPECT_NEAR(posterior->conflict, std::log(.0104 * .01 / (.01 * .05)), 1e-12);
}

TEST(InferenceTest, AnInterventionCutsTheParentsOff) {
  const auto network = Compiled(Asia());
  InferenceOptions options = OptionsAt(Day(1));
  options.interventions = {{.node = "bronc", .state = "yes"}};
  ExpectAgrees(*network, Asia(), {Item("a", "dysp", ObservedState{"yes"})}, options, 1e-14);
  EXPECT_NEAR(Probability(*network, {}, options, "smoke"), .5, 1e-15);
}

TEST(NoisyOrTest, HasTheStatedValue) {
  Node node = FixedNode("q", kYesNo, {"a", "b"}, {});
  node.table = NoisyOr{.leak = .05, .strengths = {{.6, 0}, {.3, 0}}};
  const auto network = Compiled(MakeNetwork(
      {FixedNode("a", kYesNo, {}, {{1, 0}}), FixedNode("b", kYesNo, {}, {{1, 0}}), node}));
  EXPECT_NEAR(Probability(*network, {}, OptionsAt(Day(1)), "q"), 0.734, 1e-15);
}

Network ThirtyCauses() {
  std::vector<Node> nodes;
  NoisyOr table = {.leak = .01, .strengths = {}};
  std::vector<std::string> parents;
  for (int i = 0; i < 30; ++i) {
    parents.push_back(absl::StrCat("c", i));
    nodes.push_back(FixedNode(parents.back(), kYesNo, {}, {{.02 * i + .01, .99 - .02 * i}}));
    table.strengths.push_back({.5 - .01 * i, 0});
  }
  nodes.push_back(FixedNode("q", kYesNo, parents, {}));
  nodes.back().table = table;
  return MakeNetwork(nodes);
}

TEST(NoisyOrTest, ThirtyParentsNeedNoTableOverThemAll) {
  const auto network = Compiled(ThirtyCauses());
  EXPECT_LT(network->cost().total_cells, 1'000);
  double no = .99;
  for (int i = 0; i < 30; ++i) no *= 1.0 - (.02 * i + .01) * (.5 - .01 * i);
  EXPECT_NEAR(Probability(*network, {}, OptionsAt(Day(1)), "q"), 1.0 - no, 1e-14);
  // A cause given the effect, by Bayes' rule on the closed form.
  const double prior = .02 * 7 + .01;
  const double strength = .5 - .07;
  const double no_given_cause = no / (1.0 - prior * strength) * (1.0 - strength);
  EXPECT_NEAR(
      Probability(*network, {Item("a", "q", ObservedState{"yes"})}, OptionsAt(Day(1)), "c7"),
      prior * (1.0 - no_given_cause) / (1.0 - no), 1e-13);
}

TEST(NoisyOrTest, AnInterventionOnADecomposedNodeFreesItsCauses) {
  const auto network = Compiled(ThirtyCauses());
  InferenceOptions options = OptionsAt(Day(1));
  options.interventions = {{.node = "q", .state = "yes"}};
  const auto posterior = ComputePosterior(*network, {}, options);
  ASSERT_TRUE(posterior.ok());
  EXPECT_NEAR(posterior->nodes[7].probabilities[0], .15, 1e-14);
  EXPECT_NEAR(posterior->log_weight, 0.0, 1e-13);
}

TEST(NoisyOrTest, TinyStrengthsAreNotLost) {
  Network network = ThirtyCauses();
  NoisyOr& table = std::get<NoisyOr>(network.nodes.back().table);
  table.leak = 0;
  for (auto& strengths : table.strengths) strengths[0] = 1e-200;
  double sum = 0.0;
  for (int i = 0; i < 30; ++i) sum += .02 * i + .01;
  const double p = Probability(*Compiled(network), {}, OptionsAt(Day(1)), "q");
  EXPECT_NEAR(p / (sum * 1e-200), 1.0, 1e-12);
}

// `parents` three-state parents with a shared grandparent, which makes them dependent.
Network DependentParents(int parents, std::vector<std::string> child_states) {
  const std::vector<std::string> levels = {"low", "mid", "high"};
  std::vector<Node> nodes = {FixedNode("root", kYesNo, {}, {{.3, .7}})};
  std::vector<std::string> names;
  for (int i = 0; i < parents; ++i) {
    names.push_back(absl::StrCat("p", i));
    const double x = .1 + .05 * i;
    nodes.push_back(FixedNode(names.back(), levels, {"root"}, {{x, .2, .8 - x}, {.5, .4, .1}}));
  }
  nodes.push_back(FixedNode("q", std::move(child_states), names, {}));
  return MakeNetwork(nodes);
}

TEST(NoisyMaxTest, SmallAndDecomposedTablesAgreeWithEnumeration) {
  for (const int parents : {1, 2, 6}) {
    Network network = DependentParents(parents, {"severe", "mild", "absent"});
    NoisyMax table = {.leak = {.01, .04, .95}, .strengths = {}};
    for (int i = 0; i < parents; ++i) {
      const double x = .1 * i;
      table.strengths.push_back({{0, 0, 1}, {.1, .2 + x, .7 - x}, {.3, .4, .3}});
    }
    network.nodes.back().table = table;
    const auto compiled = Compiled(network);
    ExpectAgrees(*compiled, network, {}, OptionsAt(Day(1)), 1e-14);
    ExpectAgrees(*compiled, network, {Item("a", "q", ObservedState{"mild"})}, OptionsAt(Day(1)),
                 1e-13);
  }
}

// The rows of a deterministic node, from a function of its parents' states.
void SetRows(Network& network, const std::function<bool(const std::vector<int>&)>& meaning) {
  Node& node = network.nodes.back();
  std::vector<int> states(node.parents.size(), 0);
  RowTable table;
  while (true) {
    const bool value = meaning(states);
    table.rows.emplace_back(FixedRow{{value ? 1.0 : 0.0, value ? 0.0 : 1.0}});
    int p = static_cast<int>(states.size()) - 1;
    while (p >= 0 && ++states[p] == 3) states[p--] = 0;
    if (p < 0) break;
  }
  node.table = std::move(table);
}

void ExpectExpressionMeans(int parents, const std::string& expression,
                           const std::function<bool(const std::vector<int>&)>& meaning) {
  Network network = DependentParents(parents, kYesNo);
  Network reference = network;
  SetRows(reference, meaning);
  network.nodes.back().table = Deterministic{expression};
  const auto compiled = Compiled(network);
  ExpectAgrees(*compiled, reference, {}, OptionsAt(Day(1)), 1e-14);
  ExpectAgrees(*compiled, reference,
               {Item("a", "q", LikelihoodRatio{30}), Item("b", "p1", LikelihoodVector{{1, 2, 5}})},
               OptionsAt(Day(1)), 1e-14);
}

TEST(DeterministicTest, ExpandedExpressionsAgreeWithTheirRows) {
  ExpectExpressionMeans(2, "p0 == low && p1 != high",
                        [](const std::vector<int>& s) { return s[0] == 0 && s[1] != 2; });
}

TEST(DeterministicTest, DecomposedExpressionsAgreeWithTheirRows) {
  ExpectExpressionMeans(5, "p0 == low && (p1 != high || p2 == mid) && !(p3 == low && p4 == low)",
                        [](const std::vector<int>& s) {
                          return s[0] == 0 && (s[1] != 2 || s[2] == 1) && !(s[3] == 0 && s[4] == 0);
                        });
  ExpectExpressionMeans(
      5, "exactly(2, p0 == low, p1 == low, p2 == low, p3 == low, p4 == low)",
      [](const std::vector<int>& s) { return std::count(s.begin(), s.end(), 0) == 2; });
  ExpectExpressionMeans(
      4,
      "at_least(3, p0 == low, p1 == low, p2 == low, p3 == low) || at_most(1, p0 == low, !(p1 "
      "== high))",
      [](const std::vector<int>& s) {
        return std::count(s.begin(), s.end(), 0) >= 3 || (s[0] == 0) + (s[1] != 2) <= 1;
      });
  ExpectExpressionMeans(
      4, "exactly(2, p0 == low, p0 == low, p1 == mid) || true && p2 == low",
      [](const std::vector<int>& s) { return 2 * (s[0] == 0) + (s[1] == 1) == 2 || s[2] == 0; });
  ExpectExpressionMeans(4, "true", [](const std::vector<int>&) { return true; });
}

TEST(DeterministicTest, ManyParentsNeedNoTableOverThemAll) {
  std::vector<Node> nodes;
  std::vector<std::string> parents;
  std::string expression = "exactly(15";
  for (int i = 0; i < 30; ++i) {
    parents.push_back(absl::StrCat("p", i));
    nodes.push_back(FixedNode(parents.back(), kYesNo, {}, {{.5, .5}}));
    expression += ", p" + std::to_string(i) + " == yes";
  }
  nodes.push_back(FixedNode("q", kYesNo, parents, {}));
  nodes.back().table = Deterministic{expression + ")"};
  const auto network = Compiled(MakeNetwork(nodes));
  EXPECT_NEAR(Probability(*network, {}, OptionsAt(Day(1)), "q"), 155'117'520.0 / 1'073'741'824.0,
              1e-14);
}

TEST(LogitTest, AgreesWithEnumerationInBothTails) {
  Network network = DependentParents(3, kYesNo);
  network.nodes.back().table =
      Logit{.bias = -2, .weights = {{0, 1, 2}, {-30, .5, 40}, {.1, -.2, .3}}};
  const auto compiled = Compiled(network);
  ExpectAgrees(*compiled, network, {}, OptionsAt(Day(1)), 1e-14);
  ExpectAgrees(*compiled, network, {Item("a", "q", ObservedState{"yes"})}, OptionsAt(Day(1)),
               1e-13);
}

TEST(DirichletTest, PredictsTheShareOfTheCounts) {
  Network network = MakeNetwork({FixedNode("x", {"a", "b", "c"}, {}, {{1, 0, 0}})});
  network.nodes[0].table = RowTable{{DirichletRow{{3, 2, 1}}}};
  const auto compiled = Compiled(network);
  EXPECT_NEAR(Probability(*compiled, {}, OptionsAt(Day(1)), "x", 0), 3.0 / 6.0, 1e-15);
  EXPECT_NEAR(Probability(*compiled, {}, OptionsAt(Day(1)), "x", 2), 1.0 / 6.0, 1e-15);
}

}  // namespace
}  // namespace credence::forecaster::testing
