#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/scoring/bootstrap.h"
#include "credence/scoring/leaderboard.h"
#include "query/convert.h"
#include "query/resampling.h"
#include "query/score_queries.h"
#include "query/score_report.h"
#include "query/skill.h"

// All subjects, ranked by one rule.
namespace credence::server {
namespace {

// What one subject has.
struct Standing {
  ScoreGroup group;
  // By score: index of its question.
  std::vector<size_t> questions;
  std::optional<SkillPairs> skill;
};

bool Admits(const v1::GetLeaderboardRequest& request, const SubjectScoreState& subject) {
  return subject.backfilled == request.backfilled() &&
         (request.kind() == event::v1::SCORE_SUBJECT_KIND_UNSPECIFIED ||
          subject.kind == request.kind());
}

// Keys are names within the state.
using StandingBySubject = absl::flat_hash_map<std::string_view, Standing>;

StandingBySubject ScoresBySubject(const std::vector<const QuestionState*>& questions,
                                  const v1::GetLeaderboardRequest& request,
                                  const scoring::Rule& rule, absl::Time at) {
  StandingBySubject by_subject;
  for (size_t q = 0; q < questions.size(); ++q) {
    const QuestionState* question = questions[q];
    const ScoreVersionState* version = question->ScoresAt(at);
    if (version == nullptr) continue;
    const auto index = version->FindRule(rule.id);
    if (!index.has_value()) continue;
    for (const SubjectScoreState& subject : version->subjects) {
      if (!Admits(request, subject)) continue;
      const auto score = RecordedScore(rule, subject, *index);
      if (!score.has_value()) continue;
      Standing& standing = by_subject[subject.subject];
      standing.group.Add(*score, subject);
      standing.questions.push_back(q);
      if (request.reference().empty()) continue;
      if (!standing.skill.has_value()) standing.skill.emplace(request.reference(), &rule, at);
      standing.skill->Add(*question, *version, subject);
    }
  }
  return by_subject;
}

// A mean as it ranks: an infinite one is behind every other.
double RankValue(const scoring::Rule& rule, const v1::RuleAverage& average) {
  const bool lower = rule.orientation == scoring::Orientation::kLowerIsBetter;
  if (!average.has_mean()) return HUGE_VAL;
  return lower ? average.mean() : -average.mean();
}

struct Line {
  std::string_view subject;
  v1::RuleAverage average;
  double rank_value;
};

absl::StatusOr<std::vector<Line>> RankedLines(const StandingBySubject& by_subject,
                                              const scoring::Rule& rule,
                                              int64_t question_count_min) {
  std::vector<Line> lines;
  for (const auto& [subject, standing] : by_subject) {
    if (static_cast<int64_t>(standing.group.scores.size()) < question_count_min) continue;
    CREDENCE_ASSIGN_OR_RETURN(v1::RuleAverage average, Average(rule, standing.group));
    const double rank_value = RankValue(rule, average);
    lines.push_back({subject, std::move(average), rank_value});
  }
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    if (a.rank_value < b.rank_value || b.rank_value < a.rank_value) {
      return a.rank_value < b.rank_value;
    }
    return a.subject < b.subject;
  });
  return lines;
}

void AddEntries(const std::vector<Line>& lines, v1::GetLeaderboardResponse& response) {
  for (size_t i = 0; i < lines.size(); ++i) {
    const v1::RuleAverage& average = lines[i].average;
    v1::LeaderboardEntry& entry = *response.add_entries();
    const bool tied = i > 0 && !(lines[i - 1].rank_value < lines[i].rank_value);
    entry.set_rank(tied ? response.entries(static_cast<int>(i) - 1).rank()
                        : static_cast<int64_t>(i) + 1);
    entry.set_subject(std::string(lines[i].subject));
    if (average.has_mean()) entry.set_mean(average.mean());
    entry.set_question_count(average.question_count());
    entry.set_coverage(average.coverage());
    if (average.has_standard_error()) entry.set_standard_error(average.standard_error());
    entry.set_across_versions_count(average.across_versions_count());
  }
}

// What each line's subject has beyond the reference on the questions of both.
absl::Status AddSkills(const StandingBySubject& by_subject, v1::GetLeaderboardResponse& response) {
  for (v1::LeaderboardEntry& entry : *response.mutable_entries()) {
    const std::optional<SkillPairs>& pairs = by_subject.at(entry.subject()).skill;
    if (!pairs.has_value()) continue;
    CREDENCE_ASSIGN_OR_RETURN(const std::vector<v1::RuleSkill> skills, pairs->Skills());
    if (!skills.empty()) *entry.mutable_skill() = skills.front();
  }
  return absl::OkStatus();
}

