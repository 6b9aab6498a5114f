#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_join.h"
#include "convert/numeric.h"
#include "convert/time.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "decide/batch.h"
#include "decide/checks.h"
#include "decide/decide.h"
#include "decide/forecasts.h"
#include "decide/read_forecast.h"

namespace credence::server {

std::string ForecastsStream(std::string_view forecaster) {
  return Cat("forecasters/", forecaster, "/forecasts");
}

absl::Status CheckDistribution(const v1::Forecast& forecast) {
  if (forecast.has_probability() || !forecast.probabilities().empty()) {
    return InvalidField("FIELD_INVALID",
                        forecast.has_probability() ? "probability" : "probabilities",
                        "must be left out: the question asks for a number, see distribution");
  }
  if (!forecast.has_distribution()) {
    return InvalidField("FIELD_REQUIRED", "distribution",
                        "must be given: the question asks for a number");
  }
  const absl::StatusOr<forecaster::Distribution> distribution =
      ToDistribution(forecast.distribution());
  if (!distribution.ok()) return WithFieldPrefix(distribution.status(), "distribution");
  const absl::Status valid = forecaster::ValidateDistribution(*distribution);
  if (!valid.ok()) {
    const auto* family = forecast.distribution().GetReflection()->GetOneofFieldDescriptor(
        forecast.distribution(),
        event::v1::NumericDistribution::descriptor()->FindOneofByName("family"));
    return WithFieldPrefix(valid, Cat("distribution.", family->name()));
  }
  if (std::isnan(forecaster::Mean(*distribution))) {
    return InvalidField("NUMBER_INVALID", "distribution.student.degrees_of_freedom",
                        "must be greater than 1: with less the score is infinite");
  }
  return absl::OkStatus();
}

absl::Status CheckTakesForecasts(const QuestionState& question, absl::Time time) {
  const std::string name = Cat("questions/", question.id);
  switch (question.phase) {
    case QuestionPhase::kActive:
      break;
    case QuestionPhase::kDraft:
      return WrongState(name, "is a draft; open it first");
    case QuestionPhase::kClosed:
      // A forecast that counted before the close may be recorded after it.
      if (question.closed_time.has_value() && time < *question.closed_time) break;
      return WrongState(name, "is closed for forecasts");
    case QuestionPhase::kResolved:
      return WrongState(name, "is resolved");
    case QuestionPhase::kAnnulled:
      return WrongState(name, "is annulled");
  }
  if (time < question.open_time) {
    return WrongState(name, Cat("opens at ", TimeText(question.open_time),
                                ", after the forecast's ", TimeText(time)));
  }
  if (time >= question.close_time) {
    return WrongState(name, Cat("closed at ", TimeText(question.close_time),
                                ", before the forecast's ", TimeText(time)));
  }
  return absl::OkStatus();
}

namespace {

// One forecast to be recorded, as both requests state it.
struct ForecastInput {
  const std::string& parent;
  const std::string& chosen_id;
  const v1::Forecast& forecast;
  absl::Time time;
  int64_t position;
  // Whether the event names the states: where it may be signed.
  bool with_states;
};

// The probabilities by state, from names or from the one of the first state.
absl::StatusOr<std::vector<double>> ReadProbabilities(const QuestionState& question,
                                                      const v1::Forecast& forecast) {
  const size_t state_count = question.states.size();
  if (forecast.has_distribution()) {
    return InvalidField("FIELD_INVALID", "distribution",
                        "must be left out: the question asks for a state, see probabilities");
  }
  if (forecast.has_probability()) {
    if (forecast.probabilities_size() > 0 || state_count != 2) {
      return InvalidField("PROBABILITY_INVALID", "probability",
                          state_count == 2 ? "and probabilities must not both be given"
                                           : "is for questions of two states; give probabilities");
    }
    const double probability = forecast.probability();
    if (!(probability >= 0.0 && probability <= 1.0)) {
      return InvalidField("PROBABILITY_INVALID", "probability",
                          Cat("is ", probability, "; must lie between 0 and 1"));
    }
    return std::vector<double>{probability, 1.0 - probability};
  }
  std::vector<double> probabilities(state_count, -1.0);
  for (int i = 0; i < forecast.probabilities_size(); ++i) {
    const auto& entry = forecast.probabilities(i);
    const std::string path = Cat("probabilities[", i, "]");
    const auto state = std::find(question.states.begin(), question.states.end(), entry.state());
    if (state == question.states.end()) {
      return InvalidField("UNKNOWN_STATE", path + ".state",
                          Cat("\"", entry.state().substr(0, 80), "\" is not one of ",
                              absl::StrJoin(question.states, ", ")));
    }
    double& slot = probabilities[static_cast<size_t>(state - question.states.begin())];
    if (slot >= 0.0) return InvalidField("PROBABILITY_INVALID", path, "names a state twice");
    if (!(entry.probability() >= 0.0 && entry.probability() <= 1.0)) {
      return InvalidField("PROBABILITY_INVALID", path + ".probability",
                          Cat("is ", entry.probability(), "; must lie between 0 and 1"));
    }
    slot = entry.probability();
  }
  if (static_cast<size_t>(forecast.probabilities_size()) != state_count) {
    return InvalidField("FIELD_REQUIRED", "probabilities",
                        Cat("must name each of ", absl::StrJoin(question.states, ", ")));
  }
  CREDENCE_RETURN_IF_ERROR(CheckProbabilities(probabilities, "probabilities"));
  return probabilities;
}

// Errors have paths relative to the forecast, but for `parent` and `forecast_id`.
absl::StatusOr<std::shared_ptr<event::v1::ForecastRecorded>> MakeForecast(
    const State& state, const ForecastInput& input) {
  CREDENCE_ASSIGN_OR_RETURN(const std::string question_id,
                            ParseName(input.parent, "questions", "parent"));
  const QuestionState* question = state.questions.Find(question_id);
  if (question == nullptr) return NotFound(input.parent);
  CREDENCE_ASSIGN_OR_RETURN(
      const std::string forecaster,
      ParseName(input.forecast.forecaster(), "forecasters", "forecast.forecaster"));
  if (state.forecasters.Find(forecaster) == nullptr) return NotFound(input.forecast.forecaster());
  CREDENCE_RETURN_IF_ERROR(CheckText(input.forecast.rationale(), "forecast.rationale"));
  CREDENCE_RETURN_IF_ERROR(CheckAttributes(input.forecast.attributes(), "forecast.attributes"));
  CREDENCE_RETURN_IF_ERROR(CheckTakesForecasts(*question, input.time));
  std::vector<double> probabilities;
  if (question->numeric) {
    const absl::Status valid = CheckDistribution(input.forecast);
    if (!valid.ok()) return WithFieldPrefix(valid, "forecast");
  } else {
    absl::StatusOr<std::vector<double>> read = ReadProbabilities(*question, input.forecast);
    if (!read.ok()) return WithFieldPrefix(read.status(), "forecast");
    probabilities = *std::move(read);
  }
  if (!input.chosen_id.empty()) {
    CREDENCE_RETURN_IF_ERROR(CheckChosenId(input.chosen_id, 'f', "forecast_id"));
    if (question->chosen_forecast_ids.Find(input.chosen_id) != nullptr) {
      return AlreadyExists(Cat(input.parent, "/forecasts/", input.chosen_id));
    }
  }
  auto payload = std::make_shared<event::v1::ForecastRecorded>();
  payload->set_question(question_id);
  payload->set_forecast(input.chosen_id.empty() ? Cat("f", input.position) : input.chosen_id);
  payload->set_forecaster(forecaster);
  payload->mutable_probabilities()->Add(probabilities.begin(), probabilities.end());
  if (question->numeric) *payload->mutable_distribution() = input.forecast.distribution();
  payload->set_rationale(input.forecast.rationale());
  if (input.with_states && !question->numeric) {
    payload->mutable_states()->Add(question->states.begin(), question->states.end());
  }
  *payload->mutable_attributes() = input.forecast.attributes();
  return payload;
}

// The event in the question's stream, and among what its forecaster said.
template <typename Input, typename Payload>
void AddDraft(Decision& decision, const DecideFacts& facts, const Input& input,
              std::shared_ptr<Payload> payload) {
  ledger::EventDraft& draft = decision.events.emplace_back();
  draft.stream = input.parent;
  draft.links = {ForecastsStream(payload->forecaster())};
  draft.effective_time = input.time;
  draft.backfilled = input.time < facts.record_time;
  draft.actor = facts.actor;
  draft.payload = std::move(payload);
}

void AddForecast(Decision& decision, const DecideFacts& facts, const ForecastInput& input,
                 std::shared_ptr<event::v1::ForecastRecorded> payload) {
  decision.ids.push_back(payload->forecast());
  AddDraft(decision, facts, input, std::move(payload));
}

struct WithdrawalInput {
  const std::string& parent;
  const std::string& forecaster;
  const std::string& rationale;
  // Prefix of the paths of forecaster and rationale.
  std::string_view prefix;
  absl::Time time;
  const google::protobuf::RepeatedPtrField<event::v1::Attribute>& attributes;
  // When a forecast of the same batch counts that stands; absent where none does.
  std::optional<absl::Time> earlier_in_batch;
};

absl::StatusOr<std::shared_ptr<event::v1::ForecastWithdrawn>> MakeWithdrawal(
    const State& state, const WithdrawalInput& input) {
  CREDENCE_ASSIGN_OR_RETURN(const std::string question_id,
                            ParseName(input.parent, "questions", "parent"));
  const QuestionState* question = state.questions.Find(question_id);
  if (question == nullptr) return NotFound(input.parent);
  CREDENCE_ASSIGN_OR_RETURN(
      const std::string forecaster,
      ParseName(input.forecaster, "forecasters", Cat(input.prefix, "forecaster")));
  CREDENCE_RETURN_IF_ERROR(CheckText(input.rationale, Cat(input.prefix, "rationale")));
  CREDENCE_RETURN_IF_ERROR(CheckAttributes(input.attributes, Cat(input.prefix, "attributes")));
  CREDENCE_RETURN_IF_ERROR(CheckTakesForecasts(*question, input.time));
  const StandingForecast* standing = question->standing.Find(forecaster);
  const bool stands = standing != nullptr && standing->effective_time <= input.time;
  const bool stands_in_batch =
      input.earlier_in_batch.has_value() && *input.earlier_in_batch <= input.time;
  if (!stands && !stands_in_batch) {
    return WrongState(input.parent, Cat("has no forecast of ", input.forecaster, " standing at ",
                                        TimeText(input.time)));
  }
  auto payload = std::make_shared<event::v1::ForecastWithdrawn>();
  payload->set_question(question_id);
  payload->set_forecaster(forecaster);
  payload->set_rationale(input.rationale);
  *payload->mutable_attributes() = input.attributes;
  return payload;
}

void AddWithdrawal(Decision& decision, const DecideFacts& facts, const WithdrawalInput& input,
                   std::shared_ptr<event::v1::ForecastWithdrawn> payload) {
  AddDraft(decision, facts, input, std::move(payload));
}

// The items of one batch so far.
class BatchForecasts {
 public:
  // `with_withdrawals`: only then it is remembered what stands.
  BatchForecasts(const State& state, const DecideFacts& facts, bool with_withdrawals,
                 bool with_states)
      : state_(state),
        facts_(facts),
        with_withdrawals_(with_withdrawals),
        with_states_(with_states) {}

