#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/scoring/bootstrap.h"
#include "credence/scoring/comparison.h"
#include "query/resampling.h"
#include "query/score_queries.h"
#include "query/score_report.h"
#include "query/skill.h"

// Subjects in pairs, each pair on the questions that both were scored on.
namespace credence::server {
namespace {

constexpr int kSubjectsMax = 50;
constexpr int kResamplesDefault = 1'999;

absl::Status CheckSubjects(const v1::CompareForecastersRequest& request) {
  if (request.subjects_size() < 2 || request.subjects_size() > kSubjectsMax) {
    return InvalidField(
        "FIELD_INVALID", "subjects",
        Cat("names ", request.subjects_size(), "; 2 to ", kSubjectsMax, " are compared"));
  }
  for (int i = 0; i < request.subjects_size(); ++i) {
    const std::string field = Cat("subjects[", i, "]");
    CREDENCE_RETURN_IF_ERROR(CheckReference(request.subjects(i), field));
    for (int k = 0; k < i; ++k) {
      if (request.subjects(k) == request.subjects(i)) {
        return InvalidField("FIELD_INVALID", field, "is named twice");
      }
    }
  }
  return absl::OkStatus();
}

// The subjects' scores on one question, in the order of the request.
struct QuestionScores {
  absl::Time resolve_time;
  int64_t position = 0;
  std::vector<std::optional<scoring::Score>> scores;
  // Subjects whose forecasts were made before the question changed materially.
  std::vector<bool> across_versions;
  // Of the first of two states, for the base rate.
  std::optional<double> share;
};

// In the order in which the questions were resolved.
std::vector<QuestionScores> Collect(const std::vector<const QuestionState*>& questions,
                                    const v1::CompareForecastersRequest& request,
                                    const scoring::Rule& rule, absl::Time at) {
  std::vector<QuestionScores> collected;
  for (const QuestionState* question : questions) {
    const ScoreVersionState* version = question->ScoresAt(at);
    const auto index = version == nullptr ? std::nullopt : version->FindRule(rule.id);
    if (!index.has_value()) continue;
    QuestionScores row{
        version->effective_time, version->position, {}, {}, ShareOfFirst(*question, at)};
    for (const std::string& name : request.subjects()) {
      const SubjectScoreState* subject = FindSubject(*version, name);
      const bool counts =
          subject != nullptr && subject->backfilled == request.filter().backfilled();
      row.scores.push_back(counts ? RecordedScore(rule, *subject, *index) : std::nullopt);
      row.across_versions.push_back(counts && subject->across_versions);
    }
    collected.push_back(std::move(row));
  }
  std::sort(collected.begin(), collected.end(),
            [](const QuestionScores& a, const QuestionScores& b) {
              return std::pair(a.resolve_time, a.position) < std::pair(b.resolve_time, b.position);
            });
  return collected;
}

// One pair's scores on the questions that both have.
struct Pair {
  std::vector<scoring::Score> left;
  std::vector<scoring::Score> right;
  int64_t across_versions_count = 0;

