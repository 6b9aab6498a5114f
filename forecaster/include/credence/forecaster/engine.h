#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "credence/forecaster/network.h"

// Exact inference by position: nodes and states are indices, evidence is one likelihood vector a
// node, and the answers are plain numbers. What evidence items amount to is worked out by Query
// (query.h), which is built on this.
namespace credence::forecaster {

// Which junction tree to compute with.
enum class TreeChoice {
  // The network's own, unless evidence makes another one so much cheaper that finding it pays.
  kAutomatic,
  // The network's own: best where evidence changes item by item.
  kKeep,
  // One found for the evidence: best where it is asked about once.
  kRebuild,
};

struct EngineOptions {
  // Upper bound on the bytes of the tables and messages kept for one question, and on two bytes for
  // each cell of all tables, kept or not; beyond it the question is refused.
  int64_t memory_budget_bytes = int64_t{1} << 30;
  // Where exact inference fits the budget in one way only, that way is taken.
  TreeChoice tree = TreeChoice::kAutomatic;
  // Tables of more cells are worked out anew whenever they are needed: what the caches do not hold
  // is as quickly multiplied as fetched. They take no memory. A tree found for one question keeps
  // smaller ones only.
  int64_t most_cells_kept = int64_t{1} << 17;
  // Asked before each propagation or elimination, and now and then while samples are drawn:
  // anything but OK ends the question with it, and the engine can be asked again. Empty: nothing is
  // asked.
  std::function<absl::Status()> may_go_on{};
};

// What one question costs, known before it is paid.
struct QueryCost {
  // Cells of the largest clique table and of all of them; exact integers up to 2^53.
  double largest_clique_cells = 0.0;
  double total_cells = 0.0;
  double bytes = 0.0;
  int64_t clique_count = 0;
  // Whether the tables are those of the network's own junction tree.
  bool keeps_tree = true;
  // The nodes of the largest clique, rising; auxiliary variables of compact tables left out.
  std::vector<int> largest_clique;
};

// P of each configuration of some nodes.
struct JointTable {
  std::vector<int> nodes;
  // Row-major over `nodes` in their order, the last changing fastest; sums to 1.
  std::vector<double> probabilities;
};

// The configuration of all nodes that is most probable given the evidence.
struct MostProbableConfiguration {
  // The state of each node.
  std::vector<int> states;
  // ln of its weight: of the product of its table entries and likelihoods.
  double log_weight = 0.0;
  // Its probability given the evidence: its weight over that of all.
  double probability = 0.0;
};

struct ApproximateOptions {
  int64_t samples = 100'000;
  uint64_t seed = 0;
};

// Estimates, each with its standard error.
struct ApproximateAnswer {
  // For each node, in state order.
  std::vector<std::vector<double>> probabilities;
  std::vector<std::vector<double>> standard_errors;
  // ln of the total weight, and the standard error of that logarithm.
  double log_weight = 0.0;
  double log_weight_standard_error = 0.0;
  // How many equally weighted samples would tell as much (Kish 1965).
  double effective_samples = 0.0;
  int64_t samples = 0;
};

// A compiled network with what is known of its nodes. Evidence is a set, so the answers depend on
// what is set, never on the order in which it was set; what changed since the last question alone
// is computed anew.
//
// Node and state arguments are valid positions. Questions return RESOURCE_EXHAUSTED (reason
// INFERENCE_BUDGET_EXCEEDED; metadata network, clique, cells, bytes, budget_bytes) where exact
// inference does not fit the budget, and those about probabilities FAILED_PRECONDITION (reason
// CONTRADICTORY_EVIDENCE, subjects the names of the nodes with evidence) where the evidence is
// impossible. Weights however small are never taken for impossible.
//
// Thread safety: not safe; one per thread. Any number may share one CompiledNetwork.
class Engine {
 public:
  // Keeps a reference to the network.
  explicit Engine(const CompiledNetwork& network, const EngineOptions& options = {});
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  [[nodiscard]] const CompiledNetwork& network() const;

  // ln of the node's likelihood vector, in place of what was set before: finite or -infinity (the
  // state is ruled out). Empty takes it away.
  void SetLogLikelihood(int node, std::span<const double> log_likelihood);

  // The node is in this state: a likelihood of 1 there and 0 elsewhere.
  void Observe(int node, int state);

  // do(node = state) (Pearl 1995): its table says nothing; -1 takes it away. Its likelihood stays.
  void Intervene(int node, int state);

  // ln of the values of the node's table, row-major over its parents in their order and then its
  // own states, in place of the network's; empty takes them away. Rows need not sum to 1. Only for
  // nodes whose table is given by rows. Hazard nodes have no values but those set here; until then
  // their table says nothing.
  void SetLogTable(int node, std::span<const double> log_values);

  // ln of the sum over all configurations of the product of tables and likelihoods: ln P(e) where
  // the likelihoods are probabilities. -infinity when impossible, which is no error here.
  [[nodiscard]] absl::StatusOr<double> LogWeight();

  // Normalised ln P(state | evidence), in state order.
  [[nodiscard]] absl::StatusOr<std::vector<double>> LogMarginal(int node);

  // The same of every node.
  [[nodiscard]] absl::StatusOr<std::vector<std::vector<double>>> LogMarginals();

  // P(state | evidence) of every node, one after the other in one list. Valid until the next call
  // that is not const. What is below the smallest double is 0 here.
  [[nodiscard]] absl::StatusOr<std::span<const double>> Marginals();

  // Of up to a few nodes, each named once. Nodes that no table joins cost a pass of their own over
  // a part of the network.
  [[nodiscard]] absl::StatusOr<JointTable> Joint(std::span<const int> nodes);

  // P(parents, node | evidence): Joint of the node's parents in their order and then the node.
  [[nodiscard]] absl::StatusOr<JointTable> Family(int node);

  // d ln weight / d value of each entry of the node's table, row-major over its parents and then
  // the node, as if entries were free of each other (Darwiche 2003): the entry times its derivative
  // is the family's probability. INVALID_ARGUMENT (ROW_KIND) for a node whose table is not given by
  // rows, and FAILED_PRECONDITION where the node is under intervention.
  [[nodiscard]] absl::StatusOr<std::vector<double>> TableDerivatives(int node);

  // One of the most probable configurations of all nodes together, which need not be that of the
  // most probable states; of equals always the same.
  [[nodiscard]] absl::StatusOr<MostProbableConfiguration> MostProbable();

  // Likelihood weighting (Fung and Chang 1990, Shachter and Peot 1990): never chosen by itself,
  // needs no junction tree. The same seed gives the same answer. RESOURCE_EXHAUSTED where no sample
  // agrees with the evidence, which is then improbable or impossible.
  [[nodiscard]] absl::StatusOr<ApproximateAnswer> Approximate(const ApproximateOptions& options);

  // What the next LogWeight or marginal costs as things stand.
  [[nodiscard]] absl::StatusOr<QueryCost> EstimateCost();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace credence::forecaster
