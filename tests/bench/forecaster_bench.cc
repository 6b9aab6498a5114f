// credence_forecaster_bench [NETWORKS_DIRECTORY] [OUTPUT.json]: inference by itself, one thread.
// Interleaved rounds of dlib's join tree (where the program was built with it) and of ours on every
// BIF file of the directory, a tenth of the nodes observed: cold (evidence, tree, messages, all
// marginals), warm (the tree stays, the evidence is another), and with one report more or less.
// Then a question network of 50 nodes with 500 reports, a chain of 3,000 steps, networks drawn to
// the shape of the large public ones, and what a refusal takes. Times are processor time of the
// thread, which other programs do not disturb much.
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "credence/base/check.h"
#include "credence/forecaster/engine.h"
#include "credence/forecaster/formats.h"
#include "credence/forecaster/posterior.h"
#include "dlib_tree.h"
#include "large_networks.h"

namespace credence::bench {
namespace {

using forecaster::CompiledNetwork;
using forecaster::Engine;
using forecaster::Network;
using forecaster::Node;
using forecaster::TreeChoice;

using Evidence = std::vector<std::pair<int, int>>;

constexpr int64_t kBudgetBytes = int64_t{4} << 30;

double NowMicros() {
  timespec now{};
  CREDENCE_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
  return 1e6 * static_cast<double>(now.tv_sec) + 1e-3 * static_cast<double>(now.tv_nsec);
}

double Measure(const std::function<void()>& work) {
  const double start = NowMicros();
  work();
  return NowMicros() - start;
}

double Median(std::vector<double> values) {
  CREDENCE_CHECK(!values.empty());
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Prints figures as they are measured, and keeps them for the file.
class Reporter {
 public:
  void Add(const std::string& name, double value, const std::string& unit) {
    absl::PrintF("  %-44s %12.3f %s\n", name, value, unit);
    absl::StrAppend(&json_, json_.empty() ? "" : ",\n", "  {\"name\": \"", name,
                    "\", \"value\": ", value, ", \"unit\": \"", unit, "\"}");
  }
  [[nodiscard]] std::string Json() const { return absl::StrCat("[\n", json_, "\n]\n"); }

 private:
  std::string json_;
};

std::shared_ptr<const CompiledNetwork> Compile(Network network) {
  auto compiled = CompiledNetwork::Compile(std::move(network));
  CREDENCE_CHECK(compiled.ok());
  return *compiled;
}

forecaster::EngineOptions Options(TreeChoice choice) {
  return {.memory_budget_bytes = kBudgetBytes, .tree = choice};
}

void Load(const Evidence& evidence, Engine& engine) {
  for (const auto& [node, state] : evidence) engine.Observe(node, state);
}

void Unload(const Evidence& evidence, Engine& engine) {
  for (const auto& [node, state] : evidence) engine.SetLogLikelihood(node, {});
}

std::vector<double> Read(Engine& engine) {
  const auto marginals = engine.Marginals();
  CREDENCE_CHECK(marginals.ok());
  return {marginals->begin(), marginals->end()};
}

// Draws a state of every node given its parents', and observes a tenth of the nodes: states that
// can be together.
class EvidenceSampler {
 public:
  EvidenceSampler(const Network& network, uint32_t seed) : network_(network), random_(seed) {
    std::map<std::string, size_t> index;
    for (size_t i = 0; i < network.nodes.size(); ++i) index[network.nodes[i].name] = i;
    for (const Node& node : network.nodes) {
      std::vector<size_t>& own = parents_.emplace_back();
      for (const std::string& parent : node.parents) own.push_back(index.at(parent));
    }
  }

  Evidence Draw() {
    const size_t nodes = network_.nodes.size();
    states_.assign(nodes, -1);
    std::vector<int> order(nodes);
    for (size_t i = 0; i < nodes; ++i) order[i] = static_cast<int>(i);
    std::shuffle(order.begin(), order.end(), random_);
    order.resize(std::max<size_t>(1, nodes / 10));
    Evidence evidence;
    for (const int node : order) evidence.emplace_back(node, StateOf(static_cast<size_t>(node)));
    return evidence;
  }

  // A node without evidence.
  int FreeNode(const Evidence& evidence) {
    while (true) {
      const auto node = static_cast<int>(random_() % network_.nodes.size());
      const bool observed = std::any_of(evidence.begin(), evidence.end(),
                                        [node](const auto& item) { return item.first == node; });
      if (!observed) return node;
    }
  }

 private:
  int StateOf(size_t node) {
    if (states_[node] >= 0) return states_[node];
    size_t row = 0;
    for (const size_t parent : parents_[node]) {
      row = row * network_.nodes[parent].states.size() + static_cast<size_t>(StateOf(parent));
    }
    const auto& table = std::get<forecaster::RowTable>(network_.nodes[node].table);
    const auto& values = std::get<forecaster::FixedRow>(table.rows[row]).probabilities;
    std::discrete_distribution<int> draw(values.begin(), values.end());
    return states_[node] = draw(random_);
  }

  const Network& network_;
  std::mt19937 random_;
  std::vector<std::vector<size_t>> parents_;
  std::vector<int> states_;
};

struct NetworkTimes {
  std::vector<double> dlib, rebuilt, kept, automatic, over_better, warm, added, retracted, one;
  double worst_difference = 0.0;
};

double WorstDifference(const std::vector<double>& a, const std::vector<double>& b) {
  CREDENCE_CHECK(a.size() == b.size());
  double worst = 0.0;
  for (size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

void MeasureFresh(const CompiledNetwork& network, const Evidence& evidence, TreeChoice choice,
                  std::vector<double>& times) {
  times.push_back(Measure([&] {
    Engine engine(network, Options(choice));
    Load(evidence, engine);
    CREDENCE_CHECK(engine.Marginals().ok());
  }));
}

// From nothing, each way; and what the automatic choice costs beside the better of the two.
void MeasureCold(const CompiledNetwork& network, const Evidence& evidence, NetworkTimes& times) {
  MeasureFresh(network, evidence, TreeChoice::kRebuild, times.rebuilt);
  MeasureFresh(network, evidence, TreeChoice::kKeep, times.kept);
  MeasureFresh(network, evidence, TreeChoice::kAutomatic, times.automatic);
  times.over_better.push_back(times.automatic.back() /
                              std::min(times.rebuilt.back(), times.kept.back()));
}

// One report more on a node that has none, then gone again.
void MeasureItem(Engine& engine, int node, int target, NetworkTimes& times) {
  const auto states = engine.network().network().nodes[static_cast<size_t>(node)].states.size();
  std::vector<double> report(states, 0.0);
  report[0] = 1.0;
  const auto set = [&](std::span<const double> values) {
    return Measure([&] {
      engine.SetLogLikelihood(node, values);
      CREDENCE_CHECK(engine.Marginals().ok());
    });
  };
  times.added.push_back(set(report));
  times.retracted.push_back(set({}));
  times.one.push_back(Measure([&] {
    engine.SetLogLikelihood(node, report);
    CREDENCE_CHECK(engine.LogMarginal(target).ok());
  }));
  set({});
}

NetworkTimes MeasureNetwork(const Network& network, const CompiledNetwork& compiled) {
  constexpr int kRounds = 41;
  constexpr double kPatienceMicros = 5e6;
  // Its trees are so large that no more can be waited for.
  constexpr int64_t kMostCellsForDlib = 30'000;
  EvidenceSampler sampler(network, 1);
  const std::unique_ptr<DlibTree> dlib =
      compiled.cost().total_cells <= kMostCellsForDlib ? DlibTree::Make(network) : nullptr;
  Engine warm(compiled, Options(TreeChoice::kKeep));
  NetworkTimes times;
  Evidence before;
  double dlib_total = 0.0;
  const double start = NowMicros();
  for (int round = 0; round < kRounds; ++round) {
    if (NowMicros() - start - dlib_total > kPatienceMicros) break;
    const Evidence evidence = sampler.Draw();
    times.warm.push_back(Measure([&] {
      Unload(before, warm);
      Load(evidence, warm);
      CREDENCE_CHECK(warm.Marginals().ok());
    }));
    before = evidence;
    const std::vector<double> ours = Read(warm);
    MeasureCold(compiled, evidence, times);
    MeasureItem(warm, sampler.FreeNode(evidence), sampler.FreeNode(evidence), times);
    if (dlib == nullptr || dlib_total > kPatienceMicros) continue;
    std::vector<double> theirs;
    times.dlib.push_back(Measure([&] { theirs = dlib->Marginals(evidence); }));
    dlib_total += times.dlib.back();
    times.worst_difference = std::max(times.worst_difference, WorstDifference(ours, theirs));
  }
  return times;
}

void BenchNetwork(const std::string& name, const Network& network, Reporter& reporter) {
  std::shared_ptr<const CompiledNetwork> compiled;
  absl::Status status;
  const double compile = Measure([&] {
    auto made = CompiledNetwork::Compile(network, {.memory_budget_bytes = kBudgetBytes});
    status = made.status();
    if (made.ok()) compiled = *std::move(made);
  });
  if (compiled == nullptr) {
    absl::PrintF("%s: %d nodes, refused: %s\n", name, network.nodes.size(), status.message());
    reporter.Add(absl::StrCat(name, " refused"), compile, "us");
    return;
  }
  absl::PrintF("%s: %d nodes, %d cells in %d cliques\n", name, network.nodes.size(),
               compiled->cost().total_cells, compiled->cost().clique_count);
  const NetworkTimes times = MeasureNetwork(network, *compiled);
  const auto add = [&](const std::string& what, double value, const std::string& unit) {
    reporter.Add(absl::StrCat(name, " ", what), value, unit);
  };
  add("compile", compile, "us");
  if (!times.dlib.empty()) {
    add("dlib cold", Median(times.dlib), "us");
    add("dlib cold over ours", Median(times.dlib) / Median(times.automatic), "");
    add("dlib worst difference", times.worst_difference, "");
  }
  add("cold, new tree", Median(times.rebuilt), "us");
  add("cold, compiled tree", Median(times.kept), "us");
  add("cold, automatic", Median(times.automatic), "us");
  add("automatic over the better", Median(times.over_better), "");
  const double warm = Median(times.warm);
  add("warm", warm, "us");
  add("one item added, all marginals, of warm", Median(times.added) / warm, "");
  add("one item retracted, all marginals, of warm", Median(times.retracted) / warm, "");
  add("one item added, one marginal, of warm", Median(times.one) / warm, "");
  add("warm per clique entry, two passes",
      1e3 * warm / static_cast<double>(compiled->cost().total_cells), "ns");
}

void BenchNetworks(const std::filesystem::path& directory, Reporter& reporter) {
  std::vector<std::pair<uintmax_t, std::filesystem::path>> files;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(directory, missing)) {
    if (entry.path().extension() == ".bif") files.emplace_back(entry.file_size(), entry.path());
  }
  if (files.empty()) absl::PrintF("no networks in %s: that part is left out\n", directory.string());
  std::sort(files.begin(), files.end());
  for (const auto& [size, path] : files) {
    std::ifstream stream(path);
    std::stringstream text;
    text << stream.rdbuf();
    const auto file = forecaster::ParseNetworkFile(forecaster::NetworkFormat::kBif, text.str());
    CREDENCE_CHECK(file.ok());
    BenchNetwork(path.stem().string(), file->network, reporter);
  }
}

// A network of two-state nodes with random rows; parents[i] are those of node i.
Network BinaryNetwork(const std::vector<std::vector<int>>& parents, std::mt19937& random) {
  std::uniform_real_distribution<double> uniform(.05, .95);
  Network network;
  network.name = "bench";
  network.open_time = absl::UnixEpoch();
  network.deadline = absl::UnixEpoch() + absl::Hours(24 * 365);
  for (size_t i = 0; i < parents.size(); ++i) {
    Node node;
    node.name = absl::StrCat("node-", i);
    node.states = {"yes", "no"};
    forecaster::RowTable table;
    for (const int parent : parents[i]) node.parents.push_back(absl::StrCat("node-", parent));
    for (size_t row = 0; row < size_t{1} << parents[i].size(); ++row) {
      const double p = uniform(random);
      table.rows.emplace_back(forecaster::FixedRow{{p, 1.0 - p}});
    }
    node.table = table;
    network.nodes.push_back(node);
  }
  return network;
}

// 50 nodes with up to two parents near them; every tenth is a deadline.
Network QuestionNetwork(std::mt19937& random) {
  std::vector<std::vector<int>> parents(50);
  for (int i = 1; i < 50; ++i) {
    for (int k = 0; k < 2; ++k) {
      const int parent = std::max(0, i - 1 - static_cast<int>(random() % 6));
      std::vector<int>& own = parents[static_cast<size_t>(i)];
      if (std::find(own.begin(), own.end(), parent) == own.end()) own.push_back(parent);
    }
  }
  Network network = BinaryNetwork(parents, random);
  for (size_t i = 9; i < 50; i += 10) {
    for (auto& row : std::get<forecaster::RowTable>(network.nodes[i].table).rows) {
      row = forecaster::HazardRow{.shape = 1.0 + static_cast<double>(random() % 3),
                                  .rate_days = 500.0 + static_cast<double>(random() % 4'000)};
    }
  }
  return network;
}

std::vector<forecaster::EvidenceItem> Reports(const Network& network, std::mt19937& random) {
  std::uniform_real_distribution<double> ratio(.3, 3.0);
  std::vector<forecaster::EvidenceItem> items(500);
  for (size_t i = 0; i < items.size(); ++i) {
    forecaster::EvidenceItem& item = items[i];
    item.id = absl::StrCat("item-", i);
    item.node = absl::StrCat("node-", random() % 50);
    item.statement = forecaster::LikelihoodRatio{ratio(random)};
    if (i % 3 == 0) item.grade = forecaster::AdmiraltyGrade{'B', '2'};
    if (i % 4 == 0) item.half_life_days = 60;
    if (i % 5 == 0) item.cluster = absl::StrCat("cluster-", i % 7);
    item.occur_time = network.open_time + absl::Hours(random() % 2'400);
    item.effective_time = item.occur_time;
  }
  return items;
}

void BenchQuestions(Reporter& reporter) {
  constexpr int kRounds = 201;
  std::mt19937 random(2);
  const Network network = QuestionNetwork(random);
  const auto compiled = Compile(network);
  const std::vector<forecaster::EvidenceItem> items = Reports(network, random);
  forecaster::InferenceOptions options;
  options.at = network.open_time + absl::Hours(24 * 150);
  options.with_conflict = false;
  std::vector<double> one_more;
  std::vector<double> later;
  std::vector<double> with_conflict;
  for (int round = 0; round < kRounds; ++round) {
    const size_t count = 300 + static_cast<size_t>(round % 200);
    const std::span<const forecaster::EvidenceItem> present(items.data(), count);
    const std::span<const forecaster::EvidenceItem> all(items);
    options.with_conflict = false;
    CREDENCE_CHECK(ComputePosterior(*compiled, present, options).ok());
    one_more.push_back(
        Measure([&] { CREDENCE_CHECK(ComputePosterior(*compiled, all, options).ok()); }));
    options.at += absl::Minutes(1);
    later.push_back(
        Measure([&] { CREDENCE_CHECK(ComputePosterior(*compiled, all, options).ok()); }));
    options.with_conflict = true;
    with_conflict.push_back(
        Measure([&] { CREDENCE_CHECK(ComputePosterior(*compiled, all, options).ok()); }));
  }
  absl::PrintF("question network: 50 nodes, 500 reports, everything from the reports on\n");
  reporter.Add("questions one report more, all posteriors", Median(one_more), "us");
  reporter.Add("questions another instant, all posteriors", Median(later), "us");
  reporter.Add("questions with the measure of conflict", Median(with_conflict), "us");
}

std::vector<std::vector<int>> SquareParents(int side) {
  std::vector<std::vector<int>> parents;
  for (int i = 0; i < side * side; ++i) {
    std::vector<int>& own = parents.emplace_back();
    if (i >= side) own.push_back(i - side);
    if (i % side > 0) own.push_back(i - 1);
  }
  return parents;
}

void BenchLarge(Reporter& reporter) {
  std::mt19937 random(3);
  absl::PrintF("large networks\n");
  std::vector<std::vector<int>> chain(3'000);
  for (int i = 1; i < 3'000; ++i) chain[static_cast<size_t>(i)] = {i - 1};
  const Network long_chain = BinaryNetwork(chain, random);
  reporter.Add("chain of 3,000 compile and propagate", 1e-3 * Measure([&] {
                                                         const auto compiled = Compile(long_chain);
                                                         Engine engine(*compiled);
                                                         CREDENCE_CHECK(engine.Marginals().ok());
                                                       }),
               "ms");
  for (const Shape& shape : LargeShapes()) {
    BenchNetwork(shape.name, NetworkOf(shape, 0.1, 1), reporter);
  }
  const auto square = Compile(BinaryNetwork(SquareParents(15), random));
  Engine engine(*square);
  CREDENCE_CHECK(engine.Marginals().ok());
  std::vector<double> passes;
  for (int round = 0; round < 5; ++round) {
    // A report on every node makes every message another.
    for (int node = 0; node < 225; ++node) {
      engine.SetLogLikelihood(node, std::vector<double>{0.01 * round, 0.0});
    }
    passes.push_back(Measure([&] { CREDENCE_CHECK(engine.Marginals().ok()); }));
  }
  const auto cells = static_cast<double>(square->cost().total_cells);
  reporter.Add("square of 15 cells", 1e-6 * cells, "million");
  reporter.Add("square of 15 per clique entry, two passes", 1e3 * Median(passes) / cells, "ns");
  const Network too_large = BinaryNetwork(SquareParents(70), random);
  reporter.Add("square of 70 refused",
               1e-3 * Measure([&] { CREDENCE_CHECK(!CompiledNetwork::Compile(too_large).ok()); }),
               "ms");
}

}  // namespace
}  // namespace credence::bench

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "../shared/data/networks";
  credence::bench::Reporter reporter;
  credence::bench::BenchNetworks(directory, reporter);
  credence::bench::BenchQuestions(reporter);
  credence::bench::BenchLarge(reporter);
  if (argc > 2) std::ofstream(argv[2]) << reporter.Json();
  return 0;
}
