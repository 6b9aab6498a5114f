#include "decide/scores.h"

#include <algorithm>
#include <map>
#include <utility>

#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/scoring/pool.h"
#include "credence/scoring/question.h"
#include "credence/scoring/rules.h"
#include "credence/scoring/score.h"
#include "credence/scoring/series.h"

namespace credence::server {
namespace {

// Subjects in one event: well below the largest entry, which is 65,535 bytes.
constexpr size_t kSubjectsPerPart = 100;

struct Subject {
  event::v1::ScoreSubjectKind kind;
  std::string name;
  scoring::ForecastSeries series;
  bool backfilled = false;
};

scoring::ScoredQuestion ToScored(const QuestionState& question, const std::string& outcome,
                                 absl::Time resolve_time) {
  scoring::ScoredQuestion scored;
  scored.id = question.id;
  scored.state_count = question.states.size();
  scored.kind = scored.state_count == 2 ? scoring::QuestionKind::kBinary
                                        : scoring::QuestionKind::kMultipleChoice;
  scored.open_time = question.open_time;
  scored.close_time = question.close_time;
  scored.resolve_time = resolve_time;
  const auto state = std::find(question.states.begin(), question.states.end(), outcome);
  scored.outcome = scoring::Outcome::State(static_cast<size_t>(state - question.states.begin()));
  return scored;
}

absl::StatusOr<Subject> MakeSubject(event::v1::ScoreSubjectKind kind, std::string name,
                                    size_t state_count,
                                    const std::vector<const RecordedForecast*>& said) {
  std::vector<scoring::ForecastPoint> points;
  points.reserve(said.size());
  bool backfilled = false;
  for (const RecordedForecast* forecast : said) {
    points.push_back(
        {forecast->effective_time, forecast->probabilities, forecast->probabilities.empty()});
    backfilled = backfilled || forecast->backfilled;
  }
  CREDENCE_ASSIGN_OR_RETURN(scoring::ForecastSeries series,
                            scoring::ForecastSeries::Create(state_count, points));
  return Subject{kind, std::move(name), std::move(series), backfilled};
}

absl::StatusOr<std::vector<Subject>> MakeForecasters(
    const QuestionState& question, const std::vector<RecordedForecast>& forecasts) {
  std::map<std::string, std::vector<const RecordedForecast*>> by_forecaster;
  for (const RecordedForecast& forecast : forecasts) {
    by_forecaster[forecast.forecaster].push_back(&forecast);
  }
  std::vector<Subject> subjects;
  for (const auto& [forecaster, said] : by_forecaster) {
    CREDENCE_ASSIGN_OR_RETURN(Subject subject, MakeSubject(event::v1::SCORE_SUBJECT_KIND_FORECASTER,
                                                           Cat("forecasters/", forecaster),
                                                           question.states.size(), said));
    subjects.push_back(std::move(subject));
  }
  return subjects;
}

absl::Status AddPools(std::vector<Subject>& subjects) {
  std::vector<scoring::SeriesView> members;
  bool backfilled = false;
  for (const Subject& subject : subjects) {
    members.push_back(subject.series.view());
    backfilled = backfilled || subject.backfilled;
  }
  if (members.empty()) return absl::OkStatus();
  const std::pair<const char*, scoring::PoolMethod> pools[] = {
      {"pools/median", scoring::PoolMethod::kMedian},
      {"pools/log", scoring::PoolMethod::kLogarithmic}};
  std::vector<Subject> made;
  for (const auto& [name, method] : pools) {
    scoring::PoolOptions options;
    options.method = method;
    CREDENCE_ASSIGN_OR_RETURN(scoring::ForecastSeries series,
                              scoring::PoolSeries(members, {}, options));
    made.push_back(
        Subject{event::v1::SCORE_SUBJECT_KIND_POOL, name, std::move(series), backfilled});
  }
  std::move(made.begin(), made.end(), std::back_inserter(subjects));
  return absl::OkStatus();
}

int64_t CountWithin(const scoring::SeriesView& series, const scoring::TimeWindow& window) {
  return std::count_if(series.steps.begin(), series.steps.end(), [&](const scoring::Step& step) {
    return step.standing && step.start >= window.start && step.start < window.end;
  });
}

absl::StatusOr<event::v1::SubjectScores> ScoreSubject(const scoring::ScoredQuestion& question,
                                                      const Subject& subject) {
  event::v1::SubjectScores scores;
  scores.set_kind(subject.kind);
  scores.set_subject(subject.name);
  const scoring::SeriesView view = subject.series.view();
  for (const std::string& id : RecordedRules()) {
    CREDENCE_ASSIGN_OR_RETURN(const scoring::Rule* rule, scoring::FindRule(id));
    CREDENCE_ASSIGN_OR_RETURN(const std::optional<scoring::Score> score,
                              scoring::ScoreSeries(*rule, question, view, {&view, 1}));
    if (!score.has_value()) continue;
    event::v1::RuleScore& entry = *scores.add_scores();
    entry.set_rule(id);
    if (const auto value = score->FiniteValue(); value.has_value()) entry.set_value(*value);
  }
  scores.set_coverage(scoring::Coverage(view, question.ScoringWindow()));
  scores.set_forecast_count(CountWithin(view, question.ScoringWindow()));
  scores.set_backfilled(subject.backfilled);
  return scores;
}

}  // namespace

const std::vector<std::string>& RecordedRules() {
  static const auto* const rules = new std::vector<std::string>{
      "brier.half.last",         "brier.full.last", "brier.half.daily", "brier.full.daily",
      "brier.half.timeweighted", "log.last",        "log.timeweighted"};
  return *rules;
}

absl::StatusOr<std::vector<event::v1::SubjectScores>> ScoreQuestion(
    const QuestionState& question, const std::string& outcome, absl::Time resolve_time,
    const std::vector<RecordedForecast>& forecasts,
    const std::vector<RecordedForecast>& posteriors) {
  CREDENCE_ASSIGN_OR_RETURN(std::vector<Subject> subjects, MakeForecasters(question, forecasts));
  CREDENCE_RETURN_IF_ERROR(AddPools(subjects));
  std::vector<const RecordedForecast*> published;
  for (const RecordedForecast& posterior : posteriors) published.push_back(&posterior);
  CREDENCE_ASSIGN_OR_RETURN(Subject model, MakeSubject(event::v1::SCORE_SUBJECT_KIND_MODEL, "model",
                                                       question.states.size(), published));
  subjects.push_back(std::move(model));
  const scoring::ScoredQuestion scored = ToScored(question, outcome, resolve_time);
  std::vector<event::v1::SubjectScores> result;
  for (const Subject& subject : subjects) {
    CREDENCE_ASSIGN_OR_RETURN(event::v1::SubjectScores scores, ScoreSubject(scored, subject));
    if (scores.scores_size() > 0) result.push_back(std::move(scores));
  }
  return result;
}

void AddScores(Trial& trial, const std::string& question, int64_t version,
               const std::string& outcome, std::vector<event::v1::SubjectScores> subjects,
               absl::Time effective_time, int64_t caused_by) {
  const size_t part_count =
      std::max<size_t>(1, (subjects.size() + kSubjectsPerPart - 1) / kSubjectsPerPart);
  for (size_t part = 0; part < part_count; ++part) {
    auto payload = std::make_shared<event::v1::QuestionScored>();
    payload->set_question(question);
    payload->set_score_version(version);
    payload->set_outcome(outcome);
    payload->set_part_index(static_cast<int64_t>(part));
    payload->set_part_count(static_cast<int64_t>(part_count));
    const size_t end = std::min(subjects.size(), (part + 1) * kSubjectsPerPart);
    for (size_t i = part * kSubjectsPerPart; i < end; ++i) {
      *payload->add_subjects() = std::move(subjects[i]);
    }
    trial.Add(Cat("questions/", question), std::move(payload), effective_time, caused_by);
  }
}

}  // namespace credence::server
