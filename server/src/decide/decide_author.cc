#include <memory>
#include <utility>

#include "absl/strings/escaping.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/author_events.pb.h"
#include "credence/ledger/author.h"
#include "decide/authors.h"
#include "decide/checks.h"
#include "decide/decide.h"

namespace credence::server {
namespace {

absl::StatusOr<const AuthorState*> FindParent(const State& state, std::string_view parent) {
  const size_t slash = parent.find('/');
  const std::string_view collection = parent.substr(0, slash == parent.npos ? 0 : slash);
  if (collection != "forecasters" && collection != "sources") {
    return InvalidField(
        "NAME_INVALID", "parent",
        Cat("\"", parent.substr(0, 200), "\" must have the form forecasters/{id} or sources/{id}"));
  }
  CREDENCE_RETURN_IF_ERROR(ParseName(parent, collection, "parent").status());
  const AuthorState* const author = FindAuthor(state, parent);
  if (author == nullptr) return NotFound(parent);
  return author;
}

absl::Status CheckPublicKey(std::string_view key) {
  if (key.size() == ledger::kAuthorKeyBytes) return absl::OkStatus();
  return InvalidField(key.empty() ? "FIELD_REQUIRED" : "FIELD_INVALID", "public_key",
                      Cat("must have ", ledger::kAuthorKeyBytes, " bytes"));
}

Decision OneEvent(const DecideFacts& facts, const std::string& stream,
                  std::shared_ptr<const google::protobuf::Message> payload) {
  Decision decision;
  ledger::EventDraft& draft = decision.events.emplace_back();
  draft.stream = stream;
  draft.payload = std::move(payload);
  draft.actor = facts.actor;
  return decision;
}

// Keys count by position alone.
absl::Status CheckNotBackdated(const DecideFacts& facts) {
  if (!facts.effective_time.has_value()) return absl::OkStatus();
  return InvalidField("TIME_INVALID", "options.effective_time",
                      "must be absent: a key counts from its record");
}

}  // namespace

DecisionOr DecideRegisterAuthorKey(const State& state, const DecideFacts& facts,
                                   const v1::RegisterAuthorKeyRequest& request) {
  CREDENCE_RETURN_IF_ERROR(CheckNotBackdated(facts));
  CREDENCE_ASSIGN_OR_RETURN(const AuthorState* author, FindParent(state, request.parent()));
  CREDENCE_RETURN_IF_ERROR(CheckPublicKey(request.public_key()));
  if (const AuthorKeyState* known = author->FindKey(request.public_key())) {
    return WrongState(request.parent(), known->revoked_position.has_value()
                                            ? "had this key before; it was revoked for good"
                                            : "has this key already");
  }
  if (!ledger::VerifyAuthorSignature(
          request.public_key(),
          ledger::PossessionBytes(facts.origin, request.parent(), request.public_key()),
          request.possession_signature())) {
    ErrorDetail detail;
    detail.reason = "SIGNATURE_INVALID";
    detail.fields.push_back({"possession_signature", "is not that of the key over its author"});
    detail.metadata["author"] = request.parent();
    return MakeError(absl::StatusCode::kPermissionDenied,
                     "possession_signature: is not that of the key over its author", detail);
  }
  auto payload = std::make_shared<event::v1::AuthorKeyRegistered>();
  payload->set_author(request.parent());
  payload->set_public_key(request.public_key());
  payload->set_possession_signature(request.possession_signature());
  payload->set_signature_required(request.signature_required());
  return OneEvent(facts, request.parent(), std::move(payload));
}

DecisionOr DecideRevokeAuthorKey(const State& state, const DecideFacts& facts,
                                 const v1::RevokeAuthorKeyRequest& request) {
  CREDENCE_RETURN_IF_ERROR(CheckNotBackdated(facts));
  CREDENCE_ASSIGN_OR_RETURN(const AuthorState* author, FindParent(state, request.parent()));
  CREDENCE_RETURN_IF_ERROR(CheckPublicKey(request.public_key()));
  CREDENCE_RETURN_IF_ERROR(CheckText(request.rationale(), "rationale"));
  const AuthorKeyState* const key = author->FindKey(request.public_key());
  if (key == nullptr) {
    return NotFound(
        Cat(request.parent(), "/keys/", absl::BytesToHexString(ToAbsl(request.public_key()))));
  }
  if (key->revoked_position.has_value()) {
    return WrongState(request.parent(), "has this key revoked already");
  }
  auto payload = std::make_shared<event::v1::AuthorKeyRevoked>();
  payload->set_author(request.parent());
  payload->set_public_key(request.public_key());
  payload->set_rationale(request.rationale());
  return OneEvent(facts, request.parent(), std::move(payload));
}

}  // namespace credence::server
