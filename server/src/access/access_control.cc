#include "access/access_control.h"

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "access/access_file.h"
#include "convert/file_stamp.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"

namespace credence::server {
namespace {

absl::Status Unknown(std::string_view why) {
  ErrorDetail detail;
  detail.reason = "UNAUTHENTICATED";
  return MakeError(absl::StatusCode::kUnauthenticated, std::string(why), detail);
}

absl::StatusOr<std::shared_ptr<const AccessBook>> ReadBook(const AccessOptions& options) {
  CREDENCE_ASSIGN_OR_RETURN(const internal::v1::AccessFile file,
                            ReadAccessFile(options.path, options.origin));
  return std::make_shared<const AccessBook>(file);
}

absl::StatusOr<std::shared_ptr<const JwtKeys>> ReadKeys(const JwtOptions& options) {
  if (!options.enabled()) return nullptr;
  std::ifstream stream(options.keys_file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) return absl::InvalidArgumentError(Cat(options.keys_file, ": cannot be read"));
  absl::StatusOr<JwtKeys> keys = JwtKeys::Parse(text.str());
  if (!keys.ok()) {
    return absl::InvalidArgumentError(
        Cat(options.keys_file, ": ", FromAbsl(keys.status().message())));
  }
  return std::make_shared<const JwtKeys>(*std::move(keys));
}

// The token of "Bearer TOKEN"; nothing for another scheme.
bool BearerToken(std::string_view authorization, std::string_view& token) {
  constexpr std::string_view kScheme = "bearer ";
  if (!absl::StartsWithIgnoreCase(ToAbsl(authorization), ToAbsl(kScheme))) return false;
  token = authorization.substr(kScheme.size());
  while (!token.empty() && token.front() == ' ') token.remove_prefix(1);
  return true;
}

}  // namespace

AccessControl::AccessControl(AccessOptions options, AuditLog* audit)
    : options_(std::move(options)), audit_(audit) {}

absl::StatusOr<std::unique_ptr<AccessControl>> AccessControl::Make(AccessOptions options,
                                                                   AuditLog* audit) {
  std::unique_ptr<AccessControl> made(new AccessControl(std::move(options), audit));
  CREDENCE_RETURN_IF_ERROR(made->Load());
  return made;
}

absl::Status AccessControl::Load() {
  absl::MutexLock lock(&mutex_);
  grants_stamp_ = FileStamp({options_.path});
  keys_stamp_ = FileStamp({options_.jwt.keys_file});
  CREDENCE_ASSIGN_OR_RETURN(known_.book, ReadBook(options_));
  CREDENCE_ASSIGN_OR_RETURN(known_.keys, ReadKeys(options_.jwt));
  if (known_.book->LetsAnybodyIn(options_.now()) || options_.jwt.enabled()) {
    return absl::OkStatus();
  }
  ErrorDetail detail;
  detail.reason = "WRONG_STATE";
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   "access is required and nobody has any: make the first token with `credence "
                   "token create --data DIR --principal NAME --role admin`",
                   detail);
}

void AccessControl::LoadGrants(absl::Time now) {
  std::string stamp = FileStamp({options_.path});
  if (stamp == grants_stamp_) return;
  grants_stamp_ = std::move(stamp);
  auto book = ReadBook(options_);
  if (book.ok()) known_.book = *std::move(book);
  audit_->NoteAct("grants_read",
                  {{"error", book.ok() ? "" : std::string(FromAbsl(book.status().message()))}},
                  now);
}

void AccessControl::LoadKeys(absl::Time now) {
  std::string stamp = FileStamp({options_.jwt.keys_file});
  if (stamp == keys_stamp_) return;
  keys_stamp_ = std::move(stamp);
  auto keys = ReadKeys(options_.jwt);
  if (keys.ok()) known_.keys = *std::move(keys);
  audit_->NoteAct("identity_keys_read",
                  {{"error", keys.ok() ? "" : std::string(FromAbsl(keys.status().message()))}},
                  now);
}