// The subjects' means adjusted for how hard their questions were, in the order of the entries.
absl::Status AddAdjusted(const StandingBySubject& by_subject, const scoring::Rule& rule,
                         size_t question_count, v1::GetLeaderboardResponse& response) {
  constexpr int kSubjectsMax = 1'000;
  if (rule.kernel != scoring::Kernel::kBrierHalf) {
    return InvalidField("FIELD_INVALID", "difficulty_adjusted",
                        Cat("is for half Brier rules; ", rule.id, " is none"));
  }
  if (response.entries_size() > kSubjectsMax) {
    return InvalidField("FIELD_INVALID", "difficulty_adjusted",
                        Cat("would fit ", response.entries_size(), " subjects; at most ",
                            kSubjectsMax, " are taken: see question_count_min and kind"));
  }
  const size_t subject_count = static_cast<size_t>(response.entries_size());
  if (subject_count == 0) return absl::OkStatus();
  std::vector<double> values(question_count * subject_count,
                             std::numeric_limits<double>::quiet_NaN());
  for (size_t f = 0; f < subject_count; ++f) {
    const Standing& standing = by_subject.at(response.entries(static_cast<int>(f)).subject());
    for (size_t i = 0; i < standing.questions.size(); ++i) {
      values[standing.questions[i] * subject_count + f] = standing.group.scores[i].value;
    }
  }
  const auto adjustment = scoring::AdjustForDifficulty(
      {.forecaster_count = subject_count, .question_count = question_count, .values = values}, {});
  // Subjects that share no questions cannot be told from how hard these were.
  if (absl::IsFailedPrecondition(adjustment.status())) return absl::OkStatus();
  CREDENCE_RETURN_IF_ERROR(adjustment.status());
  for (size_t f = 0; f < subject_count; ++f) {
    const double adjusted = adjustment->adjusted[f];
    if (std::isnan(adjusted)) continue;
    v1::LeaderboardEntry& entry = *response.mutable_entries(static_cast<int>(f));
    entry.set_adjusted(adjusted);
    entry.set_brier_index(scoring::BrierIndex(adjusted));
  }
  return absl::OkStatus();
}

// The 95 % interval of each line's mean, from resampling the questions that it is a mean of. Lines
// with an infinite score have none.
absl::Status AddIntervals(const StandingBySubject& by_subject,
                          const v1::GetLeaderboardRequest& request,
                          v1::GetLeaderboardResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const int resample_count,
                            ParseResampleCount(request.resample_count(), 0));
  if (resample_count == 0) return absl::OkStatus();
  scoring::BootstrapOptions options;
  options.resample_count = resample_count;
  options.seed = SeedOf(request.seed());
  for (v1::LeaderboardEntry& entry : *response.mutable_entries()) {
    if (!entry.has_mean()) continue;
    std::vector<double> values;
    for (const scoring::Score& score : by_subject.at(entry.subject()).group.scores) {
      values.push_back(score.value);
    }
    scoring::ScoreMatrix matrix;
    matrix.forecaster_count = 1;
    matrix.question_count = values.size();
    matrix.values = values;
    CREDENCE_ASSIGN_OR_RETURN(
        const auto rows,
        scoring::BootstrapLeaderboard(matrix, scoring::Orientation::kLowerIsBetter, options));
    entry.set_low(rows.front()->estimate.lower);
    entry.set_high(rows.front()->estimate.upper);
  }
  return absl::OkStatus();
}

// Whether any version of the question's scores holds a subject of the leaderboard.
bool Bears(const QuestionState& question, const v1::GetLeaderboardRequest& request) {
  return std::any_of(question.scores.begin(), question.scores.end(), [&](const auto& version) {
    return std::any_of(version->subjects.begin(), version->subjects.end(),
                       [&](const SubjectScoreState& subject) { return Admits(request, subject); });
  });
}

void FillVersion(const std::vector<const QuestionState*>& questions,
                 const v1::GetLeaderboardRequest& request, absl::Time at,
                 v1::GetLeaderboardResponse& response) {
  int64_t count = 0;
  const QuestionState* last_question = nullptr;
  const ScoreVersionState* last = nullptr;
  for (const QuestionState* question : questions) {
    if (!Bears(*question, request)) continue;
    for (const auto& version : question->scores) {
      if (version->effective_time > at) continue;
      ++count;
      if (last != nullptr && std::pair(version->effective_time, version->position) <
                                 std::pair(last->effective_time, last->position)) {
        continue;
      }
      last = version.get();
      last_question = question;
    }
  }
  if (last == nullptr) return;
  v1::LeaderboardVersion& filled = *response.mutable_version();
  filled.set_version(count);
  filled.set_position(last->position);
  filled.set_cause_position(last->cause_position);
  filled.set_question(Cat("questions/", last_question->id));
  SetTime(last->effective_time, *filled.mutable_effective_time());
}

}  // namespace

absl::Status FillLeaderboard(const State& state, const v1::GetLeaderboardRequest& request,
                             v1::GetLeaderboardResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const scoring::Rule* rule, ParseRule(request.rule(), "rule"));
  CREDENCE_ASSIGN_OR_RETURN(const ReportScope scope, ScopeOf(request, "effective_time"));
  if (request.question_count_min() < 0) {
    return InvalidField("FIELD_INVALID", "question_count_min", "must not be negative");
  }
  if (!request.reference().empty()) {
    CREDENCE_RETURN_IF_ERROR(CheckReference(request.reference(), "reference"));
  }
  const std::vector<const QuestionState*> questions = EndedQuestions(state, scope);
  const auto by_subject = ScoresBySubject(questions, request, *rule, scope.at);
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<Line> lines,
                            RankedLines(by_subject, *rule, request.question_count_min()));
  response.set_rule(request.rule());
  response.set_description(std::string(rule->convention));
  AddEntries(lines, response);
  CREDENCE_RETURN_IF_ERROR(AddSkills(by_subject, response));
  if (request.difficulty_adjusted()) {
    CREDENCE_RETURN_IF_ERROR(AddAdjusted(by_subject, *rule, questions.size(), response));
  }
  CREDENCE_RETURN_IF_ERROR(AddIntervals(by_subject, request, response));
  FillVersion(questions, request, scope.at, response);
  *response.mutable_settlement() = Settle(questions, scope.at);
  return absl::OkStatus();
}

}  // namespace credence::server
