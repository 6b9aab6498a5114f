#pragma once

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/event/v1/question_events.pb.h"
#include "credence/forecaster/distribution.h"
#include "credence/scoring/series.h"
#include "decide/decide.h"

// What was said about a number, against the number. Pure functions.
namespace credence::server {

// The continuous ranked probability score, exact for every family. INVALID_ARGUMENT where the
// family has none (Student's with one degree of freedom or less).
[[nodiscard]] absl::StatusOr<double> NumericCrps(const forecaster::Distribution& distribution,
                                                 double value);

// The median of the members' quantiles at 199 levels from 0.005 to 0.995; at least one member.
[[nodiscard]] forecaster::QuantileDistribution PoolQuantiles(
    std::span<const forecaster::Distribution> members);

// Scores by `crps.last` of each forecaster, of the published posteriors, and of the pool of the
// forecasts that stood at the end of the scoring window; subjects without a forecast then are left
// out. The resolution states a value.
[[nodiscard]] absl::StatusOr<std::vector<event::v1::SubjectScores>> ScoreNumericQuestion(
    const QuestionState& question, const ResolutionState& resolution,
    const scoring::TimeWindow& window, const std::vector<RecordedForecast>& forecasts,
    const std::vector<RecordedForecast>& posteriors);

}  // namespace credence::server
