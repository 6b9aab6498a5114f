#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "brute_force.h"
#include "credence/base/error.h"
#include "credence/forecaster/posterior.h"

// A small language for tests of the forecaster.
namespace credence::forecaster::testing {

// 2021-01-01T00:00:00Z plus days.
[[nodiscard]] absl::Time Day(double days);

// A time in RFC 3339.
[[nodiscard]] absl::Time At(std::string_view text);

[[nodiscard]] Node FixedNode(std::string name, std::vector<std::string> states,
                             std::vector<std::string> parents,
                             std::vector<std::vector<double>> rows);

// States yes and no.
[[nodiscard]] Node HazardNode(std::string name, std::vector<std::string> parents,
                              std::vector<HazardRow> rows);

// Opens on Day(0), deadline on Day(365).
[[nodiscard]] Network MakeNetwork(std::vector<Node> nodes);

[[nodiscard]] std::shared_ptr<const CompiledNetwork> Compiled(Network network);

// Reliable, independent, occurring and effective on Day(0).
[[nodiscard]] EvidenceItem Item(std::string id, std::string node, Statement statement);

[[nodiscard]] InferenceOptions OptionsAt(absl::Time at);

// Probability of a state; fails the test and returns -1 on an error.
[[nodiscard]] double Probability(const CompiledNetwork& network,
                                 const std::vector<EvidenceItem>& items,
                                 const InferenceOptions& options, std::string_view node,
                                 int state = 0);

// Expects all marginals within the tolerance of the enumeration of `reference`, which has the same
// nodes as `network`.
void ExpectAgrees(const CompiledNetwork& network, const Network& reference,
                  const std::vector<EvidenceItem>& items, const InferenceOptions& options,
                  double tolerance = 1e-9);

// Expects the code and the reason; returns the detail.
ErrorDetail ExpectError(const absl::Status& status, absl::StatusCode code, std::string_view reason);

// The network of Lauritzen and Spiegelhalter (1988); states yes, no.
[[nodiscard]] Network Asia();

// The example of 2021: network and its 26 items.
[[nodiscard]] Network Afghanistan();
[[nodiscard]] std::vector<EvidenceItem> AfghanistanEvidence();

}  // namespace credence::forecaster::testing
