#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "credence/ledger/position.h"
#include "credence/ledger/tree.h"

// The hash tree cut into tiles of 256 hashes, as C2SP tlog-tiles cuts it: hash i of the tile
// (level, index) is the root of the perfect subtree of 256^level leaves number index * 256 + i.
// Full tiles are stored; what is left of each level, its row of fewer than 256 hashes, is held in
// memory and found again from the full tiles below it.
namespace credence::ledger {

inline constexpr int64_t kTileWidth = 256;
inline constexpr int kTileHeight = 8;
// Levels that a log of 2^62 entries has.
inline constexpr int kTileLevelsMax = 8;

using TileHashes = std::array<Hash, kTileWidth>;
static_assert(sizeof(TileHashes) == 8192, "a tile is its bytes");

struct FullTile {
  int level = 0;
  int64_t index = 0;
  std::shared_ptr<const TileHashes> hashes;
};

// Number of hashes that the tree of `size` leaves has at `level`, full subtrees only.
constexpr int64_t LevelWidth(TreeSize size, int level) {
  return size.value >> (kTileHeight * level);
}

// Number of levels that have a hash.
constexpr int LevelCount(TreeSize size) {
  int level = 0;
  while (level < kTileLevelsMax && LevelWidth(size, level) > 0) ++level;
  return level;
}

// Root of the perfect subtree over `hashes`, whose number is a power of two.
[[nodiscard]] Hash PerfectRoot(std::span<const Hash> hashes);

// A tree as readers see it. Rows are shared with the tree that grows: it writes only to places
// beyond those that `head.size` covers.
struct TreeSnapshot {
  TreeHead head;
  // For each level that has a hash: the row that is not full yet.
  std::vector<std::shared_ptr<const TileHashes>> rows;
};

// Gives the tile (level, index), of which at least the first `count` hashes are needed.
using TileReader = absl::FunctionRef<absl::StatusOr<std::shared_ptr<const TileHashes>>(
    int level, int64_t index, int64_t count)>;

// The frontier of the tree of `size`, from at most one tile of each level.
[[nodiscard]] absl::StatusOr<TreeFrontier> ReadFrontier(TreeSize size, TileReader read);

// Not thread-safe; its snapshots are.
class TileTree {
 public:
  TileTree() = default;

  // The tree of `size`, whose unfinished row of each level `read` gives.
  static absl::StatusOr<TileTree> Recover(TreeSize size, TileReader read);

  // Appends a leaf; the tiles that it fills go to `filled`, lowest level first.
  void Append(const Hash& leaf_hash, std::vector<FullTile>& filled);

  [[nodiscard]] TreeSize size() const { return frontier_.size(); }
  [[nodiscard]] TreeSnapshot Snapshot() const;

 private:
  TreeFrontier frontier_;
  std::vector<std::shared_ptr<TileHashes>> rows_;
};

}  // namespace credence::ledger
