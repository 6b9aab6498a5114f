#include "query/scores.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/scoring/rules.h"
#include "credence/scoring/score.h"
#include "decide/checks.h"

namespace credence::server {
namespace {

using scoring::Orientation;

// A recorded value as scoring has it: an absent one is infinite, on the bad side.
scoring::Score ToScore(const scoring::Rule& rule, const event::v1::RuleScore& recorded,
                       double coverage) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  scoring::Score score;
  score.rule = &rule;
  score.value = recorded.has_value()                              ? recorded.value()
                : rule.orientation == Orientation::kLowerIsBetter ? kInfinity
                                                                  : -kInfinity;
  score.coverage = coverage;
  return score;
}

const event::v1::RuleScore* FindRuleScore(const event::v1::SubjectScores& subject,
                                          std::string_view rule) {
  for (const event::v1::RuleScore& score : subject.scores()) {
    if (score.rule() == rule) return &score;
  }
  return nullptr;
}

// By id, so that sums run in a fixed order.
std::vector<const QuestionState*> ScoredQuestions(const State& state) {
  std::vector<const QuestionState*> questions;
  for (const std::string& id : state.questions.SortedIds()) {
    const QuestionState* question = state.questions.Find(id);
    if (ScoresInForce(*question) != nullptr) questions.push_back(question);
  }
  return questions;
}

std::optional<double> FiniteMean(const scoring::ScoreSummary& summary) {
  scoring::Score mean;
  mean.rule = summary.rule;
  mean.value = summary.mean;
  return mean.FiniteValue();
}

absl::Status AddAverages(const std::map<std::string, std::vector<scoring::Score>>& by_rule,
                         google::protobuf::RepeatedPtrField<v1::RuleAverage>& out) {
  for (const scoring::Rule& rule : scoring::AllRules()) {
    const auto found = by_rule.find(std::string(rule.id));
    if (found == by_rule.end()) continue;
    CREDENCE_ASSIGN_OR_RETURN(const scoring::ScoreSummary summary,
                              scoring::SummarizeScores(found->second));
    v1::RuleAverage& average = *out.Add();
    average.set_rule(found->first);
    if (const auto mean = FiniteMean(summary); mean.has_value()) average.set_mean(*mean);
    average.set_question_count(static_cast<int64_t>(summary.count));
    average.set_lower_is_better(rule.orientation == Orientation::kLowerIsBetter);
  }
  return absl::OkStatus();
}

bool HasTag(const QuestionState& question, const std::string& tag) {
  return tag.empty() ||
         std::find(question.tags.begin(), question.tags.end(), tag) != question.tags.end();
}

// Better scores first, ties by name.
void SortEntries(Orientation orientation,
                 std::vector<std::pair<scoring::ScoreSummary, std::string>>& entries) {
  std::sort(entries.begin(), entries.end(), [orientation](const auto& left, const auto& right) {
    const double a = left.first.mean;
    const double b = right.first.mean;
    if (a < b || b < a) return (orientation == Orientation::kLowerIsBetter) == (a < b);
    return left.second < right.second;
  });
}

}  // namespace

const ScoreVersionState* ScoresInForce(const QuestionState& question) {
  if (question.scores.empty() || question.scores.back()->outcome.empty()) return nullptr;
  return question.scores.back().get();
}

absl::Status CheckSubject(std::string_view subject, std::string_view field) {
  if (subject == "model" || subject == "pools/median" || subject == "pools/log") {
    return absl::OkStatus();
  }
  if (absl::StartsWith(ToAbsl(subject), "forecasters/")) {
    return ParseName(subject, "forecasters", field).status();
  }
  return InvalidField(subject.empty() ? "FIELD_REQUIRED" : "NAME_INVALID", field,
                      "must be forecasters/{id}, model, pools/median or pools/log");
}

absl::Status FillScorecard(const State& state, std::string_view subject,
                           v1::GetScorecardResponse& response) {
  CREDENCE_RETURN_IF_ERROR(CheckSubject(subject, "subject"));
  std::map<std::string, std::vector<scoring::Score>> live;
  std::map<std::string, std::vector<scoring::Score>> backfilled;
  double coverage_sum = 0.0;
  int64_t question_count = 0;
  for (const QuestionState* question : ScoredQuestions(state)) {
    for (const event::v1::SubjectScores& scored : ScoresInForce(*question)->subjects) {
      if (scored.subject() != subject) continue;
      coverage_sum += scored.coverage();
      ++question_count;
      auto& by_rule = scored.backfilled() ? backfilled : live;
      for (const event::v1::RuleScore& score : scored.scores()) {
        const auto rule = scoring::FindRule(score.rule());
        // A rule that only a newer version knows has no average here.
        if (rule.ok()) by_rule[score.rule()].push_back(ToScore(**rule, score, scored.coverage()));
      }
    }
  }
  CREDENCE_RETURN_IF_ERROR(AddAverages(live, *response.mutable_live()));
  CREDENCE_RETURN_IF_ERROR(AddAverages(backfilled, *response.mutable_backfilled()));
  response.set_subject(std::string(subject));
  if (question_count > 0) {
    response.set_coverage(coverage_sum / static_cast<double>(question_count));
  }
  return absl::OkStatus();
}

absl::Status FillLeaderboard(const State& state, const v1::GetLeaderboardRequest& request,
                             v1::GetLeaderboardResponse& response) {
  const auto rule = scoring::FindRule(request.rule());
  if (!rule.ok()) {
    return InvalidField(request.rule().empty() ? "FIELD_REQUIRED" : "UNKNOWN_RULE", "rule",
                        FromAbsl(rule.status().message()));
  }
  std::map<std::string, std::vector<scoring::Score>> by_subject;
  for (const QuestionState* question : ScoredQuestions(state)) {
    if (!HasTag(*question, request.tag())) continue;
    for (const event::v1::SubjectScores& scored : ScoresInForce(*question)->subjects) {
      if (scored.backfilled() != request.backfilled()) continue;
      const event::v1::RuleScore* score = FindRuleScore(scored, request.rule());
      if (score == nullptr) continue;
      by_subject[scored.subject()].push_back(ToScore(**rule, *score, scored.coverage()));
    }
  }
  std::vector<std::pair<scoring::ScoreSummary, std::string>> entries;
  for (const auto& [subject, scores] : by_subject) {
    CREDENCE_ASSIGN_OR_RETURN(const scoring::ScoreSummary summary,
                              scoring::SummarizeScores(scores));
    entries.emplace_back(summary, subject);
  }
  SortEntries((*rule)->orientation, entries);
  response.set_rule(request.rule());
  response.set_description(std::string((*rule)->convention));
  for (size_t i = 0; i < entries.size(); ++i) {
    v1::LeaderboardEntry& entry = *response.add_entries();
    const scoring::ScoreSummary& summary = entries[i].first;
    const bool tied = i > 0 && !(entries[i - 1].first.mean < summary.mean) &&
                      !(summary.mean < entries[i - 1].first.mean);
    entry.set_rank(tied ? response.entries(static_cast<int>(i) - 1).rank()
                        : static_cast<int64_t>(i) + 1);
    entry.set_subject(entries[i].second);
    if (const auto mean = FiniteMean(summary); mean.has_value()) entry.set_mean(*mean);
    entry.set_question_count(static_cast<int64_t>(summary.count));
    entry.set_coverage(summary.mean_coverage);
  }
  return absl::OkStatus();
}

}  // namespace credence::server
