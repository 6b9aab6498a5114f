#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/ledger/log.h"
#include "credence/ledger/tlog.h"
#include "failure.h"
#include "log_impl.h"
#include "tree_nodes.h"
#include "tree_proof.h"

namespace credence::ledger {
namespace {

absl::Status Invalid(std::string_view field, std::string_view description) {
  return InvalidField("FIELD_INVALID", field, description);
}

absl::Status CheckTile(int level, int64_t index, int width, TreeSize size) {
  if (level < 0 || level > 63) return Invalid("level", "must be 0 to 63");
  if (index < 0) return Invalid("index", "must not be negative");
  if (width < 1 || width > kFullTileWidth) return Invalid("width", "must be 1 to 256");
  const int64_t hashes = level < kTileLevelsMax ? LevelWidth(size, level) : 0;
  // Divided, so that no index is too large to be compared.
  const bool exists =
      index < hashes / kTileWidth || (index == hashes / kTileWidth && width <= hashes % kTileWidth);
  return exists ? absl::OkStatus() : BeyondHead(size);
}

}  // namespace

absl::StatusOr<std::vector<Hash>> Log::InclusionProof(Position leaf, TreeSize size) const {
  const std::shared_ptr<const TreeSnapshot> tree = impl_->head.Get();
  if (size > tree->head.size) return BeyondHead(tree->head.size);
  if (!Contains(size, leaf)) {
    return Invalid("position", Cat("must be 0 or more and less than the tree size, ", size.value));
  }
  TreeNodes nodes(*impl_->store);
  nodes.SetTree(tree);
  return InclusionPath(leaf, size,
                       [&](int height, int64_t index) { return nodes.Node(height, index); });
}

absl::StatusOr<std::vector<Hash>> Log::ConsistencyProof(TreeSize first, TreeSize second) const {
  const std::shared_ptr<const TreeSnapshot> tree = impl_->head.Get();
  if (std::max(first, second) > tree->head.size) return BeyondHead(tree->head.size);
  if (first.value < 1) {
    return Invalid("first_tree_size", "must be at least 1: every log begins with the empty one");
  }
  if (second < first) return Invalid("second_tree_size", "must be at least the first size");
  TreeNodes nodes(*impl_->store);
  nodes.SetTree(tree);
  return ConsistencyPath(first, second,
                         [&](int height, int64_t index) { return nodes.Node(height, index); });
}

absl::StatusOr<std::string> Log::ReadTile(int level, int64_t index, int width) const {
  const std::shared_ptr<const TreeSnapshot> tree = impl_->head.Get();
  CREDENCE_RETURN_IF_ERROR(CheckTile(level, index, width, tree->head.size));
  CREDENCE_ASSIGN_OR_RETURN(const std::shared_ptr<const TileHashes> tile,
                            ReadTreeTile(*impl_->store, *tree, level, index));
  return std::string(reinterpret_cast<const char*>(tile->data()),
                     static_cast<size_t>(width) * sizeof(Hash));
}

absl::StatusOr<std::vector<StoredEntry>> Log::Impl::ReadBundle(int64_t index, int width) const {
  const TreeSize size = head.head().size;
  CREDENCE_RETURN_IF_ERROR(CheckTile(0, index, width, size));
  const Position from{index * kTileWidth};
  const ReadLimits bundle{.entry_count_max = width,
                          .byte_count_max = kTileWidth * static_cast<int64_t>(kEntryBytesMax)};
  CREDENCE_ASSIGN_OR_RETURN(std::vector<StoredEntry> read, entries.Read(from, size, bundle));
  if (static_cast<int>(read.size()) != width) {
    return LedgerFailed(Cat("The bundle of entries ", index, " is not complete."));
  }
  return read;
}

absl::StatusOr<std::string> Log::ReadEntryBundle(int64_t index, int width) const {
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<StoredEntry> entries,
                            impl_->ReadBundle(index, width));
  std::string bytes;
  for (const StoredEntry& entry : entries) AppendBundledEntry(*entry.bytes, bytes);
  return bytes;
}

absl::StatusOr<std::string> Log::ReadTextBundle(int64_t index) const {
  constexpr int64_t kIndexMax = std::numeric_limits<int64_t>::max() / kTileWidth - 1;
  const int64_t begin = std::clamp<int64_t>(index, 0, kIndexMax) * kTileWidth;
  const int width =
      static_cast<int>(std::clamp<int64_t>(tree_head().size.value - begin, 1, kTileWidth));
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<StoredEntry> entries,
                            impl_->ReadBundle(index, width));
  return impl_->texts.ReadBundle(entries);
}

}  // namespace credence::ledger
