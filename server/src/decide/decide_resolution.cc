#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_join.h"
#include "convert/numeric.h"
#include "convert/time.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "decide/batch.h"
#include "decide/checks.h"
#include "decide/decide.h"
#include "decide/learning.h"
#include "decide/scores.h"
#include "decide/trial.h"
#include "query/find.h"

// The end of a question: resolve, amend, annul. Each scores in the same append.
namespace credence::server {
namespace {

// When the event happened must fit the node, as the forecaster would demand.
absl::Status CheckOccurTime(const State& state, const QuestionState& question,
                            const v1::Resolution& resolution, absl::Time time) {
  if (!resolution.has_occur_time()) return absl::OkStatus();
  const std::string field = "resolution.occur_time";
  CREDENCE_ASSIGN_OR_RETURN(const absl::Time occur_time, ParseTime(resolution.occur_time(), field));
  if (occur_time > time) {
    return InvalidField("TIME_INVALID", field,
                        Cat("lies after ", TimeText(time), ", when the resolution takes effect"));
  }
  const auto& compiled = *state.networks.Find(question.network)->latest().compiled;
  CREDENCE_ASSIGN_OR_RETURN(const int node, compiled.FindNode(question.node));
  if (!compiled.IsHazard(node) || resolution.outcome() != question.states.front()) {
    return absl::OkStatus();
  }
  if (occur_time > compiled.StartTime(node) && occur_time <= compiled.Deadline(node)) {
    return absl::OkStatus();
  }
  return InvalidField("TIME_INVALID", field,
                      Cat("must lie after ", TimeText(compiled.StartTime(node)),
                          " and not after the deadline ", TimeText(compiled.Deadline(node))));
}

// The value of a number; its text as the outcome may be given too, as a resource that was read has
// it.
absl::Status CheckValue(const v1::Resolution& resolution) {
  if (resolution.has_fraction()) {
    return InvalidField("FIELD_INVALID", "resolution.fraction",
                        "must be left out: the question asks for a number, see resolution.value");
  }
  if (resolution.unscored() != event::v1::UNSCORED_UNSPECIFIED) {
    if (resolution.has_value()) {
      return InvalidField("FIELD_INVALID", "resolution", "must state one of value and unscored");
    }
    return absl::OkStatus();
  }
  if (!resolution.has_value()) {
    return InvalidField("FIELD_REQUIRED", "resolution.value",
                        "must be given: the question asks for a number");
  }
  if (!std::isfinite(resolution.value())) {
    return InvalidField("NUMBER_INVALID", "resolution.value", "must be finite");
  }
  if (resolution.outcome().empty() || resolution.outcome() == NumberText(resolution.value())) {
    return absl::OkStatus();
  }
  return InvalidField("FIELD_INVALID", "resolution.outcome",
                      "must be left out: the question asks for a number, see resolution.value");
}

absl::Status CheckFraction(const QuestionState& question, double fraction) {
  if (question.states.size() != 2) {
    return InvalidField("FIELD_INVALID", "resolution.fraction",
                        Cat("is for questions of two states; name one of ",
                            absl::StrJoin(question.states, ", "), " as the outcome"));
  }
  if (fraction >= 0.0 && fraction <= 1.0) return absl::OkStatus();
  return InvalidField("PROBABILITY_INVALID", "resolution.fraction",
                      Cat("is ", fraction, "; must lie between 0 and 1"));
}

// Exactly one of outcome, fraction and unscored; of a number one of value and unscored.
absl::Status CheckOutcome(const QuestionState& question, const v1::Resolution& resolution) {
  CREDENCE_RETURN_IF_ERROR(CheckText(resolution.rationale(), "resolution.rationale"));
  const bool unscored = resolution.unscored() != event::v1::UNSCORED_UNSPECIFIED;
  if (unscored && !event::v1::Unscored_IsValid(resolution.unscored())) {
    return InvalidField("FIELD_INVALID", "resolution.unscored",
                        "must be UNSCORED_VOID or UNSCORED_AMBIGUOUS");
  }
  if (question.numeric) return CheckValue(resolution);
  if (resolution.has_value()) {
    return InvalidField("FIELD_INVALID", "resolution.value",
                        "must be left out: the question asks for a state, see resolution.outcome");
  }
  const int stated = static_cast<int>(!resolution.outcome().empty()) +
                     static_cast<int>(resolution.has_fraction()) + static_cast<int>(unscored);
  if (stated == 0) {
    return InvalidField("FIELD_REQUIRED", "resolution.outcome",
                        Cat("must be one of ", absl::StrJoin(question.states, ", ")));
  }
  if (stated > 1) {
    return InvalidField("FIELD_INVALID", "resolution",
                        "must state one of outcome, fraction and unscored");
  }
  if (resolution.has_fraction()) return CheckFraction(question, resolution.fraction());
  if (unscored) return absl::OkStatus();
  if (std::find(question.states.begin(), question.states.end(), resolution.outcome()) !=
      question.states.end()) {
    return absl::OkStatus();
  }
  return InvalidField("UNKNOWN_STATE", "resolution.outcome",
                      Cat("\"", resolution.outcome().substr(0, 80), "\" is not one of ",
                          absl::StrJoin(question.states, ", ")));
}

// What the model published before, and in this trial: ticks up to the resolution are part of it.
absl::StatusOr<std::vector<RecordedForecast>> AllPosteriors(const QuestionState& question,
                                                            const DecideFacts& facts,
                                                            const Decision& so_far) {
  CREDENCE_ASSIGN_OR_RETURN(std::vector<RecordedForecast> posteriors,
                            facts.history->Posteriors(question));
  for (const ledger::EventDraft& draft : so_far.events) {
    const auto* published = dynamic_cast<const event::v1::PosteriorPublished*>(draft.payload.get());
    if (published == nullptr) continue;
    for (const event::v1::QuestionPosterior& posterior : published->posteriors()) {
      if (posterior.question() != question.id) continue;
      RecordedForecast& added = posteriors.emplace_back();
      added.effective_time = *draft.effective_time;
      added.Take(posterior);
      added.backfilled = draft.backfilled;
      added.cause = published->cause();
      if (draft.caused_by.has_value()) {
        added.cause_position = facts.next_position + static_cast<int64_t>(*draft.caused_by);
      }
    }
  }
  return posteriors;
}

ResolutionState ToState(const v1::Resolution& resolution, absl::Time time) {
  ResolutionState state;
  state.outcome = resolution.outcome();
  if (resolution.has_fraction()) state.fraction = resolution.fraction();
  state.unscored = resolution.unscored();
  if (resolution.has_value()) state.value = resolution.value();
  if (resolution.has_occur_time()) state.occur_time = ToTime(resolution.occur_time());
  state.effective_time = time;
  return state;
}

template <typename Payload>
std::shared_ptr<Payload> MakeResolution(const std::string& question,
                                        const v1::Resolution& resolution) {
  auto payload = std::make_shared<Payload>();
  payload->set_question(question);
  payload->set_outcome(resolution.outcome());
  if (resolution.has_fraction()) payload->set_fraction(resolution.fraction());
  payload->set_unscored(resolution.unscored());
  if (resolution.has_occur_time()) *payload->mutable_occur_time() = resolution.occur_time();
  payload->set_rationale(resolution.rationale());
  if (resolution.has_value()) payload->set_value(resolution.value());
  return payload;
}

// When an end of the question takes effect: never before an earlier one did.
absl::Time EndTime(const Trial& trial, const QuestionState& question,
                   std::optional<absl::Time> stated) {
  const NetworkState& network = *trial.state().networks.Find(question.network);
  const absl::Time time = trial.EffectiveTime(network, stated);
  if (question.resolutions.empty()) return time;
  return std::max(time, question.resolutions.back().effective_time);
}

// Ends the scores in force, if there are any, by a version without an outcome.
void EndScores(Trial& trial, const QuestionState& question, absl::Time time, int64_t cause) {
  if (question.scores.empty()) return;
  AddScores(trial, question.id, static_cast<int64_t>(question.scores.size()) + 1, "", {}, time,
            cause);
}

absl::Status AddResolutionScores(Trial& trial, const DecideFacts& facts,
                                 const QuestionState& question, const ResolutionState& resolution,
                                 int64_t cause) {
  const absl::Time time = resolution.effective_time;
  if (!resolution.scored()) {
    EndScores(trial, question, time, cause);
    return absl::OkStatus();
  }
  CREDENCE_ASSIGN_OR_RETURN(const auto posteriors,
                            AllPosteriors(question, facts, trial.decision()));
  CREDENCE_ASSIGN_OR_RETURN(const auto forecasts, facts.history->Forecasts(question));
  CREDENCE_ASSIGN_OR_RETURN(
      QuestionScores scores,
      ScoreAll(trial.state(), question, resolution, forecasts, posteriors, kScoringVersion));
  AddScores(trial, question.id, static_cast<int64_t>(question.scores.size()) + 1,
            OutcomeText(resolution), std::move(scores), time, cause);
  return absl::OkStatus();
}

// The question as it was before the resolution: the trial may clone what it holds as events come.
template <typename Payload>
absl::Status Resolve(Trial& trial, const DecideFacts& facts, const QuestionState& current,
                     v1::Resolution resolution, std::optional<absl::Time> stated) {
  CREDENCE_CHECK(facts.history != nullptr);
  const QuestionState question = current;
  CREDENCE_RETURN_IF_ERROR(CheckOutcome(question, resolution));
  if (resolution.has_value()) resolution.set_outcome(NumberText(resolution.value()));
  const absl::Time time = EndTime(trial, question, stated);
  CREDENCE_RETURN_IF_ERROR(CheckOccurTime(trial.state(), question, resolution, time));
  CREDENCE_RETURN_IF_ERROR(trial.AdvanceClock(question.network, time));
  const int64_t cause = trial.Add(Cat("questions/", question.id),
                                  MakeResolution<Payload>(question.id, resolution), time);
  CREDENCE_RETURN_IF_ERROR(
      AddResolutionScores(trial, facts, question, ToState(resolution, time), cause));
  CREDENCE_RETURN_IF_ERROR(AddLearned(trial, question.id, time, cause));
  return trial.Publish(question.network, time, event::v1::POSTERIOR_CAUSE_RESOLUTION, cause);
}

absl::Status ResolveNamed(Trial& trial, const DecideFacts& facts, const std::string& name,
                          const v1::Resolution& resolution, std::optional<absl::Time> stated) {
  CREDENCE_ASSIGN_OR_RETURN(const QuestionState* question,
                            FindQuestion(trial.state(), name, "name"));
  switch (question->phase) {
    case QuestionPhase::kActive:
    case QuestionPhase::kClosed:
      break;
    case QuestionPhase::kDraft:
      return WrongState(name, "is a draft; open it first");
    case QuestionPhase::kResolved:
      return WrongState(name, "is resolved already; amend its resolution");
    case QuestionPhase::kAnnulled:
      return WrongState(name, "is annulled; amend its resolution");
  }
  return Resolve<event::v1::QuestionResolved>(trial, facts, *question, resolution, stated);
}

absl::Status AmendNamed(Trial& trial, const DecideFacts& facts, const std::string& name,
                        const v1::Resolution& resolution, std::optional<absl::Time> stated) {
  CREDENCE_ASSIGN_OR_RETURN(const QuestionState* question,
                            FindQuestion(trial.state(), name, "name"));
  if (question->resolutions.empty()) return WrongState(name, "is not resolved; resolve it first");
  return Resolve<event::v1::ResolutionAmended>(trial, facts, *question, resolution, stated);
}

absl::Status AnnulNamed(Trial& trial, const std::string& name, const std::string& rationale,
                        std::string_view rationale_field, std::optional<absl::Time> stated) {
  CREDENCE_ASSIGN_OR_RETURN(const QuestionState* found, FindQuestion(trial.state(), name, "name"));
  CREDENCE_RETURN_IF_ERROR(CheckText(rationale, rationale_field));
  if (found->phase == QuestionPhase::kAnnulled) return WrongState(name, "is annulled already");
  const QuestionState question = *found;
  const absl::Time time = EndTime(trial, question, stated);
  CREDENCE_RETURN_IF_ERROR(trial.AdvanceClock(question.network, time));
  auto payload = std::make_shared<event::v1::QuestionAnnulled>();
  payload->set_question(question.id);
  payload->set_rationale(rationale);
  const int64_t cause = trial.Add(name, std::move(payload), time);
  EndScores(trial, question, time, cause);
  CREDENCE_RETURN_IF_ERROR(AddLearned(trial, question.id, time, cause));
  return trial.Publish(question.network, time, event::v1::POSTERIOR_CAUSE_RESOLUTION, cause);
}

absl::Status EndItem(Trial& trial, const DecideFacts& facts, const v1::BatchResolutionItem& item) {
  CREDENCE_ASSIGN_OR_RETURN(const auto stated, StatedItemTime(facts, item));
  switch (item.action()) {
    case v1::BatchResolutionItem::ACTION_UNSPECIFIED:
    case v1::BatchResolutionItem::ACTION_RESOLVE:
      return ResolveNamed(trial, facts, item.name(), item.resolution(), stated);
    case v1::BatchResolutionItem::ACTION_AMEND:
      return AmendNamed(trial, facts, item.name(), item.resolution(), stated);
    case v1::BatchResolutionItem::ACTION_ANNUL:
      return AnnulNamed(trial, item.name(), item.resolution().rationale(), "resolution.rationale",
                        stated);
    default:
      return InvalidField("FIELD_INVALID", "action", "is not one of this version");
  }
}

}  // namespace

DecisionOr DecideResolveQuestion(const State& state, const DecideFacts& facts,
                                 const v1::ResolveQuestionRequest& request) {
  Trial trial(state, facts);
  CREDENCE_RETURN_IF_ERROR(
      ResolveNamed(trial, facts, request.name(), request.resolution(), facts.effective_time));
  return std::move(trial).Finish();
}

DecisionOr DecideAmendResolution(const State& state, const DecideFacts& facts,
                                 const v1::AmendResolutionRequest& request) {
  Trial trial(state, facts);
  CREDENCE_RETURN_IF_ERROR(
      AmendNamed(trial, facts, request.name(), request.resolution(), facts.effective_time));
  return std::move(trial).Finish();
}

DecisionOr DecideAnnulQuestion(const State& state, const DecideFacts& facts,
                               const v1::AnnulQuestionRequest& request) {
  Trial trial(state, facts);
  CREDENCE_RETURN_IF_ERROR(
      AnnulNamed(trial, request.name(), request.rationale(), "rationale", facts.effective_time));
  return std::move(trial).Finish();
}

DecisionOr DecideBatchResolveQuestions(const State& state, const DecideFacts& facts,
                                       const v1::BatchResolveQuestionsRequest& request) {
  CREDENCE_RETURN_IF_ERROR(CheckBatchSize(request.items_size(), kBatchQuestionsMax, "questions"));
  Trial trial(state, facts);
  for (int i = 0; i < request.items_size(); ++i) {
    const absl::Status ended = EndItem(trial, facts, request.items(i));
    if (!ended.ok()) return WithFieldPrefix(ended, Cat("items[", i, "]"));
  }
  return std::move(trial).Finish();
}

}  // namespace credence::server
