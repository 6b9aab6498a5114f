#include "query/score_report.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "decide/checks.h"

namespace credence::server {
namespace {

// Square root of the sample variance over n; absent for fewer than two scores.
std::optional<double> StandardError(const std::vector<scoring::Score>& scores, double mean) {
  if (scores.size() < 2) return std::nullopt;
  double sum = 0.0;
  for (const scoring::Score& score : scores) sum += (score.value - mean) * (score.value - mean);
  const double count = static_cast<double>(scores.size());
  return std::sqrt(sum / (count - 1.0) / count);
}

}  // namespace

template <typename Request>
absl::StatusOr<ReportScope> ScopeOf(const Request& request, std::string_view field) {
  ReportScope scope;
  scope.tag = request.tag();
  if (request.has_effective_time()) {
    CREDENCE_ASSIGN_OR_RETURN(scope.at, ParseTime(request.effective_time(), field));
  }
  return scope;
}

template absl::StatusOr<ReportScope> ScopeOf(const v1::ScoreFilter&, std::string_view);
template absl::StatusOr<ReportScope> ScopeOf(const v1::GetScorecardRequest&, std::string_view);
template absl::StatusOr<ReportScope> ScopeOf(const v1::GetLeaderboardRequest&, std::string_view);

bool HasTag(const QuestionState& question, std::string_view tag) {
  return tag.empty() ||
         std::find(question.tags.begin(), question.tags.end(), tag) != question.tags.end();
}

std::vector<const QuestionState*> EndedQuestions(const State& state, const ReportScope& scope) {
  std::vector<const QuestionState*> questions;
  state.questions.ForEach([&](const std::string&, const QuestionState& question) {
    if (HasTag(question, scope.tag) && question.EndAt(scope.at) != nullptr) {
      questions.push_back(&question);
    }
  });
  std::sort(questions.begin(), questions.end(),
            [](const QuestionState* a, const QuestionState* b) { return a->id < b->id; });
  return questions;
}

absl::Status CheckSubject(std::string_view subject, std::string_view field) {
  if (subject == "model" || subject == "pools/median" || subject == "pools/log") {
    return absl::OkStatus();
  }
  for (const std::string_view collection : {"forecasters", "sources"}) {
    if (absl::StartsWith(ToAbsl(subject), absl::StrCat(ToAbsl(collection), "/"))) {
      return ParseName(subject, collection, field).status();
    }
  }
  return InvalidField(subject.empty() ? "FIELD_REQUIRED" : "NAME_INVALID", field,
                      "must be forecasters/{id}, model, pools/median, pools/log or sources/{id}");
}

const SubjectScoreState* FindSubject(const ScoreVersionState& version, std::string_view subject) {
  const auto found =
      std::find_if(version.subjects.begin(), version.subjects.end(),
                   [subject](const SubjectScoreState& entry) { return entry.subject == subject; });
  return found == version.subjects.end() ? nullptr : &*found;
}

bool HadForecast(const State& state, const QuestionState& question, std::string_view subject) {
  for (const auto& version : question.scores) {
    if (FindSubject(*version, subject) != nullptr) return true;
  }
  if (subject == "model") return question.published.has_value();
  absl::string_view id = ToAbsl(subject);
  if (absl::ConsumePrefix(&id, "forecasters/")) {
    return question.standing.Find(FromAbsl(id)) != nullptr;
  }
  if (absl::ConsumePrefix(&id, "sources/")) {
    const SourceState* source = state.sources.Find(FromAbsl(id));
    return source != nullptr &&
           std::binary_search(source->networks.begin(), source->networks.end(), question.network);
  }
  return question.standing.size() > 0;
}

v1::Settlement Settle(const std::vector<const QuestionState*>& questions, absl::Time at) {
  v1::Settlement settlement;
  int64_t scored = 0;
  int64_t void_count = 0;
  int64_t ambiguous = 0;
  int64_t annulled = 0;
  for (const QuestionState* question : questions) {
    const ResolutionState& end = *question->EndAt(at);
    if (end.annulled) ++annulled;
    if (end.unscored == event::v1::UNSCORED_VOID) ++void_count;
    if (end.unscored == event::v1::UNSCORED_AMBIGUOUS) ++ambiguous;
    if (end.scored()) ++scored;
  }
  const int64_t ended = static_cast<int64_t>(questions.size());
  settlement.set_ended_count(ended);
  settlement.set_scored_count(scored);
  settlement.set_void_count(void_count);
  settlement.set_ambiguous_count(ambiguous);
  settlement.set_annulled_count(annulled);
  if (ended > 0) {
    settlement.set_void_rate(static_cast<double>(ended - scored) / static_cast<double>(ended));
  }
  return settlement;
}

absl::StatusOr<const scoring::Rule*> ParseRule(std::string_view rule, std::string_view field) {
  auto found = scoring::FindRule(rule);
  if (found.ok()) return found;
  return InvalidField(rule.empty() ? "FIELD_REQUIRED" : "UNKNOWN_RULE", field,
                      FromAbsl(found.status().message()));
}

std::optional<scoring::Score> RecordedScore(const scoring::Rule& rule,
                                            const SubjectScoreState& subject, size_t rule_index) {
  if (rule_index >= subject.values.size() || std::isnan(subject.values[rule_index])) {
    return std::nullopt;
  }
  scoring::Score score;
  score.rule = &rule;
  // An infinite score is infinite on the bad side.
  const double value = subject.values[rule_index];
  const bool higher = rule.orientation == scoring::Orientation::kHigherIsBetter;
  score.value = std::isinf(value) && higher ? -std::numeric_limits<double>::infinity() : value;
  score.coverage = subject.coverage;
  return score;
}

absl::StatusOr<v1::RuleAverage> Average(const scoring::Rule& rule, const ScoreGroup& group) {
  CREDENCE_ASSIGN_OR_RETURN(const scoring::ScoreSummary summary,
                            scoring::SummarizeScores(group.scores));
  v1::RuleAverage average;
  average.set_rule(std::string(rule.id));
  average.set_question_count(static_cast<int64_t>(summary.count));
  average.set_lower_is_better(rule.orientation == scoring::Orientation::kLowerIsBetter);
  average.set_coverage(summary.mean_coverage);
  average.set_across_versions_count(group.across_versions_count);
  if (!std::isfinite(summary.mean)) return average;
  average.set_mean(summary.mean);
  const std::optional<double> error = StandardError(group.scores, summary.mean);
  if (error.has_value()) average.set_standard_error(*error);
  return average;
}

}  // namespace credence::server
