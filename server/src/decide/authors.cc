#include "decide/authors.h"

#include <iterator>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "convert/time.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/author_events.pb.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/network_events.pb.h"
#include "decide/checks.h"

namespace credence::server {
namespace {

using event::v1::AuthorKeyRegistered;
using event::v1::AuthorKeyRevoked;
using event::v1::EvidenceClustered;
using event::v1::EvidenceRecorded;
using event::v1::EvidenceRetracted;
using event::v1::ForecastRecorded;
using event::v1::ForecastRevealed;
using event::v1::ForecastSealed;
using event::v1::ForecastWithdrawn;
using google::protobuf::Message;

constexpr std::string_view kForecasters = "forecasters/";
constexpr std::string_view kSources = "sources/";

template <typename Payload>
const Payload* As(const Message& payload) {
  return payload.GetDescriptor() == Payload::descriptor() ? static_cast<const Payload*>(&payload)
                                                          : nullptr;
}

// Who states an event; empty where that is nobody who could sign it.
std::string AuthorOf(const ledger::EventDraft& draft) {
  const Message& payload = *draft.payload;
  if (const auto* forecast = As<ForecastRecorded>(payload)) {
    return Cat(kForecasters, forecast->forecaster());
  }
  if (const auto* withdrawal = As<ForecastWithdrawn>(payload)) {
    return Cat(kForecasters, withdrawal->forecaster());
  }
  if (const auto* sealed = As<ForecastSealed>(payload)) {
    return Cat(kForecasters, sealed->forecaster());
  }
  if (const auto* revealed = As<ForecastRevealed>(payload)) {
    return Cat(kForecasters, revealed->forecaster());
  }
  if (const auto* registered = As<AuthorKeyRegistered>(payload)) return registered->author();
  if (const auto* revoked = As<AuthorKeyRevoked>(payload)) return revoked->author();
  const bool is_evidence = As<EvidenceRecorded>(payload) != nullptr ||
                           As<EvidenceRetracted>(payload) != nullptr ||
                           As<EvidenceClustered>(payload) != nullptr;
  return is_evidence ? draft.actor : std::string();
}

absl::Status SignatureInvalid(const std::string& author, std::string_view field,
                              std::string_view why) {
  ErrorDetail detail;
  detail.reason = "SIGNATURE_INVALID";
  detail.fields.push_back({std::string(field), std::string(why)});
  detail.metadata["author"] = author;
  return MakeError(absl::StatusCode::kPermissionDenied, Cat(field, ": ", why), detail);
}

absl::Status SignatureRequired(const std::string& author, std::string_view what) {
  ErrorDetail detail;
  detail.reason = "SIGNATURE_REQUIRED";
  detail.metadata["author"] = author;
  return MakeError(absl::StatusCode::kPermissionDenied, Cat(author, " ", what), detail);
}

std::string PathOf(size_t statement) { return Cat("options.statements[", statement, "]"); }

absl::StatusOr<CheckedStatement> CheckStatement(std::string_view origin,
                                                const std::string& request_id,
                                                const v1::SignedStatement& statement,
                                                const std::string& path) {
  const auto* type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
      statement.payload_type());
  if (type == nullptr) {
    return InvalidField("FIELD_INVALID", Cat(path, ".payload_type"), "is no type of payload");
  }
  const std::unique_ptr<Message> payload(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  if (!payload->ParseFromString(statement.payload())) {
    return InvalidField("FIELD_INVALID", Cat(path, ".payload"),
                        Cat("is not a ", statement.payload_type()));
  }
  auto signed_payload = std::make_shared<ledger::SignedPayload>();
  signed_payload->payload = statement.payload();
  signed_payload->signature = statement.signature();
  // What this program does not know of the signature would be stored without having been signed.
  signed_payload->signature.DiscardUnknownFields();
  const event::v1::AuthorSignature& signature = signed_payload->signature;
  if (signature.has_effective_time()) {
    CREDENCE_RETURN_IF_ERROR(
        ParseTime(signature.effective_time(), Cat(path, ".signature.effective_time")).status());
  }
  const std::string bytes =
      ledger::StatementBytes(origin, request_id, statement.payload_type(), *signed_payload);
  if (!ledger::VerifyAuthorSignature(signature.public_key(), bytes, signature.signature())) {
    return SignatureInvalid(signature.author(), Cat(path, ".signature"),
                            Cat("is not one of its key over this statement, this request id and "
                                "the origin ",
                                origin));
  }
  CheckedStatement checked;
  checked.payload_type = statement.payload_type();
  checked.digests = ledger::TextDigestsOf(*payload);
  for (const v1::TextSalt& salt : statement.text_salts()) {
    checked.salts.emplace(salt.field(), salt.salt());
  }
  if (!ledger::ErasableTexts(*payload).empty()) {
    return SignatureInvalid(signature.author(), Cat(path, ".payload"),
                            "holds texts: they are signed by their digests");
  }
  if (!checked.digests.empty()) ledger::ReplaceTexts({}, *payload);
  checked.canonical = payload->SerializeAsString();
  checked.signed_payload = std::move(signed_payload);
  return checked;
}

// The statement's time against that of the event that says the same.
absl::Status CheckTime(const event::v1::AuthorSignature& signature, const ledger::EventDraft& draft,
                       const std::string& path) {
  const auto refuse = [&](std::string_view why) {
    return SignatureInvalid(signature.author(), Cat(path, ".signature.effective_time"), why);
  };
  if (!signature.has_effective_time()) {
    return draft.backfilled ? refuse("must be stated: the event counts from an earlier time")
                            : absl::OkStatus();
  }
  const absl::Time stated = ToTime(signature.effective_time());
  // A network takes late evidence in at its clock's present.
  const bool of_network = draft.stream.rfind("networks/", 0) == 0;
  if (!draft.effective_time.has_value() || stated > *draft.effective_time ||
      (stated < *draft.effective_time && !of_network)) {
    return refuse("is not the time that the event counts from");
  }
  return absl::OkStatus();
}

// The texts of the payload, salted as the statement says; nothing where they are others than were
// signed.
std::optional<std::vector<ledger::SaltedText>> SaltedTexts(const CheckedStatement& statement,
                                                           const Message& payload) {
  const std::vector<ledger::FieldText> texts = ledger::ErasableTexts(payload);
  if (texts.size() != statement.digests.size()) return std::nullopt;
  std::vector<ledger::SaltedText> salted;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto salt = statement.salts.find(texts[i].field);
    if (texts[i].field != statement.digests[i].field() || salt == statement.salts.end() ||
        salt->second.size() != ledger::kTextSaltBytes ||
        !ledger::FitsDigest(statement.digests[i], salt->second, texts[i].text)) {
      return std::nullopt;
    }
    salted.push_back({std::string(texts[i].field), salt->second, std::string(texts[i].text)});
  }
  return salted;
}

// What a payload says besides its texts.
std::string CanonicalOf(const Message& payload) {
  if (ledger::ErasableTexts(payload).empty()) return payload.SerializeAsString();
  const std::unique_ptr<Message> copy(payload.New());
  copy->CopyFrom(payload);
  ledger::ClearErasableTexts(*copy);
  return copy->SerializeAsString();
}

absl::Status ApplyStatement(const State& state, const CheckedStatement& statement,
                            std::vector<ledger::SaltedText> texts, ledger::EventDraft& draft,
                            const std::string& path) {
  const event::v1::AuthorSignature& signature = statement.signed_payload->signature;
  const std::string author = AuthorOf(draft);
  if (author.empty()) {
    return SignatureInvalid(signature.author(), Cat(path, ".payload_type"),
                            "is of events that nobody signs");
  }
  if (author != signature.author()) {
    return SignatureInvalid(signature.author(), Cat(path, ".signature.author"),
                            Cat("is not the author of the event, ", author));
  }
  const AuthorState* const known = FindAuthor(state, author);
  const AuthorKeyState* const key =
      known == nullptr ? nullptr : known->FindKey(signature.public_key());
  if (key == nullptr || key->revoked_position.has_value()) {
    return SignatureInvalid(author, Cat(path, ".signature.public_key"),
                            key == nullptr
                                ? Cat("is not registered for ", author)
                                : Cat("was revoked at position ", *key->revoked_position));
  }
  CREDENCE_RETURN_IF_ERROR(CheckTime(signature, draft, path));
  auto signed_payload = std::make_shared<ledger::SignedPayload>(*statement.signed_payload);
  signed_payload->texts = std::move(texts);
  draft.signed_payload = std::move(signed_payload);
  return absl::OkStatus();
}

std::string KeyOf(std::string_view type, std::string_view canonical) {
  return Cat(type, " ", canonical);
}

absl::Status CheckDemand(const State& state, const ledger::EventDraft& draft) {
  if (draft.signed_payload != nullptr && As<EvidenceRecorded>(*draft.payload) == nullptr) {
    return absl::OkStatus();
  }
  const std::string author = AuthorOf(draft);
  const AuthorState* const known = author.empty() ? nullptr : FindAuthor(state, author);
  if (known != nullptr && draft.signed_payload == nullptr) {
    if (As<AuthorKeyRegistered>(*draft.payload) != nullptr) {
      if (known->keys.empty()) return absl::OkStatus();
      return SignatureRequired(author,
                               "has had a key before: one that is in force must sign the "
                               "registration of another");
    }
    const bool revokes = As<AuthorKeyRevoked>(*draft.payload) != nullptr;
    if (known->signature_required && !revokes) {
      return SignatureRequired(author, "signs what it states, and this is not signed");
    }
  }
  const auto* evidence = As<EvidenceRecorded>(*draft.payload);
  if (evidence == nullptr || evidence->model().source().empty()) return absl::OkStatus();
  const AuthorState* const source = FindAuthor(state, evidence->model().source());
  if (source == nullptr || !source->signature_required) return absl::OkStatus();
  if (draft.signed_payload != nullptr && author == evidence->model().source()) {
    return absl::OkStatus();
  }
  return SignatureRequired(evidence->model().source(),
                           "signs what it reports: it must be the actor, and sign");
}

}  // namespace

