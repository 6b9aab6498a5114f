#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "access/access_book.h"
#include "access/audit_log.h"
#include "access/grants.h"
#include "access/jwt.h"
#include "access/principal.h"
#include "service/router.h"

// Tells who calls: by a token of a grant, an identity token, or a client certificate, in this
// order. Follows the files of grants and of the provider's keys as they change.
//
// Thread-safe.
namespace credence::server {

struct AccessOptions {
  // File of the grants.
  std::string path{};
  // Origin of the ledger that they are for.
  std::string origin{};
  JwtOptions jwt{};
  // Whether callers that show nothing may read.
  bool public_reads = false;
  // How long a file that was changed by another may go unnoticed.
  absl::Duration refresh = absl::Seconds(1);
  std::function<absl::Time()> now = absl::Now;
};

class AccessControl {
 public:
  // `audit` must outlive it. Errors of ReadAccessFile and JwtKeys::Parse. FAILED_PRECONDITION
  // (WRONG_STATE) where nobody would be let in.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<AccessControl>> Make(AccessOptions options,
                                                                           AuditLog* audit);

  // UNAUTHENTICATED for a caller that shows nothing, or something that is not believed.
  [[nodiscard]] absl::StatusOr<std::shared_ptr<const Principal>> Authenticate(
      const CallerCredentials& credentials);

  // Each takes effect, durably, before it returns.
  [[nodiscard]] absl::StatusOr<MadeGrant> Create(const v1::AccessGrant& grant,
                                                 const std::string& creator);
  [[nodiscard]] absl::StatusOr<v1::AccessGrant> Revoke(const std::string& name);
  [[nodiscard]] absl::StatusOr<v1::ListAccessGrantsResponse> List(
      const v1::ListAccessGrantsRequest& request) const;

  [[nodiscard]] absl::Time Now() const { return options_.now(); }
  [[nodiscard]] AuditLog& audit() { return *audit_; }

 private:
  struct Known {
    std::shared_ptr<const AccessBook> book;
    std::shared_ptr<const JwtKeys> keys;
  };

  AccessControl(AccessOptions options, AuditLog* audit);

  [[nodiscard]] absl::Status Load();
  // What the files say, read again where they changed.
  [[nodiscard]] Known Current(absl::Time now);
  void LoadGrants(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LoadKeys(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LookAgain();
  [[nodiscard]] absl::StatusOr<std::shared_ptr<const Principal>> FromBearer(std::string_view token,
                                                                            const Known& known,
                                                                            absl::Time now) const;

  const AccessOptions options_;
  AuditLog* const audit_;

  absl::Mutex mutex_;
  Known known_ ABSL_GUARDED_BY(mutex_);
  absl::Time looked_time_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::string grants_stamp_ ABSL_GUARDED_BY(mutex_);
  std::string keys_stamp_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace credence::server
