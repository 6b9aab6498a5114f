#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "credence/forecaster/posterior.h"

// Why a posterior is what it is: from the prior to the posterior step by step, in decibans of the
// odds of one state, 10 log10(p / (1 - p)).
//
// Thread safety: pure functions.
namespace credence::forecaster {

enum class StepKind {
  kPrior,         // At the node's network's open time, without evidence; decibans are the odds.
  kIntervention,  // One do(node = state).
  kDrift,         // Time passing from the open time to the instant, without evidence.
  kResolution,    // One resolved node.
  kItem,          // One item.
  kPosterior,     // The end; decibans are the odds.
};

struct WaterfallStep {
  StepKind kind = StepKind::kPrior;
  // The item's id, or the node of a resolution or intervention; empty for the others.
  std::string subject;
  // The change of the odds, or the odds themselves at the two ends. Prior and changes sum to the
  // posterior. Where a probability reaches 0 or 1 the step is infinite, and a step from such a
  // point to the same point is 0.
  double decibans = 0.0;
  double probability_after = 0.0;
};

struct LeaveOneOut {
  std::string item_id;
  // The posterior had this item not been there, and what it adds to the odds of the others.
  double probability_without = 0.0;
  double decibans = 0.0;
};

struct Explanation {
  std::string node;
  std::string state;
  // Prior, interventions in node order, drift, resolutions in node order, items in ItemOrder,
  // posterior.
  std::vector<WaterfallStep> steps;
  // One an item in force, in ItemOrder.
  std::vector<LeaveOneOut> leave_one_out;
  double prior_probability = 0.0;
  double posterior_probability = 0.0;
};

// What an item contributes depends on those before it (a cluster's second item says less than its
// first); leave-one-out does not. Errors: those of ComputePosterior; NOT_FOUND for the target.
// Costs two propagations an item.
[[nodiscard]] absl::StatusOr<Explanation> Explain(const CompiledNetwork& network,
                                                  std::span<const EvidenceItem> items,
                                                  const InferenceOptions& options,
                                                  std::string_view target_node,
                                                  std::string_view target_state);

}  // namespace credence::forecaster
