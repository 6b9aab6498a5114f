#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_join.h"
#include "convert/time.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/ledger/tree.h"
#include "decide/checks.h"
#include "decide/decide.h"
#include "decide/forecasts.h"

// Forecasts that are fixed first and told later.
namespace credence::server {
namespace {

constexpr size_t kDigestBytes = 32;
constexpr size_t kSaltBytes = 32;

// The ledger's own clock is the point of a seal.
absl::Status CheckNotBackdated(const DecideFacts& facts) {
  if (!facts.effective_time.has_value()) return absl::OkStatus();
  return InvalidField("TIME_INVALID", "options.effective_time",
                      "must be absent: a sealed forecast counts from the record of its seal");
}

Decision OneEvent(const DecideFacts& facts, const std::string& question,
                  const std::string& forecaster, const std::string& forecast,
                  std::shared_ptr<const google::protobuf::Message> payload) {
  Decision decision;
  decision.ids.push_back(forecast);
  ledger::EventDraft& draft = decision.events.emplace_back();
  draft.stream = Cat("questions/", question);
  draft.links = {ForecastsStream(forecaster)};
  draft.actor = facts.actor;
  draft.payload = std::move(payload);
  return decision;
}

absl::StatusOr<absl::Time> RevealTime(const QuestionState& question, const DecideFacts& facts,
                                      const v1::SealForecastRequest& request) {
  if (!request.has_reveal_time()) return question.close_time;
  CREDENCE_ASSIGN_OR_RETURN(const absl::Time time, ParseTime(request.reveal_time(), "reveal_time"));
  if (time > facts.record_time) return time;
  return InvalidField("TIME_INVALID", "reveal_time",
                      Cat("must lie after the record time, ", TimeText(facts.record_time)));
}

absl::StatusOr<std::string> ForecastId(const QuestionState& question, const DecideFacts& facts,
                                       const v1::SealForecastRequest& request) {
  if (request.forecast_id().empty()) return Cat("f", facts.next_position);
  CREDENCE_RETURN_IF_ERROR(CheckChosenId(request.forecast_id(), 'f', "forecast_id"));
  if (question.chosen_forecast_ids.Find(request.forecast_id()) != nullptr) {
    return AlreadyExists(Cat(request.parent(), "/forecasts/", request.forecast_id()));
  }
  return request.forecast_id();
}

struct NamedSeal {
  const QuestionState* question;
  std::string forecast;
  const SealState* seal;
};

absl::StatusOr<NamedSeal> FindSeal(const State& state, const std::string& name) {
  const size_t split = name.find("/forecasts/");
  if (split == std::string::npos) {
    return InvalidField(
        "NAME_INVALID", "name",
        Cat("\"", name.substr(0, 200), "\" must have the form questions/{id}/forecasts/{id}"));
  }
  CREDENCE_ASSIGN_OR_RETURN(const std::string id,
                            ParseName(name.substr(0, split), "questions", "name"));
  CREDENCE_ASSIGN_OR_RETURN(const std::string forecast,
                            ParseName(name.substr(split + 1), "forecasts", "name"));
  const QuestionState* question = state.questions.Find(id);
  const SealState* seal = question == nullptr ? nullptr : question->seals.Find(forecast);
  if (seal == nullptr) return NotFound(name);
  if (seal->revealed_time.has_value()) return WrongState(name, "is revealed already");
  return NamedSeal{question, forecast, seal};
}

absl::Status CheckDigest(const SealState& seal, const v1::RevealForecastRequest& request) {
  if (request.salt().size() != kSaltBytes) {
    return InvalidField(request.salt().empty() ? "FIELD_REQUIRED" : "FIELD_INVALID", "salt",
                        Cat("must have ", kSaltBytes, " bytes"));
  }
  const ledger::Hash hash = ledger::Sha256(Cat(request.salt(), request.statement()));
  const std::string digest(reinterpret_cast<const char*>(hash.data()), hash.size());
  if (digest == seal.digest) return absl::OkStatus();
  return InvalidField(
      "FIELD_INVALID", "statement",
      Cat("is not what was sealed: with the salt it hashes to ", absl::BytesToHexString(digest),
          ", not to ", absl::BytesToHexString(seal.digest)));
}

absl::Status CheckNames(const event::v1::SealedForecast& statement, const DecideFacts& facts,
                        const NamedSeal& named) {
  const std::pair<const std::string&, std::string> pairs[] = {
      {statement.origin(), std::string(facts.origin)},
      {statement.question(), named.question->id},
      {statement.forecaster(), named.seal->forecaster}};
  for (const auto& [stated, wanted] : pairs) {
    if (stated == wanted) continue;
    return InvalidField("FIELD_INVALID", "statement",
                        Cat("was made for ", stated.substr(0, 200), ", not for ", wanted));
  }
  return absl::OkStatus();
}

absl::Status CheckContent(const event::v1::SealedForecast& statement,
                          const QuestionState& question) {
  if (question.numeric) {
    v1::Forecast forecast;
    if (statement.has_distribution()) *forecast.mutable_distribution() = statement.distribution();
    return CheckDistribution(forecast);
  }
  const std::vector<std::string> states(statement.states().begin(), statement.states().end());
  if (states != question.states) {
    return InvalidField("FIELD_INVALID", "states",
                        Cat("must be ", absl::StrJoin(question.states, ", ")));
  }
  if (statement.probabilities_size() != static_cast<int>(states.size())) {
    return InvalidField("PROBABILITY_INVALID", "probabilities", "must be one for each state");
  }
  return CheckProbabilities({statement.probabilities().begin(), statement.probabilities().end()},
                            "probabilities");
}

}  // namespace

DecisionOr DecideSealForecast(const State& state, const DecideFacts& facts,
                              const v1::SealForecastRequest& request) {
  CREDENCE_RETURN_IF_ERROR(CheckNotBackdated(facts));
  CREDENCE_ASSIGN_OR_RETURN(const std::string question_id,
                            ParseName(request.parent(), "questions", "parent"));
  const QuestionState* question = state.questions.Find(question_id);
  if (question == nullptr) return NotFound(request.parent());
  CREDENCE_ASSIGN_OR_RETURN(const std::string forecaster,
                            ParseName(request.forecaster(), "forecasters", "forecaster"));
  if (state.forecasters.Find(forecaster) == nullptr) return NotFound(request.forecaster());
  if (request.digest().size() != kDigestBytes) {
    return InvalidField(request.digest().empty() ? "FIELD_REQUIRED" : "FIELD_INVALID", "digest",
                        Cat("must have ", kDigestBytes, " bytes"));
  }
  CREDENCE_RETURN_IF_ERROR(CheckTakesForecasts(*question, facts.record_time));
  CREDENCE_ASSIGN_OR_RETURN(const absl::Time reveal_time, RevealTime(*question, facts, request));
  CREDENCE_ASSIGN_OR_RETURN(const std::string forecast, ForecastId(*question, facts, request));
  auto payload = std::make_shared<event::v1::ForecastSealed>();
  payload->set_question(question_id);
  payload->set_forecast(forecast);
  payload->set_forecaster(forecaster);
  payload->set_digest(request.digest());
  *payload->mutable_reveal_time() = ToTimestamp(reveal_time);
  return OneEvent(facts, question_id, forecaster, forecast, std::move(payload));
}

// Taken whenever it comes: what comes too late is on record and does not count.
DecisionOr DecideRevealForecast(const State& state, const DecideFacts& facts,
                                const v1::RevealForecastRequest& request) {
  CREDENCE_RETURN_IF_ERROR(CheckNotBackdated(facts));
  CREDENCE_RETURN_IF_ERROR(CheckText(request.rationale(), "rationale"));
  CREDENCE_ASSIGN_OR_RETURN(const NamedSeal named, FindSeal(state, request.name()));
  CREDENCE_RETURN_IF_ERROR(CheckDigest(*named.seal, request));
  event::v1::SealedForecast statement;
  if (!statement.ParseFromString(request.statement())) {
    return InvalidField("FIELD_INVALID", "statement", "is not a sealed forecast");
  }
  CREDENCE_RETURN_IF_ERROR(CheckNames(statement, facts, named));
  const absl::Status content = CheckContent(statement, *named.question);
  if (!content.ok()) return WithFieldPrefix(content, "statement");
  auto payload = std::make_shared<event::v1::ForecastRevealed>();
  payload->set_question(named.question->id);
  payload->set_forecast(named.forecast);
  payload->set_forecaster(named.seal->forecaster);
  payload->set_salt(request.salt());
  payload->set_statement(request.statement());
  payload->set_rationale(request.rationale());
  return OneEvent(facts, named.question->id, named.seal->forecaster, named.forecast,
                  std::move(payload));
}

}  // namespace credence::server
