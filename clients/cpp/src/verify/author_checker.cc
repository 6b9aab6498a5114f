#include "credence/client/verify/author_checker.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/author.h"
#include "credence/client/verify/failure.h"
#include "credence/client/verify/hash.h"
#include "credence/event/v1/author_events.pb.h"
#include "credence/event/v1/evidence_model.pb.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/network_events.pb.h"
#include "verify/payload_type.h"

namespace credence::client {
namespace {

using event::v1::AuthorKeyRegistered;
using event::v1::AuthorKeyRevoked;
using event::v1::EvidenceClustered;
using event::v1::EvidenceModel;
using event::v1::EvidenceRecorded;
using event::v1::EvidenceRetracted;
using event::v1::ForecastRecorded;
using event::v1::ForecastRevealed;
using event::v1::ForecastSealed;
using event::v1::ForecastWithdrawn;

constexpr size_t kDigestBytes = 16;

std::string TextField(std::string_view message, int number) {
  return std::string(
      BytesField(message, static_cast<uint32_t>(number)).value_or(std::string_view()));
}

// Who states the entry; empty where that is nobody who could sign it.
std::string AuthorOf(const EntryView& view) {
  if (Is<ForecastRecorded>(view)) {
    return Cat("forecasters/", TextField(view.payload, ForecastRecorded::kForecasterFieldNumber));
  }
  if (Is<ForecastWithdrawn>(view)) {
    return Cat("forecasters/", TextField(view.payload, ForecastWithdrawn::kForecasterFieldNumber));
  }
  if (Is<ForecastSealed>(view)) {
    return Cat("forecasters/", TextField(view.payload, ForecastSealed::kForecasterFieldNumber));
  }
  if (Is<ForecastRevealed>(view)) {
    return Cat("forecasters/", TextField(view.payload, ForecastRevealed::kForecasterFieldNumber));
  }
  if (Is<AuthorKeyRegistered>(view)) {
    return TextField(view.payload, AuthorKeyRegistered::kAuthorFieldNumber);
  }
  if (Is<AuthorKeyRevoked>(view)) {
    return TextField(view.payload, AuthorKeyRevoked::kAuthorFieldNumber);
  }
  const bool is_evidence =
      Is<EvidenceRecorded>(view) || Is<EvidenceRetracted>(view) || Is<EvidenceClustered>(view);
  return is_evidence ? std::string(view.actor) : std::string();
}

absl::Status BadState(std::string_view what) {
  return InvalidField("FIELD_INVALID", "state", what);
}

// A statement's time against that of its entry. A network takes late evidence in at its clock's
// present, so that evidence may count from later than was stated.
absl::Status CheckTime(const EntryView& view) {
  const std::optional<EntryTime>& stated = view.author_signature->effective_time;
  const bool of_network = view.place.stream.rfind("networks/", 0) == 0;
  const bool fits = !stated.has_value() ? !view.backfilled
                    : of_network        ? *stated <= view.effective_time
                                        : *stated == view.effective_time;
  if (fits) return absl::OkStatus();
  return VerificationFailed("the entry counts from another time than its author signed");
}

}  // namespace

absl::Status AuthorChecker::Take(std::string_view origin, int64_t position, const EntryView& view) {
  const bool registers = Is<AuthorKeyRegistered>(view);
  const bool revokes = Is<AuthorKeyRevoked>(view);
  if (authors_.empty() && !registers && !revokes && !view.author_signature.has_value()) {
    return absl::OkStatus();
  }
  const std::string author = AuthorOf(view);
  if (view.author_signature.has_value()) {
    CREDENCE_RETURN_IF_ERROR(CheckSignature(origin, view, author));
  }
  CREDENCE_RETURN_IF_ERROR(CheckDemands(view, author));
  if (registers) return Register(origin, position, view);
  return revokes ? Revoke(position, view) : absl::OkStatus();
}

absl::Status AuthorChecker::CheckSignature(std::string_view origin, const EntryView& view,
                                           const std::string& author) {
  const EntryAuthor& by = *view.author_signature;
  if (author.empty() || by.author != author) {
    return VerificationFailed(Cat("the entry is signed by ", by.author, ", who is not its author",
                                  author.empty() ? std::string() : Cat(", ", author)));
  }
  const Key* const key = FindKey(author, by.public_key);
  if (key == nullptr || key->revoked.has_value()) {
    return VerificationFailed(Cat("the entry is signed by a key that ",
                                  key == nullptr
                                      ? Cat("was never registered for ", author)
                                      : Cat(author, " revoked at position ", *key->revoked)));
  }
  const std::string bytes = StatementBytes(
      {origin, by.author, view.payload_type, view.request_id, by.effective_time, view.payload});
  if (!VerifyAuthorSignature(by.public_key, bytes, by.signature)) {
    return VerificationFailed(Cat("the entry is not what ", author,
                                  " signed: its signature does not hold over the payload, request "
                                  "id and time that it has"));
  }
  CREDENCE_RETURN_IF_ERROR(CheckTime(view));
  const Hash digest = Sha256(bytes);
  if (!statements_.emplace(BytesOf(digest).substr(0, kDigestBytes)).second) {
    return VerificationFailed(
        Cat("the entry repeats what ", author, " signed once: it was put there by somebody else"));
  }
  ++counts_.signed_entries;
  return absl::OkStatus();
}

absl::Status AuthorChecker::CheckDemands(const EntryView& view, const std::string& author) const {
  const bool is_signed = view.author_signature.has_value();
  if (!is_signed && Demands(author) && !Is<AuthorKeyRevoked>(view) &&
      !Is<AuthorKeyRegistered>(view)) {
    return VerificationFailed(
        Cat("the entry is not signed, but ", author, " signs everything that it states"));
  }
  if (!Is<EvidenceRecorded>(view)) return absl::OkStatus();
  const std::string model = TextField(view.payload, EvidenceRecorded::kModelFieldNumber);
  const std::string source = TextField(model, EvidenceModel::kSourceFieldNumber);
  if (!Demands(source) || (is_signed && author == source)) return absl::OkStatus();
  return VerificationFailed(
      Cat("the entry is evidence of ", source, ", which signs everything, and did not sign this"));
}

absl::Status AuthorChecker::Register(std::string_view origin, int64_t position,
                                     const EntryView& view) {
  const std::string name = TextField(view.payload, AuthorKeyRegistered::kAuthorFieldNumber);
  const std::string key = TextField(view.payload, AuthorKeyRegistered::kPublicKeyFieldNumber);
  const std::string possession =
      TextField(view.payload, AuthorKeyRegistered::kPossessionSignatureFieldNumber);
  if (view.place.stream != name) {
    return VerificationFailed(Cat("a key of ", name, " is registered in another stream"));
  }
  if (!VerifyAuthorSignature(key, PossessionBytes(origin, name, key), possession)) {
    return VerificationFailed(Cat("the key of ", name, " was not registered by its holder"));
  }
  Author& author = authors_[name];
  if (!author.keys.empty() && !view.author_signature.has_value()) {
    return VerificationFailed(
        Cat("the new key of ", name, " is not signed for by a key that it had before"));
  }
  if (FindKey(name, key) != nullptr) {
    return VerificationFailed(Cat("the key of ", name, " was registered before"));
  }
  author.keys.push_back({key, position, std::nullopt});
  author.signature_required =
      NumberField(view.payload, AuthorKeyRegistered::kSignatureRequiredFieldNumber).value_or(0) !=
      0;
  ++counts_.keys;
  return absl::OkStatus();
}

absl::Status AuthorChecker::Revoke(int64_t position, const EntryView& view) {
  const std::string name = TextField(view.payload, AuthorKeyRevoked::kAuthorFieldNumber);
  Key* const key = FindKey(name, TextField(view.payload, AuthorKeyRevoked::kPublicKeyFieldNumber));
  if (key == nullptr || key->revoked.has_value()) {
    return VerificationFailed(Cat("a key of ", name, " is revoked that was not in force"));
  }
  key->revoked = position;
  return absl::OkStatus();
}

AuthorChecker::Key* AuthorChecker::FindKey(const std::string& author, std::string_view public_key) {
  const auto found = authors_.find(author);
  if (found == authors_.end()) return nullptr;
  auto& keys = found->second.keys;
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const Key& candidate) {
    return candidate.public_key == public_key;
  });
  return key == keys.end() ? nullptr : &*key;
}

