#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "access/principal.h"
#include "credence/internal/v1/access.pb.h"

// The grants as callers are looked up in them. Immutable; thread-safe.
namespace credence::server {

class AccessBook {
 public:
  explicit AccessBook(const internal::v1::AccessFile& file);

  // Each gives null where nobody is let in so at `now`. A token takes the same time to be refused
  // whatever it shares with a real one.
  [[nodiscard]] std::shared_ptr<const Principal> FindToken(std::string_view token,
                                                           absl::Time now) const;
  [[nodiscard]] std::shared_ptr<const Principal> FindCertificate(const std::string& subject,
                                                                 absl::Time now) const;
  // By the subject of an identity token, else by its groups, whose roles add up; the principal is
  // then `name`.
  [[nodiscard]] std::shared_ptr<const Principal> FindJwt(const std::string& subject,
                                                         const std::vector<std::string>& groups,
                                                         const std::string& name,
                                                         absl::Time now) const;

  // Whether a token or a certificate lets anybody in at `now`.
  [[nodiscard]] bool LetsAnybodyIn(absl::Time now) const;

 private:
  struct Entry {
    std::string secret_digest;
    bool revoked = false;
    absl::Time expire_time = absl::InfiniteFuture();
    std::shared_ptr<const Principal> principal;

    [[nodiscard]] bool InForce(absl::Time now) const { return !revoked && expire_time > now; }
  };
  using Entries = absl::flat_hash_map<std::string, std::vector<Entry>>;

  [[nodiscard]] static std::shared_ptr<const Principal> Find(const Entries& entries,
                                                             const std::string& key,
                                                             absl::Time now);

  // By the id of the grant, of which there is one each.
  Entries tokens_;
  // By what the caller shows; those out of force too.
  Entries certificates_;
  Entries jwt_subjects_;
  Entries jwt_groups_;
};

}  // namespace credence::server
