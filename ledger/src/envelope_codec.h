#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "credence/ledger/event.h"
#include "credence/ledger/position.h"

// Writes envelopes by hand: building the message object first takes most of the time of a write.
// What it writes is the canonical form of the message: fields in order of number, proto3 defaults
// left out, shortest varints; byte for byte what the protobuf library writes.
namespace credence::ledger {

// The place in a further stream.
struct LinkPlace {
  int64_t stream_version = 0;
  std::optional<Position> previous;
};

// What the ledger adds to a draft.
struct EntryPlace {
  Position position;
  int64_t stream_version = 0;
  std::optional<Position> previous;
  absl::Time record_time;
  std::string_view request_id;
  std::optional<Position> cause;
  // What is stored of the draft's payload where that has texts; null where it is stored as it is.
  const google::protobuf::Message* payload = nullptr;
  // One for each link of the draft, in their order.
  std::vector<LinkPlace> links;
};

// Where the last entry stands in the buffer that it was appended to.
struct EncodedEntry {
  // Bytes of the entry, whether it was appended or not.
  size_t size = 0;
  // Whether it was: an entry larger than kEntryBytesMax is not.
  bool appended = false;
  // Offset of the stream's name in the buffer.
  size_t stream_offset = 0;
  // The same of each link.
  std::vector<size_t> link_offsets;
};

// Appends the entry to `buffer`. CHECKs that times are finite and the payload is not null.
[[nodiscard]] EncodedEntry AppendEntry(const EventDraft& draft, const EntryPlace& place,
                                       std::string& buffer);

// The time as envelopes keep it: to the nanosecond, downwards.
[[nodiscard]] absl::Time TruncateToNanoseconds(absl::Time time);

}  // namespace credence::ledger
