#include "convert/model.h"
#include "credence/base/check.h"
#include "credence/base/strings.h"
#include "fold/handlers.h"
#include "fold/seals.h"

// Ledger, forecasters, sources, forecasts.
namespace credence::server {

void FoldEvent(State&, const ledger::SequencedEvent&, const event::v1::LedgerCreated&) {}

// The ledger's own; no projection depends on it.
void FoldEvent(State&, const ledger::SequencedEvent&, const event::v1::StreamHeadsRecorded&) {}

// The log reads its keys itself.
void FoldEvent(State&, const ledger::SequencedEvent&, const event::v1::SigningKeyRotated&) {}

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::GradeTableSet& payload) {
  GradeTableState table;
  table.effective_time = event.effective_time;
  const absl::Status applied = ApplyGrades(payload.grades(), table.grades);
  CREDENCE_CHECK(applied.ok());
  table.default_cluster_correlation = payload.default_cluster_correlation();
  state.ledger.grade_tables.push_back(table);
}

namespace {

AuthorState* EditAuthor(State& state, std::string_view name) {
  const size_t slash = name.find('/');
  if (slash == std::string_view::npos) return nullptr;
  const std::string_view id = name.substr(slash + 1);
  if (name.substr(0, slash) == "forecasters") {
    auto* forecaster = state.forecasters.Edit(id, state.edition);
    return forecaster == nullptr ? nullptr : &forecaster->author;
  }
  if (name.substr(0, slash) != "sources") return nullptr;
  auto* source = state.sources.Edit(id, state.edition);
  return source == nullptr ? nullptr : &source->author;
}

}  // namespace

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::AuthorKeyRegistered& payload) {
  AuthorState* const author = EditAuthor(state, payload.author());
  if (author == nullptr) return;
  if (author->keys.empty()) ++state.ledger.keyed_author_count;
  author->keys.push_back({payload.public_key(), event.position.value, std::nullopt});
  author->signature_required = payload.signature_required();
}

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::AuthorKeyRevoked& payload) {
  AuthorState* const author = EditAuthor(state, payload.author());
  if (author == nullptr) return;
  for (AuthorKeyState& key : author->keys) {
    if (key.public_key == payload.public_key()) key.revoked_position = event.position.value;
  }
}

void FoldEvent(State& state, const ledger::SequencedEvent&,
               const event::v1::ForecasterCreated& payload) {
  ForecasterState& forecaster = state.forecasters.EditOrInsert(payload.forecaster(), state.edition);
  forecaster.id = payload.forecaster();
  forecaster.display_name = payload.display_name();
  forecaster.description = payload.description();
}

void FoldEvent(State& state, const ledger::SequencedEvent&,
               const event::v1::SourceCreated& payload) {
  SourceState& source = state.sources.EditOrInsert(payload.source(), state.edition);
  source.id = payload.source();
  source.display_name = payload.display_name();
  source.description = payload.description();
  source.url = payload.url();
}

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::SourceRecordChanged& payload) {
  SourceState* source = state.sources.Edit(payload.source(), state.edition);
  if (source == nullptr) return;
  source->records.push_back(
      {payload.question(), event.effective_time, payload.success_count(), payload.failure_count()});
}

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::SeriesCaseRecorded& payload) {
  SeriesState& series = state.series.EditOrInsert(payload.series(), state.edition);
  series.id = payload.series();
  series.cases.push_back({payload.network(),
                          event.effective_time,
                          event.position.value,
                          {payload.counts().begin(), payload.counts().end()}});
}

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::ForecastRecorded& payload) {
  if (auto* forecaster = state.forecasters.Edit(payload.forecaster(), state.edition)) {
    ++forecaster->forecast_count;
  }
  QuestionState* question = state.questions.Edit(payload.question(), state.edition);
  if (question == nullptr) return;
  OvertakeSeals(*question, payload.forecaster(), event.effective_time, state.edition);
  // The later effective time stands; of equal ones the later position.
  const StandingForecast* before = question->standing.Find(payload.forecaster());
  if (before != nullptr && before->effective_time > event.effective_time) return;
  StandingForecast& standing = question->standing.Replace(payload.forecaster(), state.edition);
  standing.probabilities.assign(payload.probabilities().begin(), payload.probabilities().end());
  standing.forecast = payload.forecast();
  standing.rationale = payload.rationale();
  standing.position = event.position.value;
  standing.record_time = event.record_time;
  standing.effective_time = event.effective_time;
  standing.backfilled = event.backfilled;
  if (payload.has_distribution()) standing.distribution = payload.distribution();
  if (payload.forecast() != Cat("f", event.position.value)) {
    question->chosen_forecast_ids.EditOrInsert(payload.forecast(), state.edition) = true;
  }
}

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::ForecastWithdrawn& payload) {
  QuestionState* question = state.questions.Edit(payload.question(), state.edition);
  if (question == nullptr) return;
  OvertakeSeals(*question, payload.forecaster(), event.effective_time, state.edition);
  const StandingForecast* standing = question->standing.Find(payload.forecaster());
  if (standing == nullptr || standing->effective_time > event.effective_time) return;
  question->standing.Erase(payload.forecaster(), state.edition);
}

}  // namespace credence::server
