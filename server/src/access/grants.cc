#include "access/grants.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "access/principal.h"
#include "convert/time.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/ledger/tree.h"
#include "decide/checks.h"

namespace credence::server {
namespace {

constexpr std::string_view kNamePrefix = "accessGrants/";
constexpr std::string_view kForecasterPrefix = "forecasters/";
constexpr size_t kPrincipalBytesMax = 128;
constexpr size_t kCredentialBytesMax = 512;
constexpr size_t kDescriptionBytesMax = 1'024;
constexpr int kRoleCountMax = 64;
constexpr size_t kIdBytes = 8;
constexpr size_t kSecretBytes = 32;
// "credence_" and an id.
constexpr size_t kIdLength = 1 + 2 * kIdBytes;

template <size_t kSize>
std::string RandomBytes() {
  std::array<unsigned char, kSize> bytes{};
  CREDENCE_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

absl::Status CheckLine(const std::string& text, std::string_view field, size_t bytes_max) {
  CREDENCE_RETURN_IF_ERROR(CheckText(text, field, bytes_max));
  const bool printable = std::none_of(text.begin(), text.end(), [](char character) {
    const auto code = static_cast<unsigned char>(character);
    return code < 0x20 || code == 0x7f;
  });
  if (printable) return absl::OkStatus();
  return InvalidField("FIELD_INVALID", field, "must not hold control characters");
}

absl::Status CheckPrincipal(const v1::AccessGrant& grant) {
  constexpr std::string_view kField = "access_grant.principal";
  const bool group = grant.credential_case() == v1::AccessGrant::kJwtGroup;
  if (group && !grant.principal().empty()) {
    return InvalidField("FIELD_INVALID", kField,
                        "must be empty: each member of the group is its own principal");
  }
  if (!group && grant.principal().empty()) {
    return InvalidField("FIELD_REQUIRED", kField, "must say who the holder is");
  }
  // What the ledger writes by itself, and what it wrote for callers that nobody asked.
  if (grant.principal() == "system" || grant.principal() == "anonymous") {
    return InvalidField("FIELD_INVALID", kField, Cat("must not be ", grant.principal()));
  }
  return CheckLine(grant.principal(), kField, kPrincipalBytesMax);
}

absl::Status CheckRole(const v1::AccessGrant& grant, int index) {
  const v1::RoleBinding& binding = grant.roles(index);
  const std::string field = Cat("access_grant.roles[", index, "]");
  if (!v1::Role_IsValid(binding.role()) || binding.role() == v1::ROLE_UNSPECIFIED) {
    return InvalidField("FIELD_INVALID", Cat(field, ".role"),
                        "must be reader, forecaster, analyst, resolver, auditor or admin");
  }
  CREDENCE_RETURN_IF_ERROR(CheckLine(binding.tag(), Cat(field, ".tag"), kPrincipalBytesMax));
  const bool whole = binding.role() == v1::ROLE_ADMIN || binding.role() == v1::ROLE_AUDITOR;
  if (whole && !binding.tag().empty()) {
    return InvalidField(
        "FIELD_INVALID", Cat(field, ".tag"),
        Cat("must be empty: the role ", RoleText(binding.role()), " is for the whole ledger"));
  }
  const bool named = grant.credential_case() == v1::AccessGrant::kJwtGroup ||
                     absl::StartsWith(grant.principal(), ToAbsl(kForecasterPrefix));
  if (binding.role() == v1::ROLE_FORECASTER && !named) {
    return InvalidField("FIELD_INVALID", "access_grant.principal",
                        "must be forecasters/{forecaster} for the role forecaster, which acts in "
                        "its own name only");
  }
  return absl::OkStatus();
}

// What the caller shows; empty for a token.
std::string CredentialText(const v1::AccessGrant& grant) {
  switch (grant.credential_case()) {
    case v1::AccessGrant::kCertificateSubject:
      return Cat("certificate_subject ", grant.certificate_subject());
    case v1::AccessGrant::kJwtSubject:
      return Cat("jwt_subject ", grant.jwt_subject());
    case v1::AccessGrant::kJwtGroup:
      return Cat("jwt_group ", grant.jwt_group());
    default:
      return "";
  }
}

absl::Status CheckCredential(const v1::AccessGrant& grant) {
  const std::string text = CredentialText(grant);
  if (text.empty()) return absl::OkStatus();
  const size_t space = text.find(' ');
  const std::string field = Cat("access_grant.", text.substr(0, space));
  if (space + 1 == text.size()) {
    return InvalidField("FIELD_INVALID", field, "must not be empty");
  }
  return CheckLine(text.substr(space + 1), field, kCredentialBytesMax);
}

// More than any limit that means something, and exact as a double.
constexpr int64_t kLimitMax = int64_t{1} << 40;

absl::Status CheckBudget(const v1::CallerBudget& budget) {
  const auto check = [](std::string_view field, double limit) -> absl::Status {
    if (limit >= 0.0 && limit <= static_cast<double>(kLimitMax)) return absl::OkStatus();
    return InvalidField("NUMBER_INVALID", Cat("access_grant.budget.", field),
                        Cat("must be from 0, which is no limit, to ", kLimitMax));
  };
  CREDENCE_RETURN_IF_ERROR(check("calls_per_second", budget.calls_per_second()));
  CREDENCE_RETURN_IF_ERROR(
      check("calls_in_flight_max", static_cast<double>(budget.calls_in_flight_max())));
  CREDENCE_RETURN_IF_ERROR(check("streams_max", static_cast<double>(budget.streams_max())));
  return check("writes_per_day_max", static_cast<double>(budget.writes_per_day_max()));
}

absl::Status CheckGrant(const v1::AccessGrant& grant, absl::Time now) {
  CREDENCE_RETURN_IF_ERROR(CheckPrincipal(grant));
  if (grant.roles().empty()) {
    return InvalidField("FIELD_REQUIRED", "access_grant.roles", "must hold a role");
  }
  if (grant.roles_size() > kRoleCountMax) {
    return InvalidField("FIELD_TOO_LARGE", "access_grant.roles",
                        Cat("must hold at most ", kRoleCountMax, " roles"));
  }
  for (int i = 0; i < grant.roles_size(); ++i) CREDENCE_RETURN_IF_ERROR(CheckRole(grant, i));
  CREDENCE_RETURN_IF_ERROR(CheckCredential(grant));
  CREDENCE_RETURN_IF_ERROR(
      CheckText(grant.description(), "access_grant.description", kDescriptionBytesMax));
  CREDENCE_RETURN_IF_ERROR(CheckBudget(grant.budget()));
  if (!grant.has_expire_time()) return absl::OkStatus();
  CREDENCE_ASSIGN_OR_RETURN(const absl::Time expires,
                            ParseTime(grant.expire_time(), "access_grant.expire_time"));
  if (expires > now) return absl::OkStatus();
  return InvalidField("TIME_INVALID", "access_grant.expire_time", "must lie in the future");
}

absl::Status CheckNew(const internal::v1::AccessFile& file, const v1::AccessGrant& grant,
                      absl::Time now) {
  const std::string credential = CredentialText(grant);
  if (credential.empty()) return absl::OkStatus();
  for (const auto& stored : file.access_grants()) {
    const v1::AccessGrant& other = stored.access_grant();
    if (!InForce(other, now) || CredentialText(other) != credential) continue;
    ErrorDetail detail;
    detail.reason = "ALREADY_EXISTS";
    detail.metadata["resource"] = other.name();
    return MakeError(absl::StatusCode::kAlreadyExists,
                     Cat(other.name(), " is for the same already: revoke it first"), detail);
  }
  return absl::OkStatus();
}

}  // namespace

bool InForce(const v1::AccessGrant& grant, absl::Time now) {
  if (grant.has_revoke_time()) return false;
  return !grant.has_expire_time() || ToTime(grant.expire_time()) > now;
}

std::string DigestOf(std::string_view secret) {
  const ledger::Hash hash = ledger::Sha256(secret);
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

bool SplitToken(std::string_view token, std::string& id, std::string& secret) {
  if (token.substr(0, kTokenPrefix.size()) != kTokenPrefix) return false;
  const std::string_view rest = token.substr(kTokenPrefix.size());
  if (rest.size() <= kIdLength + 1 || rest[kIdLength] != '_') return false;
  id = std::string(rest.substr(0, kIdLength));
  secret = std::string(rest.substr(kIdLength + 1));
  return true;
}

absl::StatusOr<MadeGrant> MakeGrant(internal::v1::AccessFile& file, const v1::AccessGrant& wanted,
                                    const std::string& creator, absl::Time now) {
  CREDENCE_RETURN_IF_ERROR(CheckGrant(wanted, now));
  CREDENCE_RETURN_IF_ERROR(CheckNew(file, wanted, now));
  MadeGrant made;
  made.grant = wanted;
  // A letter first, as in every id.
  const std::string id = Cat("g", absl::BytesToHexString(RandomBytes<kIdBytes>()));
  made.grant.set_name(Cat(kNamePrefix, id));
  *made.grant.mutable_create_time() = ToTimestamp(now);
  made.grant.clear_revoke_time();
  made.grant.set_creator(creator);
  auto* const stored = file.add_access_grants();
  *stored->mutable_access_grant() = made.grant;
  if (CredentialText(wanted).empty()) {
    const std::string secret = absl::WebSafeBase64Escape(RandomBytes<kSecretBytes>());
    stored->set_secret_digest(DigestOf(secret));
    made.token = Cat(kTokenPrefix, id, "_", secret);
  }
  return made;
}

absl::StatusOr<v1::AccessGrant> RevokeGrant(internal::v1::AccessFile& file, const std::string& name,
                                            absl::Time now) {
  if (!absl::StartsWith(name, ToAbsl(kNamePrefix))) {
    return InvalidField("NAME_INVALID", "name", "must be accessGrants/{access_grant}");
  }
  for (auto& stored : *file.mutable_access_grants()) {
    v1::AccessGrant& grant = *stored.mutable_access_grant();
    if (grant.name() != name) continue;
    if (!grant.has_revoke_time()) *grant.mutable_revoke_time() = ToTimestamp(now);
    return grant;
  }
  return NotFound(name.substr(0, kCredentialBytesMax));
}

v1::ListAccessGrantsResponse ListOf(const internal::v1::AccessFile& file,
                                    const v1::ListAccessGrantsRequest& request, absl::Time now) {
  v1::ListAccessGrantsResponse response;
  for (const auto& stored : file.access_grants()) {
    if (request.in_force_only() && !InForce(stored.access_grant(), now)) continue;
    *response.add_access_grants() = stored.access_grant();
  }
  return response;
}

}  // namespace credence::server
