#include "envelope_codec.h"

#include <google/protobuf/io/coded_stream.h>

#include "credence/base/check.h"

namespace credence::ledger {
namespace {

using google::protobuf::io::CodedOutputStream;

// Tags: field number * 8 + wire type; 0 is a varint, 2 is a length and bytes.
enum Tag : uint8_t {
  kPositionTag = 1 << 3,
  kStreamTag = 2 << 3 | 2,
  kStreamVersionTag = 3 << 3,
  kPreviousPositionTag = 4 << 3,
  kRecordTimeTag = 5 << 3 | 2,
  kEffectiveTimeTag = 6 << 3 | 2,
  kBackfilledTag = 7 << 3,
  kActorTag = 8 << 3 | 2,
  kRequestIdTag = 9 << 3 | 2,
  kCausePositionTag = 10 << 3,
  kIgnorableTag = 11 << 3,
  kPayloadTag = 12 << 3 | 2,
  kLinkTag = 13 << 3 | 2,
  kAuthorSignatureTag = 14 << 3 | 2,
  // credence.event.v1.StreamLink
  kLinkStreamTag = 1 << 3 | 2,
  kLinkVersionTag = 2 << 3,
  kLinkPreviousTag = 3 << 3,
  // google.protobuf.Timestamp
  kSecondsTag = 1 << 3,
  kNanosTag = 2 << 3,
  // google.protobuf.Any
  kTypeUrlTag = 1 << 3 | 2,
  kValueTag = 2 << 3 | 2,
};

constexpr std::string_view kTypeUrlPrefix = "type.googleapis.com/";

struct Timestamp {
  int64_t seconds = 0;
  int64_t nanos = 0;
};

Timestamp ToTimestamp(absl::Time time) {
  CREDENCE_CHECK(time != absl::InfiniteFuture());
  CREDENCE_CHECK(time != absl::InfinitePast());
  const int64_t seconds = absl::ToUnixSeconds(time);
  const int64_t nanos = absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds));
  CREDENCE_CHECK(nanos >= 0);
  CREDENCE_CHECK(nanos < 1'000'000'000);
  return {seconds, nanos};
}

size_t VarintSize(int64_t value) {
  return CodedOutputStream::VarintSize64(static_cast<uint64_t>(value));
}

size_t NumberFieldSize(int64_t value) { return value == 0 ? 0 : 1 + VarintSize(value); }

size_t BytesFieldSize(size_t size) { return 1 + VarintSize(static_cast<int64_t>(size)) + size; }

size_t TextFieldSize(std::string_view text) {
  return text.empty() ? 0 : BytesFieldSize(text.size());
}

size_t TimestampSize(const Timestamp& time) {
  return NumberFieldSize(time.seconds) + NumberFieldSize(time.nanos);
}

// Writes into a buffer whose size was computed before.
class FieldWriter {
 public:
  explicit FieldWriter(uint8_t* target) : target_(target) {}

  // An optional field: written even when it is 0.
  void PresentNumber(Tag tag, int64_t value) {
    *target_++ = tag;
    Varint(value);
  }
  void Number(Tag tag, int64_t value) {
    if (value != 0) PresentNumber(tag, value);
  }
  void Header(Tag tag, size_t size) {
    *target_++ = tag;
    Varint(static_cast<int64_t>(size));
  }
  void Raw(std::string_view bytes) {
    target_ =
        CodedOutputStream::WriteRawToArray(bytes.data(), static_cast<int>(bytes.size()), target_);
  }
  void Text(Tag tag, std::string_view text) {
    if (text.empty()) return;
    Header(tag, text.size());
    Raw(text);
  }
  void Time(Tag tag, const Timestamp& time) {
    Header(tag, TimestampSize(time));
    Number(kSecondsTag, time.seconds);
    Number(kNanosTag, time.nanos);
  }
  // `size` is what ByteSizeLong of the message gave last.
  void Message(Tag tag, const google::protobuf::Message& message, size_t size) {
    Header(tag, size);
    uint8_t* const start = target_;
    target_ = message.SerializeWithCachedSizesToArray(target_);
    CREDENCE_CHECK(static_cast<size_t>(target_ - start) == size);
  }
  [[nodiscard]] uint8_t* target() const { return target_; }

 private:
  void Varint(int64_t value) {
    target_ = CodedOutputStream::WriteVarint64ToArray(static_cast<uint64_t>(value), target_);
  }

