#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

// An entry of the log, taken apart by the verifier's own reader of the wire format: of all fields
// only those that are checked, as views of the entry's bytes, which is several times faster than
// the message object. It takes the canonical form only: fields in order of their numbers, none but
// `links` twice, so that no two readers can see different values in the same bytes.
namespace credence::client {

struct EntryTime {
  int64_t seconds = 0;
  int64_t nanos = 0;
  friend auto operator<=>(const EntryTime&, const EntryTime&) = default;
};

// The place of an entry in one of its streams.
struct StreamPlace {
  std::string_view stream;
  int64_t version = 0;
  std::optional<int64_t> previous;
};

// What the author of an entry signed of it.
struct EntryAuthor {
  std::string_view author;
  std::string_view public_key;
  // When the author said that the statement counts from.
  std::optional<EntryTime> effective_time;
  std::string_view signature;
};

// The views live as long as the entry's bytes.
struct EntryView {
  int64_t position = 0;
  StreamPlace place;
  // In further streams.
  std::vector<StreamPlace> links;
  EntryTime record_time;
  EntryTime effective_time;
  bool backfilled = false;
  std::string_view actor;
  std::string_view request_id;
  std::optional<int64_t> cause;
  // Full name, such as "credence.event.v1.LedgerCreated".
  std::string_view payload_type;
  // Serialized.
  std::string_view payload;
  std::optional<EntryAuthor> author_signature;
};

// Fills `view`, whose vectors are reused. VERIFICATION_FAILED where the bytes are not an
// EventEnvelope in canonical form. Unknown fields beyond those known are passed over.
[[nodiscard]] absl::Status ParseEntry(std::string_view entry, EntryView& view);

// Reads single fields of a serialized payload: of a field that stands several times the last one,
// as protobuf does. Nothing where it is absent, or where the bytes are no message.
[[nodiscard]] std::optional<std::string_view> BytesField(std::string_view message, uint32_t number);
[[nodiscard]] std::optional<uint64_t> NumberField(std::string_view message, uint32_t number);

}  // namespace credence::client
