#include "decide/trial.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "convert/numeric.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/forecaster/posterior.h"
#include "decide/intervals.h"
#include "decide/posterior.h"
#include "fold/fold.h"

namespace credence::server {
namespace {

// A tick that is recorded later than this counts as history.
constexpr absl::Duration kTickLatenessMax = absl::Hours(1);

// Posteriors that differ by less have not moved: the noise of another order of arithmetic.
constexpr double kMoveMin = 1e-12;

bool Moved(const std::vector<double>& before, const std::vector<double>& after) {
  if (before.size() != after.size()) return true;
  for (size_t i = 0; i < after.size(); ++i) {
    if (std::abs(before[i] - after[i]) > kMoveMin) return true;
  }
  return false;
}

absl::StatusOr<forecaster::Posterior> PosteriorOf(const State& state, const std::string& network,
                                                  const InferenceInput& input) {
  auto posterior = forecaster::ComputePosterior(*input.network, input.items, input.options);
  if (posterior.ok()) return posterior;
  return NameSubjects(state, *state.networks.Find(network), posterior.status());
}

absl::StatusOr<forecaster::Posterior> PosteriorAt(const State& state, const std::string& network,
                                                  absl::Time time) {
  return PosteriorOf(state, network,
                     MakeInferenceInput(state, *state.networks.Find(network), time));
}

// Whether the model has anything to say on the network: not where forecasters alone speak.
bool HasModel(const State& state, const NetworkState& network) {
  if (network.questions.empty()) return true;
  return std::any_of(network.questions.begin(), network.questions.end(), [&](const auto& id) {
    const QuestionState* question = state.questions.Find(id);
    return question != nullptr && !question->without_model;
  });
}

bool IsSettled(const QuestionState& question) {
  return question.phase == QuestionPhase::kResolved || question.phase == QuestionPhase::kAnnulled;
}

bool DependsOnTime(const NetworkState& network) {
  const auto& compiled = *network.latest().compiled;
  for (size_t node = 0; node < compiled.network().nodes.size(); ++node) {
    if (compiled.IsHazard(static_cast<int>(node))) return true;
  }
  return std::any_of(network.evidence.begin(), network.evidence.end(), [](const auto& evidence) {
    return evidence->item.half_life_days.has_value();
  });
}

// The time after which no tick is due: the last close of a question that is not settled.
absl::Time LastTickTime(const State& state, const NetworkState& network) {
  absl::Time last = absl::InfinitePast();
  for (const std::string& id : network.questions) {
    const QuestionState* question = state.questions.Find(id);
    if (question != nullptr && !IsSettled(*question)) last = std::max(last, question->close_time);
  }
  return last;
}

absl::Time NextMidnight(absl::Time time) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  return absl::FromCivil(absl::ToCivilDay(time, utc) + 1, utc);
}

int64_t StreamRevision(const State& state, std::string_view stream) {
  const size_t slash = stream.find('/');
  if (slash == std::string_view::npos) return state.ledger.revision;
  const std::string_view collection = stream.substr(0, slash);
  const std::string_view id = stream.substr(slash + 1);
  const auto revision = [id](const auto& map) -> int64_t {
    const auto* aggregate = map.Find(id);
    return aggregate == nullptr ? 0 : aggregate->revision;
  };
  if (collection == "questions") return revision(state.questions);
  if (collection == "networks") return revision(state.networks);
  if (collection == "forecasters") return revision(state.forecasters);
  if (collection == "series") return revision(state.series);
  return revision(state.sources);
}

absl::StatusOr<forecaster::NumericPosterior> NumericPosteriorAt(const State& state,
                                                                const NetworkState& network,
                                                                absl::Time time) {
  const NumericInput input = MakeNumericInput(state, network, time);
  return forecaster::ComputeNumericPosterior(input.prior, input.items, input.options);
}

// The median at `time`; absent where it is infinite.
absl::StatusOr<std::optional<double>> MedianAt(const State& state, const NetworkState& network,
                                               absl::Time time) {
  CREDENCE_ASSIGN_OR_RETURN(const forecaster::NumericPosterior posterior,
                            NumericPosteriorAt(state, network, time));
  const double median = forecaster::Quantile(posterior.value, 0.5);
  return std::isfinite(median) ? std::optional(median) : std::nullopt;
}

// Change of log-odds in decibans; absent where either is not finite.
std::optional<double> Decibans(double log_odds_before, double log_odds_after) {
  if (!std::isfinite(log_odds_before) || !std::isfinite(log_odds_after)) return std::nullopt;
  return (log_odds_after - log_odds_before) * 10.0 / std::log(10.0);
}

}  // namespace

