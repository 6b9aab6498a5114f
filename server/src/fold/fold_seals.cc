#include <algorithm>

#include "convert/time.h"
#include "credence/base/check.h"
#include "credence/base/strings.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "fold/handlers.h"
#include "fold/seals.h"

// Sealed forecasts, and what is said when they are revealed.
namespace credence::server {
namespace {

// What was sealed stands from its seal on, where nothing later was said in between.
void Stand(QuestionState& question, const SealState& seal, const ledger::SequencedEvent& event,
           const event::v1::ForecastRevealed& payload, uint64_t edition) {
  event::v1::SealedForecast statement;
  if (!statement.ParseFromString(payload.statement())) return;
  const StandingForecast* before = question.standing.Find(seal.forecaster);
  if (before != nullptr && before->effective_time > seal.record_time) return;
  StandingForecast& standing = question.standing.Replace(seal.forecaster, edition);
  standing.probabilities.assign(statement.probabilities().begin(), statement.probabilities().end());
  standing.forecast = payload.forecast();
  standing.rationale = payload.rationale();
  standing.position = event.position.value;
  standing.record_time = event.record_time;
  standing.effective_time = seal.record_time;
  if (statement.has_distribution()) standing.distribution = statement.distribution();
}

}  // namespace

void OvertakeSeals(QuestionState& question, std::string_view forecaster, absl::Time effective_time,
                   uint64_t edition) {
  if (question.seals.size() == 0) return;
  for (const std::string& id : question.seals.SortedIds()) {
    const SealState& seal = *question.seals.Find(id);
    if (seal.forecaster != forecaster || seal.revealed_time.has_value() || seal.overtaken ||
        seal.record_time > effective_time) {
      continue;
    }
    question.seals.Edit(id, edition)->overtaken = true;
  }
}

bool RevealedInTime(const QuestionState& question, const SealState& seal, absl::Time record_time) {
  const bool ended =
      question.phase == QuestionPhase::kResolved || question.phase == QuestionPhase::kAnnulled;
  return !ended && record_time < seal.reveal_time;
}

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::ForecastSealed& payload) {
  const absl::Time reveal_time = ToTime(payload.reveal_time());
  if (auto* forecaster = state.forecasters.Edit(payload.forecaster(), state.edition)) {
    ++forecaster->seals.sealed_count;
    forecaster->seals.open.push_back({payload.question(), payload.forecast(), reveal_time});
  }
  QuestionState* question = state.questions.Edit(payload.question(), state.edition);
  if (question == nullptr) return;
  SealState& seal = question->seals.EditOrInsert(payload.forecast(), state.edition);
  seal.forecaster = payload.forecaster();
  seal.digest = payload.digest();
  seal.position = event.position.value;
  seal.record_time = event.record_time;
  seal.reveal_time = reveal_time;
  if (payload.forecast() != Cat("f", event.position.value)) {
    question->chosen_forecast_ids.EditOrInsert(payload.forecast(), state.edition) = true;
  }
}

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::ForecastRevealed& payload) {
  QuestionState* question = state.questions.Edit(payload.question(), state.edition);
  SealState* seal =
      question == nullptr ? nullptr : question->seals.Edit(payload.forecast(), state.edition);
  if (seal == nullptr) return;
  seal->revealed_time = event.record_time;
  seal->late = !RevealedInTime(*question, *seal, event.record_time);
  if (auto* forecaster = state.forecasters.Edit(payload.forecaster(), state.edition)) {
    ++forecaster->forecast_count;
    ++(seal->late ? forecaster->seals.revealed_late_count : forecaster->seals.revealed_count);
    std::erase_if(forecaster->seals.open, [&](const OpenSeal& open) {
      return open.question == payload.question() && open.forecast == payload.forecast();
    });
  }
  if (!seal->late && !seal->overtaken) Stand(*question, *seal, event, payload, state.edition);
}

}  // namespace credence::server