  uint8_t* target_;
};

// The parts of an entry with the sizes that are needed twice.
struct EntryParts {
  Timestamp record_time;
  Timestamp effective_time;
  size_t type_url_size = 0;
  size_t payload_size = 0;
  size_t any_size = 0;
  size_t signature_size = 0;
  size_t entry_size = 0;
};

size_t OptionalPositionSize(const std::optional<Position>& position) {
  return position.has_value() ? 1 + VarintSize(position->value) : 0;
}

size_t LinkSize(const std::string& stream, const LinkPlace& place) {
  return BytesFieldSize(stream.size()) + NumberFieldSize(place.stream_version) +
         OptionalPositionSize(place.previous);
}

size_t LinksSize(const EventDraft& draft, const EntryPlace& place) {
  size_t size = 0;
  for (size_t i = 0; i < draft.links.size(); ++i) {
    size += BytesFieldSize(LinkSize(draft.links[i], place.links[i]));
  }
  return size;
}

const google::protobuf::Message& PayloadOf(const EventDraft& draft, const EntryPlace& place) {
  return place.payload == nullptr ? *draft.payload : *place.payload;
}

EntryParts Measure(const EventDraft& draft, const EntryPlace& place) {
  EntryParts parts;
  parts.record_time = ToTimestamp(place.record_time);
  parts.effective_time = ToTimestamp(draft.effective_time.value_or(place.record_time));
  parts.type_url_size = kTypeUrlPrefix.size() + draft.payload->GetDescriptor()->full_name().size();
  const SignedPayload* const author = draft.signed_payload.get();
  parts.payload_size =
      author == nullptr ? PayloadOf(draft, place).ByteSizeLong() : author->payload.size();
  parts.signature_size = author == nullptr ? 0 : author->signature.ByteSizeLong();
  parts.any_size = BytesFieldSize(parts.type_url_size) +
                   (parts.payload_size == 0 ? 0 : BytesFieldSize(parts.payload_size));
  parts.entry_size = NumberFieldSize(place.position.value) + TextFieldSize(draft.stream) +
                     NumberFieldSize(place.stream_version) + OptionalPositionSize(place.previous) +
                     BytesFieldSize(TimestampSize(parts.record_time)) +
                     BytesFieldSize(TimestampSize(parts.effective_time)) +
                     NumberFieldSize(draft.backfilled) + TextFieldSize(draft.actor) +
                     TextFieldSize(place.request_id) + OptionalPositionSize(place.cause) +
                     NumberFieldSize(draft.ignorable) + BytesFieldSize(parts.any_size) +
                     LinksSize(draft, place) +
                     (author == nullptr ? 0 : BytesFieldSize(parts.signature_size));
  return parts;
}

// Returns where the stream's name of each link stands.
std::vector<const uint8_t*> WriteLinks(const EventDraft& draft, const EntryPlace& place,
                                       FieldWriter& out) {
  std::vector<const uint8_t*> names;
  for (size_t i = 0; i < draft.links.size(); ++i) {
    const LinkPlace& link = place.links[i];
    out.Header(kLinkTag, LinkSize(draft.links[i], link));
    out.Header(kLinkStreamTag, draft.links[i].size());
    names.push_back(out.target());
    out.Raw(draft.links[i]);
    out.Number(kLinkVersionTag, link.stream_version);
    if (link.previous.has_value()) out.PresentNumber(kLinkPreviousTag, link.previous->value);
  }
  return names;
}

// Returns the place of the stream's name.
const uint8_t* WriteEntry(const EventDraft& draft, const EntryPlace& place, const EntryParts& parts,
                          FieldWriter& out) {
  out.Number(kPositionTag, place.position.value);
  out.Header(kStreamTag, draft.stream.size());
  const uint8_t* const stream = out.target();
  out.Raw(draft.stream);
  out.Number(kStreamVersionTag, place.stream_version);
  if (place.previous.has_value()) out.PresentNumber(kPreviousPositionTag, place.previous->value);
  out.Time(kRecordTimeTag, parts.record_time);
  out.Time(kEffectiveTimeTag, parts.effective_time);
  out.Number(kBackfilledTag, draft.backfilled);
  out.Text(kActorTag, draft.actor);
  out.Text(kRequestIdTag, place.request_id);
  if (place.cause.has_value()) out.PresentNumber(kCausePositionTag, place.cause->value);
  out.Number(kIgnorableTag, draft.ignorable);
  out.Header(kPayloadTag, parts.any_size);
  out.Header(kTypeUrlTag, parts.type_url_size);
  out.Raw(kTypeUrlPrefix);
  out.Raw(draft.payload->GetDescriptor()->full_name());
  if (draft.signed_payload != nullptr) {
    out.Text(kValueTag, draft.signed_payload->payload);
  } else if (parts.payload_size > 0) {
    out.Message(kValueTag, PayloadOf(draft, place), parts.payload_size);
  }
  return stream;
}

}  // namespace

EncodedEntry AppendEntry(const EventDraft& draft, const EntryPlace& place, std::string& buffer) {
  CREDENCE_CHECK(draft.payload != nullptr);
  CREDENCE_CHECK(!draft.stream.empty());
  CREDENCE_CHECK(draft.links.size() == place.links.size());
  const EntryParts parts = Measure(draft, place);
  EncodedEntry encoded;
  encoded.size = parts.entry_size;
  if (parts.entry_size > kEntryBytesMax) return encoded;
  const size_t start = buffer.size();
  buffer.resize(start + parts.entry_size);
  uint8_t* const target = reinterpret_cast<uint8_t*>(buffer.data());
  FieldWriter out(target + start);
  const uint8_t* const stream = WriteEntry(draft, place, parts, out);
  for (const uint8_t* const name : WriteLinks(draft, place, out)) {
    encoded.link_offsets.push_back(static_cast<size_t>(name - target));
  }
  if (draft.signed_payload != nullptr) {
    out.Message(kAuthorSignatureTag, draft.signed_payload->signature, parts.signature_size);
  }
  CREDENCE_CHECK(out.target() == target + buffer.size());
  encoded.appended = true;
  encoded.stream_offset = static_cast<size_t>(stream - target);
  return encoded;
}

absl::Time TruncateToNanoseconds(absl::Time time) {
  const Timestamp timestamp = ToTimestamp(time);
  return absl::FromUnixSeconds(timestamp.seconds) + absl::Nanoseconds(timestamp.nanos);
}

}  // namespace credence::ledger
