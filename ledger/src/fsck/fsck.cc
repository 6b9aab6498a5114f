#include "credence/ledger/fsck.h"

#include <rocksdb/env.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "fsck/content_check.h"
#include "fsck/file_check.h"
#include "fsck/findings.h"
#include "fsck/fsck_database.h"
#include "key_history.h"
#include "ledger_files.h"
#include "log_files.h"
#include "open_store.h"
#include "store.h"

namespace credence::ledger {
namespace {

absl::Status CheckPresent(const std::string& directory) {
  std::error_code error;
  if (std::filesystem::is_directory(DatabasePath(directory), error)) return absl::OkStatus();
  ErrorDetail detail;
  detail.reason = "NOT_FOUND";
  detail.metadata["resource"] = directory;
  return MakeError(absl::StatusCode::kNotFound, Cat("There is no ledger in ", directory, "."),
                   detail);
}

// A database that opens: what it holds.
void CheckOpened(const Store& store, const LogFilesReport& logs, const std::string& path,
                 rocksdb::Env* env, Findings& findings) {
  CheckTableFiles(path, env, store.TableFiles(), findings);
  const absl::StatusOr<LedgerIdentity> identity = store.ReadIdentity();
  if (!identity.ok()) {
    return findings.Damage("identity", "log", FromAbsl(identity.status().message()));
  }
  findings.report().origin = identity->origin;
  const absl::StatusOr<TreeSize> count = store.CountEntries();
  const absl::StatusOr<KeyHistory> keys =
      count.ok() ? KeyHistory::Read(store, *identity, *count) : count.status();
  if (!keys.ok()) {
    findings.Damage("key", "its rotations in the log", FromAbsl(keys.status().message()));
  }
  const std::string& signing_key = keys.ok() ? keys->current() : identity->verifier_key;
  findings.report().verifier_key = signing_key;
  const absl::StatusOr<HeadRecord> head = store.ReadHead();
  if (!head.ok()) {
    return findings.Damage("head", "the recorded head", FromAbsl(head.status().message()));
  }
  findings.report().recorded = head->head;
  if (const absl::Status witnessed = CheckWitnessed(logs, head->head.size); !witnessed.ok()) {
    findings.Damage("write-ahead-log", "log", FromAbsl(witnessed.message()));
  }
  CheckContent(store, *identity, *head, findings);
}

// The checkpoint that is kept outside the database: it tells of what the database lost, too.
void CheckAnchor(const std::string& directory, Findings& findings) {
  constexpr std::string_view kName = "ledger.anchor";
  const std::string path = AnchorPath(directory);
  const absl::StatusOr<Anchor> anchor = Anchor::Open(path);
  if (absl::IsNotFound(anchor.status())) {
    return findings.Warn(
        "anchor", kName, "is not here",
        "bring it where it is kept elsewhere, or give the last checkpoint that was "
        "published by `credence ledger anchor`; without it nothing is written");
  }
  const absl::StatusOr<std::string> note = anchor.ok() ? anchor->Read() : anchor.status();
  if (!note.ok()) {
    return findings.Damage(
        "anchor", kName, FromAbsl(note.status().message()),
        "give the last checkpoint that was published by `credence ledger anchor`");
  }
  if (const auto damaged = anchor->FindDamagedSlot(); damaged.ok() && damaged->has_value()) {
    findings.Warn(
        "anchor", Cat(kName, " byte ", **damaged),
        "one of the two copies of the checkpoint is not whole; the other one is",
        "look after the disk, unless the power failed: the next checkpoint that is signed "
        "takes its place");
  }
  const absl::StatusOr<CheckedStore> checked =
      OpenStore(directory, Store::Mode::kReadOnly, nullptr);
  const absl::Status extends =
      checked.ok() ? CheckCheckpoint(*checked, *note, path).status() : checked.status();
  if (!extends.ok()) findings.Damage("anchor", kName, FromAbsl(extends.message()));
}

}  // namespace

bool FsckReport::sound() const {
  return std::none_of(findings.begin(), findings.end(),
                      [](const Finding& finding) { return finding.severity == Severity::kDamage; });
}

absl::StatusOr<FsckReport> Fsck(const FsckOptions& options) {
  CREDENCE_CHECK(options.findings_max > 0);
  CREDENCE_RETURN_IF_ERROR(CheckPresent(options.directory));
  rocksdb::Env* const env = rocksdb::Env::Default();
  const std::string path = DatabasePath(options.directory);
  CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<DatabaseLock> lock,
                            DatabaseLock::Take(path, env));
  CREDENCE_RETURN_IF_ERROR(Store::CheckFormat(path, env));
  FsckReport report;
  Findings findings(options, report);
  CheckDatabase(path, env, findings);
  std::error_code error;
  const bool has_key = std::filesystem::exists(KeyPath(options.directory), error);
  if (!report.origin.empty() && (has_key || options.key_expected)) {
    CheckKeyFile(KeyPath(options.directory), report.origin, report.verifier_key, findings);
  }
  if (!report.origin.empty()) CheckAnchor(options.directory, findings);
  return report;
}

void CheckDatabase(const std::string& path, rocksdb::Env* env, Findings& findings) {
  const absl::StatusOr<LogFilesReport> logs = ScanLogFiles(path, env);
  if (!logs.ok()) {
    findings.Damage("file", "log", FromAbsl(logs.status().message()));
  } else {
    CheckDatabaseFiles(path, env, *logs, findings);
  }
  const absl::StatusOr<std::unique_ptr<Store>> store =
      Store::Open(path, Store::Mode::kReadOnly, env);
  if (store.ok()) {
    return CheckOpened(**store, logs.ok() ? *logs : LogFilesReport(), path, env, findings);
  }
  findings.Damage("database", "log", FromAbsl(store.status().message()));
  NameMissingTable(path, env, FromAbsl(store.status().message()), findings);
  CheckTableFiles(path, env, ListTableFiles(path, env), findings);
}

}  // namespace credence::ledger
