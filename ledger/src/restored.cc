#include "credence/ledger/restored.h"

#include <algorithm>

#include "credence/base/status_macros.h"
#include "failure.h"
#include "note.h"
#include "open_store.h"
#include "tree_reader.h"

namespace credence::ledger {

absl::StatusOr<SignedCheckpoint> SignRestored(const OpenOptions& given, TreeSize size) {
  const OpenOptions options = WithPaths(given);
  CREDENCE_ASSIGN_OR_RETURN(const CheckedStore checked,
                            OpenStore(options.directory, Store::Mode::kReadWrite, nullptr));
  CREDENCE_ASSIGN_OR_RETURN(const SigningKey key, OpenKey(checked, options.key_path));
  CREDENCE_RETURN_IF_ERROR(CheckEntries(checked, TreeFrontier()));
  if (!checked.keys.rotations().empty()) {
    size = std::max(size, SizeThrough(checked.keys.rotations().back().position));
  }
  if (checked.head.head.size < size) return BeyondHead(checked.head.head.size);
  CREDENCE_ASSIGN_OR_RETURN(const TreeHead head,
                            ReadTreeHead(*checked.store, checked.tree.Snapshot(), size));
  return SignedCheckpoint{head, SignNote(key, CheckpointText(key.name(), head))};
}

}  // namespace credence::ledger
