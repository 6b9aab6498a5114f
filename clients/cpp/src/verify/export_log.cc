#include "credence/client/verify/export_log.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/failure.h"
#include "credence/client/verify/merkle.h"
#include "credence/client/verify/text_checker.h"
#include "credence/client/verify/tile.h"
#include "verify/tile_checker.h"

namespace credence::client {
namespace {

constexpr int kTileHeight = 8;

absl::Status WriteError(const std::string& path) {
  return absl::InternalError(Cat(path, ": cannot be written"));
}

// Writes beside `path` and renames.
absl::Status WriteFile(const std::string& path, const std::string& bytes) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (error) return WriteError(path);
  const std::string partial = Cat(path, ".partial");
  std::ofstream file(partial, std::ios::binary | std::ios::trunc);
  file << bytes;
  file.close();
  if (!file.good()) return WriteError(path);
  std::filesystem::rename(partial, path, error);
  return error ? WriteError(path) : absl::OkStatus();
}

int WidthAt(int64_t tree_size, int level, int64_t index) {
  return static_cast<int>(std::min(kTileWidth, LevelWidth(tree_size, level) - index * kTileWidth));
}

// The root that the log in `source`, which has `tree_size` entries, had at `size`: from the last
// tile of each level.
absl::StatusOr<Hash> RootAt(LogSource& source, int64_t tree_size, int64_t size) {
  TreeAccumulator tree;
  for (int level = kTileLevelMax; level >= 0; --level) {
    const int64_t width = LevelWidth(size, level);
    const auto count = static_cast<size_t>(width % kTileWidth);
    if (count == 0) continue;
    const int64_t index = width / kTileWidth;
    const TileId id{level, index, WidthAt(tree_size, level, index)};
    CREDENCE_ASSIGN_OR_RETURN(const std::string bytes, ReadTileFile(source, id));
    CREDENCE_ASSIGN_OR_RETURN(const std::vector<Hash> tile, ParseTile(bytes, id.width));
    for (size_t i = 0; i < count; ++i) tree.AppendSubtree(kTileHeight * level, tile[i]);
  }
  return tree.root();
}

absl::StatusOr<Checkpoint> ReadCheckpoint(LogSource& source, const std::string& note,
                                          const std::optional<VerifierKey>& key) {
  if (key.has_value()) return OpenCheckpoint(note, *key);
  const absl::StatusOr<SignedNote> parsed = ParseNote(note);
  if (!parsed.ok()) {
    return VerificationFailed(
        Cat(source.name(), ": the checkpoint: ", FromAbsl(parsed.status().message())));
  }
  return ParseCheckpoint(parsed->text);
}

class Export {
 public:
  Export(LogSource& source, const std::string& directory, const ExportOptions& options)
      : source_(source), directory_(directory), options_(options) {}

  absl::StatusOr<ExportReport> Run() {
    CREDENCE_ASSIGN_OR_RETURN(const std::string note, source_.Read("checkpoint"));
    CREDENCE_ASSIGN_OR_RETURN(report_.checkpoint, ReadCheckpoint(source_, note, options_.key));
    CREDENCE_RETURN_IF_ERROR(CheckRoot(report_.checkpoint));
    CREDENCE_RETURN_IF_ERROR(CheckExtends());
    CREDENCE_RETURN_IF_ERROR(CopyTiles());
    CREDENCE_RETURN_IF_ERROR(RefreshTexts());
    CREDENCE_RETURN_IF_ERROR(Write("checkpoint", note));
    RemovePartials();
    return report_;
  }

 private:
  absl::Status CheckRoot(const Checkpoint& known) {
    const int64_t size = report_.checkpoint.tree_size;
    if (known.tree_size > size) {
      return VerificationFailed(Cat(source_.name(), " has ", size, " entries, but ", directory_,
                                    " holds ", known.tree_size, " already"));
    }
    CREDENCE_ASSIGN_OR_RETURN(const Hash root, RootAt(source_, size, known.tree_size));
    if (root == known.root) return absl::OkStatus();
    return VerificationFailed(Cat(source_.name(), ": the first ", known.tree_size,
                                  " entries have the root ", ToHex(root),
                                  ", but a checkpoint of that size says ", ToHex(known.root)));
  }

