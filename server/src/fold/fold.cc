#include "fold/fold.h"

#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "credence/base/check.h"
#include "fold/handlers.h"

namespace credence::server {
namespace {

using Handler = void (*)(State&, const ledger::SequencedEvent&);

template <typename Payload>
void Handle(State& state, const ledger::SequencedEvent& event) {
  FoldEvent(state, event, static_cast<const Payload&>(*event.payload));
}

template <typename... Payloads>
absl::flat_hash_map<std::string_view, Handler> MakeHandlers() {
  absl::flat_hash_map<std::string_view, Handler> handlers;
  (handlers.emplace(Payloads::descriptor()->full_name(), &Handle<Payloads>), ...);
  return handlers;
}

const absl::flat_hash_map<std::string_view, Handler>& Handlers() {
  static const auto* const handlers = new absl::flat_hash_map<std::string_view, Handler>(
      MakeHandlers<
          event::v1::LedgerCreated, event::v1::StreamHeadsRecorded, event::v1::SigningKeyRotated,
          event::v1::GradeTableSet, event::v1::ForecasterCreated, event::v1::SourceCreated,
          event::v1::AuthorKeyRegistered, event::v1::AuthorKeyRevoked, event::v1::ForecastSealed,
          event::v1::ForecastRevealed, event::v1::ForecastRecorded, event::v1::ForecastWithdrawn,
          event::v1::NetworkCreated, event::v1::NetworkRevised, event::v1::EvidenceRecorded,
          event::v1::EvidenceRetracted, event::v1::EvidenceClustered, event::v1::PosteriorPublished,
          event::v1::QuestionCreated, event::v1::QuestionUpdated, event::v1::QuestionOpened,
          event::v1::QuestionClosed, event::v1::QuestionResolved, event::v1::ResolutionAmended,
          event::v1::QuestionAnnulled, event::v1::QuestionScored, event::v1::SourceRecordChanged,
          event::v1::SeriesCaseRecorded, event::v1::TextsErased>());
  return *handlers;
}

// The stream is the name of an aggregate; its revision is the number of its events.
void SetRevision(State& state, const ledger::SequencedEvent& event) {
  const int64_t revision = event.stream_version + 1;
  const size_t slash = event.stream.find('/');
  if (slash == std::string_view::npos) {
    state.ledger.revision = revision;
    return;
  }
  const std::string_view collection = event.stream.substr(0, slash);
  const std::string_view id = event.stream.substr(slash + 1);
  const auto set = [&](auto& map) {
    if (auto* aggregate = map.Edit(id, state.edition)) aggregate->revision = revision;
  };
  if (collection == "questions") set(state.questions);
  if (collection == "networks") set(state.networks);
  if (collection == "forecasters") set(state.forecasters);
  if (collection == "sources") set(state.sources);
  if (collection == "series") set(state.series);
}

}  // namespace

void Fold(State& state, const ledger::SequencedEvent& event) {
  state.size = event.position.value + 1;
  const auto handler = event.payload == nullptr
                           ? Handlers().end()
                           : Handlers().find(event.payload->GetDescriptor()->full_name());
  if (handler == Handlers().end()) {
    ++state.ledger.unknown_event_count;
  } else {
    handler->second(state, event);
  }
  SetRevision(state, event);
}

}  // namespace credence::server
