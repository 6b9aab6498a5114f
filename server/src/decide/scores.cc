#include "decide/scores.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "credence/base/check.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/scoring/pool.h"
#include "credence/scoring/question.h"
#include "credence/scoring/rules.h"
#include "credence/scoring/score.h"
#include "credence/scoring/series.h"
#include "decide/forecast_history.h"
#include "decide/numeric_scores.h"
#include "decide/source_scores.h"

namespace credence::server {
namespace {

// Subjects in one event: well below the largest entry, which is 65,535 bytes.
constexpr size_t kSubjectsPerPart = 64;
// Probabilities of all states twice, and names.
constexpr size_t kClaimBytesPerPart = 30'000;

struct Subject {
  event::v1::ScoreSubjectKind kind;
  std::string name;
  scoring::ForecastSeries series;
  bool backfilled = false;
  // The series as others knew it, where that is another: something was sealed first.
  std::optional<scoring::ForecastSeries> known;
};

// When forecasts ceased to count: when it was known first how the question ended, or it was closed
// before its close time.
absl::Time KnownTime(const QuestionState& question, const ResolutionState& resolution) {
  const absl::Time closed = question.closed_time.value_or(absl::InfiniteFuture());
  if (resolution.occur_time.has_value()) return std::min(closed, *resolution.occur_time);
  absl::Time known = std::min(closed, resolution.effective_time);
  for (const ResolutionState& earlier : question.resolutions) {
    if (!earlier.annulled) known = std::min(known, earlier.effective_time);
  }
  return known;
}

absl::StatusOr<scoring::ScoredQuestion> ToScored(const QuestionState& question,
                                                 const ResolutionState& resolution) {
  scoring::ScoredQuestion scored;
  scored.id = question.id;
  scored.state_count = question.states.size();
  scored.kind = scored.state_count == 2 ? scoring::QuestionKind::kBinary
                : question.ordered      ? scoring::QuestionKind::kOrdered
                                        : scoring::QuestionKind::kMultipleChoice;
  scored.open_time = question.open_time;
  scored.close_time = question.close_time;
  scored.resolve_time = KnownTime(question, resolution);
  CREDENCE_ASSIGN_OR_RETURN(scored.outcome, ToOutcome(question, resolution));
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
  return Subject{kind, std::move(name), std::move(series), backfilled, std::nullopt};
}

// Sets what others knew of a forecaster who sealed something.
absl::Status SetKnown(const std::vector<const RecordedForecast*>& said, Subject& subject) {
  const bool sealed = std::any_of(said.begin(), said.end(), [](const RecordedForecast* forecast) {
    return forecast->revealed_time.has_value();
  });
  if (!sealed) return absl::OkStatus();
  const std::vector<RecordedForecast> known = AsOthersKnew(said);
  std::vector<const RecordedForecast*> pointers;
  for (const RecordedForecast& forecast : known) pointers.push_back(&forecast);
  CREDENCE_ASSIGN_OR_RETURN(
      Subject others,
      MakeSubject(subject.kind, subject.name, subject.series.view().state_count, pointers));
  subject.known = std::move(others.series);
  return absl::OkStatus();
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
    CREDENCE_RETURN_IF_ERROR(SetKnown(said, subject));
    subjects.push_back(std::move(subject));
  }
  return subjects;
}

absl::Status AddPools(std::vector<Subject>& subjects) {
  std::vector<scoring::SeriesView> members;
  bool backfilled = false;
  for (const Subject& subject : subjects) {
    members.push_back((subject.known.has_value() ? *subject.known : subject.series).view());
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
    made.push_back(Subject{event::v1::SCORE_SUBJECT_KIND_POOL, name, std::move(series), backfilled,
                           std::nullopt});
  }
  std::move(made.begin(), made.end(), std::back_inserter(subjects));
  return absl::OkStatus();
}

int64_t CountWithin(const scoring::SeriesView& series, const scoring::TimeWindow& window) {
  return std::count_if(series.steps.begin(), series.steps.end(), [&](const scoring::Step& step) {
    return step.standing && step.start >= window.start && step.start < window.end;
  });
}

void AddRuleScore(const scoring::Rule& rule, const std::optional<scoring::Score>& score,
                  event::v1::SubjectScores& scores) {
  if (!score.has_value()) return;
  event::v1::RuleScore& entry = *scores.add_scores();
  entry.set_rule(std::string(rule.id));
  if (const auto value = score->FiniteValue(); value.has_value()) entry.set_value(*value);
}

// Adds what a rule gives each subject; `peers` are the first of `subjects`.
absl::Status ScoreByRule(const scoring::Rule& rule, const scoring::ScoredQuestion& question,
                         std::span<const Subject> subjects,
                         std::span<const scoring::SeriesView> peers,
                         std::vector<event::v1::SubjectScores>& scores) {
  if (rule.needs_others()) {
    if (peers.size() < 2) return absl::OkStatus();
    CREDENCE_ASSIGN_OR_RETURN(const auto all, scoring::ScoreAll(rule, question, peers));
    for (size_t i = 0; i < all.size(); ++i) AddRuleScore(rule, all[i], scores[i]);
    return absl::OkStatus();
  }
  for (size_t i = 0; i < subjects.size(); ++i) {
    const scoring::SeriesView view = subjects[i].series.view();
    CREDENCE_ASSIGN_OR_RETURN(const auto score,
                              scoring::ScoreSeries(rule, question, view, {&view, 1}));
    AddRuleScore(rule, score, scores[i]);
  }
  return absl::OkStatus();
}

// What is said of a subject besides its scores.
event::v1::SubjectScores Describe(const scoring::ScoredQuestion& question, const Subject& subject) {
  const scoring::TimeWindow window = question.ScoringWindow();
  const scoring::SeriesView view = subject.series.view();
  event::v1::SubjectScores scores;
  scores.set_kind(subject.kind);
  scores.set_subject(subject.name);
  scores.set_coverage(scoring::Coverage(view, window));
  scores.set_forecast_count(CountWithin(view, window));
  scores.set_backfilled(subject.backfilled);
  const std::optional<size_t> last = view.StepBefore(window.end);
  if (view.state_count == 2 && last.has_value() && view.steps[*last].standing) {
    scores.set_final_probability(view.Probabilities(*last).front());
  }
  return scores;
}

// True where something that counts in the window was said before `change`, and may have been meant
// otherwise.
bool SaidBefore(absl::Time change, const scoring::SeriesView& series,
                const scoring::TimeWindow& window) {
  for (size_t i = 0; i < series.steps.size(); ++i) {
    const scoring::Step& step = series.steps[i];
    if (!step.standing || step.start >= change) continue;
    if (step.start < window.end && series.End(i) > window.start) return true;
  }
  return false;
}

// Forecasters first, then pools, then the model.
absl::StatusOr<std::vector<Subject>> MakeSubjects(const QuestionState& question,
                                                  const std::vector<RecordedForecast>& forecasts,
                                                  const std::vector<RecordedForecast>& posteriors) {
  CREDENCE_ASSIGN_OR_RETURN(std::vector<Subject> subjects, MakeForecasters(question, forecasts));
  CREDENCE_RETURN_IF_ERROR(AddPools(subjects));
  if (question.without_model) return subjects;
  std::vector<const RecordedForecast*> published;
  for (const RecordedForecast& posterior : posteriors) published.push_back(&posterior);
  CREDENCE_ASSIGN_OR_RETURN(Subject model, MakeSubject(event::v1::SCORE_SUBJECT_KIND_MODEL, "model",
                                                       question.states.size(), published));
  subjects.push_back(std::move(model));
  return subjects;
}

}  // namespace

