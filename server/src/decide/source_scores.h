#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "decide/decide.h"
#include "decide/scores.h"

namespace credence::server {

// The rule by which sources are scored.
inline constexpr const char* kEvidenceRule = "evidence.gain";

// What the sources of a question's network claimed on it, as it was published at the time: each
// item of evidence moved the published posterior, and the weight of that move is its claim, grade
// and dependence and all. Nothing is inferred anew. Claims count where they were made within the
// scoring window; an item that superseded another adds to what that one claimed, and neither counts
// where the last of them was retracted before the window's end.
//
// Items of one instant were published together: they are one claim where they are all of one
// source, and left out where they are not, since nothing recorded tells them apart.
//
// Subjects by name. Not for a question that asks for a number.
[[nodiscard]] absl::StatusOr<QuestionScores> ScoreSources(
    const NetworkState& network, const QuestionState& question, const ResolutionState& resolution,
    const std::vector<RecordedForecast>& posteriors);

}  // namespace credence::server
