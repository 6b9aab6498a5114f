#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "absl/container/flat_hash_map.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "query/convert.h"
#include "query/score_queries.h"
#include "query/score_report.h"
#include "query/skill.h"

// One subject: its averages, by tag, and over time.
namespace credence::server {
namespace {

using ScoresByRule = std::map<std::string, ScoreGroup>;

absl::Status AddAverages(const ScoresByRule& by_rule,
                         google::protobuf::RepeatedPtrField<v1::RuleAverage>& out) {
  for (const scoring::Rule& rule : scoring::AllRules()) {
    const auto found = by_rule.find(std::string(rule.id));
    if (found == by_rule.end()) continue;
    CREDENCE_ASSIGN_OR_RETURN(*out.Add(), Average(rule, found->second));
  }
  return absl::OkStatus();
}

void Collect(const ScoreVersionState& version, const SubjectScoreState& subject,
             ScoresByRule& by_rule) {
  for (size_t i = 0; i < version.rules.size(); ++i) {
    const auto rule = scoring::FindRule(version.rules[i]);
    // A rule that only a newer version knows has no average here.
    if (!rule.ok()) continue;
    const auto score = RecordedScore(**rule, subject, i);
    if (score.has_value()) by_rule[version.rules[i]].Add(*score, subject);
  }
}

absl::Status AddTags(const std::vector<const QuestionState*>& questions,
                     const v1::GetScorecardRequest& request, const scoring::Rule& rule,
                     absl::Time at, v1::GetScorecardResponse& response) {
  std::map<std::string, ScoreGroup> by_tag;
  for (const QuestionState* question : questions) {
    const ScoreVersionState* version = question->ScoresAt(at);
    if (version == nullptr) continue;
    const SubjectScoreState* subject = FindSubject(*version, request.subject());
    const auto index = version->FindRule(rule.id);
    if (subject == nullptr || !index || subject->backfilled != request.detail_backfilled())
      continue;
    const auto score = RecordedScore(rule, *subject, *index);
    if (!score.has_value()) continue;
    for (const std::string& tag : question->tags) by_tag[tag].Add(*score, *subject);
  }
  for (const auto& [tag, scores] : by_tag) {
    v1::TagAverage& entry = *response.add_tags();
    entry.set_tag(tag);
    CREDENCE_ASSIGN_OR_RETURN(*entry.mutable_average(), Average(rule, scores));
  }
  return absl::OkStatus();
}

// The mean over the scores in force, as one after the other they come, change and end.
class RunningMean {
 public:
  void Replace(const std::string& question, const std::optional<scoring::Score>& score) {
    const auto held = held_.find(question);
    if (held != held_.end()) {
      Count(held->second, -1);
      held_.erase(held);
    }
    if (!score.has_value()) return;
    Count(*score, 1);
    held_.emplace(question, *score);
  }
  [[nodiscard]] bool Holds(const std::string& question) const { return held_.contains(question); }
  [[nodiscard]] int64_t count() const { return static_cast<int64_t>(held_.size()); }
  // Absent where nothing is held, or something infinite.
  [[nodiscard]] std::optional<double> mean() const {
    if (held_.empty() || infinite_count_ > 0) return std::nullopt;
    return static_cast<double>(sum_ / static_cast<long double>(held_.size()));
  }
  [[nodiscard]] double coverage() const {
    if (held_.empty()) return 0.0;
    return static_cast<double>(coverage_sum_ / static_cast<long double>(held_.size()));
  }

 private:
  void Count(const scoring::Score& score, int sign) {
    coverage_sum_ += sign * static_cast<long double>(score.coverage);
    if (score.finite()) {
      sum_ += sign * static_cast<long double>(score.value);
    } else {
      infinite_count_ += sign;
    }
  }

