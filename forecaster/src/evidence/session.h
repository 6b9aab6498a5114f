#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/forecaster/engine.h"
#include "credence/forecaster/posterior.h"
#include "evidence/hazard_tables.h"

namespace credence::forecaster {

// An item in force, with what does not change from one situation to the next.
struct PreparedItem {
  const EvidenceItem* item = nullptr;
  int node = -1;
  bool is_hazard_ratio = false;
  // One number for the items of one cluster on one node, -1 for an item in none. Likelihoods and
  // hazard ratios are counted apart.
  int cluster = -1;
  // As stated; for a new marginal, what it stands for.
  std::vector<double> stated_log_likelihood;
  double reliability = 1.0;
  // After reliability, before staleness and dependence.
  std::vector<double> log_likelihood;
};

struct PreparedObservation {
  int node = -1;
  int state = -1;
  std::optional<absl::Time> event_time;
  absl::Time effective_time;
};

// What distinguishes one situation from another on the same network.
struct QueryFactors {
  // For each node its log-likelihood vector; empty where there is none.
  std::vector<std::vector<double>> log_likelihoods;
  // For each hazard node the values of its table at the instant; empty for the others.
  std::vector<std::vector<double>> tables;
  // For each node the state it is set to, or -1. Its own table is then left out.
  std::vector<int> intervened_state;

  void LoadInto(Engine& engine) const;
};

// Which part of the evidence to take, and when.
struct Situation {
  absl::Time at;
  std::vector<int> items;     // Positions in Session::items(), rising.
  std::vector<int> resolved;  // Positions in Session::resolved(), rising.
  std::vector<int> set;       // Nodes under intervention, rising.
};

// Supposes on top of a situation that a node is in a state.
struct Supposition {
  int node = -1;
  int state = -1;
};

// The evidence of one call, validated and in ItemOrder, and the working memory to evaluate any part
// of it. Keeps references to the network, the items and the options. Not thread-safe.
class Session {
 public:
  // Errors: those of ComputePosterior, among them contradictions met while finding what the items
  // that set a new marginal stand for.
  static absl::StatusOr<Session> Open(const CompiledNetwork& network,
                                      std::span<const EvidenceItem> items,
                                      const InferenceOptions& options);

  [[nodiscard]] const CompiledNetwork& network() const { return *network_; }
  [[nodiscard]] const std::vector<PreparedItem>& items() const { return items_; }
  [[nodiscard]] const std::vector<PreparedObservation>& resolved() const { return resolved_; }
  [[nodiscard]] int IntervenedState(int node) const { return intervened_state_[node]; }
  // Whether what some item stands for depends on the items before it.
  [[nodiscard]] bool HasNewMarginals() const;

  // For further engines that evaluate the same evidence.
  [[nodiscard]] EngineOptions engine_options() const;

  // Everything, at options.at.
  [[nodiscard]] Situation Whole() const;

  // ln of the total weight, or -infinity where the situation is impossible.
  absl::StatusOr<double> Weigh(const Situation& situation,
                               std::optional<Supposition> supposition = std::nullopt);

  // As Weigh, with marginals to read, and CONTRADICTORY_EVIDENCE where impossible.
  absl::StatusOr<double> Run(const Situation& situation);

  // As Run; a supposition that is impossible is no error, and leaves no marginals.
  absl::StatusOr<double> RunSupposing(const Situation& situation, Supposition supposition);

  // After a Run that was possible: normalised ln P of the node's states.
  [[nodiscard]] absl::StatusOr<std::vector<double>> LogMarginal(int node) {
    return engine_.LogMarginal(node);
  }
  [[nodiscard]] absl::StatusOr<std::vector<std::vector<double>>> LogMarginals() {
    return engine_.LogMarginals();
  }

  // Loaded with the situation of the last Run.
  [[nodiscard]] Engine& engine() { return engine_; }

  // What each item of the situation adds to its node's log-likelihood, after staleness and
  // dependence; empty for hazard ratios. Parallel to situation.items.
  [[nodiscard]] std::vector<std::vector<double>> Contributions(const Situation& situation) const;

  // What the rows of a hazard node are evaluated with in a situation. The second form takes the
  // logarithms of the hazard ratios, before dependence, from `log_ratios`, by position of the item.
  [[nodiscard]] HazardInputs HazardInputsOf(const Situation& situation, int node) const;
  [[nodiscard]] HazardInputs HazardInputsOf(const Situation& situation, int node,
                                            std::span<const double> log_ratios) const;

  // The likelihoods, tables and interventions that a situation amounts to.
  [[nodiscard]] QueryFactors MakeQuery(const Situation& situation) const;

 private:
  Session(const CompiledNetwork& network, const InferenceOptions& options);

  absl::Status TakeOptions();
  absl::Status TakeResolved();
  absl::Status TakeInterventions();
  absl::Status TakeItems(std::span<const EvidenceItem> items);
  [[nodiscard]] bool InForce(const EvidenceItem& item) const;
  absl::Status PrepareItem(int index);
  absl::StatusOr<std::vector<double>> NewMarginalLogLikelihood(int index);
  [[nodiscard]] Situation Before(int index) const;

  void AddLikelihoods(const Situation& situation, QueryFactors& query) const;
  void AddHazards(const Situation& situation, QueryFactors& query) const;
  // The minimal set that makes the situation (with the supposition) impossible, as an error.
  absl::Status Contradiction(Situation situation, std::optional<Supposition> supposition,
                             std::string_view item_id);

  const CompiledNetwork* network_;
  const InferenceOptions* options_;
  std::vector<PreparedItem> items_;
  std::vector<PreparedObservation> resolved_;
  std::vector<int> intervened_state_;
  Engine engine_;
};

// 1 / (1 + (n - 1) rho) for each item of the situation, n and rho those of its cluster on its node;
// 1 where it is in none. Likelihoods and hazard ratios are counted apart.
[[nodiscard]] std::vector<double> DependenceWeights(const std::vector<PreparedItem>& items,
                                                    std::span<const int> chosen,
                                                    double default_correlation);

}  // namespace credence::forecaster
