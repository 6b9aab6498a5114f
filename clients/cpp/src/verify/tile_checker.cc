#include "verify/tile_checker.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/failure.h"
#include "credence/client/verify/merkle.h"

namespace credence::client {
namespace {

constexpr size_t kWidth = static_cast<size_t>(kTileWidth);
constexpr int kTileHeight = 8;

// The first `width` hashes or entries of the bytes of a full tile or bundle.
absl::StatusOr<std::string> FrontOf(const std::string& bytes, const TileId& id) {
  const auto width = static_cast<size_t>(id.width);
  if (id.level != kEntriesLevel) return bytes.substr(0, std::min(bytes.size(), width * 32));
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<std::string_view> entries,
                            ParseEntryBundle(bytes, static_cast<int>(kTileWidth)));
  const std::string_view last = entries[width - 1];
  return bytes.substr(0, static_cast<size_t>(last.data() + last.size() - bytes.data()));
}

absl::Status BadState() { return InvalidField("FIELD_INVALID", "state", "has bad rows of hashes"); }

// Number of leaves below one hash of `level`; levels above 7 do not come.
int64_t LeavesBelow(int level) { return int64_t{1} << (kTileHeight * level); }

}  // namespace

absl::StatusOr<std::string> ReadTileFile(LogSource& source, const TileId& id) {
  std::string bytes;
  CREDENCE_RETURN_IF_ERROR(ReadTileFileInto(source, id, bytes));
  return bytes;
}

absl::Status ReadTileFileInto(LogSource& source, const TileId& id, std::string& bytes) {
  absl::Status status = source.ReadInto(TilePath(id), bytes);
  if (status.ok() || !absl::IsNotFound(status)) return status;
  if (id.width < static_cast<int>(kTileWidth)) {
    TileId full = id;
    full.width = static_cast<int>(kTileWidth);
    status = source.ReadInto(TilePath(full), bytes);
    if (status.ok()) {
      CREDENCE_ASSIGN_OR_RETURN(bytes, FrontOf(bytes, id));
      return absl::OkStatus();
    }
    if (!absl::IsNotFound(status)) return status;
  }
  const absl::Status missing =
      VerificationFailed(Cat(TilePath(id), ": is missing in ", source.name()));
  if (id.level > 0) return missing;
  return VerificationFailedAt(id.index * kTileWidth, FromAbsl(missing.message()));
}

absl::Status TileChecker::Take(std::span<const Hash> leaves) {
  CREDENCE_CHECK(rows_[0].size() + leaves.size() <= kWidth);
  rows_[0].insert(rows_[0].end(), leaves.begin(), leaves.end());
  size_ += static_cast<int64_t>(leaves.size());
  for (int level = 0; level < kTileLevelMax; ++level) {
    if (rows_[static_cast<size_t>(level)].size() < kWidth) break;
    CREDENCE_RETURN_IF_ERROR(Close(level));
  }
  return absl::OkStatus();
}

absl::Status TileChecker::Close(int level) {
  std::vector<Hash>& row = rows_[static_cast<size_t>(level)];
  // The tile of level 0 was compared leaf by leaf.
  if (level > 0) {
    CREDENCE_RETURN_IF_ERROR(Compare(level, LevelWidth(size_, level) / kTileWidth - 1));
  }
  rows_[static_cast<size_t>(level) + 1].push_back(PerfectRoot(row));
  row.clear();
  return absl::OkStatus();
}

absl::Status TileChecker::Finish() {
  CREDENCE_CHECK(size_ == tree_size_);
  for (int level = 1; level <= kTileLevelMax; ++level) {
    if (rows_[static_cast<size_t>(level)].empty()) continue;
    CREDENCE_RETURN_IF_ERROR(Compare(level, LevelWidth(size_, level) / kTileWidth));
  }
  return absl::OkStatus();
}

absl::Status TileChecker::Compare(int level, int64_t index) const {
  const std::vector<Hash>& row = rows_[static_cast<size_t>(level)];
  const TileId id{level, index, static_cast<int>(row.size())};
  CREDENCE_ASSIGN_OR_RETURN(const std::string bytes, ReadTileFile(source_, id));
  absl::StatusOr<std::vector<Hash>> tile = ParseTile(bytes, id.width);
  if (!tile.ok()) {
    return VerificationFailed(Cat(TilePath(id), ": ", FromAbsl(tile.status().message())));
  }
  const auto [found, computed] = std::mismatch(tile->begin(), tile->end(), row.begin());
  if (found == tile->end()) return absl::OkStatus();
  const int64_t first = (index * kTileWidth + (found - tile->begin())) * LeavesBelow(level);
  return VerificationFailedAt(
      first, Cat(TilePath(id), " holds ", ToHex(*found), " for the entries ", first, " to ",
                 first + LeavesBelow(level) - 1, ", whose root is ", ToHex(*computed)));
}

Hash TileChecker::root() const {
  TreeAccumulator tree;
  for (int level = kTileLevelMax; level >= 0; --level) {
    for (const Hash& hash : rows_[static_cast<size_t>(level)]) {
      tree.AppendSubtree(kTileHeight * level, hash);
    }
  }
  return tree.root();
}

// One line a level: its hashes in hexadecimal digits, one after another.
std::string TileChecker::Save() const {
  std::string text;
  for (const std::vector<Hash>& row : rows_) {
    for (const Hash& hash : row) text.append(ToHex(hash));
    text.push_back('\n');
  }
  return text;
}

absl::Status TileChecker::Load(std::string_view text) {
  const std::vector<absl::string_view> lines = absl::StrSplit(ToAbsl(text), '\n');
  if (lines.size() != rows_.size() + 1 || !lines.back().empty()) return BadState();
  size_ = 0;
  for (size_t level = 0; level < rows_.size(); ++level) {
    const absl::string_view line = lines[level];
    // Of the highest level only as much as there are positions.
    const size_t limit = level < kTileLevelMax ? kWidth : kWidth / 4;
    if (line.size() % 64 != 0 || line.size() / 64 >= limit ||
        line.find_first_not_of("0123456789abcdef") != absl::string_view::npos) {
      return BadState();
    }
    rows_[level].clear();
    const std::string bytes = absl::HexStringToBytes(line);
    for (size_t i = 0; i < bytes.size(); i += 32) {
      rows_[level].push_back(*HashFromBytes(std::string_view(bytes).substr(i, 32)));
    }
    size_ += static_cast<int64_t>(rows_[level].size()) * LeavesBelow(static_cast<int>(level));
  }
  return absl::OkStatus();
}

}  // namespace credence::client
