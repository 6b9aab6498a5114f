#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "anchor.h"
#include "credence/ledger/log.h"
#include "key_history.h"
#include "signing_key.h"
#include "store.h"
#include "tile_tree.h"

// What is checked before a log is used.
namespace credence::ledger {

// A store whose parts fit each other, as far as that can be told from its ends.
struct CheckedStore {
  std::unique_ptr<Store> store;
  LedgerIdentity identity;
  KeyHistory keys{""};
  HeadRecord head;
  TileTree tree;
};

// Errors as Log::Open gives for the database.
[[nodiscard]] absl::StatusOr<CheckedStore> OpenStore(const std::string& directory, Store::Mode mode,
                                                     rocksdb::Env* env);

// Derives the root from the entries as they are stored, those after `derived`, as before every
// signature. DATA_LOSS where it is not the recorded one.
[[nodiscard]] absl::Status CheckEntries(const CheckedStore& checked, TreeFrontier derived);

// The options with their paths filled in.
[[nodiscard]] OpenOptions WithPaths(OpenOptions options);

// The key that signs now; ends a rotation that was cut short after its event was recorded.
[[nodiscard]] absl::StatusOr<SigningKey> OpenKey(const CheckedStore& checked,
                                                 const std::string& path);

// The checkpoint of the note: signed by the key that its tree had, and extended by the log.
// DATA_LOSS, with `where` it was found in the message, where it is not.
[[nodiscard]] absl::StatusOr<SignedCheckpoint> CheckCheckpoint(const CheckedStore& checked,
                                                               std::string_view note,
                                                               std::string_view where);

// The anchor with its checkpoint, checked. Makes the anchor of a log of one entry, whose creation
// was cut short. FAILED_PRECONDITION where a longer log has none.
struct CheckedAnchor {
  Anchor anchor;
  SignedCheckpoint checkpoint;
};
[[nodiscard]] absl::StatusOr<CheckedAnchor> OpenAnchor(const CheckedStore& checked,
                                                       const SigningKey& key,
                                                       const std::string& path);

// The checkpoint of the whole log, signed by `key`.
[[nodiscard]] SignedCheckpoint SignWhole(const CheckedStore& checked, const SigningKey& key);

}  // namespace credence::ledger
