#include "credence/forecaster/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "fixtures.h"

namespace credence::forecaster::testing {
namespace {

constexpr double kImpossible = -std::numeric_limits<double>::infinity();

// Networks without times, with rows some entries of which are 0.
class NetworkSource {
 public:
  explicit NetworkSource(uint32_t seed) : random_(seed) {}

  int Below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  double Between(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random_);
  }
  bool Chance(double p) { return Between(0, 1) < p; }

  std::vector<double> RandomRow(int states, double zeros) {
    std::vector<double> row(states);
    double sum = 0.0;
    for (double& value : row) sum += value = Chance(zeros) ? 0.0 : Between(.05, 1);
    if (!(sum > 0.0)) sum = row[Below(states)] = 1.0;
    for (double& value : row) value /= sum;
    return row;
  }

  Network RandomNetwork(int nodes, int parents_max, double zeros) {
    Network network = MakeNetwork({});
    for (int i = 0; i < nodes; ++i) {
      std::vector<std::string> names;
      for (int s = 0; s < 2 + Below(3); ++s) names.push_back(absl::StrCat("s", s));
      std::vector<std::string> parents;
      int rows = 1;
      // Near ones before, so that the network is long rather than dense.
      for (int p = i - 1; p >= 0 && p >= i - 5; --p) {
        if (static_cast<int>(parents.size()) == parents_max || !Chance(.45)) continue;
        parents.push_back(network.nodes[p].name);
        rows *= static_cast<int>(network.nodes[p].states.size());
      }
      std::vector<std::vector<double>> table;
      for (int r = 0; r < rows; ++r) {
        table.push_back(RandomRow(static_cast<int>(names.size()), zeros));
      }
      network.nodes.push_back(FixedNode(absl::StrCat("n", i), names, parents, table));
    }
    return network;
  }

  std::vector<double> RandomLikelihood(int states, double extremes = 0.0) {
    std::vector<double> logs(states);
    for (double& value : logs) value = std::log(Between(.05, 1));
    if (Chance(extremes)) {
      for (double& value : logs) value -= Between(0, 690);
    } else if (Chance(.4)) {
      std::fill(logs.begin(), logs.end(), kImpossible);
      logs[Below(states)] = std::log(Between(.05, 1));
    } else if (Chance(.2)) {
      logs[Below(states)] = kImpossible;
    }
    return logs;
  }

 private:
  std::mt19937 random_;
};

// The weight of every configuration of all nodes, row-major, straight from the rows.
std::vector<double> Enumerate(const Network& network,
                              const std::vector<std::vector<double>>& log_likelihoods) {
  std::vector<double> weights = {1.0};
  std::vector<int> states(network.nodes.size(), 0);
  std::map<std::string, size_t> index;
  for (size_t i = 0; i < network.nodes.size(); ++i) index[network.nodes[i].name] = i;
  std::vector<double> result;
  while (true) {
    double weight = 1.0;
    for (size_t i = 0; i < network.nodes.size(); ++i) {
      size_t row = 0;
      for (const std::string& parent : network.nodes[i].parents) {
        const size_t p = index.at(parent);
        row = row * network.nodes[p].states.size() + static_cast<size_t>(states[p]);
      }
      const auto& rows = std::get<RowTable>(network.nodes[i].table).rows;
      weight *= std::get<FixedRow>(rows[row]).probabilities[static_cast<size_t>(states[i])];
      if (!log_likelihoods[i].empty()) {
        weight *= std::exp(log_likelihoods[i][static_cast<size_t>(states[i])]);
      }
    }
    result.push_back(weight);
    size_t k = states.size();
    while (k > 0 && ++states[k - 1] == static_cast<int>(network.nodes[k - 1].states.size())) {
      states[--k] = 0;
    }
    if (k == 0) return result;
  }
}

std::vector<std::vector<double>> SomeLikelihoods(NetworkSource& source, const Network& network) {
  std::vector<std::vector<double>> likelihoods(network.nodes.size());
  for (size_t i = 0; i < likelihoods.size(); ++i) {
    if (!source.Chance(.4)) continue;
    likelihoods[i] = source.RandomLikelihood(static_cast<int>(network.nodes[i].states.size()));
  }
  return likelihoods;
}

void Load(const std::vector<std::vector<double>>& likelihoods, Engine& engine) {
  for (size_t i = 0; i < likelihoods.size(); ++i) {
    engine.SetLogLikelihood(static_cast<int>(i), likelihoods[i]);
  }
}

std::vector<double> MarginalsOf(Engine& engine) {
  const auto marginals = engine.Marginals();
  EXPECT_TRUE(marginals.ok()) << marginals.status();
  if (!marginals.ok()) return {};
  return {marginals->begin(), marginals->end()};
}

void ExpectNear(const std::vector<double>& got, const std::vector<double>& want, double tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], tolerance) << i;
}

