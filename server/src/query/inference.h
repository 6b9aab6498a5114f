#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/v1/inference_service.pb.h"
#include "decide/posterior.h"
#include "state/state.h"

// Questions put to a network, answered from a state. Nothing here writes. Pure functions.
//
// Errors: INVALID_ARGUMENT with paths of the request; NOT_FOUND for a target that the state does
// not hold; those of the forecaster, with items named in full.
namespace credence::server {

// What a target stands for.
struct ResolvedTarget {
  const NetworkState* network = nullptr;
  // Empty where the target is a whole network.
  std::string node;
  InferenceInput input;
};

// `view_time` is the instant where the target names none.
[[nodiscard]] absl::StatusOr<ResolvedTarget> ResolveTarget(const State& state,
                                                           const v1::InferenceTarget& target,
                                                           absl::Time view_time);

[[nodiscard]] absl::Status QueryPosterior(const State& state, absl::Time view_time,
                                          const v1::QueryPosteriorRequest& request,
                                          v1::QueryPosteriorResponse& response);

[[nodiscard]] absl::Status ExplainPosterior(const State& state, absl::Time view_time,
                                            const v1::ExplainPosteriorRequest& request,
                                            v1::ExplainPosteriorResponse& response);

[[nodiscard]] absl::Status SimulatePosterior(const State& state, absl::Time view_time,
                                             const v1::SimulatePosteriorRequest& request,
                                             v1::SimulatePosteriorResponse& response);

[[nodiscard]] absl::Status RankIndicators(const State& state, absl::Time view_time,
                                          const v1::RankIndicatorsRequest& request,
                                          v1::RankIndicatorsResponse& response);

}  // namespace credence::server
