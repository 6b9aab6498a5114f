#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/event/v1/envelope.pb.h"
#include "credence/ledger/author.h"
#include "credence/ledger/position.h"
#include "google/protobuf/message.h"

// What goes into the log and what comes out of it. An entry is the serialized bytes of one
// credence.event.v1.EventEnvelope; it is stored, hashed and served as these bytes for ever.
namespace credence::ledger {

// Longest entry, in bytes: the length prefix of an entry bundle (C2SP tlog-tiles) has 16 bits.
inline constexpr size_t kEntryBytesMax = 65'535;

// An event as a decision makes it, before the ledger gives it its place.
struct EventDraft {
  // Such as "networks/afghanistan-2021". Not empty, without NUL bytes.
  std::string stream;
  // Further streams that the event belongs to, named like `stream`, none twice: indexes such as
  // "forecasters/analyst-1/forecasts".
  std::vector<std::string> links;
  // What happened. Not null.
  std::shared_ptr<const google::protobuf::Message> payload;
  // The same as its author serialized and signed it; null where no author did.
  std::shared_ptr<const SignedPayload> signed_payload;
  // When the statement counted; the record time where absent. Kept to the nanosecond.
  std::optional<absl::Time> effective_time;
  // True when an importer stated an earlier effective time.
  bool backfilled = false;
  // Who caused it, such as "forecasters/analyst-1" or "system".
  std::string actor;
  // Index, within the append, of the earlier event that this one followed from: its cause_position.
  std::optional<size_t> caused_by;
  // Whether a reader that does not know the payload's type may skip the event.
  bool ignorable = false;
};

// An event with its place in the log, as projections see it. The views, and the payload, live as
// long as the call that passes them.
struct SequencedEvent {
  Position position;
  std::string_view stream;
  // From 0, without gaps, within the stream.
  int64_t stream_version = 0;
  // Microseconds; one value for all events of an append, strictly increasing between appends.
  absl::Time record_time;
  absl::Time effective_time;
  bool backfilled = false;
  std::string_view actor;
  std::string_view request_id;
  std::optional<Position> cause;
  bool ignorable = false;
  // Null where this program does not know the payload's type.
  const google::protobuf::Message* payload = nullptr;
  // Full name of the payload's type, such as "credence.event.v1.LedgerCreated".
  std::string_view payload_type;
};

// An entry taken apart. Owns everything; movable, and views from `AsEvent` die with it.
struct DecodedEvent {
  event::v1::EventEnvelope envelope;
  // Null where this program does not know the payload's type; its bytes are in the envelope.
  std::unique_ptr<google::protobuf::Message> payload;

  [[nodiscard]] SequencedEvent AsEvent() const;
};

// Takes `entry` apart; payload types are looked up among those linked into the program. Unknown
// types and unknown fields are no errors. DATA_LOSS, reason LEDGER_FAILED, where the bytes are not
// an envelope or the payload is not what its type says.
[[nodiscard]] absl::StatusOr<DecodedEvent> DecodeEntry(std::string_view entry);

}  // namespace credence::ledger
