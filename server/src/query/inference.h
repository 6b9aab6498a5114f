#pragma once

#include "absl/status/status.h"
#include "credence/v1/inference_service.pb.h"
#include "query/target.h"

// Questions put to a network, answered from a view. Nothing here writes. Pure functions.
//
// Errors: INVALID_ARGUMENT with paths of the request; NOT_FOUND for a target that the view does
// not hold; those of the forecaster, with items named in full: FAILED_PRECONDITION
// (CONTRADICTORY_EVIDENCE) for impossible evidence, naming a minimal set that clashes, and
// RESOURCE_EXHAUSTED (INFERENCE_BUDGET_EXCEEDED) with the estimate for what costs too much.
namespace credence::server {

[[nodiscard]] absl::Status QueryPosterior(const QueryView& view,
                                          const v1::QueryPosteriorRequest& request,
                                          v1::QueryPosteriorResponse& response);

[[nodiscard]] absl::Status ExplainPosterior(const QueryView& view,
                                            const v1::ExplainPosteriorRequest& request,
                                            v1::ExplainPosteriorResponse& response);

[[nodiscard]] absl::Status SimulatePosterior(const QueryView& view,
                                             const v1::SimulatePosteriorRequest& request,
                                             v1::SimulatePosteriorResponse& response);

[[nodiscard]] absl::Status RankIndicators(const QueryView& view,
                                          const v1::RankIndicatorsRequest& request,
                                          v1::RankIndicatorsResponse& response);

[[nodiscard]] absl::Status AnalyzeSensitivity(const QueryView& view,
                                              const v1::AnalyzeSensitivityRequest& request,
                                              v1::AnalyzeSensitivityResponse& response);

[[nodiscard]] absl::Status QueryJoint(const QueryView& view, const v1::QueryJointRequest& request,
                                      v1::QueryJointResponse& response);

[[nodiscard]] absl::Status FindMostProbableExplanation(
    const QueryView& view, const v1::FindMostProbableExplanationRequest& request,
    v1::FindMostProbableExplanationResponse& response);

[[nodiscard]] absl::Status AssessEvidence(const QueryView& view,
                                          const v1::AssessEvidenceRequest& request,
                                          v1::AssessEvidenceResponse& response);

}  // namespace credence::server
