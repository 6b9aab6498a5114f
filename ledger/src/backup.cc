#include "credence/ledger/backup.h"

#include <rocksdb/utilities/backup_engine.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "durable_file.h"
#include "failure.h"
#include "fsck/fsck_database.h"
#include "ledger_files.h"
#include "log_factory.h"
#include "store.h"

namespace credence::ledger {
namespace {

namespace fs = std::filesystem;

// First line of what a backup says of itself.
constexpr char kFormat[] = "credence backup 1";
constexpr uint64_t kProgressBytes = uint64_t{1} << 20;

absl::Status NoBackup(const std::string& directory, int64_t id) {
  ErrorDetail detail;
  detail.reason = "NOT_FOUND";
  detail.metadata["resource"] = directory;
  return MakeError(absl::StatusCode::kNotFound,
                   id == 0 ? Cat("There is no backup in ", directory, ".")
                           : Cat("There is no backup ", id, " in ", directory, "."),
                   detail);
}

absl::Status WrongState(std::string message, const std::string& subject) {
  ErrorDetail detail;
  detail.reason = "WRONG_STATE";
  detail.subjects.push_back(subject);
  return MakeError(absl::StatusCode::kFailedPrecondition, std::move(message), detail);
}

// A full disk is the operator's to mend, damage is not.
absl::Status FromBackup(std::string_view what, const rocksdb::Status& status) {
  const std::string message = Cat(what, ": ", status.ToString());
  if (status.IsCorruption()) return LedgerFailed(message);
  ErrorDetail detail;
  detail.reason = "INTERNAL";
  return MakeError(absl::StatusCode::kInternal, message, detail);
}

std::string Describe(const BackupInfo& info) {
  return Cat(kFormat, "\n", info.origin, "\n", info.verifier_key, "\n", info.head.size.value, "\n",
             ToHex(info.head.root), "\n");
}

absl::StatusOr<BackupInfo> ReadInfo(const rocksdb::BackupInfo& stored) {
  BackupInfo info;
  info.id = stored.backup_id;
  info.time = absl::FromUnixSeconds(stored.timestamp);
  info.file_count = stored.number_files;
  info.byte_count = static_cast<int64_t>(stored.size);
  const std::vector<std::string> lines = absl::StrSplit(stored.app_metadata, '\n');
  if (lines.size() != 6 || lines[0] != kFormat ||
      !absl::SimpleAtoi(lines[3], &info.head.size.value)) {
    return LedgerFailed(Cat("The backup ", info.id, " does not say what it is a backup of."));
  }
  info.origin = lines[1];
  info.verifier_key = lines[2];
  const std::string root = absl::HexStringToBytes(lines[4]);
  if (root.size() != info.head.root.size()) {
    return LedgerFailed(Cat("The backup ", info.id, " has a malformed root."));
  }
  std::copy(root.begin(), root.end(), info.head.root.begin());
  return info;
}

// Reads backups; holds nothing back from who makes one.
absl::StatusOr<std::unique_ptr<rocksdb::BackupEngineReadOnly>> OpenToRead(
    const std::string& directory) {
  std::error_code error;
  if (!fs::is_directory(directory + "/meta", error)) return NoBackup(directory, 0);
  rocksdb::BackupEngineReadOnly* engine = nullptr;
  const rocksdb::Status status = rocksdb::BackupEngineReadOnly::Open(
      rocksdb::BackupEngineOptions(directory), rocksdb::Env::Default(), &engine);
  if (!status.ok()) return FromBackup(Cat("The backups in ", directory, " cannot be read"), status);
  return std::unique_ptr<rocksdb::BackupEngineReadOnly>(engine);
}

absl::StatusOr<rocksdb::BackupInfo> FindBackup(const rocksdb::BackupEngineReadOnly& engine,
                                               const std::string& directory, int64_t id) {
  std::vector<rocksdb::BackupID> corrupted;
  engine.GetCorruptedBackups(&corrupted);
  if (std::find(corrupted.begin(), corrupted.end(), static_cast<uint32_t>(id)) != corrupted.end()) {
    return LedgerFailed(Cat("A file of the backup ", id, " in ", directory,
                            " is missing or has another size than the backup says."));
  }
  rocksdb::BackupInfo found;
  const rocksdb::Status status =
      id == 0 ? engine.GetLatestBackupInfo(&found, true)
              : engine.GetBackupInfo(static_cast<rocksdb::BackupID>(id), &found, true);
  if (!status.ok()) return NoBackup(directory, id);
  return found;
}

// The one that writes into a directory of backups.
class BackupWriter {
 public:
  static absl::StatusOr<std::unique_ptr<BackupWriter>> Open(const std::string& directory,
                                                            rocksdb::Env* env) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (error) return absl::InternalError(Cat(directory, ": ", error.message()));
    auto lock = DatabaseLock::Take(directory, env);
    if (!lock.ok()) {
      return WrongState(Cat("Another process works on the backups in ", directory, "."), directory);
    }
    rocksdb::BackupEngineOptions options(directory);
    options.callback_trigger_interval_size = kProgressBytes;
    rocksdb::BackupEngine* engine = nullptr;
    const rocksdb::Status status = rocksdb::BackupEngine::Open(options, env, &engine);
    if (!status.ok()) {
      return FromBackup(Cat("The backups in ", directory, " cannot be opened"), status);
    }
    return std::unique_ptr<BackupWriter>(new BackupWriter(*std::move(lock), engine));
  }

