#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "credence/ledger/position.h"
#include "credence/ledger/sequencer.h"
#include "credence/ledger/tree.h"
#include "tile_tree.h"

// What sequencing hands to committing: everything that one atomic write makes durable, in terms of
// the log and not of a database.
namespace credence::ledger {

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

  // Position of the first entry.
  Position first;
  // The entries one after another.
  std::string bytes;
  std::vector<Entry> entries;
  std::vector<RequestRecord> requests;
  std::vector<FullTile> tiles;
  std::vector<StateWriter::Change> state_changes;
  // The log after the batch.
  TreeHead head;
  absl::Time last_record_time;

  [[nodiscard]] std::string_view EntryBytes(const Entry& entry) const {
    return std::string_view(bytes).substr(entry.offset, entry.size);
  }
  [[nodiscard]] std::string_view StreamName(const Entry& entry) const {
    return std::string_view(bytes).substr(entry.stream_offset, entry.stream_size);
  }
};

}  // namespace credence::ledger