  [[nodiscard]] bool finite() const {
    const auto is_finite = [](const scoring::Score& score) { return score.finite(); };
    return std::all_of(left.begin(), left.end(), is_finite) &&
           std::all_of(right.begin(), right.end(), is_finite);
  }
};

Pair PairOf(const std::vector<QuestionScores>& questions, size_t left, size_t right) {
  Pair pair;
  for (const QuestionScores& question : questions) {
    if (!question.scores[left] || !question.scores[right]) continue;
    pair.left.push_back(*question.scores[left]);
    pair.right.push_back(*question.scores[right]);
    if (question.across_versions[left] || question.across_versions[right]) {
      ++pair.across_versions_count;
    }
  }
  return pair;
}

// One subject, as the left one, beside the base rate of the yes/no questions that it has.
absl::StatusOr<Pair> PairWithBaseRate(const std::vector<QuestionScores>& questions, size_t subject,
                                      const scoring::Rule& rule) {
  Pair pair;
  std::vector<double> shares;
  for (const QuestionScores& question : questions) {
    if (!question.scores[subject] || !question.share) continue;
    pair.left.push_back(*question.scores[subject]);
    shares.push_back(*question.share);
    if (question.across_versions[subject]) ++pair.across_versions_count;
  }
  CREDENCE_ASSIGN_OR_RETURN(auto scores, BaseRateScores(rule, shares));
  if (!scores.has_value()) return Pair();
  pair.right = *std::move(scores);
  return pair;
}

absl::StatusOr<Pair> PairFor(const v1::CompareForecastersRequest& request,
                             const std::vector<QuestionScores>& questions,
                             const scoring::Rule& rule, size_t left, size_t right) {
  const bool left_is_rate = request.subjects(static_cast<int>(left)) == kBaseRate;
  const bool right_is_rate = request.subjects(static_cast<int>(right)) == kBaseRate;
  if (right_is_rate) return PairWithBaseRate(questions, left, rule);
  if (!left_is_rate) return PairOf(questions, left, right);
  CREDENCE_ASSIGN_OR_RETURN(Pair pair, PairWithBaseRate(questions, right, rule));
  std::swap(pair.left, pair.right);
  return pair;
}

absl::Status FillBootstrap(const Pair& pair, const scoring::BootstrapOptions& options,
                           v1::ForecasterComparison& comparison) {
  std::vector<double> values;
  values.reserve(pair.left.size() * 2);
  for (size_t i = 0; i < pair.left.size(); ++i) {
    values.push_back(pair.left[i].value);
    values.push_back(pair.right[i].value);
  }
  scoring::ScoreMatrix matrix;
  matrix.forecaster_count = 2;
  matrix.question_count = pair.left.size();
  matrix.values = values;
  CREDENCE_ASSIGN_OR_RETURN(const auto differences,
                            scoring::BootstrapDifferences(matrix, 1, options));
  const std::optional<scoring::BootstrapDifference>& difference = differences.front();
  if (!difference.has_value()) return absl::OkStatus();
  comparison.set_difference(difference->difference.mean);
  comparison.set_low(difference->difference.lower);
  comparison.set_high(difference->difference.upper);
  comparison.set_p_value(difference->p_two_sided);
  return absl::OkStatus();
}

void FillDieboldMariano(const Pair& pair, v1::ForecasterComparison& comparison) {
  std::vector<double> differences;
  for (size_t i = 0; i < pair.left.size(); ++i) {
    differences.push_back(pair.left[i].value - pair.right[i].value);
  }
  // Too few questions, or differences that are all alike, have no statistic.
  const auto result = scoring::DieboldMariano(differences, {});
  if (!result.ok()) return;
  comparison.set_diebold_mariano(result->statistic);
  comparison.set_diebold_mariano_p_value(result->p_two_sided);
}

absl::Status Compare(const scoring::Rule& rule, const Pair& pair,
                     const scoring::BootstrapOptions& options,
                     v1::ForecasterComparison& comparison) {
  comparison.set_question_count(static_cast<int64_t>(pair.left.size()));
  comparison.set_across_versions_count(pair.across_versions_count);
  if (pair.left.empty()) return absl::OkStatus();
  CREDENCE_ASSIGN_OR_RETURN(const auto left, scoring::SummarizeScores(pair.left));
  CREDENCE_ASSIGN_OR_RETURN(const auto right, scoring::SummarizeScores(pair.right));
  comparison.set_left_coverage(left.mean_coverage);
  comparison.set_right_coverage(right.mean_coverage);
  if (!pair.finite()) return absl::OkStatus();
  comparison.set_left_mean(left.mean);
  comparison.set_right_mean(right.mean);
  CREDENCE_RETURN_IF_ERROR(FillBootstrap(pair, options, comparison));
  FillDieboldMariano(pair, comparison);
  const std::optional<double> skill = SkillOf(rule, left.mean, right.mean);
  if (skill.has_value()) comparison.set_skill(*skill);
  return absl::OkStatus();
}

// Holds each pair's p-value against the number of pairs that have one.
absl::Status Adjust(v1::CompareForecastersResponse& response) {
  std::vector<double> p_values;
  for (const v1::ForecasterComparison& comparison : response.comparisons()) {
    if (comparison.has_p_value()) p_values.push_back(comparison.p_value());
  }
  if (p_values.empty()) return absl::OkStatus();
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<double> adjusted,
                            scoring::AdjustForFalseDiscovery(
                                p_values, scoring::FalseDiscoveryControl::kBenjaminiHochberg));
  size_t next = 0;
  for (v1::ForecasterComparison& comparison : *response.mutable_comparisons()) {
    if (comparison.has_p_value()) comparison.set_adjusted_p_value(adjusted[next++]);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status FillComparison(const State& state, const v1::CompareForecastersRequest& request,
                            v1::CompareForecastersResponse& response) {
  CREDENCE_RETURN_IF_ERROR(CheckSubjects(request));
  CREDENCE_ASSIGN_OR_RETURN(const scoring::Rule* rule, ParseRule(request.rule(), "rule"));
  CREDENCE_ASSIGN_OR_RETURN(const ReportScope scope,
                            ScopeOf(request.filter(), "filter.effective_time"));
  CREDENCE_ASSIGN_OR_RETURN(const int resample_count,
                            ParseResampleCount(request.resample_count(), kResamplesDefault));
  const std::vector<const QuestionState*> questions = EndedQuestions(state, scope);
  const std::vector<QuestionScores> collected = Collect(questions, request, *rule, scope.at);
  scoring::BootstrapOptions options;
  options.resample_count = resample_count;
  options.seed = SeedOf(request.seed());
  const size_t count = static_cast<size_t>(request.subjects_size());
  for (size_t left = 0; left < count; ++left) {
    for (size_t right = left + 1; right < count; ++right) {
      v1::ForecasterComparison& comparison = *response.add_comparisons();
      comparison.set_left(request.subjects(static_cast<int>(left)));
      comparison.set_right(request.subjects(static_cast<int>(right)));
      CREDENCE_ASSIGN_OR_RETURN(const Pair pair, PairFor(request, collected, *rule, left, right));
      CREDENCE_RETURN_IF_ERROR(Compare(*rule, pair, options, comparison));
    }
  }
  CREDENCE_RETURN_IF_ERROR(Adjust(response));
  response.set_rule(request.rule());
  response.set_description(std::string(rule->convention));
  response.set_lower_is_better(rule->orientation == scoring::Orientation::kLowerIsBetter);
  *response.mutable_settlement() = Settle(questions, scope.at);
  return absl::OkStatus();
}

}  // namespace credence::server