  [[nodiscard]] rocksdb::BackupEngine& engine() { return *engine_; }

 private:
  BackupWriter(std::unique_ptr<DatabaseLock> lock, rocksdb::BackupEngine* engine)
      : lock_(std::move(lock)), engine_(engine) {}

  // Given back last.
  const std::unique_ptr<DatabaseLock> lock_;
  const std::unique_ptr<rocksdb::BackupEngine> engine_;
};

// Two ledgers in one directory would be one restore away from being mistaken for each other.
absl::Status CheckSameLedger(const rocksdb::BackupEngine& engine, const BackupInfo& info,
                             const std::string& directory) {
  rocksdb::BackupInfo latest;
  if (!engine.GetLatestBackupInfo(&latest).ok()) return absl::OkStatus();
  CREDENCE_ASSIGN_OR_RETURN(const BackupInfo other, ReadInfo(latest));
  if (other.origin == info.origin && other.verifier_key == info.verifier_key) {
    return absl::OkStatus();
  }
  return WrongState(Cat(directory, " holds backups of ", other.origin, " with the key ",
                        other.verifier_key, "; use another directory for ", info.origin, "."),
                    directory);
}

absl::Status CopyKey(const std::string& from, const std::string& to) {
  CREDENCE_ASSIGN_OR_RETURN(const std::string key, ReadSmallFile(from));
  std::error_code error;
  fs::remove(to, error);
  return WriteNewFile(to, key, 0600);
}

absl::StatusOr<BackupInfo> Copy(const Store& store, BackupInfo info,
                                const std::string& ledger_directory, const BackupOptions& options) {
  CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<BackupWriter> writer,
                            BackupWriter::Open(options.backup_directory, store.env()));
  rocksdb::BackupEngine& engine = writer->engine();
  CREDENCE_RETURN_IF_ERROR(CheckSameLedger(engine, info, options.backup_directory));
  bool stopped = false;
  int64_t copied = 0;
  rocksdb::CreateBackupOptions create;
  create.progress_callback = [&] {
    copied += static_cast<int64_t>(kProgressBytes);
    if (stopped || options.progress == nullptr || options.progress(copied)) return;
    stopped = true;
    engine.StopBackup();
  };
  rocksdb::BackupID id = 0;
  const rocksdb::Status status = store.CreateBackup(engine, create, Describe(info), id);
  if (stopped) return absl::CancelledError("The backup was stopped.");
  if (!status.ok()) return FromBackup("The backup could not be made", status);
  if (options.with_key) {
    CREDENCE_RETURN_IF_ERROR(CopyKey(KeyPath(ledger_directory), KeyPath(options.backup_directory)));
  }
  rocksdb::BackupInfo made;
  const rocksdb::Status found = engine.GetBackupInfo(id, &made);
  if (!found.ok()) return FromBackup("The backup that was made is not there", found);
  return ReadInfo(made);
}

absl::Status CheckNoLedger(const std::string& directory) {
  std::error_code error;
  if (!fs::exists(DatabasePath(directory), error)) return absl::OkStatus();
  ErrorDetail detail;
  detail.reason = "ALREADY_EXISTS";
  detail.metadata["resource"] = directory;
  return MakeError(absl::StatusCode::kAlreadyExists,
                   Cat("There is a ledger in ", directory, " already."), detail);
}

absl::Status PlaceKey(const RestoreOptions& options) {
  std::error_code error;
  const std::string kept = KeyPath(options.backup_directory);
  if (!options.key_file.empty())
    return CopyKey(options.key_file, KeyPath(options.ledger_directory));
  const bool has_own = fs::exists(KeyPath(options.ledger_directory), error);
  if (has_own || !fs::exists(kept, error)) return absl::OkStatus();
  return CopyKey(kept, KeyPath(options.ledger_directory));
}

}  // namespace

absl::StatusOr<BackupInfo> CreateBackup(const Log& log, const BackupOptions& options) {
  BackupInfo info;
  info.origin = log.origin();
  info.verifier_key = log.verifier_key();
  info.head = log.tree_head();
  absl::StatusOr<BackupInfo> made =
      Copy(LogFactory::StoreOf(log), std::move(info), LogFactory::DirectoryOf(log), options);
  LogFactory::NoteBackup(log, made.status());
  return made;
}

