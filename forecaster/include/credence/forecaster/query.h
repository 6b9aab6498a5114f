#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "credence/forecaster/engine.h"
#include "credence/forecaster/posterior.h"

namespace credence::forecaster {

// P of each configuration of some nodes by name.
struct JointPosterior {
  std::vector<std::string> nodes;
  // Row-major over `nodes` in their order, the last changing fastest; sums to 1.
  std::vector<double> probabilities;
};

// The states of all nodes that are most probable together.
struct MostProbableExplanation {
  // In the order of network().nodes.
  std::vector<std::string> states;
  // ln of their probability given the evidence; <= 0.
  double log_probability = 0.0;
};

// A network with the evidence in force at an instant, opened once and asked many things. All
// answers are those of the same evidence; nothing that is asked changes it.
//
// Errors: those of ComputePosterior; NOT_FOUND for a node or state that does not exist.
//
// Thread safety: not safe; one per thread.
class Query {
 public:
  // Keeps references to the network, the items and the options.
  [[nodiscard]] static absl::StatusOr<Query> Open(const CompiledNetwork& network,
                                                  std::span<const EvidenceItem> items,
                                                  const InferenceOptions& options);
  ~Query();
  Query(Query&&) noexcept;
  Query& operator=(Query&&) noexcept;

  // Posterior::log_weight.
  [[nodiscard]] absl::StatusOr<double> LogWeight();

  // One node, and all in the order of network().nodes.
  [[nodiscard]] absl::StatusOr<NodePosterior> Marginal(std::string_view node);
  [[nodiscard]] absl::StatusOr<std::vector<NodePosterior>> Marginals();

  // Of a few nodes, each named once (INVALID_ARGUMENT otherwise, NAME_DUPLICATE).
  [[nodiscard]] absl::StatusOr<JointPosterior> Joint(std::span<const std::string> nodes);

  // P(parents, node | evidence): the parents in their order, then the node.
  [[nodiscard]] absl::StatusOr<JointPosterior> Family(std::string_view node);

  // Of equals always the same.
  [[nodiscard]] absl::StatusOr<MostProbableExplanation> MostProbable();

  // Posterior::conflict.
  [[nodiscard]] absl::StatusOr<double> Conflict();

  // What a marginal or LogWeight costs.
  [[nodiscard]] absl::StatusOr<QueryCost> EstimateCost();

  // Ids of the items in force, in ItemOrder.
  [[nodiscard]] std::vector<std::string> ItemsInForce() const;

  // Loads all of this evidence into an engine over the same network, for questions by position
  // (with a node supposed in a state, other table values, and the like).
  void LoadInto(Engine& engine) const;

 private:
  struct State;
  explicit Query(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace credence::forecaster
