#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/forecaster/evidence.h"
#include "credence/forecaster/network.h"

// What to believe about every node of a network, given the evidence in force at an instant.
//
// Pure functions: the same arguments give the same bits, whatever the order of the items.
// Thread safety: safe to call from any number of threads on one CompiledNetwork.
namespace credence::forecaster {

// A node whose state became known: a question's resolution.
struct Observation {
  std::string node;
  std::string state;
  // When the event of a hazard node happened; in (start, deadline]. Only with its first state.
  std::optional<absl::Time> event_time;
  // When the resolution counts from.
  absl::Time effective_time = absl::InfinitePast();
};

// do(node = state) (Pearl 1995): the node is set from outside, and says nothing about its parents.
struct Intervention {
  std::string node;
  std::string state;
};

struct InferenceOptions {
  // The instant. Items and observations count when their effective_time <= at (an observation with
  // an event time also only when that is <= at). Hazard rows are evaluated at `at` clamped to
  // [start, deadline] of their node.
  absl::Time at;
  GradeTable grades;
  // rho of clusters whose items state none; in [0, 1].
  double default_cluster_correlation = 0.6;
  // Items with occur_time >= this are left out.
  absl::Time occur_time_limit = absl::InfiniteFuture();
  // Ids of items to leave out; ids that no item has are ignored.
  std::vector<std::string> withheld;
  // At most one a node.
  std::vector<Observation> resolved;
  std::vector<Intervention> interventions;
  // Whether to compute Posterior::conflict, which costs a second propagation.
  bool with_conflict = true;
  // EngineOptions::memory_budget_bytes.
  int64_t memory_budget_bytes = int64_t{1} << 30;
  // EngineOptions::may_go_on.
  std::function<absl::Status()> may_go_on{};
};

struct NodePosterior {
  std::string node;
  // In state order; they sum to 1.
  std::vector<double> probabilities;
  // ln(p / (1 - p)) of each state, accurate however near p is to 0 or 1; infinite at 0 and 1.
  std::vector<double> log_odds;
};

struct Posterior {
  // In the order of network().nodes.
  std::vector<NodePosterior> nodes;
  // ln of the sum over all configurations of the product of table entries and likelihoods, hazard
  // rows unnormalised. This is ln P(evidence and silence so far) where the likelihoods are
  // probabilities; otherwise it is a weight, meaningful only in comparisons.
  double log_weight = 0.0;
  // ln product P(e_i) - ln P(e) in nats (Jensen 1996): positive when the items in force agree less
  // than if they were independent. Each P is relative to no evidence at the same instant.
  // Hazard ratios are part of the model here. 0 when not asked for.
  double conflict = 0.0;
  // Ids of the items in force, in ItemOrder.
  std::vector<std::string> items_in_force;

  // NOT_FOUND (NODE_NOT_FOUND). Linear in the nodes.
  [[nodiscard]] absl::StatusOr<NodePosterior> Find(std::string_view node) const;
};

// A hazard row with start t0, deadline D and exposure E, at instant t without news:
//   phi(first) = S(t) - S(D), phi(second) = S(D), S = (b / (b + E))^a,
// left unnormalised, because survival so far is evidence about the parents. When the node is
// resolved the row is exact: to the first state at event time u, phi = (density at u, 0); to the
// first state at an unknown time, phi = (1 - S(min(t, D)), 0), the mass of (t0, t] (of (t0, D]
// where t <= t0); to the second, phi = (0, S(D)). Evidence and observations on a node under
// intervention are kept, but its table, and with it silence, says nothing.
//
// Errors: INVALID_ARGUMENT with paths "items[3].node", "options.resolved[0].state" and the like;
// FAILED_PRECONDITION (CONTRADICTORY_EVIDENCE) when what is given is impossible, subjects naming a
// minimal set that clashes: ids of items, "resolved:NODE", "do:NODE". Odds however small are never
// taken for impossible. RESOURCE_EXHAUSTED (INFERENCE_BUDGET_EXCEEDED) as Engine says.
//
// Cost: one propagation, one more for the conflict, and two for each NewMarginal item.
[[nodiscard]] absl::StatusOr<Posterior> ComputePosterior(const CompiledNetwork& network,
                                                         std::span<const EvidenceItem> items,
                                                         const InferenceOptions& options);

}  // namespace credence::forecaster