bool SameBits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

constexpr TreeChoice kChoices[] = {TreeChoice::kKeep, TreeChoice::kRebuild, TreeChoice::kAutomatic};

TEST(EngineTest, WeightsMarginalsAndFamiliesAgreeWithEnumerationWhateverTheTree) {
  for (uint32_t seed = 1; seed <= 120; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    NetworkSource source(seed);
    const Network network = source.RandomNetwork(2 + source.Below(6), 3, .25);
    const auto compiled = Compiled(network);
    ASSERT_NE(compiled, nullptr);
    const auto likelihoods = SomeLikelihoods(source, network);
    const std::vector<double> weights = Enumerate(network, likelihoods);
    double total = 0.0;
    for (const double weight : weights) total += weight;
    for (const TreeChoice choice : kChoices) {
      Engine engine(*compiled, {.tree = choice});
      Load(likelihoods, engine);
      const auto log_weight = engine.LogWeight();
      ASSERT_TRUE(log_weight.ok());
      if (!(total > 0.0)) {
        EXPECT_TRUE(std::isinf(*log_weight));
        EXPECT_EQ(engine.LogMarginal(0).status().code(), absl::StatusCode::kFailedPrecondition);
        continue;
      }
      EXPECT_NEAR(*log_weight, std::log(total), 1e-12);
      std::vector<int> all;
      for (size_t i = 0; i < network.nodes.size(); ++i) all.push_back(static_cast<int>(i));
      const auto joint = engine.Joint(all);
      ASSERT_TRUE(joint.ok()) << joint.status();
      std::vector<double> expected;
      for (const double weight : weights) expected.push_back(weight / total);
      ExpectNear(joint->probabilities, expected, 1e-13);
      std::vector<double> marginals;
      for (const int node : all) {
        const auto marginal = engine.Joint(std::vector<int>{node});
        ASSERT_TRUE(marginal.ok());
        marginals.insert(marginals.end(), marginal->probabilities.begin(),
                         marginal->probabilities.end());
        const auto family = engine.Family(node);
        ASSERT_TRUE(family.ok());
        const auto same = engine.Joint(family->nodes);
        ASSERT_TRUE(same.ok());
        ExpectNear(family->probabilities, same->probabilities, 1e-13);
      }
      ExpectNear(MarginalsOf(engine), marginals, 1e-13);
    }
  }
}

// All at once, and the last node first.
void Bring(const std::vector<std::vector<double>>& likelihoods, const std::vector<int>& set,
           const std::vector<std::vector<double>>& tables, Engine& engine) {
  for (size_t i = likelihoods.size(); i-- > 0;) {
    engine.Intervene(static_cast<int>(i), set[i]);
    engine.SetLogTable(static_cast<int>(i), tables[i]);
    engine.SetLogLikelihood(static_cast<int>(i), likelihoods[i]);
  }
}

