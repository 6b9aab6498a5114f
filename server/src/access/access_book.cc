#include "access/access_book.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "access/budgets.h"
#include "access/grants.h"
#include "convert/time.h"

namespace credence::server {
namespace {

constexpr std::string_view kNamePrefix = "accessGrants/";

}  // namespace

AccessBook::AccessBook(const internal::v1::AccessFile& file) {
  for (const auto& stored : file.access_grants()) {
    const v1::AccessGrant& grant = stored.access_grant();
    auto principal = std::make_shared<Principal>();
    principal->name = grant.principal();
    principal->credential = grant.name();
    principal->roles.assign(grant.roles().begin(), grant.roles().end());
    principal->budget = grant.budget();
    Entry entry{stored.secret_digest(), grant.has_revoke_time(), absl::InfiniteFuture(),
                std::move(principal)};
    if (grant.has_expire_time()) entry.expire_time = ToTime(grant.expire_time());
    switch (grant.credential_case()) {
      case v1::AccessGrant::kCertificateSubject:
        certificates_[grant.certificate_subject()].push_back(std::move(entry));
        break;
      case v1::AccessGrant::kJwtSubject:
        jwt_subjects_[grant.jwt_subject()].push_back(std::move(entry));
        break;
      case v1::AccessGrant::kJwtGroup:
        jwt_groups_[grant.jwt_group()].push_back(std::move(entry));
        break;
      default:
        if (grant.name().size() > kNamePrefix.size()) {
          tokens_[grant.name().substr(kNamePrefix.size())].push_back(std::move(entry));
        }
    }
  }
}

std::shared_ptr<const Principal> AccessBook::FindToken(std::string_view token,
                                                       absl::Time now) const {
  std::string id;
  std::string secret;
  if (!SplitToken(token, id, secret)) return nullptr;
  const std::string digest = DigestOf(secret);
  const auto found = tokens_.find(id);
  if (found == tokens_.end()) return nullptr;
  const Entry& entry = found->second.front();
  if (entry.secret_digest.size() != digest.size() ||
      CRYPTO_memcmp(entry.secret_digest.data(), digest.data(), digest.size()) != 0) {
    return nullptr;
  }
  return entry.InForce(now) ? entry.principal : nullptr;
}

std::shared_ptr<const Principal> AccessBook::Find(const Entries& entries, const std::string& key,
                                                  absl::Time now) {
  const auto found = entries.find(key);
  if (found == entries.end()) return nullptr;
  for (const Entry& entry : found->second) {
    if (entry.InForce(now)) return entry.principal;
  }
  return nullptr;
}

std::shared_ptr<const Principal> AccessBook::FindCertificate(const std::string& subject,
                                                             absl::Time now) const {
  return Find(certificates_, subject, now);
}

std::shared_ptr<const Principal> AccessBook::FindJwt(const std::string& subject,
                                                     const std::vector<std::string>& groups,
                                                     const std::string& name,
                                                     absl::Time now) const {
  if (auto principal = Find(jwt_subjects_, subject, now); principal != nullptr) return principal;
  auto member = std::make_shared<Principal>();
  for (const std::string& group : groups) {
    const auto granted = Find(jwt_groups_, group, now);
    if (granted == nullptr) continue;
    member->roles.insert(member->roles.end(), granted->roles.begin(), granted->roles.end());
    member->credential += (member->credential.empty() ? "" : " ") + granted->credential;
    Widen(granted->budget, member->budget);
  }
  if (member->roles.empty()) return nullptr;
  member->name = name;
  return member;
}

bool AccessBook::LetsAnybodyIn(absl::Time now) const {
  for (const Entries* const entries : {&tokens_, &certificates_}) {
    for (const auto& [key, list] : *entries) {
      if (std::any_of(list.begin(), list.end(),
                      [now](const Entry& entry) { return entry.InForce(now); })) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace credence::server
