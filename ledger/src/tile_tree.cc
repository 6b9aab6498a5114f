#include "tile_tree.h"

#include <bit>
#include <utility>

#include "credence/base/check.h"
#include "credence/base/status_macros.h"

namespace credence::ledger {

Hash PerfectRoot(std::span<const Hash> hashes) {
  CREDENCE_CHECK(std::has_single_bit(hashes.size()));
  std::vector<Hash> row(hashes.begin(), hashes.end());
  while (row.size() > 1) {
    for (size_t i = 0; i < row.size() / 2; ++i) row[i] = NodeHash(row[2 * i], row[2 * i + 1]);
    row.resize(row.size() / 2);
  }
  return row.front();
}

absl::StatusOr<TreeFrontier> ReadFrontier(TreeSize size, TileReader read) {
  std::vector<Hash> subtrees;
  for (int level = LevelCount(size) - 1; level >= 0; --level) {
    const int64_t width = LevelWidth(size, level);
    const int64_t count = width % kTileWidth;
    if (count == 0) continue;
    CREDENCE_ASSIGN_OR_RETURN(const std::shared_ptr<const TileHashes> tile,
                              read(level, width / kTileWidth, count));
    size_t start = 0;
    for (size_t part = kTileWidth / 2; part > 0; part /= 2) {
      if ((static_cast<size_t>(count) & part) == 0) continue;
      subtrees.push_back(PerfectRoot(std::span(*tile).subspan(start, part)));
      start += part;
    }
  }
  return TreeFrontier(size, std::move(subtrees));
}

absl::StatusOr<TileTree> TileTree::Recover(TreeSize size, TileReader read) {
  TileTree tree;
  tree.rows_.resize(static_cast<size_t>(LevelCount(size)));
  for (std::shared_ptr<TileHashes>& row : tree.rows_) row = std::make_shared<TileHashes>();
  const auto read_and_keep =
      [&](int level, int64_t index,
          int64_t count) -> absl::StatusOr<std::shared_ptr<const TileHashes>> {
    CREDENCE_ASSIGN_OR_RETURN(const std::shared_ptr<const TileHashes> row,
                              read(level, index, count));
    *tree.rows_[static_cast<size_t>(level)] = *row;
    return row;
  };
  CREDENCE_ASSIGN_OR_RETURN(tree.frontier_, ReadFrontier(size, read_and_keep));
  return tree;
}

void TileTree::Append(const Hash& leaf_hash, std::vector<FullTile>& filled) {
  frontier_.Append(leaf_hash, [&](int height, int64_t index, const Hash& hash) {
    if (height % kTileHeight != 0) return;
    const int level = height / kTileHeight;
    const size_t row = static_cast<size_t>(level);
    CREDENCE_CHECK(level < kTileLevelsMax);
    CREDENCE_CHECK(row <= rows_.size());
    if (row == rows_.size()) rows_.push_back(std::make_shared<TileHashes>());
    (*rows_[row])[static_cast<size_t>(index % kTileWidth)] = hash;
    if (index % kTileWidth != kTileWidth - 1) return;
    filled.push_back({level, index / kTileWidth, std::move(rows_[row])});
    rows_[row] = std::make_shared<TileHashes>();
  });
}

TreeSnapshot TileTree::Snapshot() const {
  TreeSnapshot snapshot;
  snapshot.head = {frontier_.size(), frontier_.root()};
  snapshot.rows.assign(rows_.begin(), rows_.end());
  return snapshot;
}

}  // namespace credence::ledger
