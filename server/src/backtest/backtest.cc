#include "backtest/backtest.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "convert/model.h"
#include "convert/numeric.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/forecaster/posterior.h"
#include "credence/scoring/bootstrap.h"
#include "credence/scoring/rules.h"
#include "decide/network_check.h"
#include "decide/posterior.h"
#include "decide/scores.h"
#include "fold/fold.h"
#include "query/pool.h"
#include "query/score_report.h"

namespace credence::server {
namespace {

absl::Status At(int64_t position, const absl::Status& status) {
  return MakeError(status.code(), Cat("position ", position, ": ", FromAbsl(status.message())),
                   GetErrorDetail(status));
}

class Backtester {
 public:
  explicit Backtester(const BacktestPlan& plan) : plan_(plan) {}

  // Takes the next event: what was known before it is the state.
  absl::Status Take(const ledger::SequencedEvent& event) {
    const auto* published = dynamic_cast<const event::v1::PosteriorPublished*>(event.payload);
    if (published != nullptr && !plan_.spec.has_pool() &&
        plan_.networks.contains(published->network())) {
      const absl::Status added = AddPosteriors(event, *state_.networks.Find(published->network()));
      if (!added.ok()) return At(event.position.value, added);
    }
    Fold(state_, event);
    if (!plan_.spec.has_pool()) return absl::OkStatus();
    const absl::Status added = AddPool(event);
    return added.ok() ? added : At(event.position.value, added);
  }

  // After the last event.
  absl::Status Finish(v1::BacktestJob& job) const {
    for (const std::string& id : plan_.questions) {
      CREDENCE_ASSIGN_OR_RETURN(const std::optional<v1::BacktestQuestion> scored,
                                ScoreOne(*state_.questions.Find(id)));
      if (scored.has_value()) *job.add_questions() = *scored;
    }
    for (const std::string& name : left_out_) job.add_left_out_evidence(name);
    *job.mutable_settlement() = Settle(Ended(), absl::InfiniteFuture());
    return Summarize(job);
  }

 private:
  using Series = std::vector<RecordedForecast>;

  [[nodiscard]] std::vector<const QuestionState*> Ended() const {
    std::vector<const QuestionState*> ended;
    for (const std::string& id : plan_.questions) {
      const QuestionState* question = state_.questions.Find(id);
      if (question->EndAt(absl::InfiniteFuture()) != nullptr) ended.push_back(question);
    }
    return ended;
  }

  // The items in force as the other choice judges them.
  std::vector<std::shared_ptr<const EvidenceState>> ItemsInForce(const NetworkState& network,
                                                                 const BacktestPlan::Model* model,
                                                                 absl::Time at) {
    std::vector<std::shared_ptr<const EvidenceState>> items;
    for (const auto& evidence : network.evidence) {
      if (!evidence->InForce(at)) continue;
      if (model != nullptr &&
          !CheckItem(model->model, *model->compiled, evidence->model, evidence->item).ok()) {
        left_out_.insert(Cat("networks/", network.id, "/evidence/", evidence->id));
        continue;
      }
      items.push_back(evidence);
    }
    return items;
  }

  // Puts the other choice's item in the place of the one that was used.
  forecaster::EvidenceItem Judge(const EvidenceState& evidence, absl::Time at) const {
    forecaster::EvidenceItem item =
        plan_.spec.ignore_source_records() ? evidence.ItemAt(at) : JudgedItem(state_, evidence, at);
    if (plan_.spec.has_cluster_correlation() && !item.cluster.empty()) {
      item.cluster_correlation = plan_.spec.cluster_correlation();
    }
    return item;
  }

  absl::Status AddPosteriors(const ledger::SequencedEvent& event, const NetworkState& network) {
    const auto found = plan_.models.find(network.id);
    const BacktestPlan::Model* model = found == plan_.models.end() ? nullptr : &found->second;
    return network.numeric() ? AddNumeric(event, network, model) : AddStates(event, network, model);
  }

