#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/client/verify/hash.h"
#include "credence/client/verify/source.h"
#include "credence/client/verify/tile.h"

#pragma GCC visibility push(hidden)

namespace credence::client {

// The file of `id` in `source`; where a partial one is absent, the front of the full one that took
// its place. VERIFICATION_FAILED where there is neither.
[[nodiscard]] absl::StatusOr<std::string> ReadTileFile(LogSource& source, const TileId& id);
// The same as LogSource::ReadInto.
[[nodiscard]] absl::Status ReadTileFileInto(LogSource& source, const TileId& id,
                                            std::string& bytes);

// The hash tree over the leaves that come in, compared with the log's tiles row by row. Of each
// level it holds the row that is not full yet. Not thread-safe.
class TileChecker {
 public:
  // `tree_size` is the size that the checkpoint speaks of.
  TileChecker(LogSource& source, int64_t tree_size) : source_(source), tree_size_(tree_size) {}

  // Takes the leaf hashes of one level-0 tile from where the tree ends; `tile` has been compared.
  // Compares the tiles above that are full by it. VERIFICATION_FAILED.
  [[nodiscard]] absl::Status Take(std::span<const Hash> leaves);

  // Compares the rows that are not full with their tiles: all leaves were taken.
  [[nodiscard]] absl::Status Finish();

  // Leaves taken.
  [[nodiscard]] int64_t size() const { return size_; }
  // Root over them. O(256 levels) hashes.
  [[nodiscard]] Hash root() const;
  // The leaves of the row that is not full.
  [[nodiscard]] const std::vector<Hash>& open_leaves() const { return rows_[0]; }

  // As lines of text, and back. INVALID_ARGUMENT where the text is not one that Save made.
  [[nodiscard]] std::string Save() const;
  [[nodiscard]] absl::Status Load(std::string_view text);

 private:
  // Closes the full row of `level`: its root goes to the row above.
  absl::Status Close(int level);
  absl::Status Compare(int level, int64_t index) const;

  LogSource& source_;
  const int64_t tree_size_;
  int64_t size_ = 0;
  std::array<std::vector<Hash>, kTileLevelMax + 1> rows_;
};

}  // namespace credence::client

#pragma GCC visibility pop