  // Errors have paths relative to the item.
  absl::Status Add(const v1::BatchForecastItem& item) {
    CREDENCE_ASSIGN_OR_RETURN(const auto stated, StatedItemTime(facts_, item));
    const absl::Time time = stated.value_or(facts_.record_time);
    return item.withdraw() ? AddWithdrawn(item, time) : AddMade(item, time);
  }

  [[nodiscard]] Decision Finish() && { return std::move(decision_); }

 private:
  absl::Status AddMade(const v1::BatchForecastItem& item, absl::Time time) {
    const ForecastInput input{item.parent(),
                              item.forecast_id(),
                              item.forecast(),
                              time,
                              facts_.next_position + static_cast<int64_t>(decision_.events.size()),
                              with_states_};
    CREDENCE_ASSIGN_OR_RETURN(auto payload, MakeForecast(state_, input));
    const std::string name = Cat(item.parent(), "/forecasts/", item.forecast_id());
    if (!item.forecast_id().empty() && !chosen_.insert(name).second) return AlreadyExists(name);
    if (with_withdrawals_) standing_[KeyOf(item)] = time;
    AddForecast(decision_, facts_, input, std::move(payload));
    return absl::OkStatus();
  }

  absl::Status AddWithdrawn(const v1::BatchForecastItem& item, absl::Time time) {
    const auto standing = standing_.find(KeyOf(item));
    const WithdrawalInput input{
        item.parent(),
        item.forecast().forecaster(),
        item.forecast().rationale(),
        "forecast.",
        time,
        item.forecast().attributes(),
        standing == standing_.end() ? std::nullopt : std::optional(standing->second)};
    CREDENCE_ASSIGN_OR_RETURN(auto payload, MakeWithdrawal(state_, input));
    standing_.erase(KeyOf(item));
    AddWithdrawal(decision_, facts_, input, std::move(payload));
    decision_.ids.emplace_back();
    return absl::OkStatus();
  }