TEST(EngineTest, AnyHistoryEndsInTheSameBits) {
  for (uint32_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    NetworkSource source(seed);
    const Network network = source.RandomNetwork(25, 3, 0.0);
    const auto compiled = Compiled(network);
    for (const TreeChoice choice : kChoices) {
      Engine lived(*compiled, {.tree = choice});
      std::vector<std::vector<double>> likelihoods(network.nodes.size());
      std::vector<int> set(network.nodes.size(), -1);
      std::vector<std::vector<double>> tables(network.nodes.size());
      for (int step = 0; step < 40; ++step) {
        const int node = source.Below(static_cast<int>(network.nodes.size()));
        const auto at = static_cast<size_t>(node);
        const int states = static_cast<int>(network.nodes[at].states.size());
        switch (source.Below(5)) {
          case 0:
            likelihoods[at].clear();
            break;
          case 1:
            set[at] = set[at] >= 0 ? -1 : source.Below(states);
            break;
          case 2:
            tables[at].clear();
            if (source.Chance(.5)) {
              for (size_t r = 0; r < std::get<RowTable>(network.nodes[at].table).rows.size(); ++r) {
                for (const double p : source.RandomRow(states, 0.0)) {
                  tables[at].push_back(std::log(p));
                }
              }
            }
            break;
          default:
            likelihoods[at] = source.RandomLikelihood(states, seed % 2 == 0 ? .5 : 0.0);
        }
        lived.SetLogLikelihood(node, likelihoods[at]);
        lived.Intervene(node, set[at]);
        lived.SetLogTable(node, tables[at]);
        // Sometimes nothing is asked, or only a part.
        if (source.Chance(.3)) continue;
        if (source.Chance(.3)) {
          (void)lived.LogMarginal(source.Below(static_cast<int>(network.nodes.size())));
          const int asked = source.Below(static_cast<int>(network.nodes.size()));
          const auto part = lived.LogMarginal(asked);
          Engine fresh(*compiled, {.tree = choice});
          Bring(likelihoods, set, tables, fresh);
          (void)fresh.LogMarginals();
          const auto whole = fresh.LogMarginal(asked);
          ASSERT_EQ(part.ok(), whole.ok());
          if (part.ok()) {
            EXPECT_TRUE(SameBits(*part, *whole)) << "step " << step;
          }
          continue;
        }
        Engine fresh(*compiled, {.tree = choice});
        Bring(likelihoods, set, tables, fresh);
        const auto left = lived.LogWeight();
        const auto right = fresh.LogWeight();
        ASSERT_TRUE(left.ok() && right.ok());
        EXPECT_TRUE(SameBits({*left}, {*right}));
        if (std::isinf(*left)) continue;
        EXPECT_TRUE(SameBits(MarginalsOf(lived), MarginalsOf(fresh))) << "step " << step;
      }
    }
  }
}

TEST(EngineTest, TreesAgreeOnNetworksTooLargeToEnumerate) {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    NetworkSource source(seed);
    const Network network = source.RandomNetwork(60, 4, 0.0);
    const auto compiled = Compiled(network);
    const auto likelihoods = SomeLikelihoods(source, network);
    Engine kept(*compiled, {.tree = TreeChoice::kKeep});
    Engine rebuilt(*compiled, {.tree = TreeChoice::kRebuild});
    Load(likelihoods, kept);
    Load(likelihoods, rebuilt);
    EXPECT_NEAR(*kept.LogWeight(), *rebuilt.LogWeight(), 1e-11);
    const std::vector<double> marginals = MarginalsOf(kept);
    ExpectNear(marginals, MarginalsOf(rebuilt), 1e-12);
    // A third way: one elimination for each node.
    std::vector<double> eliminated;
    for (int node = 0; node < 60; ++node) {
      const auto joint = kept.Joint(std::vector<int>{node});
      ASSERT_TRUE(joint.ok());
      eliminated.insert(eliminated.end(), joint->probabilities.begin(), joint->probabilities.end());
    }
    ExpectNear(marginals, eliminated, 1e-12);
    EXPECT_FALSE(rebuilt.EstimateCost()->keeps_tree);
    EXPECT_LE(rebuilt.EstimateCost()->total_cells, kept.EstimateCost()->total_cells * 2.0);
  }
}

// The weight with one entry of a table replaced, from a network that has it.
double WeightWithEntry(Network network, size_t node, size_t entry, double value,
                       const std::vector<std::vector<double>>& likelihoods) {
  auto& rows = std::get<RowTable>(network.nodes[node].table).rows;
  const size_t states = network.nodes[node].states.size();
  std::get<FixedRow>(rows[entry / states]).probabilities[entry % states] = value;
  double total = 0.0;
  for (const double weight : Enumerate(network, likelihoods)) total += weight;
  return total;
}

