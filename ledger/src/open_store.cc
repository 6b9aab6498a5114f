#include "open_store.h"

#include <filesystem>
#include <utility>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/ledger_events.pb.h"
#include "credence/ledger/event.h"
#include "durable_file.h"
#include "failure.h"
#include "ledger_files.h"
#include "log_files.h"
#include "note.h"
#include "tree_reader.h"

namespace credence::ledger {
namespace {

absl::Status CheckCreation(const Store& store, const LedgerIdentity& identity) {
  CREDENCE_ASSIGN_OR_RETURN(const std::string entry, store.ReadEntry(Position{0}));
  CREDENCE_ASSIGN_OR_RETURN(const DecodedEvent decoded, DecodeEntry(entry));
  const auto* const created = dynamic_cast<const event::v1::LedgerCreated*>(decoded.payload.get());
  if (created == nullptr || created->origin() != identity.origin ||
      created->verifier_key() != identity.verifier_key) {
    return LedgerFailed("The first entry does not say what the ledger says of itself.");
  }
  return absl::OkStatus();
}

absl::Status WrongFile(const std::string& path, std::string_view message) {
  ErrorDetail detail;
  detail.reason = "WRONG_STATE";
  detail.subjects.push_back(path);
  return MakeError(absl::StatusCode::kFailedPrecondition, Cat(path, " ", message), detail);
}

absl::Status DoesNotExtend(std::string_view where, const TreeHead& signed_head,
                           std::string_view what) {
  return LedgerFailed(Cat("The ledger does not extend the checkpoint in ", where, ", of ",
                          signed_head.size.value, " entries and root ", ToHex(signed_head.root),
                          ": ", what, ". It is an older copy or another history; it signs and ",
                          "writes nothing. Restore the newest copy."));
}

// Puts the key that a rotation made in the place of the old one, where the log says so.
absl::Status FinishRotation(const CheckedStore& checked, const std::string& path) {
  const std::string next = NextKeyPath(path);
  std::error_code error;
  if (!std::filesystem::exists(next, error)) return absl::OkStatus();
  const absl::StatusOr<SigningKey> key = SigningKey::Read(next, checked.identity.origin);
  if (!key.ok() || key->verifier_key() != checked.keys.current()) return absl::OkStatus();
  std::filesystem::rename(next, path, error);
  if (error) return absl::InternalError(Cat(next, ": ", error.message()));
  return SyncDirectory(std::filesystem::path(path).parent_path().string());
}

absl::StatusOr<CheckedStore> OpenUnwitnessed(const std::string& directory, Store::Mode mode,
                                             rocksdb::Env* env) {
  CheckedStore checked;
  CREDENCE_ASSIGN_OR_RETURN(checked.store, Store::Open(DatabasePath(directory), mode, env));
  CREDENCE_ASSIGN_OR_RETURN(checked.identity, checked.store->ReadIdentity());
  CREDENCE_ASSIGN_OR_RETURN(checked.head, checked.store->ReadHead());
  CREDENCE_ASSIGN_OR_RETURN(const TreeSize count, checked.store->CountEntries());
  if (count != checked.head.head.size || count.value < 1) {
    return LedgerFailed("The number of entries is not the one that was recorded.");
  }
  CREDENCE_RETURN_IF_ERROR(CheckCreation(*checked.store, checked.identity));
  CREDENCE_ASSIGN_OR_RETURN(checked.tree, RecoverTree(*checked.store, checked.head.head));
  CREDENCE_ASSIGN_OR_RETURN(checked.keys,
                            KeyHistory::Read(*checked.store, checked.identity, count));
  return checked;
}

// Opening to write repairs the write-ahead log, and takes away what would show that it was damaged:
// where something in it is not a record, the log is first opened without writing, and must show
// everything that the records tell of.
absl::Status CheckUnopened(const std::string& directory, const LogFilesReport& files,
                           rocksdb::Env* env) {
  CREDENCE_RETURN_IF_ERROR(CheckNoDamage(files));
  if (!files.HasLogDefect()) return absl::OkStatus();
  CREDENCE_ASSIGN_OR_RETURN(const CheckedStore checked,
                            OpenUnwitnessed(directory, Store::Mode::kReadOnly, env));
  return CheckWitnessed(files, checked.head.head.size);
}

}  // namespace

absl::StatusOr<CheckedStore> OpenStore(const std::string& directory, Store::Mode mode,
                                       rocksdb::Env* env) {
  const std::string path = DatabasePath(directory);
  rocksdb::Env* const files_env = env == nullptr ? rocksdb::Env::Default() : env;
  LogFilesReport files;
  if (std::error_code error; std::filesystem::exists(path + "/CURRENT", error)) {
    std::unique_ptr<DatabaseLock> lock;
    if (mode == Store::Mode::kReadWrite) {
      CREDENCE_ASSIGN_OR_RETURN(lock, DatabaseLock::Take(path, files_env));
    }
    CREDENCE_ASSIGN_OR_RETURN(files, ScanLogFiles(path, files_env));
    CREDENCE_RETURN_IF_ERROR(CheckUnopened(directory, files, env));
  }
  CREDENCE_ASSIGN_OR_RETURN(CheckedStore checked, OpenUnwitnessed(directory, mode, env));
  CREDENCE_RETURN_IF_ERROR(CheckWitnessed(files, checked.head.head.size));
  return checked;
}

absl::Status CheckEntries(const CheckedStore& checked, TreeFrontier derived) {
  const TreeHead& head = checked.head.head;
  while (derived.size() < head.size) {
    CREDENCE_ASSIGN_OR_RETURN(
        const std::vector<StoredEntry> entries,
        checked.store->ReadEntries(PositionAfter(derived.size()), head.size, ReadLimits()));
    for (const StoredEntry& entry : entries) derived.Append(LeafHash(*entry.bytes));
  }
  if (derived.root() == head.root) return absl::OkStatus();
  return LedgerFailed("The entries as they are stored do not have the recorded root.");
}

OpenOptions WithPaths(OpenOptions options) {
  if (options.key_path.empty()) options.key_path = KeyPath(options.directory);
  if (options.anchor_path.empty()) options.anchor_path = AnchorPath(options.directory);
  return options;
}

absl::StatusOr<SigningKey> OpenKey(const CheckedStore& checked, const std::string& path) {
  CREDENCE_RETURN_IF_ERROR(FinishRotation(checked, path));
  CREDENCE_ASSIGN_OR_RETURN(SigningKey key, SigningKey::Read(path, checked.identity.origin));
  if (key.verifier_key() != checked.keys.current()) {
    return WrongFile(path, Cat("is not the ledger's signing key, whose verifier key is ",
                               checked.keys.current(), "."));
  }
  return key;
}

absl::StatusOr<SignedCheckpoint> CheckCheckpoint(const CheckedStore& checked, std::string_view note,
                                                 std::string_view where) {
  const std::optional<TreeHead> stated = PeekCheckpoint(note, checked.identity.origin);
  const std::optional<OpenedNote> opened =
      stated.has_value() ? OpenNote(note, checked.keys.KeyAt(stated->size)) : std::nullopt;
  if (!opened.has_value()) {
    return LedgerFailed(Cat("The checkpoint in ", where, " is not signed by the ledger's key, ",
                            checked.keys.current(), "."));
  }
  const TreeHead& head = checked.head.head;
  if (stated->size > head.size) {
    return DoesNotExtend(where, *stated, Cat("it has only ", head.size.value, " entries"));
  }
  CREDENCE_ASSIGN_OR_RETURN(const TreeHead own,
                            ReadTreeHead(*checked.store, checked.tree.Snapshot(), stated->size));
  if (own.root != stated->root) {
    return DoesNotExtend(where, *stated, Cat("its root at that size is ", ToHex(own.root)));
  }
  // Without the signatures of others.
  return SignedCheckpoint{*stated, Cat(opened->text, "\n", opened->signature_line)};
}

absl::StatusOr<CheckedAnchor> OpenAnchor(const CheckedStore& checked, const SigningKey& key,
                                         const std::string& path) {
  absl::StatusOr<Anchor> anchor = Anchor::Open(path);
  if (absl::IsNotFound(anchor.status()) && checked.head.head.size == TreeSize{1}) {
    anchor = Anchor::Create(path, SignWhole(checked, key).note);
  }
  if (absl::IsNotFound(anchor.status())) {
    return WrongFile(path,
                     "is missing: it keeps the checkpoint that the ledger signed last. Without it "
                     "nobody can tell whether this is an older copy, so nothing is signed or "
                     "written. Bring the file, or give the last checkpoint that was published by "
                     "`credence ledger anchor`.");
  }
  if (!anchor.ok()) return anchor.status();
  CREDENCE_ASSIGN_OR_RETURN(const std::string note, anchor->Read());
  CREDENCE_ASSIGN_OR_RETURN(SignedCheckpoint checkpoint, CheckCheckpoint(checked, note, path));
  return CheckedAnchor{*std::move(anchor), std::move(checkpoint)};
}

SignedCheckpoint SignWhole(const CheckedStore& checked, const SigningKey& key) {
  const TreeHead& head = checked.head.head;
  return {head, SignNote(key, CheckpointText(checked.identity.origin, head))};
}

}  // namespace credence::ledger