bool AuthorChecker::Demands(const std::string& author) const {
  const auto found = authors_.find(author);
  return found != authors_.end() && found->second.signature_required;
}

// One line a key, oldest first of each author, then one line a statement:
//
//   "key" signature-required registered revoked-or--1 public-key-in-hexadecimal author
//   "statement" digest-in-hexadecimal
std::string AuthorChecker::Save() const {
  std::string text;
  for (const auto& [name, author] : authors_) {
    for (const Key& key : author.keys) {
      absl::StrAppend(&text, "key ", author.signature_required ? 1 : 0, " ", key.registered, " ",
                      key.revoked.value_or(-1), " ", absl::BytesToHexString(key.public_key), " ",
                      name, "\n");
    }
  }
  for (const std::string& statement : statements_) {
    absl::StrAppend(&text, "statement ", absl::BytesToHexString(statement), "\n");
  }
  return text;
}

absl::Status AuthorChecker::Load(const std::vector<std::string_view>& lines) {
  for (const std::string_view line : lines) {
    const std::vector<std::string> parts = absl::StrSplit(ToAbsl(line), absl::MaxSplits(' ', 5));
    if (parts.size() == 2 && parts[0] == "statement") {
      statements_.insert(absl::HexStringToBytes(parts[1]));
      continue;
    }
    Key key;
    int64_t revoked = 0;
    if (parts.size() != 6 || parts[0] != "key" || !absl::SimpleAtoi(parts[2], &key.registered) ||
        !absl::SimpleAtoi(parts[3], &revoked)) {
      return BadState("has a bad line of an author");
    }
    if (revoked >= 0) key.revoked = revoked;
    key.public_key = absl::HexStringToBytes(parts[4]);
    Author& author = authors_[parts[5]];
    author.signature_required = parts[1] == "1";
    author.keys.push_back(std::move(key));
    ++counts_.keys;
  }
  counts_.signed_entries = static_cast<int64_t>(statements_.size());
  return absl::OkStatus();
}

}  // namespace credence::client