TEST(EngineTest, TableDerivativesAreThoseOfTheWeightAlsoAtZero) {
  for (uint32_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    NetworkSource source(seed);
    const Network network = source.RandomNetwork(5, 2, .25);
    const auto compiled = Compiled(network);
    const auto likelihoods = SomeLikelihoods(source, network);
    double total = 0.0;
    for (const double weight : Enumerate(network, likelihoods)) total += weight;
    if (!(total > 0.0)) continue;
    Engine engine(*compiled);
    Load(likelihoods, engine);
    for (size_t node = 0; node < network.nodes.size(); ++node) {
      const auto derivatives = engine.TableDerivatives(static_cast<int>(node));
      ASSERT_TRUE(derivatives.ok()) << derivatives.status();
      for (size_t entry = 0; entry < derivatives->size(); ++entry) {
        // The weight is linear in each entry, so that two points give the slope.
        const double slope = WeightWithEntry(network, node, entry, 1.0, likelihoods) -
                             WeightWithEntry(network, node, entry, 0.0, likelihoods);
        EXPECT_NEAR((*derivatives)[entry], slope / total, 1e-11 * (1.0 + slope / total));
      }
    }
  }
}

TEST(EngineTest, DerivativesToReplacedValuesAreThoseOfTheValuesGiven) {
  const auto network = Compiled(Asia());
  Engine engine(*network);
  engine.Observe(7, 0);
  const auto own = engine.TableDerivatives(3);
  const std::vector<double> same = {std::log(.1), std::log(.9), std::log(.01), std::log(.99)};
  engine.SetLogTable(3, same);
  const auto replaced = engine.TableDerivatives(3);
  ASSERT_TRUE(own.ok() && replaced.ok());
  ExpectNear(*replaced, *own, 1e-13);
}

TEST(EngineTest, CompactTablesHaveNoEntriesToDerive) {
  Network network = Asia();
  network.nodes[5].table = NoisyOr{.leak = .01, .strengths = {{.9, 0}, {.8, 0}}};
  const auto compiled = Compiled(network);
  Engine engine(*compiled);
  ExpectError(engine.TableDerivatives(5).status(), absl::StatusCode::kInvalidArgument, "ROW_KIND");
}

TEST(EngineTest, TheMostProbableConfigurationHasTheGreatestWeight) {
  for (uint32_t seed = 1; seed <= 80; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    NetworkSource source(seed);
    const Network network = source.RandomNetwork(2 + source.Below(6), 3, .25);
    const auto compiled = Compiled(network);
    const auto likelihoods = SomeLikelihoods(source, network);
    const std::vector<double> weights = Enumerate(network, likelihoods);
    double total = 0.0;
    for (const double weight : weights) total += weight;
    Engine engine(*compiled);
    Load(likelihoods, engine);
    const auto best = engine.MostProbable();
    if (!(total > 0.0)) {
      EXPECT_EQ(best.status().code(), absl::StatusCode::kFailedPrecondition);
      continue;
    }
    ASSERT_TRUE(best.ok()) << best.status();
    const double highest = *std::max_element(weights.begin(), weights.end());
    EXPECT_NEAR(best->log_weight, std::log(highest), 1e-12);
    EXPECT_NEAR(best->probability, highest / total, 1e-12);
    size_t cell = 0;
    for (size_t i = 0; i < network.nodes.size(); ++i) {
      cell = cell * network.nodes[i].states.size() + static_cast<size_t>(best->states[i]);
    }
    EXPECT_NEAR(weights[cell], highest, 1e-12 * highest);
  }
}

TEST(EngineTest, TheMostProbableConfigurationOfAsiaHasTheStatedValues) {
  const auto compiled = Compiled(Asia());
  Engine engine(*compiled);
  engine.Observe(7, 0);
  const auto best = engine.MostProbable();
  ASSERT_TRUE(best.ok());
  EXPECT_NEAR(std::exp(best->log_weight), 0.20111652, 1e-8);
  EXPECT_NEAR(best->probability, 0.4613, 5e-5);
}

// A noisy-or so wide that it is decomposed, with the same node given by its rows.
std::pair<Network, Network> WideNoisyOr() {
  NetworkSource source(11);
  std::vector<Node> nodes;
  std::vector<std::string> parents;
  NoisyOr table = {.leak = .03, .strengths = {}};
  for (int i = 0; i < 8; ++i) {
    parents.push_back(absl::StrCat("c", i));
    nodes.push_back(FixedNode(parents.back(), {"yes", "no"}, {}, {source.RandomRow(2, 0)}));
    table.strengths.push_back({source.Between(.1, .9), 0.0});
  }
  std::vector<std::vector<double>> rows;
  for (int row = 0; row < 256; ++row) {
    double none = 1.0 - table.leak;
    for (int i = 0; i < 8; ++i) {
      const bool present = ((row >> (7 - i)) & 1) == 0;
      if (present) none *= 1.0 - table.strengths[static_cast<size_t>(i)][0];
    }
    rows.push_back({1.0 - none, none});
  }
  nodes.push_back(FixedNode("q", {"yes", "no"}, parents, rows));
  Network by_rows = MakeNetwork(nodes);
  Network compact = by_rows;
  compact.nodes.back().table = table;
  return {compact, by_rows};
}

