#include "state/persist.h"

#include <utility>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/evidence_model.pb.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/network_events.pb.h"
#include "credence/event/v1/question_events.pb.h"
#include "credence/event/v1/text.pb.h"
#include "credence/internal/v1/state.pb.h"
#include "state/documents.h"

// Keys: "header", "ledger", and the names of aggregates ("questions/x"), each with its document.
namespace credence::server {
namespace {

constexpr int64_t kFormatVersion = 2;
constexpr std::string_view kHeaderKey = "header";
constexpr std::string_view kLedgerKey = "ledger";

absl::Status Damaged(std::string_view key) {
  ErrorDetail detail;
  detail.reason = "LEDGER_FAILED";
  return MakeError(absl::StatusCode::kDataLoss,
                   Cat("the stored projection \"", key, "\" cannot be read"), detail);
}

absl::Status LoadDocument(State& state, std::string_view key, std::string_view value) {
  const size_t slash = key.find('/');
  const std::string_view collection = key.substr(0, slash);
  const auto parse = [value](auto& document) {
    return document.ParseFromArray(value.data(), static_cast<int>(value.size()));
  };
  internal::v1::RegistryDocument registry;
  if (key == kLedgerKey) {
    internal::v1::LedgerDocument ledger;
    if (!parse(ledger)) return Damaged(key);
    state.ledger = FromDocument(ledger);
  } else if (collection == "questions") {
    internal::v1::QuestionDocument question;
    if (!parse(question)) return Damaged(key);
    QuestionState& loaded = state.questions.EditOrInsert(question.id(), state.edition);
    loaded = FromDocument(question, state.edition);
    if (loaded.relations != nullptr) state.Relate(loaded, *loaded.relations);
  } else if (collection == "networks") {
    internal::v1::NetworkDocument document;
    if (!parse(document)) return Damaged(key);
    CREDENCE_ASSIGN_OR_RETURN(NetworkState network, FromDocument(document));
    state.networks.EditOrInsert(document.id(), state.edition) = std::move(network);
  } else if (collection == "forecasters") {
    if (!parse(registry)) return Damaged(key);
    state.forecasters.EditOrInsert(registry.id(), state.edition) = ForecasterFromDocument(registry);
  } else if (collection == "sources") {
    if (!parse(registry)) return Damaged(key);
    state.sources.EditOrInsert(registry.id(), state.edition) = SourceFromDocument(registry);
  } else if (collection == "series") {
    internal::v1::SeriesDocument series;
    if (!parse(series)) return Damaged(key);
    state.series.EditOrInsert(series.id(), state.edition) = FromDocument(series);
  }
  return absl::OkStatus();
}

template <typename Map>
void WriteDocument(const Map& map, std::string_view id, const std::string& key,
                   ledger::StateWriter& writer) {
  const auto* aggregate = map.Find(id);
  if (aggregate != nullptr) writer.Put(key, ToDocument(*aggregate).SerializeAsString());
}

void WriteAggregate(const State& state, const std::string& key, ledger::StateWriter& writer) {
  const size_t slash = key.find('/');
  const std::string_view collection = std::string_view(key).substr(0, slash);
  const std::string_view id = std::string_view(key).substr(slash + 1);
  if (collection == "questions") WriteDocument(state.questions, id, key, writer);
  if (collection == "networks") WriteDocument(state.networks, id, key, writer);
  if (collection == "forecasters") WriteDocument(state.forecasters, id, key, writer);
  if (collection == "sources") WriteDocument(state.sources, id, key, writer);
  if (collection == "series") WriteDocument(state.series, id, key, writer);
}

}  // namespace

void StatePersister::Touch(std::string_view name) {
  if (!dirty_.contains(ToAbsl(name))) dirty_.emplace(name);
}

// An event changes the aggregate of its stream, and those that its payload names besides.
void StatePersister::Note(const ledger::SequencedEvent& event) {
  ++pending_count_;
  if (event.stream.find('/') != std::string_view::npos) Touch(event.stream);
  if (const auto* forecast = dynamic_cast<const event::v1::ForecastRecorded*>(event.payload)) {
    Touch(Cat("forecasters/", forecast->forecaster()));
  } else if (const auto* sealed = dynamic_cast<const event::v1::ForecastSealed*>(event.payload)) {
    Touch(Cat("forecasters/", sealed->forecaster()));
  } else if (const auto* revealed =
                 dynamic_cast<const event::v1::ForecastRevealed*>(event.payload)) {
    Touch(Cat("forecasters/", revealed->forecaster()));
  } else if (const auto* created = dynamic_cast<const event::v1::QuestionCreated*>(event.payload)) {
    Touch(Cat("networks/", created->network()));
  } else if (const auto* network = dynamic_cast<const event::v1::NetworkCreated*>(event.payload)) {
    if (!network->model().series().empty()) Touch(Cat("series/", network->model().series()));
  } else if (const auto* revised = dynamic_cast<const event::v1::NetworkRevised*>(event.payload)) {
    if (!revised->model().series().empty()) Touch(Cat("series/", revised->model().series()));
  } else if (const auto* evidence =
                 dynamic_cast<const event::v1::EvidenceRecorded*>(event.payload)) {
    if (!evidence->model().source().empty()) Touch(evidence->model().source());
  } else if (const auto* erased = dynamic_cast<const event::v1::TextsErased*>(event.payload)) {
    for (const event::v1::ErasedText& text : erased->texts()) Touch(text.stream());
  } else if (const auto* published =
                 dynamic_cast<const event::v1::PosteriorPublished*>(event.payload)) {
    for (const event::v1::QuestionPosterior& posterior : published->posteriors()) {
      Touch(Cat("questions/", posterior.question()));
    }
  }
}

void StatePersister::Write(const State& state, ledger::StateWriter& writer) {
  for (const std::string& key : dirty_) WriteAggregate(state, key, writer);
  writer.Put(kLedgerKey, ToDocument(state.ledger).SerializeAsString());
  internal::v1::StateHeader header;
  header.set_format_version(kFormatVersion);
  header.set_size(state.size);
  writer.Put(kHeaderKey, header.SerializeAsString());
  dirty_.clear();
  pending_count_ = 0;
}

absl::StatusOr<State> LoadState(const ledger::Log& log) {
  State state;
  CREDENCE_ASSIGN_OR_RETURN(const std::optional<std::string> stored, log.ReadState(kHeaderKey));
  if (!stored.has_value()) return state;
  internal::v1::StateHeader header;
  if (!header.ParseFromString(*stored)) return Damaged(kHeaderKey);
  if (header.format_version() != kFormatVersion) return state;
  absl::Status loaded;
  const absl::Status scanned = log.ScanState("", [&](std::string_view key, std::string_view value) {
    loaded = LoadDocument(state, key, value);
    return loaded.ok();
  });
  CREDENCE_RETURN_IF_ERROR(scanned);
  CREDENCE_RETURN_IF_ERROR(loaded);
  state.size = header.size();
  return state;
}

}  // namespace credence::server
