#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "batch_builder.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/ledger_events.pb.h"
#include "credence/ledger/log.h"
#include "durable_file.h"
#include "ledger_files.h"
#include "open_store.h"
#include "records.h"
#include "signing_key.h"
#include "store.h"

namespace credence::ledger {
namespace {

constexpr char kLedgerStream[] = "ledger";
constexpr char kCreationRequest[] = "ledger-created";

absl::Status FileError(const std::string& path, const std::error_code& error) {
  return absl::InternalError(Cat(path, ": ", error.message()));
}

absl::Status CheckAbsent(const std::string& directory) {
  std::error_code error;
  const bool exists = std::filesystem::exists(DatabasePath(directory), error);
  if (error) return FileError(directory, error);
  if (!exists) return absl::OkStatus();
  ErrorDetail detail;
  detail.reason = "ALREADY_EXISTS";
  detail.metadata["resource"] = directory;
  return MakeError(absl::StatusCode::kAlreadyExists,
                   Cat("There is a ledger in ", directory, " already."), detail);
}

// An anchor without a database is what is left of a ledger; a new one of the same key would be
// another history under its name.
absl::Status CheckNeverSigned(const std::string& path) {
  std::error_code error;
  const bool exists = std::filesystem::exists(path, error);
  if (error) return FileError(path, error);
  if (!exists) return absl::OkStatus();
  ErrorDetail detail;
  detail.reason = "ALREADY_EXISTS";
  detail.metadata["resource"] = path;
  return MakeError(absl::StatusCode::kAlreadyExists,
                   Cat(path,
                       " holds the last checkpoint of a ledger whose log is gone; restore "
                       "the log, or begin anew in another directory."),
                   detail);
}

absl::Status MakeDirectory(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(directory, error);
  if (error) return FileError(directory, error);
  if (!std::filesystem::create_directories(path, error)) {
    return error ? FileError(directory, error) : absl::OkStatus();
  }
  return SyncDirectory(path.parent_path().string());
}

// Position 0, by the way of every other write.
absl::Status WriteCreation(Store& store, const Clock& clock, const LedgerIdentity& identity) {
  const auto created = std::make_shared<event::v1::LedgerCreated>();
  created->set_origin(identity.origin);
  created->set_verifier_key(identity.verifier_key);
  created->set_format_version(kFormatVersion);

  Submission submission;
  submission.request_id = kCreationRequest;
  submission.body_digest = Sha256(created->SerializeAsString());
  submission.stream = kLedgerStream;
  submission.decide = [&](const DecideContext&) -> absl::StatusOr<std::vector<EventDraft>> {
    EventDraft draft;
    draft.stream = kLedgerStream;
    draft.payload = created;
    draft.actor = "system";
    return std::vector<EventDraft>{draft};
  };
  submission.done = [](const absl::StatusOr<Receipt>&) {};

  BatchBuilder builder(store, clock, WriteLimits(), TileTree(), MapBuilder(store),
                       absl::UnixEpoch());
  builder.Add(std::move(submission));
  const SealedBatch batch = builder.Seal();
  CREDENCE_RETURN_IF_ERROR(batch.answers.front().outcome.status());
  return store.Commit(batch.commit);
}

absl::Status BuildDatabase(const std::string& path, const Clock& clock,
                           const LedgerIdentity& identity) {
  CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store,
                            Store::Open(path, Store::Mode::kCreate, nullptr));
  CREDENCE_RETURN_IF_ERROR(store->WriteIdentity(identity));
  return WriteCreation(*store, clock, identity);
}

// Signs the log of one entry. Where this is cut short the first opening does it.
absl::StatusOr<std::string> CreateAnchor(const std::string& directory, const SigningKey& key) {
  CREDENCE_ASSIGN_OR_RETURN(const CheckedStore checked,
                            OpenStore(directory, Store::Mode::kReadOnly, nullptr));
  const absl::StatusOr<CheckedAnchor> anchor =
      OpenAnchor(checked, key, directory, AnchorPath(directory));
  if (!anchor.ok()) return anchor.status();
  return key.verifier_key();
}

}  // namespace

absl::StatusOr<std::string> Log::Create(const CreateOptions& options) {
  CREDENCE_CHECK(options.clock != nullptr);
  const std::string& directory = options.directory;
  CREDENCE_RETURN_IF_ERROR(CheckOrigin(options.origin));
  CREDENCE_RETURN_IF_ERROR(CheckAbsent(directory));
  CREDENCE_RETURN_IF_ERROR(CheckNeverSigned(AnchorPath(directory)));
  CREDENCE_RETURN_IF_ERROR(MakeDirectory(directory));
  LedgerIdentity identity{options.origin, {}};
  CREDENCE_ASSIGN_OR_RETURN(const SigningKey key,
                            SigningKey::Ensure(KeyPath(directory), options.origin));
  identity.verifier_key = key.verifier_key();

  std::error_code error;
  std::filesystem::remove_all(NewDatabasePath(directory), error);
  if (error) return FileError(directory, error);
  CREDENCE_RETURN_IF_ERROR(BuildDatabase(NewDatabasePath(directory), *options.clock, identity));
  std::filesystem::rename(NewDatabasePath(directory), DatabasePath(directory), error);
  if (error) return FileError(directory, error);
  CREDENCE_RETURN_IF_ERROR(SyncDirectory(directory));
  return CreateAnchor(directory, key);
}

}  // namespace credence::ledger
