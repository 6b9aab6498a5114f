#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "credence/v1/forecast_service.pb.h"
#include "state/state.h"

// What forecasts and sealed forecasts have in common. Pure functions.
namespace credence::server {

// The stream of all that a forecaster said, whatever the question: what "all of this forecaster's
// forecasts" is proved by.
[[nodiscard]] std::string ForecastsStream(std::string_view forecaster);

// FAILED_PRECONDITION (WRONG_STATE) where the question takes no forecast that counts from `time`.
[[nodiscard]] absl::Status CheckTakesForecasts(const QuestionState& question, absl::Time time);

// A distribution that can be scored. INVALID_ARGUMENT with paths relative to the forecast.
[[nodiscard]] absl::Status CheckDistribution(const v1::Forecast& forecast);

}  // namespace credence::server