  absl::flat_hash_map<std::string, scoring::Score> held_;
  // Wider than what is added, so that taking away again leaves nothing behind that shows.
  long double sum_ = 0.0;
  long double coverage_sum_ = 0.0;
  int64_t infinite_count_ = 0;
};

struct ScoringEvent {
  const QuestionState* question;
  const ScoreVersionState* version;
};

// All versions up to `at`, in the order in which they came into force.
std::vector<ScoringEvent> ScoringEvents(const std::vector<const QuestionState*>& questions,
                                        absl::Time at) {
  std::vector<ScoringEvent> events;
  for (const QuestionState* question : questions) {
    for (const auto& version : question->scores) {
      if (version->effective_time <= at) events.push_back({question, version.get()});
    }
  }
  std::sort(events.begin(), events.end(), [](const ScoringEvent& a, const ScoringEvent& b) {
    return std::pair(a.version->effective_time, a.version->position) <
           std::pair(b.version->effective_time, b.version->position);
  });
  return events;
}

void AddHistory(const std::vector<const QuestionState*>& questions,
                const v1::GetScorecardRequest& request, const scoring::Rule& rule, absl::Time at,
                v1::GetScorecardResponse& response) {
  RunningMean running;
  for (const ScoringEvent& event : ScoringEvents(questions, at)) {
    const SubjectScoreState* subject = FindSubject(*event.version, request.subject());
    const auto index = event.version->FindRule(rule.id);
    std::optional<scoring::Score> score;
    if (subject != nullptr && index && subject->backfilled == request.detail_backfilled()) {
      score = RecordedScore(rule, *subject, *index);
    }
    const std::string& id = event.question->id;
    if (!score.has_value() && !running.Holds(id)) continue;
    running.Replace(id, score);
    v1::ScorePoint& point = *response.add_history();
    SetTime(event.version->effective_time, *point.mutable_effective_time());
    point.set_question(Cat("questions/", id));
    if (score.has_value() && score->finite()) point.set_value(score->value);
    if (const auto mean = running.mean(); mean.has_value()) point.set_mean(*mean);
    point.set_question_count(running.count());
    point.set_coverage(running.coverage());
  }
}

absl::Status AddDetails(const std::vector<const QuestionState*>& questions,
                        const v1::GetScorecardRequest& request, absl::Time at,
                        v1::GetScorecardResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const scoring::Rule* rule,
                            ParseRule(request.detail_rule(), "detail_rule"));
  CREDENCE_RETURN_IF_ERROR(AddTags(questions, request, *rule, at, response));
  AddHistory(questions, request, *rule, at, response);
  return absl::OkStatus();
}

}  // namespace

absl::Status FillScorecard(const State& state, const v1::GetScorecardRequest& request,
                           v1::GetScorecardResponse& response) {
  CREDENCE_RETURN_IF_ERROR(CheckSubject(request.subject(), "subject"));
  if (!request.reference().empty()) {
    CREDENCE_RETURN_IF_ERROR(CheckReference(request.reference(), "reference"));
  }
  CREDENCE_ASSIGN_OR_RETURN(const ReportScope scope, ScopeOf(request, "effective_time"));
  std::vector<const QuestionState*> questions = EndedQuestions(state, scope);
  std::erase_if(questions, [&](const QuestionState* question) {
    return !HadForecast(state, *question, request.subject());
  });
  ScoresByRule live;
  ScoresByRule backfilled;
  SkillPairs skills(request.reference(), nullptr, scope.at);
  double coverage_sum = 0.0;
  int64_t scored_count = 0;
  for (const QuestionState* question : questions) {
    const ScoreVersionState* version = question->ScoresAt(scope.at);
    if (version == nullptr) continue;
    const SubjectScoreState* subject = FindSubject(*version, request.subject());
    if (subject == nullptr) continue;
    coverage_sum += subject->coverage;
    ++scored_count;
    Collect(*version, *subject, subject->backfilled ? backfilled : live);
    if (!request.reference().empty()) skills.Add(*question, *version, *subject);
  }
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<v1::RuleSkill> skill, skills.Skills());
  response.mutable_skills()->Add(skill.begin(), skill.end());
  CREDENCE_RETURN_IF_ERROR(AddAverages(live, *response.mutable_live()));
  CREDENCE_RETURN_IF_ERROR(AddAverages(backfilled, *response.mutable_backfilled()));
  response.set_subject(request.subject());
  if (scored_count > 0) response.set_coverage(coverage_sum / static_cast<double>(scored_count));
  *response.mutable_settlement() = Settle(questions, scope.at);
  if (request.detail_rule().empty()) return absl::OkStatus();
  return AddDetails(questions, request, scope.at, response);
}

}  // namespace credence::server
