#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/scoring/rules.h"
#include "credence/scoring/score.h"
#include "credence/v1/score_service.pb.h"
#include "state/state.h"

// What the reports on scores have in common: which questions they are made of, and what was scored
// on them. Pure functions.
namespace credence::server {

// Which questions a report is made of, and as of when.
struct ReportScope {
  // Only questions with this tag; all where empty.
  std::string tag;
  // Ends and scores in force at this time, by effective time.
  absl::Time at = absl::InfiniteFuture();
};

// INVALID_ARGUMENT (TIME_INVALID) naming `field` for a malformed time.
template <typename Request>
[[nodiscard]] absl::StatusOr<ReportScope> ScopeOf(const Request& request, std::string_view field);

[[nodiscard]] bool HasTag(const QuestionState& question, std::string_view tag);

// The questions of the scope that had ended, by id, so that sums run in a fixed order.
[[nodiscard]] std::vector<const QuestionState*> EndedQuestions(const State& state,
                                                               const ReportScope& scope);

// OK for `forecasters/{id}`, `model`, `pools/median`, `pools/log` or `sources/{id}`.
[[nodiscard]] absl::Status CheckSubject(std::string_view subject, std::string_view field);

// The subject's scores in a version; null where it has none. O(subjects).
[[nodiscard]] const SubjectScoreState* FindSubject(const ScoreVersionState& version,
                                                   std::string_view subject);

// Whether the subject had something to say on a question: it was scored on it, its forecast stood
// when the question ended, or it is a source with items on the question's network.
[[nodiscard]] bool HadForecast(const State& state, const QuestionState& question,
                               std::string_view subject);

// How questions ended, at `at`.
[[nodiscard]] v1::Settlement Settle(const std::vector<const QuestionState*>& questions,
                                    absl::Time at);

// The rule of a request. INVALID_ARGUMENT: FIELD_REQUIRED, or UNKNOWN_RULE naming the nearest.
[[nodiscard]] absl::StatusOr<const scoring::Rule*> ParseRule(std::string_view rule,
                                                             std::string_view field);

// What was recorded by a rule of the version (its index), as scoring has it; nothing where the rule
// gave the subject no score.
[[nodiscard]] std::optional<scoring::Score> RecordedScore(const scoring::Rule& rule,
                                                          const SubjectScoreState& subject,
                                                          size_t rule_index);

// Scores of one rule that are averaged.
struct ScoreGroup {
  std::vector<scoring::Score> scores;
  // Of these, scores of questions that changed materially after forecasts that counted.
  int64_t across_versions_count = 0;

  void Add(const scoring::Score& score, const SubjectScoreState& subject) {
    scores.push_back(score);
    if (subject.across_versions) ++across_versions_count;
  }
};

// Mean, count, coverage and standard error of at least one score.
[[nodiscard]] absl::StatusOr<v1::RuleAverage> Average(const scoring::Rule& rule,
                                                      const ScoreGroup& group);

}  // namespace credence::server
