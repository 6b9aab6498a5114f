#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "credence/forecaster/engine.h"
#include "inference/evidence_state.h"
#include "inference/propagation.h"
#include "inference/tree_choice.h"

namespace credence::forecaster {

// The junction tree that an engine computes with for the evidence it has, and the messages in it.
// The choice of the tree depends on which variables are observed, nothing else. Not thread-safe.
class TreeState {
 public:
  // Keeps references to both.
  TreeState(const CompiledModel& model, EvidenceState& evidence, const EngineOptions& options);

  // Takes the changes of the evidence. RESOURCE_EXHAUSTED where no tree fits the budget.
  absl::Status Refresh();

  // After Refresh: ln of the weight of all, scales included; -infinity when impossible.
  absl::StatusOr<double> LogWeight();

  // After Refresh: whether that weight is not 0.
  absl::StatusOr<bool> IsPossible();

  // After IsPossible. Normalised ln P of an unobserved node's states.
  absl::StatusOr<std::vector<double>> LogMarginal(int node);
  // P of the states of every node, one after the other.
  absl::Status PutMarginals(std::span<double> result);
  // Whether all marginals will be asked for, so that they are worked out in one go.
  void DistributeAll();

  // After IsPossible: ln of that by which each value of the factor is multiplied in
  // the sum of all weights, over that sum.
  absl::StatusOr<std::vector<double>> LogDerivatives(int factor);
  // P of each configuration of the factor's variables.
  absl::StatusOr<JointTable> Family(int factor);

  [[nodiscard]] TreeCost Cost() const;
  [[nodiscard]] const JunctionTree& tree() const { return *tree_; }
  // Whether the tree is the network's own.
  [[nodiscard]] bool kept() const { return kept_; }

 private:
  absl::Status Choose();
  absl::Status Use(bool kept, JunctionTree tree, TreeScopes scopes);
  void UpdateKept();
  absl::Status PutMarginal(int node, std::span<double> result);
  absl::Status NeedWide();
  absl::StatusOr<bool> IsWide();
  absl::StatusOr<bool> IsWideAt(int clique);
  absl::StatusOr<bool> IsWideFor(int variable);
  [[nodiscard]] int64_t MostCellsKept(bool kept) const;
  [[nodiscard]] PropagationInput Input() const;
  [[nodiscard]] double LogOfConstants() const;

  const CompiledModel& model_;
  EvidenceState& evidence_;
  EngineOptions options_;
  bool chosen_ = false;
  bool kept_ = false;
  absl::Status status_;
  JunctionTree own_tree_;
  TreeScopes own_scopes_;
  const JunctionTree* tree_ = nullptr;
  const TreeScopes* scopes_ = nullptr;
  std::unique_ptr<Layout> layout_;
  std::unique_ptr<Propagation<double>> narrow_;
  std::unique_ptr<Propagation<Wide>> wide_;  // Of the evidence as it is; absent until needed.
};

}  // namespace credence::forecaster