AccessControl::Known AccessControl::Current(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  // A clock that was set back must not stop the looking.
  if (now - looked_time_ >= options_.refresh || now < looked_time_) {
    looked_time_ = now;
    LoadGrants(now);
    LoadKeys(now);
  }
  return known_;
}

void AccessControl::LookAgain() {
  absl::MutexLock lock(&mutex_);
  looked_time_ = absl::InfinitePast();
}

absl::StatusOr<std::shared_ptr<const Principal>> AccessControl::FromBearer(std::string_view token,
                                                                           const Known& known,
                                                                           absl::Time now) const {
  if (absl::StartsWith(ToAbsl(token), ToAbsl(kTokenPrefix))) {
    auto principal = known.book->FindToken(token, now);
    if (principal != nullptr) return principal;
    return Unknown("the token is unknown, has expired or was revoked");
  }
  if (known.keys == nullptr) return Unknown("the token is not one of this server");
  CREDENCE_ASSIGN_OR_RETURN(const JwtClaims claims, known.keys->Verify(token, options_.jwt, now));
  auto principal = known.book->FindJwt(claims.subject, claims.groups, claims.principal, now);
  if (principal == nullptr) {
    return Unknown("the identity token is good, but neither its subject nor a group has a grant");
  }
  if (!principal->name.empty()) return principal;
  return Unknown(Cat("the identity token's ", options_.jwt.principal_claim,
                     " cannot name a forecaster: it must be an id such as analyst-1"));
}

absl::StatusOr<std::shared_ptr<const Principal>> AccessControl::Authenticate(
    const CallerCredentials& credentials) {
  const absl::Time now = options_.now();
  const Known known = Current(now);
  if (!credentials.authorization.empty()) {
    std::string_view token;
    if (!BearerToken(credentials.authorization, token)) {
      return Unknown("the header authorization must be \"Bearer\" and a token");
    }
    return FromBearer(token, known, now);
  }
  if (!credentials.certificate_subject.empty()) {
    auto principal = known.book->FindCertificate(credentials.certificate_subject, now);
    if (principal != nullptr) return principal;
  }
  if (options_.public_reads) {
    static const auto* const kAnybody = new std::shared_ptr<const Principal>([] {
      auto anybody = std::make_shared<Principal>();
      anybody->roles.emplace_back().set_role(v1::ROLE_READER);
      return anybody;
    }());
    return *kAnybody;
  }
  return Unknown(credentials.certificate_subject.empty()
                     ? "the server must know who calls: send a token in the header authorization, "
                       "or show a client certificate"
                     : Cat("no grant is for the certificate of ", credentials.certificate_subject));
}

absl::StatusOr<MadeGrant> AccessControl::Create(const v1::AccessGrant& grant,
                                                const std::string& creator) {
  MadeGrant made;
  CREDENCE_RETURN_IF_ERROR(UpdateAccessFile(
      options_.path, options_.origin, [&](internal::v1::AccessFile& file) -> absl::Status {
        CREDENCE_ASSIGN_OR_RETURN(made, MakeGrant(file, grant, creator, Now()));
        return absl::OkStatus();
      }));
  LookAgain();
  return made;
}

absl::StatusOr<v1::AccessGrant> AccessControl::Revoke(const std::string& name) {
  v1::AccessGrant revoked;
  CREDENCE_RETURN_IF_ERROR(UpdateAccessFile(
      options_.path, options_.origin, [&](internal::v1::AccessFile& file) -> absl::Status {
        CREDENCE_ASSIGN_OR_RETURN(revoked, RevokeGrant(file, name, Now()));
        return absl::OkStatus();
      }));
  LookAgain();
  return revoked;
}

absl::StatusOr<v1::ListAccessGrantsResponse> AccessControl::List(
    const v1::ListAccessGrantsRequest& request) const {
  CREDENCE_ASSIGN_OR_RETURN(const internal::v1::AccessFile file,
                            ReadAccessFile(options_.path, options_.origin));
  return ListOf(file, request, Now());
}

}  // namespace credence::server