  absl::Status AddStates(const ledger::SequencedEvent& event, const NetworkState& network,
                         const BacktestPlan::Model* model) {
    const absl::Time at = event.effective_time;
    InferenceInput input = MakeInferenceInput(state_, network, at);
    if (model != nullptr) input.network = model->compiled;
    input.items.clear();
    for (const auto& evidence : ItemsInForce(network, model, at)) {
      input.items.push_back(Judge(*evidence, at));
    }
    CREDENCE_RETURN_IF_ERROR(ApplyGrades(plan_.spec.grades(), input.options.grades));
    for (forecaster::Observation& known : input.options.resolved) {
      CREDENCE_ASSIGN_OR_RETURN(const int node, input.network->FindNode(known.node));
      if (!input.network->IsHazard(node)) known.event_time.reset();
    }
    CREDENCE_ASSIGN_OR_RETURN(
        const forecaster::Posterior posterior,
        forecaster::ComputePosterior(*input.network, input.items, input.options));
    for (const std::string& id : network.questions) {
      const QuestionState* question = state_.questions.Find(id);
      if (question == nullptr || !plan_.questions.contains(id)) continue;
      CREDENCE_ASSIGN_OR_RETURN(const auto node, posterior.Find(question->node));
      RecordedForecast& said = Said(id, event);
      said.probabilities = node.probabilities;
    }
    return absl::OkStatus();
  }

  absl::Status AddNumeric(const ledger::SequencedEvent& event, const NetworkState& network,
                          const BacktestPlan::Model* model) {
    const absl::Time at = event.effective_time;
    NumericInput input = MakeNumericInput(state_, network, at);
    if (model != nullptr) input.prior = *model->numeric;
    input.items.clear();
    for (const auto& evidence : ItemsInForce(network, model, at)) {
      CREDENCE_ASSIGN_OR_RETURN(const auto statement, ToNumericStatement(evidence->model));
      input.items.push_back({Judge(*evidence, at), statement});
    }
    CREDENCE_RETURN_IF_ERROR(ApplyGrades(plan_.spec.grades(), input.options.grades));
    CREDENCE_ASSIGN_OR_RETURN(
        const forecaster::NumericPosterior posterior,
        forecaster::ComputeNumericPosterior(input.prior, input.items, input.options));
    for (const std::string& id : network.questions) {
      if (!plan_.questions.contains(id)) continue;
      Said(id, event).distribution = ToMessage(posterior.value);
    }
    return absl::OkStatus();
  }

  // The pool of what stands after a forecast or a withdrawal.
  absl::Status AddPool(const ledger::SequencedEvent& event) {
    std::string id;
    if (const auto* made = dynamic_cast<const event::v1::ForecastRecorded*>(event.payload)) {
      id = made->question();
    } else if (const auto* ended =
                   dynamic_cast<const event::v1::ForecastWithdrawn*>(event.payload)) {
      id = ended->question();
    } else if (const auto* revealed =
                   dynamic_cast<const event::v1::ForecastRevealed*>(event.payload)) {
      id = revealed->question();
    }
    if (!plan_.questions.contains(id)) return absl::OkStatus();
    const QuestionState& question = *state_.questions.Find(id);
    CREDENCE_ASSIGN_OR_RETURN(
        RecordedForecast pooled,
        PoolStanding(state_, question, plan_.spec.pool(), event.effective_time));
    RecordedForecast& said = Said(id, event);
    said.probabilities = std::move(pooled.probabilities);
    said.distribution = std::move(pooled.distribution);
    return absl::OkStatus();
  }

  RecordedForecast& Said(const std::string& question, const ledger::SequencedEvent& event) {
    RecordedForecast& said = series_[question].emplace_back();
    said.effective_time = event.effective_time;
    said.backfilled = event.backfilled;
    return said;
  }

  // The value of the plan's rule for the subject of a series that stands in the model's place.
  absl::StatusOr<std::optional<v1::BacktestQuestion>> ScoreOne(
      const QuestionState& question) const {
    const ScoreVersionState* version = question.ScoresAt(absl::InfiniteFuture());
    const auto series = series_.find(question.id);
    if (version == nullptr || series == series_.end()) return std::nullopt;
    const std::optional<size_t> found = version->FindRule(plan_.rule);
    if (!found.has_value()) return std::nullopt;
    const size_t rule = found.value_or(0);
    const auto subject = std::find_if(
        version->subjects.begin(), version->subjects.end(),
        [&](const SubjectScoreState& entry) { return entry.subject == plan_.against; });
    if (subject == version->subjects.end() || std::isnan(subject->values[rule])) {
      return std::nullopt;
    }
    QuestionState scored = question;
    scored.without_model = false;
    CREDENCE_ASSIGN_OR_RETURN(
        const std::vector<event::v1::SubjectScores> scores,
        ScoreQuestion(scored, question.resolutions.back(), {}, series->second));
    v1::BacktestQuestion result;
    result.set_question(Cat("questions/", question.id));
    result.set_posterior_count(static_cast<int64_t>(series->second.size()));
    const double published = subject->values[rule];
    if (std::isfinite(published)) result.set_published_score(published);
    for (const event::v1::SubjectScores& entry : scores) {
      if (entry.kind() != event::v1::SCORE_SUBJECT_KIND_MODEL) continue;
      result.set_backfilled(entry.backfilled() || subject->backfilled);
      result.set_published_coverage(subject->coverage);
      result.set_backtested_coverage(entry.coverage());
      for (const event::v1::RuleScore& score : entry.scores()) {
        if (score.rule() == plan_.rule && score.has_value()) {
          result.set_backtested_score(score.value());
        }
      }
    }
    if (result.has_published_score() && result.has_backtested_score()) {
      result.set_difference(result.backtested_score() - result.published_score());
    }
    return result;
  }