const std::vector<std::string>& RecordedRules() {
  static const auto* const rules = new std::vector<std::string>{
      "brier.half.last",  "brier.full.last",         "brier.half.daily",
      "brier.full.daily", "brier.half.timeweighted", "log.last",
      "log.timeweighted", "spherical.last",          "metaculus.baseline",
      "metaculus.peer",   "metaculus.spot_baseline", "metaculus.spot_peer"};
  return *rules;
}

const std::vector<std::string>& OrderedRules() {
  static const auto* const rules =
      new std::vector<std::string>{"brier.ordered.last", "brier.ordered.daily", "rps.last"};
  return *rules;
}

absl::StatusOr<scoring::Outcome> ToOutcome(const QuestionState& question,
                                           const ResolutionState& resolution) {
  if (resolution.fraction.has_value()) return scoring::Outcome::Fraction(*resolution.fraction);
  const auto state = std::find(question.states.begin(), question.states.end(), resolution.outcome);
  return scoring::Outcome::State(static_cast<size_t>(state - question.states.begin()));
}

scoring::TimeWindow ScoringWindow(const QuestionState& question,
                                  const ResolutionState& resolution) {
  return {question.open_time, std::min(question.close_time, KnownTime(question, resolution))};
}

std::string OutcomeText(const ResolutionState& resolution) {
  if (!resolution.fraction.has_value()) return resolution.outcome;
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, *resolution.fraction);
  return std::string(text, end.ptr);
}

