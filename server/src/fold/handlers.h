#pragma once

#include "credence/event/v1/author_events.pb.h"
#include "credence/event/v1/evidence_model.pb.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/learning_events.pb.h"
#include "credence/event/v1/ledger_events.pb.h"
#include "credence/event/v1/network_events.pb.h"
#include "credence/event/v1/question_events.pb.h"
#include "credence/event/v1/text.pb.h"
#include "credence/ledger/event.h"
#include "state/state.h"

// One function for each event type; fold.cc chooses among them. Those on a NetworkState alone are
// also what a decision uses to try an event before it is recorded.
namespace credence::server {

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::LedgerCreated& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::StreamHeadsRecorded& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::SigningKeyRotated& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::GradeTableSet& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::TextsErased& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::ForecasterCreated& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::SourceCreated& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::ForecastRecorded& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::ForecastWithdrawn& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::ForecastSealed& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::ForecastRevealed& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::AuthorKeyRegistered& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::AuthorKeyRevoked& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::NetworkCreated& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::NetworkRevised& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::EvidenceRecorded& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::EvidenceRetracted& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::EvidenceClustered& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::PosteriorPublished& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::QuestionCreated& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::QuestionUpdated& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::QuestionOpened& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::QuestionClosed& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::QuestionResolved& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::ResolutionAmended& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::QuestionAnnulled& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::QuestionScored& payload);

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::SourceRecordChanged& payload);
void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::SeriesCaseRecorded& payload);

}  // namespace credence::server