  [[nodiscard]] static std::string KeyOf(const v1::BatchForecastItem& item) {
    return Cat(item.parent(), " ", item.forecast().forecaster());
  }

  const State& state_;
  const DecideFacts& facts_;
  const bool with_withdrawals_;
  const bool with_states_;
  Decision decision_;
  absl::flat_hash_set<std::string> chosen_;
  absl::flat_hash_map<std::string, absl::Time> standing_;
};

}  // namespace

// Forecasts move no posterior, so these need no trial: the events are the whole of it.
absl::StatusOr<RecordedForecast> ReadForecast(const QuestionState& question,
                                              const v1::Forecast& forecast) {
  RecordedForecast read;
  CREDENCE_ASSIGN_OR_RETURN(read.forecaster,
                            ParseName(forecast.forecaster(), "forecasters", "forecaster"));
  if (question.numeric) {
    CREDENCE_RETURN_IF_ERROR(CheckDistribution(forecast));
    read.distribution = forecast.distribution();
    return read;
  }
  CREDENCE_ASSIGN_OR_RETURN(read.probabilities, ReadProbabilities(question, forecast));
  return read;
}

DecisionOr DecideCreateForecast(const State& state, const DecideFacts& facts,
                                const v1::CreateForecastRequest& request) {
  Decision decision;
  const ForecastInput input{request.parent(),    request.forecast_id(),
                            request.forecast(),  facts.effective_time.value_or(facts.record_time),
                            facts.next_position, !request.options().statements().empty()};
  CREDENCE_ASSIGN_OR_RETURN(auto payload, MakeForecast(state, input));
  AddForecast(decision, facts, input, std::move(payload));
  return decision;
}

DecisionOr DecideBatchCreateForecasts(const State& state, const DecideFacts& facts,
                                      const v1::BatchCreateForecastsRequest& request) {
  CREDENCE_RETURN_IF_ERROR(CheckBatchSize(request.items_size(), kBatchForecastsMax, "forecasts"));
  const bool with_withdrawals =
      std::any_of(request.items().begin(), request.items().end(),
                  [](const v1::BatchForecastItem& item) { return item.withdraw(); });
  BatchForecasts batch(state, facts, with_withdrawals, !request.options().statements().empty());
  for (int i = 0; i < request.items_size(); ++i) {
    const absl::Status added = batch.Add(request.items(i));
    if (!added.ok()) return WithFieldPrefix(added, Cat("items[", i, "]"));
  }
  return std::move(batch).Finish();
}

DecisionOr DecideWithdrawForecast(const State& state, const DecideFacts& facts,
                                  const v1::WithdrawForecastRequest& request) {
  const google::protobuf::RepeatedPtrField<event::v1::Attribute> none;
  const WithdrawalInput input{request.parent(),
                              request.forecaster(),
                              request.rationale(),
                              "",
                              facts.effective_time.value_or(facts.record_time),
                              none,
                              std::nullopt};
  CREDENCE_ASSIGN_OR_RETURN(auto payload, MakeWithdrawal(state, input));
  Decision decision;
  AddWithdrawal(decision, facts, input, std::move(payload));
  return decision;
}

}  // namespace credence::server