absl::StatusOr<std::vector<event::v1::SubjectScores>> ScoreQuestion(
    const QuestionState& question, const ResolutionState& resolution,
    const std::vector<RecordedForecast>& forecasts,
    const std::vector<RecordedForecast>& posteriors) {
  CREDENCE_CHECK(resolution.scored());
  if (question.numeric) {
    CREDENCE_CHECK(resolution.value.has_value());
    return ScoreNumericQuestion(question, resolution, ScoringWindow(question, resolution),
                                forecasts, posteriors);
  }
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<Subject> subjects,
                            MakeSubjects(question, forecasts, posteriors));
  CREDENCE_ASSIGN_OR_RETURN(const scoring::ScoredQuestion scored, ToScored(question, resolution));
  std::vector<event::v1::SubjectScores> scores;
  std::vector<scoring::SeriesView> peers;
  for (const Subject& subject : subjects) {
    scores.push_back(Describe(scored, subject));
    scores.back().set_across_versions(
        SaidBefore(question.MaterialChangeBy(resolution.effective_time), subject.series.view(),
                   scored.ScoringWindow()));
    if (subject.kind == event::v1::SCORE_SUBJECT_KIND_FORECASTER) {
      peers.push_back(subject.series.view());
    }
  }
  std::vector<std::string> rules = RecordedRules();
  if (scored.kind == scoring::QuestionKind::kOrdered) {
    rules.insert(rules.end(), OrderedRules().begin(), OrderedRules().end());
  }
  for (const std::string& id : rules) {
    CREDENCE_ASSIGN_OR_RETURN(const scoring::Rule* rule, scoring::FindRule(id));
    CREDENCE_RETURN_IF_ERROR(ScoreByRule(*rule, scored, subjects, peers, scores));
  }
  std::erase_if(scores,
                [](const event::v1::SubjectScores& entry) { return entry.scores().empty(); });
  return scores;
}

absl::StatusOr<QuestionScores> ScoreAll(const State& state, const QuestionState& question,
                                        const ResolutionState& resolution,
                                        const std::vector<RecordedForecast>& forecasts,
                                        const std::vector<RecordedForecast>& posteriors,
                                        int64_t scoring_version) {
  QuestionScores scores;
  QuestionState scored = question;
  // The first scores did not end with an early close.
  if (scoring_version < 1) scored.closed_time.reset();
  CREDENCE_ASSIGN_OR_RETURN(scores.subjects,
                            ScoreQuestion(scored, resolution, forecasts, posteriors));
  if (scoring_version < 1) {
    for (event::v1::SubjectScores& subject : scores.subjects) subject.clear_across_versions();
    return scores;
  }
  const NetworkState* network = state.networks.Find(question.network);
  if (network == nullptr || question.numeric) return scores;
  CREDENCE_ASSIGN_OR_RETURN(QuestionScores sources,
                            ScoreSources(*network, question, resolution, posteriors));
  std::move(sources.subjects.begin(), sources.subjects.end(), std::back_inserter(scores.subjects));
  scores.claims = std::move(sources.claims);
  return scores;
}

void AddScores(Trial& trial, const std::string& question, int64_t version,
               const std::string& outcome, QuestionScores scores, absl::Time effective_time,
               int64_t caused_by) {
  std::vector<std::shared_ptr<event::v1::QuestionScored>> parts;
  size_t subject = 0;
  size_t claim = 0;
  while (parts.empty() || subject < scores.subjects.size() || claim < scores.claims.size()) {
    const auto& payload = parts.emplace_back(std::make_shared<event::v1::QuestionScored>());
    payload->set_question(question);
    payload->set_score_version(version);
    payload->set_outcome(outcome);
    payload->set_part_index(static_cast<int64_t>(parts.size()) - 1);
    payload->set_scoring_version(kScoringVersion);
    const size_t end = std::min(scores.subjects.size(), subject + kSubjectsPerPart);
    for (; subject < end; ++subject) *payload->add_subjects() = std::move(scores.subjects[subject]);
    for (size_t bytes = 0; claim < scores.claims.size() && bytes < kClaimBytesPerPart; ++claim) {
      bytes += scores.claims[claim].ByteSizeLong();
      *payload->add_claims() = std::move(scores.claims[claim]);
    }
  }
  for (const auto& payload : parts) {
    payload->set_part_count(static_cast<int64_t>(parts.size()));
    trial.Add(Cat("questions/", question), payload, effective_time, caused_by);
  }
}

}  // namespace credence::server