  absl::Status CheckExtends() {
    const std::unique_ptr<LogSource> copy = MakeDirectorySource(directory_);
    const absl::StatusOr<std::string> note = copy->Read("checkpoint");
    if (absl::IsNotFound(note.status())) return absl::OkStatus();
    CREDENCE_RETURN_IF_ERROR(note.status());
    CREDENCE_ASSIGN_OR_RETURN(const Checkpoint earlier, ReadCheckpoint(*copy, *note, options_.key));
    if (earlier.origin != report_.checkpoint.origin) {
      return VerificationFailed(
          Cat(directory_, " holds the log ", earlier.origin, ", not ", report_.checkpoint.origin));
    }
    report_.previous_size = earlier.tree_size;
    return CheckRoot(earlier);
  }

  // Full tiles that the copy had are the same for ever.
  absl::Status CopyTiles() {
    const int64_t size = report_.checkpoint.tree_size;
    for (int level = 0; level <= kTileLevelMax; ++level) {
      const int64_t width = LevelWidth(size, level);
      int64_t index = LevelWidth(report_.previous_size, level) / kTileWidth;
      for (; index * kTileWidth < width; ++index) {
        const TileId id{level, index, WidthAt(size, level, index)};
        CREDENCE_RETURN_IF_ERROR(Copy(id));
        if (level > 0) continue;
        CREDENCE_RETURN_IF_ERROR(CopyEntries({kEntriesLevel, index, id.width}));
        if (options_.progress) options_.progress(std::min(size, (index + 1) * kTileWidth), size);
      }
    }
    return absl::OkStatus();
  }

  // The entries of a bundle, and their texts.
  absl::Status CopyEntries(const TileId& id) {
    CREDENCE_ASSIGN_OR_RETURN(const std::string bytes, ReadTileFile(source_, id));
    CREDENCE_RETURN_IF_ERROR(Write(TilePath(id), bytes));
    return MayHoldTexts(bytes) ? CopyTexts(id.index) : absl::OkStatus();
  }

  // Nothing where the source shows none.
  absl::Status CopyTexts(int64_t index) {
    const std::string path = TextBundlePath(index);
    const absl::StatusOr<std::string> bytes = source_.Read(path);
    if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
    CREDENCE_RETURN_IF_ERROR(bytes.status());
    return bytes->empty() ? absl::OkStatus() : Write(path, *bytes);
  }

  // Texts that the copy had: some may have been erased since.
  absl::Status RefreshTexts() {
    const int64_t count = report_.previous_size / kTileWidth;
    for (int64_t index = 0; index < count; ++index) {
      std::error_code error;
      if (!std::filesystem::exists(Cat(directory_, "/", TextBundlePath(index)), error)) continue;
      CREDENCE_RETURN_IF_ERROR(CopyTexts(index));
    }
    return absl::OkStatus();
  }

  absl::Status Copy(const TileId& id) {
    CREDENCE_ASSIGN_OR_RETURN(const std::string bytes, ReadTileFile(source_, id));
    return Write(TilePath(id), bytes);
  }

  absl::Status Write(const std::string& path, const std::string& bytes) {
    ++report_.file_count;
    report_.byte_count += static_cast<int64_t>(bytes.size());
    return WriteFile(Cat(directory_, "/", path), bytes);
  }

  // Partial tiles of the copy before, which larger ones have replaced. What cannot be removed only
  // takes room.
  void RemovePartials() const {
    ForEachTile(report_.previous_size, [&](const TileId& id) {
      if (id.width < kTileWidth) {
        RemovePartial(id);
        if (id.level == 0) RemovePartial({kEntriesLevel, id.index, id.width});
      }
      return true;
    });
  }

  void RemovePartial(const TileId& id) const {
    const int level = std::max(id.level, 0);
    if (WidthAt(report_.checkpoint.tree_size, level, id.index) == id.width) return;
    const std::filesystem::path path = Cat(directory_, "/", TilePath(id));
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    // The directory of partial tiles, where it is empty now.
    std::filesystem::remove(path.parent_path(), ignored);
  }

  LogSource& source_;
  const std::string directory_;
  const ExportOptions& options_;
  ExportReport report_;
};

}  // namespace

absl::StatusOr<ExportReport> ExportLog(LogSource& source, const std::string& directory,
                                       const ExportOptions& options) {
  return Export(source, directory, options).Run();
}

}  // namespace credence::client
