#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "credence/ledger/position.h"
#include "credence/ledger/tree.h"

// The outside forms of the log, by the specifications of C2SP: tlog-tiles and tlog-checkpoint.
//
// Thread-safe: everything here is a pure function.
namespace credence::ledger {

// Hashes in a full tile and entries in a full bundle.
inline constexpr int kFullTileWidth = 256;

// "tile/0/x001/234.p/5" for the tile 1234 of level 0 with `width` hashes; a full tile, of 256, has
// no ".p/256". CHECKs: level 0 to 63, index >= 0, width 1 to 256.
[[nodiscard]] std::string TilePath(int level, int64_t index, int width);

// "tile/entries/x001/234.p/5", likewise.
[[nodiscard]] std::string EntryBundlePath(int64_t index, int width);

// "text/x001/234" for the texts of the entries of bundle 1234: beside tlog-tiles, not of it. CHECKs
// that the index is not negative.
[[nodiscard]] std::string TextBundlePath(int64_t index);

// Appends an entry to an entry bundle: its length in two bytes, big-endian, and its bytes. CHECKs
// that it is not larger than 65,535 bytes.
void AppendBundledEntry(std::string_view entry, std::string& bundle);

// The text of a checkpoint: three lines, origin, size and base64 of the root.
[[nodiscard]] std::string CheckpointText(std::string_view origin, const TreeHead& head);

// A checkpoint that the ledger signed.
struct SignedCheckpoint {
  TreeHead head;
  // The whole note (C2SP signed-note), text and signature lines.
  std::string note;
};

}  // namespace credence::ledger
