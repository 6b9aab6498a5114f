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
#include "durable_file.h"
#include "failure.h"
#include "key_history.h"
#include "ledger_files.h"
#include "map_builder.h"
#include "note.h"
#include "open_store.h"
#include "tree_reader.h"

namespace credence::ledger {
namespace {

absl::StatusOr<std::vector<EventDraft>> DecideRotation(const DecideContext& context,
                                                       const SigningKey& old_key,
                                                       const SigningKey& new_key) {
  const std::string text = RotationText(old_key.name(), context.next_position,
                                        old_key.verifier_key(), new_key.verifier_key());
  const auto rotated = std::make_shared<event::v1::SigningKeyRotated>();
  rotated->set_verifier_key(new_key.verifier_key());
  rotated->set_statement(Cat(text, "\n", old_key.SignatureLine(text), new_key.SignatureLine(text)));
  EventDraft draft;
  draft.stream = std::string(kKeyStream);
  draft.payload = rotated;
  draft.actor = "system";
  return std::vector<EventDraft>{draft};
}

// The event, by the way of every other write.
absl::Status WriteRotation(CheckedStore& checked, const Clock& clock, const SigningKey& old_key,
                           const SigningKey& new_key) {
  Submission submission;
  // One for ever for this key, so that a repeat of the command does not record it twice.
  submission.request_id = Cat("key-rotation ", new_key.verifier_key());
  submission.body_digest = Sha256(submission.request_id);
  submission.decide = [&](const DecideContext& context) {
    return DecideRotation(context, old_key, new_key);
  };
  submission.done = [](const absl::StatusOr<Receipt>&) {};
  CREDENCE_ASSIGN_OR_RETURN(MapBuilder map, RecoverMap(*checked.store, checked.head.head.size));
  BatchBuilder builder(*checked.store, clock, WriteLimits(), std::move(checked.tree),
                       std::move(map), checked.head.last_record_time);
  builder.Add(std::move(submission));
  const SealedBatch batch = builder.Seal();
  CREDENCE_RETURN_IF_ERROR(batch.answers.front().outcome.status());
  return checked.store->Commit(batch.commit);
}

absl::Status WriteAnchor(const std::string& path, const std::string& note) {
  absl::StatusOr<Anchor> anchor = Anchor::Open(path);
  if (absl::IsNotFound(anchor.status())) return Anchor::Create(path, note).status();
  if (!anchor.ok()) return anchor.status();
  CREDENCE_ASSIGN_OR_RETURN(const std::string held, anchor->Read());
  if (held == note) return absl::OkStatus();
  CREDENCE_RETURN_IF_ERROR(anchor->CompareAndSwap(held, note));
  return anchor->Sync();
}

// That an anchor which is there knows of no larger tree than `head`.
absl::Status CheckNewer(const std::string& path, std::string_view origin, const TreeHead& head) {
  const absl::StatusOr<Anchor> anchor = Anchor::Open(path);
  if (absl::IsNotFound(anchor.status())) return absl::OkStatus();
  if (!anchor.ok()) return anchor.status();
  CREDENCE_ASSIGN_OR_RETURN(const std::string note, anchor->Read());
  const std::optional<TreeHead> held = PeekCheckpoint(note, origin);
  if (held.has_value() && held->size <= head.size) return absl::OkStatus();
  ErrorDetail detail;
  detail.reason = "WRONG_STATE";
  detail.subjects.push_back(path);
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   Cat(path, " holds a checkpoint of a larger tree or of another ledger; it is ",
                       "not replaced."),
                   detail);
}

}  // namespace

absl::StatusOr<std::string> Log::RotateKey(const OpenOptions& given) {
  CREDENCE_CHECK(given.clock != nullptr);
  const OpenOptions options = WithPaths(given);
  CREDENCE_ASSIGN_OR_RETURN(CheckedStore checked,
                            OpenStore(options.directory, Store::Mode::kReadWrite, nullptr));
  CREDENCE_ASSIGN_OR_RETURN(const SigningKey old_key, OpenKey(checked, options.key_path));
  CREDENCE_ASSIGN_OR_RETURN(CheckedAnchor anchor,
                            OpenAnchor(checked, old_key, options.anchor_path));
  // The old key's last act: everything before the rotation is under a checkpoint of its.
  CREDENCE_ASSIGN_OR_RETURN(
      TreeFrontier derived,
      ReadTreeFrontier(*checked.store, checked.tree.Snapshot(), anchor.checkpoint.head.size));
  CREDENCE_RETURN_IF_ERROR(CheckEntries(checked, std::move(derived)));
  CREDENCE_RETURN_IF_ERROR(WriteAnchor(options.anchor_path, SignWhole(checked, old_key).note));
  const std::string next_path = NextKeyPath(options.key_path);
  CREDENCE_ASSIGN_OR_RETURN(const SigningKey new_key,
                            SigningKey::Ensure(next_path, checked.identity.origin));
  CREDENCE_RETURN_IF_ERROR(WriteRotation(checked, *options.clock, old_key, new_key));
  std::error_code error;
  std::filesystem::rename(next_path, options.key_path, error);
  if (error) return absl::InternalError(Cat(next_path, ": ", error.message()));
  CREDENCE_RETURN_IF_ERROR(
      SyncDirectory(std::filesystem::path(options.key_path).parent_path().string()));
  return new_key.verifier_key();
}

absl::Status Log::SetAnchor(const OpenOptions& given, std::string_view note) {
  const OpenOptions options = WithPaths(given);
  CREDENCE_ASSIGN_OR_RETURN(const CheckedStore checked,
                            OpenStore(options.directory, Store::Mode::kReadWrite, nullptr));
  CREDENCE_ASSIGN_OR_RETURN(const SigningKey key, OpenKey(checked, options.key_path));
  SignedCheckpoint checkpoint;
  if (note.empty()) {
    CREDENCE_RETURN_IF_ERROR(CheckEntries(checked, TreeFrontier()));
    checkpoint = SignWhole(checked, key);
  } else {
    CREDENCE_ASSIGN_OR_RETURN(checkpoint, CheckCheckpoint(checked, note, "the file given"));
  }
  CREDENCE_RETURN_IF_ERROR(
      CheckNewer(options.anchor_path, checked.identity.origin, checkpoint.head));
  return WriteAnchor(options.anchor_path, checkpoint.note);
}

}  // namespace credence::ledger
