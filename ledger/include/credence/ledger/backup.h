#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/ledger/fsck.h"
#include "credence/ledger/log.h"
#include "credence/ledger/tree.h"

// Copies of a ledger in a directory of their own. They share the files that did not change, so that
// each further one costs what was written since. Each holds a prefix of the log, with everything
// that was acknowledged before it was begun, and is verified as a ledger is. The signing key is not
// in it unless it is asked for. CreateBackup copies a log that is open.
//
// One process at a time works on a directory of backups; another gets FAILED_PRECONDITION, reason
// WRONG_STATE. Reading (list, verify, restore) goes on beside it.
namespace credence::ledger {

// Called now and then with the bytes copied so far. False stops the backup: CANCELLED, and what was
// copied is taken away by the next one.
using BackupProgress = std::function<bool(int64_t byte_count)>;

struct BackupOptions {
  // Made where it does not exist. It may hold backups of one ledger only.
  std::string backup_directory;
  // Whether the signing key is copied beside the backups, as `ledger.key` of mode 0600.
  bool with_key = false;
  BackupProgress progress = nullptr;
};

struct BackupInfo {
  // From 1, rising.
  int64_t id = 0;
  absl::Time time;
  std::string origin;
  std::string verifier_key;
  // What the log held when the backup was begun: the backup holds this and perhaps more.
  TreeHead head;
  int64_t file_count = 0;
  // Of all its files, those shared with other backups too.
  int64_t byte_count = 0;
};

// Copies a log that is open, while writes go on. INTERNAL where the copies cannot be written. The
// log may be stopped meanwhile; it must not be destroyed.
[[nodiscard]] absl::StatusOr<BackupInfo> CreateBackup(const Log& log, const BackupOptions& options);

// Copies a ledger that nobody has open. FAILED_PRECONDITION, reason WRONG_STATE, where somebody
// has; DATA_LOSS where it does not open.
[[nodiscard]] absl::StatusOr<BackupInfo> CreateBackupOf(const std::string& ledger_directory,
                                                        const BackupOptions& options);

// Oldest first. NOT_FOUND where the directory holds no backup.
[[nodiscard]] absl::StatusOr<std::vector<BackupInfo>> ListBackups(
    const std::string& backup_directory);

// Reads the backup `id`, or the newest where it is 0, as Fsck reads a ledger; the checksums of the
// copies are compared too. NOT_FOUND where there is none. Where `stopped` is given and says so it
// ends soon: CANCELLED. The copies' checksums are then left to those that the database has of its
// tables, since nothing stops their comparison.
[[nodiscard]] absl::StatusOr<FsckReport> VerifyBackup(
    const std::string& backup_directory, int64_t id,
    const std::function<void(const FsckProgress&)>& progress = nullptr,
    const std::function<bool()>& stopped = nullptr);

struct RestoreOptions {
  std::string backup_directory;
  // 0 for the newest.
  int64_t id = 0;
  // Gets the ledger. There must be none.
  std::string ledger_directory;
  // Signing key to put into it. Empty: the one of the backup where it has one, else none, and
  // `ledger.key` has to be put there before the ledger is served.
  std::string key_file;
};

// Makes a ledger of a backup. ALREADY_EXISTS where there is a ledger, NOT_FOUND where there is no
// such backup, DATA_LOSS where a copy does not have its checksum.
[[nodiscard]] absl::StatusOr<BackupInfo> RestoreBackup(const RestoreOptions& options);

// Deletes all but the newest `keep`, and what only they used. `keep` is greater than 0.
[[nodiscard]] absl::Status PruneBackups(const std::string& backup_directory, int64_t keep);

}  // namespace credence::ledger