TEST(EngineTest, CompactAndExpandedTablesGiveTheSameAnswers) {
  const auto [compact, by_rows] = WideNoisyOr();
  const auto network = Compiled(compact);
  const auto reference = Compiled(by_rows);
  Engine engine(*network);
  Engine expected(*reference);
  for (Engine* each : {&engine, &expected}) each->Observe(8, 0);
  ExpectNear(MarginalsOf(engine), MarginalsOf(expected), 1e-13);
  const auto best = engine.MostProbable();
  const auto best_expected = expected.MostProbable();
  ASSERT_TRUE(best.ok() && best_expected.ok());
  EXPECT_NEAR(best->log_weight, best_expected->log_weight, 1e-12);
  EXPECT_EQ(best->states, best_expected->states);
  const auto family = engine.Family(8);
  const auto family_expected = expected.Family(8);
  ASSERT_TRUE(family.ok() && family_expected.ok());
  ExpectNear(family->probabilities, family_expected->probabilities, 1e-13);
}

TEST(EngineTest, AConjunctionOfThirtyHasAMostProbableConfiguration) {
  std::vector<Node> nodes;
  std::vector<std::string> parents;
  std::string expression;
  for (int i = 0; i < 30; ++i) {
    parents.push_back(absl::StrCat("p", i));
    nodes.push_back(FixedNode(parents.back(), {"yes", "no"}, {}, {{.4, .6}}));
    expression += absl::StrCat(i == 0 ? "" : " && ", "p", i, " == yes");
  }
  nodes.push_back(FixedNode("q", {"yes", "no"}, parents, {}));
  nodes.back().table = Deterministic{expression};
  const auto compiled = Compiled(MakeNetwork(nodes));
  Engine engine(*compiled);
  EXPECT_NEAR(engine.MostProbable()->log_weight, 30 * std::log(.6), 1e-12);
  engine.Observe(30, 0);
  const auto best = engine.MostProbable();
  ASSERT_TRUE(best.ok());
  EXPECT_NEAR(best->log_weight, 30 * std::log(.4), 1e-12);
  EXPECT_NEAR(best->probability, 1.0, 1e-12);
}

// `count` children of one cause, each with its own likelihood ratio.
Network Star(int count) {
  std::vector<Node> nodes = {FixedNode("cause", {"yes", "no"}, {}, {{.3, .7}})};
  for (int i = 0; i < count; ++i) {
    nodes.push_back(
        FixedNode(absl::StrCat("sign", i), {"yes", "no"}, {"cause"}, {{.8, .2}, {.1, .9}}));
  }
  return MakeNetwork(nodes);
}

TEST(EngineTest, WeightsBeyondDoublesStayExact) {
  // Each report makes a sign 10^-250 times as likely; together they are 10^-10000.
  constexpr int kCount = 40;
  const auto network = Compiled(Star(kCount));
  Engine engine(*network);
  const double log_ratio = -250.0 * std::log(10.0);
  for (int i = 0; i < kCount; ++i) {
    engine.SetLogLikelihood(1 + i, std::vector<double>{log_ratio, kImpossible});
  }
  const double yes = std::log(.3) + kCount * std::log(.8);
  const double no = std::log(.7) + kCount * std::log(.1);
  EXPECT_NEAR(*engine.LogWeight(), kCount * log_ratio + yes + std::log1p(std::exp(no - yes)), 1e-8);
  const auto marginal = engine.LogMarginal(0);
  ASSERT_TRUE(marginal.ok());
  EXPECT_NEAR((*marginal)[1], no - yes, 1e-11);
}

