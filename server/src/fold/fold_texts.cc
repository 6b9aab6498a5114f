#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "credence/ledger/text.h"
#include "fold/handlers.h"

// Texts that were erased leave every projection that they had come into. What a replay reads of
// them is what stands here after it, so that both ways lead to the same state.
namespace credence::server {
namespace {

using event::v1::ErasedText;

void Erase(std::string& text) { text = std::string(ledger::kErasedText); }

// Of a forecast that stands, or of a resolution.
void EraseIn(QuestionState& question, const ErasedText& erased, uint64_t edition) {
  for (const std::string& forecaster : question.standing.SortedIds()) {
    if (question.standing.Find(forecaster)->position != erased.position()) continue;
    Erase(question.standing.Edit(forecaster, edition)->rationale);
  }
  for (ResolutionState& resolution : question.resolutions) {
    if (resolution.position == erased.position()) Erase(resolution.rationale);
  }
}

// Of an item of evidence, or of a revision.
void EraseIn(NetworkState& network, const ErasedText& erased) {
  for (auto& evidence : network.evidence) {
    if (evidence->position != erased.position()) continue;
    auto copy = std::make_shared<EvidenceState>(*evidence);
    for (const std::string& field : erased.fields()) {
      if (field == "model.summary") Erase(*copy->model.mutable_summary());
      if (field == "model.url") Erase(*copy->model.mutable_url());
    }
    evidence = std::move(copy);
  }
  for (auto& revision : network.revisions) {
    if (revision->position != erased.position()) continue;
    auto copy = std::make_shared<RevisionState>(*revision);
    Erase(copy->rationale);
    revision = std::move(copy);
  }
}

// Of a forecaster or a source, which have such fields from their creation only.
template <typename Registered>
void EraseIn(Registered& registered, const ErasedText& erased) {
  for (const std::string& field : erased.fields()) {
    if (field == "display_name") Erase(registered.display_name);
    if (field == "description") Erase(registered.description);
    if constexpr (requires { registered.url; }) {
      if (field == "url") Erase(registered.url);
    }
  }
}

}  // namespace

void FoldEvent(State& state, const ledger::SequencedEvent&, const event::v1::TextsErased& payload) {
  for (const ErasedText& erased : payload.texts()) {
    const std::string_view stream = erased.stream();
    const std::string_view collection = stream.substr(0, stream.find('/'));
    const std::string_view id = stream.substr(std::min(collection.size() + 1, stream.size()));
    if (collection == "questions") {
      auto* const question = state.questions.Edit(id, state.edition);
      if (question != nullptr) EraseIn(*question, erased, state.edition);
    } else if (collection == "networks") {
      auto* const network = state.networks.Edit(id, state.edition);
      if (network != nullptr) EraseIn(*network, erased);
    } else if (collection == "forecasters") {
      auto* const forecaster = state.forecasters.Edit(id, state.edition);
      if (forecaster != nullptr) EraseIn(*forecaster, erased);
    } else if (collection == "sources") {
      auto* const source = state.sources.Edit(id, state.edition);
      if (source != nullptr) EraseIn(*source, erased);
    }
  }
}

}  // namespace credence::server