  absl::Status Summarize(v1::BacktestJob& job) const {
    // Of each question the published score, then the other one.
    std::vector<double> values;
    double published_coverage = 0.0;
    double backtested_coverage = 0.0;
    for (const v1::BacktestQuestion& question : job.questions()) {
      if (!question.has_difference()) continue;
      published_coverage += question.published_coverage();
      backtested_coverage += question.backtested_coverage();
      values.push_back(question.published_score());
      values.push_back(question.backtested_score());
    }
    if (values.empty()) return absl::OkStatus();
    scoring::ScoreMatrix matrix;
    matrix.forecaster_count = 2;
    matrix.question_count = values.size() / 2;
    matrix.values = values;
    scoring::BootstrapOptions options;
    if (plan_.spec.resample_count() > 0) options.resample_count = plan_.spec.resample_count();
    if (plan_.spec.seed() > 0) options.seed = static_cast<uint64_t>(plan_.spec.seed());
    CREDENCE_ASSIGN_OR_RETURN(const auto differences,
                              scoring::BootstrapDifferences(matrix, 0, options));
    CREDENCE_ASSIGN_OR_RETURN(const scoring::Rule* rule, scoring::FindRule(plan_.rule));
    const bool lower = rule->orientation == scoring::Orientation::kLowerIsBetter;
    v1::BacktestSummary& summary = *job.mutable_summary();
    summary.set_question_count(static_cast<int64_t>(matrix.question_count));
    summary.set_lower_is_better(lower);
    double published = 0.0;
    double backtested = 0.0;
    for (size_t q = 0; q < matrix.question_count; ++q) {
      published += values[2 * q];
      backtested += values[2 * q + 1];
      const double difference = values[2 * q + 1] - values[2 * q];
      const bool better = lower ? difference < 0.0 : difference > 0.0;
      if (better) summary.set_better_count(summary.better_count() + 1);
    }
    const auto count = static_cast<double>(matrix.question_count);
    summary.set_published_mean(published / count);
    summary.set_backtested_mean(backtested / count);
    summary.set_difference((backtested - published) / count);
    summary.set_published_coverage(published_coverage / count);
    summary.set_backtested_coverage(backtested_coverage / count);
    if (differences[1].has_value()) {
      summary.set_difference_lower(differences[1]->difference.lower);
      summary.set_difference_upper(differences[1]->difference.upper);
    }
    return absl::OkStatus();
  }

  const BacktestPlan& plan_;
  State state_;
  absl::flat_hash_map<std::string, Series> series_;
  std::set<std::string> left_out_;
};

}  // namespace

absl::Status RunBacktest(const ledger::Log& log, const BacktestPlan& plan, ledger::Position last,
                         const std::function<bool(int64_t)>& progress, v1::BacktestJob& job) {
  Backtester backtester(plan);
  ledger::Position next{0};
  while (next <= last) {
    ledger::ReadLimits limits;
    limits.entry_count_max = std::min<int64_t>(limits.entry_count_max, last.value - next.value + 1);
    CREDENCE_ASSIGN_OR_RETURN(const std::vector<ledger::StoredEntry> entries,
                              log.Read(next, limits));
    if (entries.empty()) break;
    for (const ledger::StoredEntry& entry : entries) {
      CREDENCE_ASSIGN_OR_RETURN(const ledger::DecodedEvent event,
                                ledger::DecodeEntry(*entry.bytes));
      CREDENCE_RETURN_IF_ERROR(backtester.Take(event.AsEvent()));
    }
    next.value += static_cast<int64_t>(entries.size());
    if (!progress(next.value)) return absl::CancelledError("the server is stopping");
  }
  return backtester.Finish(job);
}

}  // namespace credence::server
