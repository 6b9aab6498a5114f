#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "credence/v1/score_service.pb.h"
#include "state/state.h"

namespace credence::server {

// Whether the likelihood ratios of the request's source were borne out on `questions`, by the
// scores in force at `at`: from what was published when its items were taken in. O(claims).
[[nodiscard]] absl::Status FillSourceCalibration(const std::vector<const QuestionState*>& questions,
                                                 const v1::GetCalibrationRequest& request,
                                                 absl::Time at,
                                                 v1::GetCalibrationResponse& response);

}  // namespace credence::server
