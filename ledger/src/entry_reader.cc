#include "entry_reader.h"

#include <algorithm>
#include <utility>

#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/ledger/tree.h"
#include "failure.h"
#include "tile_tree.h"
#include "tree_nodes.h"

namespace credence::ledger {

class EntryReader::Leaves {
 public:
  Leaves(const Store& store, std::shared_ptr<const TreeSnapshot> tree)
      : store_(store), tree_(std::move(tree)) {}

  [[nodiscard]] TreeSize size() const { return tree_->head.size; }

  // `position` must lie in the tree.
  absl::StatusOr<Hash> At(Position position) {
    const int64_t index = position.value / kTileWidth;
    if (tile_ == nullptr || index != index_) {
      CREDENCE_ASSIGN_OR_RETURN(tile_, ReadTreeTile(store_, *tree_, 0, index));
      index_ = index;
    }
    return (*tile_)[static_cast<size_t>(position.value % kTileWidth)];
  }

 private:
  const Store& store_;
  const std::shared_ptr<const TreeSnapshot> tree_;
  std::shared_ptr<const TileHashes> tile_;
  int64_t index_ = 0;
};

EntryReader::EntryReader(const Store& store, const DurableHead& head,
                         std::function<void(const absl::Status&)> on_damage)
    : store_(store), head_(head), on_damage_(std::move(on_damage)) {}

absl::Status EntryReader::Check(Leaves& leaves, const StoredEntry& entry) const {
  CREDENCE_ASSIGN_OR_RETURN(const Hash recorded, leaves.At(entry.position));
  const Hash stored = LeafHash(*entry.bytes);
  checked_count_.fetch_add(1, std::memory_order_relaxed);
  if (stored == recorded) return absl::OkStatus();
  damaged_count_.fetch_add(1, std::memory_order_relaxed);
  absl::Status damage =
      LedgerFailed(Cat("The entry at position ", entry.position.value, " has the leaf hash ",
                       ToHex(stored), ", not ", ToHex(recorded), " as the tree has."));
  on_damage_(damage);
  return damage;
}

absl::StatusOr<std::vector<StoredEntry>> EntryReader::Read(Position from, TreeSize size,
                                                           const ReadLimits& limits) const {
  Leaves leaves(store_, head_.Get());
  CREDENCE_ASSIGN_OR_RETURN(std::vector<StoredEntry> entries,
                            store_.ReadEntries(from, std::min(size, leaves.size()), limits));
  for (const StoredEntry& entry : entries) CREDENCE_RETURN_IF_ERROR(Check(leaves, entry));
  return entries;
}

absl::StatusOr<std::vector<StoredEntry>> EntryReader::ReadAt(const std::vector<Position>& positions,
                                                             const ReadLimits& limits) const {
  Leaves leaves(store_, head_.Get());
  std::vector<StoredEntry> entries;
  int64_t bytes = 0;
  for (const Position position : positions) {
    CREDENCE_ASSIGN_OR_RETURN(std::string entry, store_.ReadEntry(position));
    bytes += static_cast<int64_t>(entry.size());
    if (!entries.empty() && bytes > limits.byte_count_max) break;
    entries.push_back({position, std::make_shared<const std::string>(std::move(entry))});
    CREDENCE_RETURN_IF_ERROR(Check(leaves, entries.back()));
  }
  return entries;
}

}  // namespace credence::ledger