TEST(EngineTest, OddsThatCancelBeyondTheRangeOfDoublesComeBack) {
  // Fifty reports of 10^-300 on the signs and as many of 10^300 on the cause.
  constexpr int kCount = 50;
  const auto compiled = Compiled(Star(kCount));
  Engine engine(*compiled);
  std::vector<double> against = {-300.0 * std::log(10.0) * kCount, 0.0};
  engine.SetLogLikelihood(0, against);
  const auto alone = engine.LogMarginal(0);
  ASSERT_TRUE(alone.ok());
  EXPECT_NEAR((*alone)[0] / (against[0] + std::log(3.0 / 7.0)), 1.0, 1e-14);
  for (int i = 0; i < kCount; ++i) {
    engine.SetLogLikelihood(1 + i, std::vector<double>{0.0, -300.0 * std::log(10.0)});
  }
  // Every sign is there but for 1e-300, which speaks for the cause by 8:1 each.
  const double log_odds = against[0] + std::log(3.0 / 7.0) + kCount * std::log(8.0);
  EXPECT_NEAR((*engine.LogMarginal(0))[0] / log_odds, 1.0, 1e-14);
  against[0] = -kCount * std::log(8.0);
  engine.SetLogLikelihood(0, against);
  EXPECT_NEAR((*engine.LogMarginals())[0][0], std::log(.3), 1e-12);
}

Network Chain(int length) {
  std::vector<Node> nodes;
  for (int i = 0; i < length; ++i) {
    std::vector<std::string> parents;
    if (i > 0) parents.push_back(absl::StrCat("n", i - 1));
    nodes.push_back(FixedNode(
        absl::StrCat("n", i), {"a", "b", "c"}, parents,
        i == 0 ? std::vector<std::vector<double>>{{.2, .3, .5}}
               : std::vector<std::vector<double>>{{.9, .05, .05}, {.1, .8, .1}, {.2, .1, .7}}));
  }
  return MakeNetwork(nodes);
}

