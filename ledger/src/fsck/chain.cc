#include "fsck/chain.h"

#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/ledger/text.h"
#include "failure.h"

namespace credence::ledger {
namespace {

// `place` is an envelope or one of its links.
template <typename Place>
absl::Status CheckStream(const Place& place, const StreamHead& head) {
  if (place.stream_version() != head.length) {
    return LedgerFailed(Cat("says that it is version ", place.stream_version(), " of stream ",
                            place.stream(), ", whose next version is ", head.length));
  }
  if (place.has_previous_position() != (head.length > 0) ||
      (head.length > 0 && place.previous_position() != head.last.value)) {
    return LedgerFailed(Cat("does not name its predecessor in stream ", place.stream()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ChainedEntry> ChainChecker::Add(std::string_view entry) {
  if (entry.size() > kEntryBytesMax) return LedgerFailed("is larger than an entry may be");
  CREDENCE_ASSIGN_OR_RETURN(const DecodedEvent decoded, DecodeEntry(entry));
  const SequencedEvent event = decoded.AsEvent();
  if (event.position.value != size_.value) {
    return LedgerFailed(Cat("says that it is at position ", event.position.value));
  }
  CREDENCE_RETURN_IF_ERROR(CheckStream(decoded.envelope, HeadOf(decoded.envelope.stream())));
  for (const event::v1::StreamLink& link : decoded.envelope.links()) {
    CREDENCE_RETURN_IF_ERROR(CheckStream(link, HeadOf(link.stream())));
  }
  const bool begins_write = event.record_time > last_record_time_;
  if (event.record_time < last_record_time_) {
    return LedgerFailed("was recorded before the entry in front of it");
  }
  if (!begins_write && decoded.envelope.request_id() != last_request_id_) {
    return LedgerFailed("has the record time of another write");
  }
  ChainedEntry chained;
  chained.request_id = decoded.envelope.request_id();
  chained.record_time = event.record_time;
  chained.begins_write = begins_write;
  if (event.payload != nullptr) {
    chained.text_digests = TextDigestsOf(*event.payload);
    if (const auto* erased = dynamic_cast<const event::v1::TextsErased*>(event.payload)) {
      chained.erased.assign(erased->texts().begin(), erased->texts().end());
    }
  }
  const auto advance = [&](const auto& place) {
    streams_[place.stream()] = {place.stream_version() + 1, event.position};
    chained.places.push_back({place.stream(), place.stream_version()});
  };
  advance(decoded.envelope);
  for (const event::v1::StreamLink& link : decoded.envelope.links()) advance(link);
  if (begins_write) last_write_ = event.position;
  last_record_time_ = event.record_time;
  last_request_id_ = decoded.envelope.request_id();
  ++size_.value;
  return chained;
}

StreamHead ChainChecker::HeadOf(const std::string& stream) const {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? StreamHead() : found->second;
}

}  // namespace credence::ledger
