#include "http/tiles.h"

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "credence/base/strings.h"
#include "credence/ledger/tlog.h"
#include "service/status.h"

namespace credence::server {
namespace {

struct TileName {
  // Of hashes; absent for an entry bundle.
  std::optional<int> level;
  int64_t index = 0;
  int width = ledger::kFullTileWidth;
};

// Three decimal digits.
bool TakeGroup(absl::string_view text, int64_t& index) {
  int64_t group = 0;
  if (text.size() != 3 || !absl::SimpleAtoi(text, &group) || group < 0) return false;
  // Beyond any log, and beyond what the product may be.
  if (index > int64_t{1'000'000'000'000'000}) return false;
  index = index * 1'000 + group;
  return true;
}

std::optional<TileName> ParseTilePath(std::string_view path) {
  std::vector<absl::string_view> parts = absl::StrSplit(ToAbsl(path), '/');
  // "", "tile", level, one or more groups, maybe a width.
  if (parts.size() < 4) return std::nullopt;
  TileName name;
  if (parts[2] != "entries") {
    int level = 0;
    if (!absl::SimpleAtoi(parts[2], &level) || level < 0 || level > 63) return std::nullopt;
    name.level = level;
  }
  absl::string_view last = parts[parts.size() - 2];
  if (last.size() > 2 && last.substr(last.size() - 2) == ".p") {
    if (!absl::SimpleAtoi(parts.back(), &name.width) || name.width < 1 ||
        name.width >= ledger::kFullTileWidth) {
      return std::nullopt;
    }
    parts.pop_back();
    parts.back().remove_suffix(2);
  }
  for (size_t i = 3; i < parts.size(); ++i) {
    absl::string_view group = parts[i];
    const bool more = i + 1 < parts.size();
    if (more != (!group.empty() && group[0] == 'x')) return std::nullopt;
    if (more) group.remove_prefix(1);
    if (!TakeGroup(group, name.index)) return std::nullopt;
  }
  // Only one way to write each path is right.
  const std::string canonical = name.level.has_value()
                                    ? ledger::TilePath(*name.level, name.index, name.width)
                                    : ledger::EntryBundlePath(name.index, name.width);
  if (path.substr(1) != canonical) return std::nullopt;
  return name;
}

HttpResponse Failed(int status, std::string_view text) {
  return {status,
          {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}},
          Cat(text, "\n")};
}

HttpResponse FailedRead(const absl::Status& status) {
  const absl::Status shown = PublicStatus(status);
  const bool absent =
      shown.code() == absl::StatusCode::kOutOfRange || shown.code() == absl::StatusCode::kNotFound;
  return Failed(absent ? 404 : 500, FromAbsl(shown.message()));
}

}  // namespace

HttpResponse ServeTile(const ledger::Log& log, std::string_view path) {
  const std::optional<TileName> name = ParseTilePath(path);
  if (!name.has_value()) {
    return Failed(404, "not the path of a tile, such as /tile/0/x001/234.p/5");
  }
  absl::StatusOr<std::string> bytes = name->level.has_value()
                                          ? log.ReadTile(*name->level, name->index, name->width)
                                          : log.ReadEntryBundle(name->index, name->width);
  if (!bytes.ok()) return FailedRead(bytes.status());
  return {200,
          {{"Content-Type", "application/octet-stream"},
           {"Cache-Control", "public, max-age=31536000, immutable"}},
          *std::move(bytes)};
}

HttpResponse ServeTexts(const ledger::Log& log, std::string_view path) {
  std::vector<absl::string_view> groups = absl::StrSplit(ToAbsl(path), '/');
  int64_t index = 0;
  bool right = true;
  for (size_t i = 2; i < groups.size(); ++i) {
    const bool more = i + 1 < groups.size();
    right = right && more == absl::ConsumePrefix(&groups[i], "x") && TakeGroup(groups[i], index);
  }
  if (!right || path.substr(1) != ledger::TextBundlePath(index)) {
    return Failed(404, "not the path of the texts of 256 entries, such as /text/x001/234");
  }
  absl::StatusOr<std::string> bytes = log.ReadTextBundle(index);
  if (!bytes.ok()) return FailedRead(bytes.status());
  // What is erased must not be kept by anybody on the way.
  return {200,
          {{"Content-Type", "application/octet-stream"}, {"Cache-Control", "no-store"}},
          *std::move(bytes)};
}

HttpResponse ServeCheckpoint(const absl::StatusOr<ledger::SignedCheckpoint>& checkpoint) {
  if (!checkpoint.ok()) {
    return Failed(503, FromAbsl(PublicStatus(checkpoint.status()).message()));
  }
  return {200,
          {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-cache"}},
          checkpoint->note};
}

}  // namespace credence::server