Trial::Trial(const State& state, const DecideFacts& facts)
    : before_(state), facts_(facts), next_(state.Fork()) {}

int64_t Trial::next_position() const {
  return facts_.next_position + static_cast<int64_t>(decision_.events.size());
}

int64_t Trial::Add(std::string stream, std::shared_ptr<const google::protobuf::Message> payload,
                   absl::Time effective_time, std::optional<int64_t> caused_by) {
  const int64_t position = next_position();
  ledger::EventDraft draft;
  draft.effective_time = effective_time;
  draft.backfilled = effective_time < facts_.record_time;
  draft.actor = facts_.actor;
  if (caused_by.has_value()) {
    draft.caused_by = static_cast<size_t>(*caused_by - facts_.next_position);
  }
  ledger::SequencedEvent event;
  event.position = ledger::Position{position};
  event.stream = stream;
  event.stream_version = StreamRevision(next_, stream);
  event.record_time = facts_.record_time;
  event.effective_time = effective_time;
  event.backfilled = draft.backfilled;
  event.actor = facts_.actor;
  if (caused_by.has_value()) event.cause = ledger::Position{*caused_by};
  event.payload = payload.get();
  Fold(next_, event);
  draft.stream = std::move(stream);
  draft.payload = std::move(payload);
  decision_.events.push_back(std::move(draft));
  return position;
}

absl::Time Trial::EffectiveTime(const NetworkState& network,
                                std::optional<absl::Time> stated) const {
  const absl::Time opened =
      std::min(network.latest().compiled->network().open_time, facts_.record_time);
  const absl::Time time = std::max(stated.value_or(facts_.record_time), opened);
  return std::max(time, network.clock);
}

absl::Status Trial::AdvanceClock(const std::string& network, absl::Time time) {
  const NetworkState& current = *next_.networks.Find(network);
  const absl::Time last = LastTickTime(next_, current);
  if (!DependsOnTime(current)) return absl::OkStatus();
  // The clock's own midnight was published by what moved it there.
  int64_t count = 0;
  for (absl::Time tick = NextMidnight(current.clock); tick < time && tick <= last;
       tick = NextMidnight(tick)) {
    if (++count > kTicksMax) {
      return InvalidField("TIME_INVALID", "options.effective_time",
                          Cat("lies more than ", kTicksMax,
                              " days after the network's clock; state times between"));
    }
    CREDENCE_RETURN_IF_ERROR(
        Publish(network, tick, event::v1::POSTERIOR_CAUSE_DAILY_TICK, std::nullopt));
  }
  return absl::OkStatus();
}

absl::Status Trial::Publish(const std::string& network, absl::Time time,
                            event::v1::PosteriorCause cause, std::optional<int64_t> caused_by) {
  const NetworkState& current = *next_.networks.Find(network);
  if (!HasModel(next_, current)) return absl::OkStatus();
  if (cause != event::v1::POSTERIOR_CAUSE_DAILY_TICK) published_[network] = time;
  auto payload = std::make_shared<event::v1::PosteriorPublished>();
  CREDENCE_RETURN_IF_ERROR(current.numeric() ? CollectNumeric(current, time, *payload)
                                             : CollectStates(current, time, *payload));
  if (payload->posteriors_size() == 0) return absl::OkStatus();
  payload->set_network(network);
  payload->set_network_revision(current.RevisionAt(time).number);
  payload->set_engine_version(std::string(kEngineVersion));
  payload->set_cause(cause);
  payload->set_evidence_position(next_position());
  Add(Cat("networks/", network), std::move(payload), time, caused_by);
  // Nobody stated the midnight of a tick: it is history only where the server came to it too late.
  const bool live = cause == event::v1::POSTERIOR_CAUSE_DAILY_TICK &&
                    facts_.record_time - time <= kTickLatenessMax;
  if (live) decision_.events.back().backfilled = false;
  return absl::OkStatus();
}

