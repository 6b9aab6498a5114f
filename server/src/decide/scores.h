#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/event/v1/question_events.pb.h"
#include "credence/scoring/question.h"
#include "decide/decide.h"
#include "decide/trial.h"

namespace credence::server {

// The rules by which every resolution is scored, in the order in which they are recorded.
[[nodiscard]] const std::vector<std::string>& RecordedRules();

// The rules by which the resolution of a question with ordered states is scored besides.
[[nodiscard]] const std::vector<std::string>& OrderedRules();

// What was scored, in words: a state, or a fraction as the shortest number that reads back as it.
// Empty where nothing is scored.
[[nodiscard]] std::string OutcomeText(const ResolutionState& resolution);

// Scores of everything said on a question while it was open: each forecaster, the model as it was
// published (where the question has one), and two pools. Subjects without a forecast in the open
// time are left out. Forecasters are held against each other where a rule asks for it; the model
// and the pools are not, since they are no peers of those that they are made of.
// `resolution.scored()` must hold; it may stand among the question's resolutions already or not.
[[nodiscard]] absl::StatusOr<std::vector<event::v1::SubjectScores>> ScoreQuestion(
    const QuestionState& question, const ResolutionState& resolution,
    const std::vector<RecordedForecast>& forecasts,
    const std::vector<RecordedForecast>& posteriors);

// What a resolution scores.
struct QuestionScores {
  std::vector<event::v1::SubjectScores> subjects;
  // What the sources' items claimed, in the order in which they were taken in.
  std::vector<event::v1::EvidenceClaim> claims;
};

// What QuestionScored's scoring_version stands for in new scores.
inline constexpr int64_t kScoringVersion = 1;

// ScoreQuestion, and the sources of the question's network as ScoreSources has them;
// `scoring_version` leaves out what scores of that version did not have.
[[nodiscard]] absl::StatusOr<QuestionScores> ScoreAll(
    const State& state, const QuestionState& question, const ResolutionState& resolution,
    const std::vector<RecordedForecast>& forecasts, const std::vector<RecordedForecast>& posteriors,
    int64_t scoring_version);

// How a question that is scored ended, for the rules; not of one that asks for a number.
[[nodiscard]] absl::StatusOr<scoring::Outcome> ToOutcome(const QuestionState& question,
                                                         const ResolutionState& resolution);

// The time in which what was said counts: from the open to the close or, where that is earlier, to
// when it was known how the question ended.
[[nodiscard]] scoring::TimeWindow ScoringWindow(const QuestionState& question,
                                                const ResolutionState& resolution);

// Adds QuestionScored events of `version` to the trial, in as many parts as entries need.
void AddScores(Trial& trial, const std::string& question, int64_t version,
               const std::string& outcome, QuestionScores scores, absl::Time effective_time,
               int64_t caused_by);

}  // namespace credence::server
