#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "credence/ledger/log.h"
#include "credence/v1/admin_service.pb.h"
#include "service/router.h"

namespace credence::server {

// Makes backups for callers, one at a time, each on a thread of its own. Thread-safe.
class BackupRunner {
 public:
  // `log` must outlive this. An empty directory: every call is refused.
  BackupRunner(const ledger::Log* log, std::string backup_directory);
  // Ends a backup that is under way without it.
  ~BackupRunner();
  BackupRunner(const BackupRunner&) = delete;
  BackupRunner& operator=(const BackupRunner&) = delete;

  // Begins a backup; the messages are CreateBackupResponse. FAILED_PRECONDITION, reason
  // WRONG_STATE, where the server has no directory of backups or makes one already.
  [[nodiscard]] absl::StatusOr<std::unique_ptr<MessageSource>> Begin(
      const v1::CreateBackupRequest& request);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace credence::server