absl::Status Trial::CollectStates(const NetworkState& current, absl::Time time,
                                  event::v1::PosteriorPublished& payload) const {
  const InferenceInput input = MakeInferenceInput(next_, current, time);
  CREDENCE_ASSIGN_OR_RETURN(const forecaster::Posterior posterior,
                            PosteriorOf(next_, current.id, input));
  for (const std::string& id : current.questions) {
    const QuestionState* question = next_.questions.Find(id);
    if (question == nullptr) continue;
    CREDENCE_ASSIGN_OR_RETURN(const forecaster::NodePosterior node, posterior.Find(question->node));
    if (question->published.has_value() &&
        !Moved(question->published->probabilities, node.probabilities)) {
      continue;
    }
    event::v1::QuestionPosterior& entry = *payload.add_posteriors();
    entry.set_question(id);
    entry.set_node(question->node);
    entry.mutable_probabilities()->Add(node.probabilities.begin(), node.probabilities.end());
  }
  AddSpreads(input, current.id, next_position(), PublishedDrawCount(input), payload);
  return absl::OkStatus();
}

absl::Status Trial::CollectNumeric(const NetworkState& current, absl::Time time,
                                   event::v1::PosteriorPublished& payload) const {
  CREDENCE_ASSIGN_OR_RETURN(const forecaster::NumericPosterior posterior,
                            NumericPosteriorAt(next_, current, time));
  const event::v1::NumericDistribution distribution = ToMessage(posterior.value);
  for (const std::string& id : current.questions) {
    const QuestionState* question = next_.questions.Find(id);
    if (question == nullptr) continue;
    if (question->published.has_value() && question->published->distribution.has_value() &&
        SameDistribution(*question->published->distribution, distribution, kMoveMin)) {
      continue;
    }
    event::v1::QuestionPosterior& entry = *payload.add_posteriors();
    entry.set_question(id);
    entry.set_node(question->node);
    *entry.mutable_distribution() = distribution;
  }
  return absl::OkStatus();
}

absl::Status Trial::AddMoves(const std::string& network, absl::Time time) {
  if (before_.networks.Find(network) == nullptr) return absl::OkStatus();
  if (next_.networks.Find(network)->numeric()) return AddNumericMoves(network, time);
  CREDENCE_ASSIGN_OR_RETURN(const forecaster::Posterior before,
                            PosteriorAt(before_, network, time));
  CREDENCE_ASSIGN_OR_RETURN(const forecaster::Posterior after, PosteriorAt(next_, network, time));
  for (const std::string& id : next_.networks.Find(network)->questions) {
    const QuestionState* question = next_.questions.Find(id);
    if (question == nullptr || before_.questions.Find(id) == nullptr) continue;
    CREDENCE_ASSIGN_OR_RETURN(const auto old_node, before.Find(question->node));
    CREDENCE_ASSIGN_OR_RETURN(const auto new_node, after.Find(question->node));
    v1::PosteriorMove& move = decision_.moves.emplace_back();
    move.set_question(Cat("questions/", id));
    move.set_node(question->node);
    move.set_state(question->states.front());
    move.set_probability_before(old_node.probabilities.front());
    move.set_probability_after(new_node.probabilities.front());
    const std::optional<double> weight =
        Decibans(old_node.log_odds.front(), new_node.log_odds.front());
    if (weight.has_value()) move.set_weight_decibans(*weight);
  }
  return absl::OkStatus();
}

absl::Status Trial::AddNumericMoves(const std::string& network, absl::Time time) {
  CREDENCE_ASSIGN_OR_RETURN(const std::optional<double> before,
                            MedianAt(before_, *before_.networks.Find(network), time));
  CREDENCE_ASSIGN_OR_RETURN(const std::optional<double> after,
                            MedianAt(next_, *next_.networks.Find(network), time));
  for (const std::string& id : next_.networks.Find(network)->questions) {
    const QuestionState* question = next_.questions.Find(id);
    if (question == nullptr || before_.questions.Find(id) == nullptr) continue;
    v1::PosteriorMove& move = decision_.moves.emplace_back();
    move.set_question(Cat("questions/", id));
    move.set_node(question->node);
    if (before.has_value()) move.set_median_before(*before);
    if (after.has_value()) move.set_median_after(*after);
  }
  return absl::OkStatus();
}

DecisionOr Trial::Finish() && {
  for (const auto& [network, time] : published_) {
    CREDENCE_RETURN_IF_ERROR(AddMoves(network, time));
  }
  return std::move(decision_);
}

}  // namespace credence::server
