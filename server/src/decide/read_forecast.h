#pragma once

#include "absl/status/statusor.h"
#include "credence/v1/forecast_service.pb.h"
#include "decide/decide.h"
#include "state/state.h"

namespace credence::server {

// What `forecast` says on `question`, with its forecaster and without times. INVALID_ARGUMENT with
// paths relative to the forecast. A pure function.
[[nodiscard]] absl::StatusOr<RecordedForecast> ReadForecast(const QuestionState& question,
                                                            const v1::Forecast& forecast);

}  // namespace credence::server
