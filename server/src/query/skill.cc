#include "query/skill.h"

#include <cmath>
#include <numeric>

#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/scoring/comparison.h"
#include "credence/scoring/question.h"
#include "credence/scoring/series.h"
#include "query/score_report.h"

namespace credence::server {
namespace {

// A yes/no question of two days on which one forecast stands throughout: whatever the rule's
// timing, its score is what the forecast is worth.
absl::StatusOr<std::optional<scoring::Score>> ScoreThroughout(const scoring::Rule& rule,
                                                              double probability,
                                                              const scoring::Outcome& outcome) {
  scoring::ScoredQuestion question;
  question.id = "base-rate";
  question.open_time = absl::UnixEpoch();
  question.close_time = absl::UnixEpoch() + absl::Hours(48);
  question.outcome = outcome;
  scoring::ForecastSeries series(2);
  const double probabilities[] = {probability, 1.0 - probability};
  series.Append(question.open_time, probabilities);
  const scoring::SeriesView view = series.view();
  return scoring::ScoreSeries(rule, question, view, {&view, 1});
}

}  // namespace

absl::Status CheckReference(std::string_view reference, std::string_view field) {
  if (reference == kBaseRate) return absl::OkStatus();
  const absl::Status subject = CheckSubject(reference, field);
  if (subject.ok()) return subject;
  return InvalidField("NAME_INVALID", field,
                      "must be base-rate, forecasters/{id}, model, pools/median, pools/log or "
                      "sources/{id}");
}

std::optional<double> ShareOfFirst(const QuestionState& question, absl::Time at) {
  const ResolutionState* end = question.EndAt(at);
  if (end == nullptr || !end->scored() || question.numeric || question.states.size() != 2) {
    return std::nullopt;
  }
  if (end->fraction.has_value()) return *end->fraction;
  return end->outcome == question.states.front() ? 1.0 : 0.0;
}

absl::StatusOr<std::optional<std::vector<scoring::Score>>> BaseRateScores(
    const scoring::Rule& rule, const std::vector<double>& shares) {
  using Scores = std::vector<scoring::Score>;
  if (rule.needs_others() || shares.empty()) return std::optional<Scores>();
  const double rate =
      std::accumulate(shares.begin(), shares.end(), 0.0) / static_cast<double>(shares.size());
  Scores scores;
  for (const double share : shares) {
    CREDENCE_ASSIGN_OR_RETURN(const scoring::Outcome outcome, scoring::Outcome::Fraction(share));
    CREDENCE_ASSIGN_OR_RETURN(const auto score, ScoreThroughout(rule, rate, outcome));
    if (!score.has_value()) return std::optional<Scores>();
    scores.push_back(*score);
  }
  return std::optional<Scores>(std::move(scores));
}

std::optional<double> SkillOf(const scoring::Rule& rule, double mean, double reference_mean) {
  const std::optional<double> perfect = scoring::PerfectScore(rule);
  if (!perfect.has_value()) return std::nullopt;
  const auto skill = scoring::SkillScore(mean, reference_mean, *perfect);
  return skill.ok() ? std::optional(*skill) : std::nullopt;
}

void SkillPairs::Add(const QuestionState& question, const ScoreVersionState& version,
                     const SubjectScoreState& subject) {
  const bool base_rate = reference_ == kBaseRate;
  const SubjectScoreState* other = base_rate ? nullptr : FindSubject(version, reference_);
  const std::optional<double> share = base_rate ? ShareOfFirst(question, at_) : std::nullopt;
  const bool comparable =
      base_rate ? share.has_value() : other != nullptr && other->backfilled == subject.backfilled;
  if (!comparable) return;
  if (rule_ != nullptr) {
    const std::optional<size_t> index = version.FindRule(rule_->id);
    if (index.has_value()) AddRule(*rule_, *index, subject, other, share);
    return;
  }
  for (size_t i = 0; i < version.rules.size(); ++i) {
    const auto rule = scoring::FindRule(version.rules[i]);
    if (rule.ok()) AddRule(**rule, i, subject, other, share);
  }
}

void SkillPairs::AddRule(const scoring::Rule& rule, size_t index, const SubjectScoreState& subject,
                         const SubjectScoreState* other, std::optional<double> share) {
  const std::optional<scoring::Score> own = RecordedScore(rule, subject, index);
  if (!own.has_value()) return;
  std::optional<scoring::Score> reference;
  if (other != nullptr) {
    reference = RecordedScore(rule, *other, index);
    if (!reference.has_value()) return;
  }
  Pair& pair = pairs_[Key(subject.backfilled, rule.id)];
  pair.own.push_back(*own);
  if (reference.has_value()) {
    pair.reference.push_back(*reference);
  } else {
    pair.shares.push_back(*share);
  }
}

absl::StatusOr<std::vector<v1::RuleSkill>> SkillPairs::Skills() const {
  std::vector<v1::RuleSkill> skills;
  for (const bool backfilled : {false, true}) {
    for (const scoring::Rule& rule : scoring::AllRules()) {
      const auto found = pairs_.find(Key(backfilled, rule.id));
      if (found == pairs_.end()) continue;
      const Pair& pair = found->second;
      std::optional<std::vector<scoring::Score>> reference = pair.reference;
      if (reference_ == kBaseRate) {
        CREDENCE_ASSIGN_OR_RETURN(reference, BaseRateScores(rule, pair.shares));
      }
      if (!reference.has_value()) continue;
      CREDENCE_ASSIGN_OR_RETURN(const auto own, scoring::SummarizeScores(pair.own));
      CREDENCE_ASSIGN_OR_RETURN(const auto other, scoring::SummarizeScores(*reference));
      v1::RuleSkill& skill = skills.emplace_back();
      skill.set_rule(std::string(rule.id));
      skill.set_backfilled(backfilled);
      skill.set_question_count(static_cast<int64_t>(pair.own.size()));
      skill.set_coverage(own.mean_coverage);
      skill.set_reference_coverage(other.mean_coverage);
      if (!std::isfinite(own.mean) || !std::isfinite(other.mean)) continue;
      skill.set_mean(own.mean);
      skill.set_reference_mean(other.mean);
      const std::optional<double> value = SkillOf(rule, own.mean, other.mean);
      if (value.has_value()) skill.set_skill(*value);
    }
  }
  return skills;
}

}  // namespace credence::server