TEST(EngineTest, LongChainsAreRightToTheLastStep) {
  const auto network = Compiled(Chain(3'000));
  EXPECT_LE(network->cost().total_cells, 3'000 * 27);
  Engine engine(*network);
  std::vector<double> forward = {.2, .3, .5};
  double log_weight = 0.0;
  const double rows[3][3] = {{.9, .05, .05}, {.1, .8, .1}, {.2, .1, .7}};
  for (int i = 0; i < 3'000; ++i) {
    if (i > 0) {
      std::vector<double> next(3, 0.0);
      for (size_t a = 0; a < 3; ++a) {
        for (size_t b = 0; b < 3; ++b) next[b] += forward[a] * rows[a][b];
      }
      forward = next;
    }
    const std::vector<double> likelihood = {i % 7 == 0 ? 1e-9 : .5, .3, i % 5 == 0 ? 1e-12 : .1};
    std::vector<double> logs;
    double total = 0.0;
    for (size_t s = 0; s < 3; ++s) {
      logs.push_back(std::log(likelihood[s]));
      total += forward[s] *= likelihood[s];
    }
    for (double& value : forward) value /= total;
    log_weight += std::log(total);
    engine.SetLogLikelihood(i, logs);
  }
  EXPECT_NEAR(*engine.LogWeight() / log_weight, 1.0, 1e-13);
  const auto last = engine.LogMarginal(2'999);
  ASSERT_TRUE(last.ok());
  for (size_t s = 0; s < 3; ++s) EXPECT_NEAR(std::exp((*last)[s]), forward[s], 1e-12);
}

// A square of nodes, each with the one above and the one to the left as parents.
Network Square(int side) {
  NetworkSource source(static_cast<uint32_t>(side));
  std::vector<Node> nodes;
  for (int i = 0; i < side * side; ++i) {
    std::vector<std::string> parents;
    if (i >= side) parents.push_back(absl::StrCat("n", i - side));
    if (i % side > 0) parents.push_back(absl::StrCat("n", i - 1));
    std::vector<std::vector<double>> rows(size_t{1} << parents.size());
    for (auto& row : rows) row = source.RandomRow(2, 0);
    nodes.push_back(FixedNode(absl::StrCat("n", i), {"yes", "no"}, parents, rows));
  }
  return MakeNetwork(nodes);
}

TEST(EngineTest, TablesThatAreNotKeptGiveTheSameAnswers) {
  const EngineOptions no_tables = {.most_cells_kept = 0};
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    NetworkSource source(seed);
    const auto network = Compiled(source.RandomNetwork(14, 3, .2));
    const auto nodes = static_cast<int>(network->network().nodes.size());
    const auto states = [&](int node) {
      return static_cast<int>(network->network().nodes[static_cast<size_t>(node)].states.size());
    };
    Engine with_tables(*network);
    Engine without(*network, no_tables);
    std::vector<std::vector<double>> told(static_cast<size_t>(nodes));
    for (int step = 0; step < 12; ++step) {
      const int node = source.Below(nodes);
      std::vector<double> likelihood;
      if (source.Chance(.8)) likelihood = source.RandomLikelihood(states(node));
      told[static_cast<size_t>(node)] = likelihood;
      with_tables.SetLogLikelihood(node, likelihood);
      without.SetLogLikelihood(node, likelihood);
      const auto weight = with_tables.LogWeight();
      ASSERT_TRUE(weight.ok());
      const auto same = without.LogWeight();
      ASSERT_TRUE(same.ok());
      if (std::isinf(*weight)) {
        EXPECT_EQ(*same, *weight);
        continue;
      }
      EXPECT_NEAR(*same, *weight, 1e-12 * (1.0 + std::abs(*weight)));
      ExpectNear(MarginalsOf(without), MarginalsOf(with_tables), 1e-13);
      const int other = source.Below(nodes);
      ExpectNear(without.Family(other)->probabilities, with_tables.Family(other)->probabilities,
                 1e-12);
      Engine fresh(*network, no_tables);
      Load(told, fresh);
      EXPECT_TRUE(SameBits(MarginalsOf(fresh), MarginalsOf(without)));
    }
  }
}

TEST(EngineTest, CliquesOfManyCellsAgreeWithElimination) {
  const auto network = Compiled(Square(14));
  EXPECT_GE(network->cost().largest_clique_cells, 1 << 14);
  for (const int64_t most_cells_kept : {int64_t{1} << 30, int64_t{1} << 12}) {
    Engine engine(*network, {.most_cells_kept = most_cells_kept});
    engine.Observe(40, 0);
    engine.Observe(160, 1);
    engine.SetLogLikelihood(90, std::vector<double>{0.0, -1.0});
    const std::vector<double> marginals = MarginalsOf(engine);
    for (const int node : {0, 17, 119, 195}) {
      const auto joint = engine.Joint(std::vector<int>{node});
      ASSERT_TRUE(joint.ok());
      EXPECT_NEAR(marginals[static_cast<size_t>(2 * node)], joint->probabilities[0], 1e-12);
    }
    // In place of large tables too, a change and its undoing leave the same bits.
    engine.Observe(100, 1);
    (void)MarginalsOf(engine);
    engine.SetLogLikelihood(100, {});
    EXPECT_TRUE(SameBits(MarginalsOf(engine), marginals));
  }
}

// A sweep needs tables of 21 or 22 variables; the heuristics that look at a variable's neighbours
// alone need some hundred times the cells.
TEST(EngineTest, LatticesAreSweptOver) {
  const auto network =
      CompiledNetwork::Compile(Square(20), {.memory_budget_bytes = int64_t{1} << 32});
  ASSERT_TRUE(network.ok()) << network.status();
  EXPECT_LE((*network)->cost().largest_clique_cells, int64_t{1} << 22);
  EXPECT_LE((*network)->cost().total_cells, 250'000'000);
}

TEST(EngineTest, WhatDoesNotFitIsRefusedWithTheEstimate) {
  const Network network = Square(40);
  const auto refused =
      CompiledNetwork::Compile(network, {.memory_budget_bytes = 1 << 20, .without_tree = false});
  const ErrorDetail detail = ExpectError(refused.status(), absl::StatusCode::kResourceExhausted,
                                         "INFERENCE_BUDGET_EXCEEDED");
  EXPECT_EQ(detail.metadata.at("network"), "test");
  EXPECT_GT(std::stod(detail.metadata.at("cells")), 131'072.0);
  EXPECT_GT(std::stod(detail.metadata.at("bytes")), 1'048'576.0);
  EXPECT_EQ(detail.metadata.at("budget_bytes"), "1048576");
  EXPECT_FALSE(detail.metadata.at("clique").empty());
}

TEST(EngineTest, EvidenceCanMakeAQuestionFit) {
  constexpr int kSide = 24;
  const auto network = CompiledNetwork::Compile(
      Square(kSide), {.memory_budget_bytes = 1 << 20, .without_tree = true});
  ASSERT_TRUE(network.ok()) << network.status();
  Engine engine(**network, {.memory_budget_bytes = 1 << 20});
  ExpectError(engine.LogMarginal(0).status(), absl::StatusCode::kResourceExhausted,
              "INFERENCE_BUDGET_EXCEEDED");
  // Observing every fourth row cuts the square into strips.
  for (int row = 3; row < kSide; row += 4) {
    for (int column = 0; column < kSide; ++column) {
      engine.Observe(row * kSide + column, (row + column) % 2);
    }
  }
  const auto cost = engine.EstimateCost();
  ASSERT_TRUE(cost.ok()) << cost.status();
  EXPECT_FALSE(cost->keeps_tree);
  EXPECT_LE(cost->bytes, 1 << 20);
  const auto marginal = engine.LogMarginal(0);
  ASSERT_TRUE(marginal.ok()) << marginal.status();
  const auto joint = engine.Joint(std::vector<int>{0});
  ASSERT_TRUE(joint.ok()) << joint.status();
  EXPECT_NEAR(std::exp((*marginal)[0]), joint->probabilities[0], 1e-12);
}

TEST(ApproximationTest, LiesWithinItsStandardErrors) {
  int outside = 0;
  int total = 0;
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    NetworkSource source(seed);
    const Network network = source.RandomNetwork(12, 3, 0.0);
    const auto compiled = Compiled(network);
    Engine engine(*compiled);
    Load(SomeLikelihoods(source, network), engine);
    const auto answer = engine.Approximate({.samples = 20'000, .seed = seed});
    if (std::isinf(*engine.LogWeight())) continue;
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_NEAR(answer->log_weight, *engine.LogWeight(),
                5.0 * answer->log_weight_standard_error + 1e-9);
    const auto marginals = engine.LogMarginals();
    ASSERT_TRUE(marginals.ok());
    for (size_t node = 0; node < marginals->size(); ++node) {
      for (size_t s = 0; s < (*marginals)[node].size(); ++s) {
        const double miss =
            std::abs(answer->probabilities[node][s] - std::exp((*marginals)[node][s]));
        ++total;
        if (miss > 3.0 * answer->standard_errors[node][s] + 1e-12) ++outside;
      }
    }
  }
  // Of normal errors 0.3 % lie outside of three standard errors.
  EXPECT_LE(outside, total / 50);
  EXPECT_GT(total, 200);
}

TEST(ApproximationTest, TheSameSeedGivesTheSameBits) {
  const auto network = Compiled(Asia());
  Engine engine(*network);
  engine.Observe(7, 0);
  const auto first = engine.Approximate({.samples = 1'000, .seed = 5});
  const auto again = engine.Approximate({.samples = 1'000, .seed = 5});
  const auto other = engine.Approximate({.samples = 1'000, .seed = 6});
  ASSERT_TRUE(first.ok() && again.ok() && other.ok());
  EXPECT_EQ(first->probabilities, again->probabilities);
  EXPECT_NE(first->probabilities, other->probabilities);
}

TEST(ApproximationTest, EvidenceThatNoSampleMeetsIsNotAnswered) {
  const auto network = Compiled(Asia());
  Engine engine(*network);
  engine.Observe(3, 0);
  engine.Observe(5, 1);
  ExpectError(engine.Approximate({.samples = 100, .seed = 1}).status(),
              absl::StatusCode::kResourceExhausted, "INFERENCE_BUDGET_EXCEEDED");
}

TEST(ApproximationTest, FarBelowTheRangeOfDoublesWeightsStillCount) {
  const auto network = Compiled(Chain(1'000));
  Engine engine(*network);
  for (int i = 0; i < 1'000; ++i) {
    engine.SetLogLikelihood(i, std::vector<double>(3, -5.0 - .001 * i));
  }
  const auto answer = engine.Approximate({.samples = 200, .seed = 2});
  ASSERT_TRUE(answer.ok());
  EXPECT_NEAR(answer->log_weight, *engine.LogWeight(), 1e-6);
}

}  // namespace
}  // namespace credence::forecaster::testing