const AuthorState* FindAuthor(const State& state, std::string_view name) {
  if (name.substr(0, kForecasters.size()) == kForecasters) {
    const auto* forecaster = state.forecasters.Find(name.substr(kForecasters.size()));
    return forecaster == nullptr ? nullptr : &forecaster->author;
  }
  if (name.substr(0, kSources.size()) == kSources) {
    const auto* source = state.sources.Find(name.substr(kSources.size()));
    return source == nullptr ? nullptr : &source->author;
  }
  return nullptr;
}

absl::StatusOr<CheckedStatements> CheckStatements(std::string_view origin,
                                                  const v1::WriteOptions& options) {
  CheckedStatements checked;
  if (options.statements().empty()) return checked;
  if (options.request_id().empty()) {
    return InvalidField("FIELD_REQUIRED", "options.request_id",
                        "must be given: the statements' signatures are over it");
  }
  for (int i = 0; i < options.statements_size(); ++i) {
    CREDENCE_ASSIGN_OR_RETURN(checked.emplace_back(),
                              CheckStatement(origin, options.request_id(), options.statements(i),
                                             PathOf(static_cast<size_t>(i))));
  }
  return checked;
}

absl::Status ApplyStatements(const State& state, const CheckedStatements& statements,
                             Decision& decision) {
  if (statements.empty()) return absl::OkStatus();
  // Events that say the same are signed once each.
  absl::flat_hash_map<std::string, std::vector<size_t>> events;
  for (size_t i = decision.events.size(); i-- > 0;) {
    const Message& payload = *decision.events[i].payload;
    events[KeyOf(payload.GetDescriptor()->full_name(), CanonicalOf(payload))].push_back(i);
  }
  for (size_t i = 0; i < statements.size(); ++i) {
    std::vector<size_t>& same = events[KeyOf(statements[i].payload_type, statements[i].canonical)];
    std::optional<std::vector<ledger::SaltedText>> texts;
    auto found = same.rbegin();
    for (; found != same.rend() && !texts.has_value();) {
      texts = SaltedTexts(statements[i], *decision.events[*found].payload);
      if (!texts.has_value()) ++found;
    }
    if (!texts.has_value()) {
      return SignatureInvalid(statements[i].signed_payload->signature.author(),
                              Cat(PathOf(i), ".payload"),
                              "says something else than the request: no event of it is the same");
    }
    ledger::EventDraft& draft = decision.events[*found];
    same.erase(std::next(found).base());
    CREDENCE_RETURN_IF_ERROR(
        ApplyStatement(state, statements[i], *std::move(texts), draft, PathOf(i)));
  }
  return absl::OkStatus();
}

absl::Status CheckSignatureDemands(const State& state, const Decision& decision) {
  if (state.ledger.keyed_author_count == 0) return absl::OkStatus();
  for (const ledger::EventDraft& draft : decision.events) {
    CREDENCE_RETURN_IF_ERROR(CheckDemand(state, draft));
  }
  return absl::OkStatus();
}

}  // namespace credence::server
