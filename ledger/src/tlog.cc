#include "credence/ledger/tlog.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "credence/base/check.h"
#include "credence/base/strings.h"
#include "credence/ledger/event.h"

namespace credence::ledger {
namespace {

constexpr int kLevelMax = 63;

// The index in groups of three digits, an "x" before each but the last; and the width.
std::string PathEnd(int64_t index, int width) {
  CREDENCE_CHECK(index >= 0);
  CREDENCE_CHECK(width >= 1 && width <= kFullTileWidth);
  std::string path = absl::StrFormat("%03d", index % 1000);
  while ((index /= 1000) > 0) path = Cat("x", absl::StrFormat("%03d", index % 1000), "/", path);
  return width == kFullTileWidth ? path : Cat(path, ".p/", width);
}

}  // namespace

std::string TilePath(int level, int64_t index, int width) {
  CREDENCE_CHECK(level >= 0 && level <= kLevelMax);
  return Cat("tile/", level, "/", PathEnd(index, width));
}

std::string EntryBundlePath(int64_t index, int width) {
  return Cat("tile/entries/", PathEnd(index, width));
}

std::string TextBundlePath(int64_t index) { return Cat("text/", PathEnd(index, kFullTileWidth)); }

void AppendBundledEntry(std::string_view entry, std::string& bundle) {
  CREDENCE_CHECK(entry.size() <= kEntryBytesMax);
  bundle.push_back(static_cast<char>(entry.size() >> 8));
  bundle.push_back(static_cast<char>(entry.size() & 0xff));
  bundle.append(entry);
}

std::string CheckpointText(std::string_view origin, const TreeHead& head) {
  const absl::string_view root(reinterpret_cast<const char*>(head.root.data()), head.root.size());
  return Cat(origin, "\n", head.size.value, "\n", absl::Base64Escape(root), "\n");
}

}  // namespace credence::ledger