absl::StatusOr<BackupInfo> CreateBackupOf(const std::string& ledger_directory,
                                          const BackupOptions& options) {
  const RealClock clock;
  OpenOptions open;
  open.directory = ledger_directory;
  open.clock = &clock;
  CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<Log> log, Log::Open(open));
  return CreateBackup(*log, options);
}

absl::StatusOr<std::vector<BackupInfo>> ListBackups(const std::string& backup_directory) {
  CREDENCE_ASSIGN_OR_RETURN(const auto engine, OpenToRead(backup_directory));
  std::vector<rocksdb::BackupInfo> stored;
  engine->GetBackupInfo(&stored);
  std::vector<BackupInfo> infos;
  for (const rocksdb::BackupInfo& one : stored) {
    CREDENCE_ASSIGN_OR_RETURN(BackupInfo info, ReadInfo(one));
    infos.push_back(std::move(info));
  }
  std::sort(infos.begin(), infos.end(),
            [](const BackupInfo& left, const BackupInfo& right) { return left.id < right.id; });
  return infos;
}

absl::StatusOr<FsckReport> VerifyBackup(const std::string& backup_directory, int64_t id,
                                        const std::function<void(const FsckProgress&)>& progress,
                                        const std::function<bool()>& stopped) {
  // RocksDB opens what is backed up by absolute paths only.
  CREDENCE_ASSIGN_OR_RETURN(const auto engine, OpenToRead(fs::absolute(backup_directory).string()));
  CREDENCE_ASSIGN_OR_RETURN(const rocksdb::BackupInfo found,
                            FindBackup(*engine, backup_directory, id));
  CREDENCE_ASSIGN_OR_RETURN(const BackupInfo info, ReadInfo(found));
  FsckOptions options;
  options.directory = backup_directory;
  options.progress = progress;
  options.stopped = stopped;
  FsckReport report;
  Findings findings(options, report);
  if (const rocksdb::Status copies = engine->VerifyBackup(found.backup_id, stopped == nullptr);
      !copies.ok()) {
    findings.Damage("file", Cat("backup ", info.id), copies.ToString(),
                    "use another backup, and delete this one");
  }
  CheckDatabase(found.name_for_open, found.env_for_open.get(), findings);
  if (findings.stopped()) return absl::CancelledError("The verification was stopped.");
  if (report.sound() && (report.origin != info.origin || report.recorded.size < info.head.size)) {
    findings.Damage(
        "head", Cat("backup ", info.id),
        Cat("holds less than it says: ", report.recorded.size.value, " entries of ", report.origin),
        "use another backup, and delete this one");
  }
  return report;
}

absl::StatusOr<BackupInfo> RestoreBackup(const RestoreOptions& options) {
  CREDENCE_RETURN_IF_ERROR(CheckNoLedger(options.ledger_directory));
  CREDENCE_ASSIGN_OR_RETURN(const auto engine, OpenToRead(options.backup_directory));
  CREDENCE_ASSIGN_OR_RETURN(const rocksdb::BackupInfo found,
                            FindBackup(*engine, options.backup_directory, options.id));
  CREDENCE_ASSIGN_OR_RETURN(BackupInfo info, ReadInfo(found));
  std::error_code error;
  fs::create_directories(options.ledger_directory, error);
  const std::string path = NewDatabasePath(options.ledger_directory);
  if (!error) fs::remove_all(path, error);
  if (error) return absl::InternalError(Cat(options.ledger_directory, ": ", error.message()));
  const rocksdb::Status restored = engine->RestoreDBFromBackup(found.backup_id, path, path);
  if (!restored.ok()) return FromBackup("The backup could not be restored", restored);
  CREDENCE_RETURN_IF_ERROR(PlaceKey(options));
  CREDENCE_RETURN_IF_ERROR(ReplaceFile(RestoredMarkPath(options.ledger_directory), "", 0644));
  fs::rename(path, DatabasePath(options.ledger_directory), error);
  if (error) return absl::InternalError(Cat(options.ledger_directory, ": ", error.message()));
  CREDENCE_RETURN_IF_ERROR(SyncDirectory(options.ledger_directory));
  return info;
}

absl::Status PruneBackups(const std::string& backup_directory, int64_t keep) {
  CREDENCE_CHECK(keep > 0);
  std::error_code error;
  if (!fs::is_directory(backup_directory + "/meta", error)) return NoBackup(backup_directory, 0);
  CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<BackupWriter> writer,
                            BackupWriter::Open(backup_directory, rocksdb::Env::Default()));
  rocksdb::Status status = writer->engine().PurgeOldBackups(static_cast<uint32_t>(keep));
  if (status.ok()) status = writer->engine().GarbageCollect();
  if (!status.ok()) return FromBackup("The backups could not be deleted", status);
  return absl::OkStatus();
}

}  // namespace credence::ledger
