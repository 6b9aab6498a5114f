#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "credence/forecaster/posterior.h"

// What to watch next: how much observing a node would tell about a target.
//
// Thread safety: pure functions.
namespace credence::forecaster {

struct IndicatorOptions {
  // Drivers are never observed directly, so by default they are not ranked.
  bool include_drivers = false;
};

struct IndicatorValue {
  std::string node;
  // I(node; target) in bits (Shannon 1948, Lindley 1956), given the evidence in force. >= 0.
  double mutual_information_bits = 0.0;
  // E over the node's states x of sum over the target's states s of (P(s | x) - P(s))^2: by how
  // much the full (two-sided) Brier score is expected to fall. >= 0. Half of it for the half score.
  double expected_brier_reduction = 0.0;
  // For each state of the node: its probability now, and that of the target's first state once the
  // node is seen in it; the target's present one where it cannot be seen.
  std::vector<double> probabilities;
  std::vector<double> target_probabilities;
};

// Every other node that is still uncertain and is neither resolved nor under intervention, by
// falling mutual information, ties by name. A node with doubtful reports on it is still uncertain.
// Errors: those of ComputePosterior; NOT_FOUND for the target.
// Costs one propagation, and one for each state of the target.
[[nodiscard]] absl::StatusOr<std::vector<IndicatorValue>> RankIndicators(
    const CompiledNetwork& network, std::span<const EvidenceItem> items,
    const InferenceOptions& options, std::string_view target_node,
    const IndicatorOptions& indicator_options = {});

}  // namespace credence::forecaster
