#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/v1/score_service.pb.h"
#include "state/state.h"

// Scores put together from what the resolutions recorded. Live scores and those with backfilled
// forecasts are never mixed. Pure functions.
namespace credence::server {

// The version of the question's scores that is in force: the last one, null where there is none or
// where it was annulled.
[[nodiscard]] const ScoreVersionState* ScoresInForce(const QuestionState& question);

// Averages of the scores in force of `subject`, rule by rule. INVALID_ARGUMENT (NAME_INVALID) for a
// malformed subject; no averages for one that was never scored. O(questions).
[[nodiscard]] absl::Status FillScorecard(const State& state, std::string_view subject,
                                         v1::GetScorecardResponse& response);

// INVALID_ARGUMENT (UNKNOWN_RULE) for a rule that does not exist. O(questions * subjects).
[[nodiscard]] absl::Status FillLeaderboard(const State& state,
                                           const v1::GetLeaderboardRequest& request,
                                           v1::GetLeaderboardResponse& response);

// OK for `forecasters/{id}`, `model`, `pools/median` or `pools/log`.
[[nodiscard]] absl::Status CheckSubject(std::string_view subject, std::string_view field);

}  // namespace credence::server
