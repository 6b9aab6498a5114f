#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "credence/ledger/position.h"
#include "credence/ledger/sequencer.h"
#include "credence/ledger/stream_map.h"
#include "credence/ledger/tree.h"
#include "map_pages.h"
#include "tile_tree.h"

// What sequencing hands to committing: everything that one atomic write makes durable, in terms of
// the log and not of a database.
namespace credence::ledger {

// In the place of the digest of a write whose texts were erased: a repeat of it may have any body.
inline constexpr Hash kErasedDigest = [] {
  Hash digest{};
  for (uint8_t& byte : digest) byte = 0xff;
  return digest;
}();

// A receipt with what its request must match for ever.
struct RequestRecord {
  Hash body_digest{};
  // `duplicate` is false.
  Receipt receipt;
};

struct CommitBatch {
  // One entry: its bytes, and the stream's name within them.
  struct Entry {
    size_t offset = 0;
    size_t size = 0;
    size_t stream_offset = 0;
    size_t stream_size = 0;
    int64_t stream_version = 0;
  };

  // The place of an entry in a further stream.
  struct Link {
    // Index of the entry in the batch.
    size_t entry = 0;
    size_t stream_offset = 0;
    size_t stream_size = 0;
    int64_t stream_version = 0;
  };

  // A text that belongs to an entry, or the mark in the place of one, as it is stored.
  struct Text {
    std::string key;
    std::string value;
  };

  // Position of the first entry.
  Position first;
  // The entries one after another.
  std::string bytes;
  std::vector<Entry> entries;
  std::vector<Link> links;
  std::vector<RequestRecord> requests;
  std::vector<Text> texts;
  // Whether texts were erased, so that they must leave the files.
  bool erases = false;
  std::vector<FullTile> tiles;
  std::vector<StateWriter::Change> state_changes;
  // Pages of the map of stream heads that changed, and what the last record of it says; both only
  // where the batch holds such a record.
  MapPages map_pages;
  std::optional<MapRecord> map_record;
  // The log after the batch.
  TreeHead head;
  absl::Time last_record_time;

  [[nodiscard]] std::string_view EntryBytes(const Entry& entry) const {
    return std::string_view(bytes).substr(entry.offset, entry.size);
  }
  // Of an entry or of a link.
  template <typename Place>
  [[nodiscard]] std::string_view StreamName(const Place& place) const {
    return std::string_view(bytes).substr(place.stream_offset, place.stream_size);
  }
};

}  // namespace credence::ledger
