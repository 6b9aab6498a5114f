#include "credence/client/verify/entry.h"

#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/failure.h"
#include "verify/wire.h"

namespace credence::client {
namespace {

constexpr uint32_t kLinksField = 13;
constexpr uint32_t kAuthorSignatureField = 14;
constexpr std::string_view kTypeUrlPrefix = "type.googleapis.com/";

absl::Status Malformed(std::string_view what) {
  return VerificationFailed(Cat("the entry is not an envelope in canonical form: ", what));
}

// Fields of one message in rising order, none twice unless it is `repeated`.
class CanonicalReader {
 public:
  explicit CanonicalReader(std::string_view message, uint32_t repeated = 0)
      : reader_(message), repeated_(repeated) {}

  bool Next(WireField& field) {
    if (!reader_.Next(field)) return false;
    if (field.number < last_ || (field.number == last_ && field.number != repeated_)) {
      disordered_ = true;
      return false;
    }
    last_ = field.number;
    return true;
  }

  [[nodiscard]] bool ok() const { return !disordered_ && !reader_.failed(); }

 private:
  WireReader reader_;
  const uint32_t repeated_;
  uint32_t last_ = 0;
  bool disordered_ = false;
};

bool ParseTime(const WireField& time, EntryTime& out) {
  CanonicalReader reader(time.bytes);
  WireField field;
  out = {};
  while (reader.Next(field)) {
    if (field.type != 0) return false;
    if (field.number == 1) out.seconds = static_cast<int64_t>(field.value);
    if (field.number == 2) out.nanos = static_cast<int64_t>(field.value);
  }
  return time.type == 2 && reader.ok() && out.nanos >= 0 && out.nanos < 1'000'000'000;
}

bool ParseLink(const WireField& link, StreamPlace& out) {
  CanonicalReader reader(link.bytes);
  WireField field;
  out = {};
  while (reader.Next(field)) {
    if (field.type != (field.number == 1 ? 2U : 0U)) return false;
    if (field.number == 1) out.stream = field.bytes;
    if (field.number == 2) out.version = static_cast<int64_t>(field.value);
    if (field.number == 3) out.previous = static_cast<int64_t>(field.value);
  }
  return link.type == 2 && reader.ok() && !out.stream.empty();
}

bool ParseAuthor(const WireField& signature, EntryAuthor& out) {
  CanonicalReader reader(signature.bytes);
  WireField field;
  while (reader.Next(field)) {
    if (field.type != 2) return false;
    if (field.number == 1) out.author = field.bytes;
    if (field.number == 2) out.public_key = field.bytes;
    if (field.number == 3 && !ParseTime(field, out.effective_time.emplace())) return false;
    if (field.number == 4) out.signature = field.bytes;
  }
  return signature.type == 2 && reader.ok();
}

bool ParsePayload(const WireField& payload, EntryView& view) {
  CanonicalReader reader(payload.bytes);
  WireField field;
  while (reader.Next(field)) {
    if (field.type != 2) return false;
    if (field.number == 1) view.payload_type = field.bytes;
    if (field.number == 2) view.payload = field.bytes;
  }
  if (payload.type != 2 || !reader.ok()) return false;
  if (view.payload_type.substr(0, kTypeUrlPrefix.size()) != kTypeUrlPrefix) return false;
  view.payload_type.remove_prefix(kTypeUrlPrefix.size());
  return true;
}

bool ParseText(const WireField& field, std::string_view& out) {
  out = field.bytes;
  return field.type == 2;
}

bool ParseNumber(const WireField& field, int64_t& out) {
  out = static_cast<int64_t>(field.value);
  return field.type == 0 && out >= 0;
}

// False where a known field has another type or a bad value.
bool Take(const WireField& field, EntryView& view) {
  int64_t number = 0;
  switch (field.number) {
    case 1:
      return ParseNumber(field, view.position);
    case 2:
      return ParseText(field, view.place.stream);
    case 3:
      return ParseNumber(field, view.place.version);
    case 4:
      if (!ParseNumber(field, number)) return false;
      view.place.previous = number;
      return true;
    case 5:
      return ParseTime(field, view.record_time);
    case 6:
      return ParseTime(field, view.effective_time);
    case 7:
      view.backfilled = field.value != 0;
      return field.type == 0;
    case 8:
      return ParseText(field, view.actor);
    case 9:
      return ParseText(field, view.request_id);
    case 10:
      if (!ParseNumber(field, number)) return false;
      view.cause = number;
      return true;
    case 12:
      return ParsePayload(field, view);
    case kLinksField:
      return ParseLink(field, view.links.emplace_back());
    case kAuthorSignatureField:
      return ParseAuthor(field, view.author_signature.emplace());
    default:
      return true;
  }
}

// All but `links` in one sweep; that keeps its memory.
void Clear(EntryView& view) {
  std::vector<StreamPlace> links = std::move(view.links);
  links.clear();
  view = EntryView();
  view.links = std::move(links);
}

// Reads what a ledger writes: the known fields one after another, each where it is expected. False
// for everything else, whether it is well-formed or not; that is then for the careful reader to
// say. It is what verifying a log does most besides hashing.
class PlainParser {
 public:
  explicit PlainParser(std::string_view bytes)
      : next_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  [[nodiscard]] bool Parse(EntryView& view) {
    view.place = StreamPlace();
    view.links.clear();
    view.cause.reset();
    view.author_signature.reset();
    view.record_time = view.effective_time = EntryTime();
    view.actor = view.request_id = view.payload_type = view.payload = std::string_view();
    int64_t flag = 0;
    int64_t ignorable = 0;
    view.position = 0;
    const bool read = Number(Tag(1, 0), view.position) && Bytes(Tag(2, 2), view.place.stream) &&
                      Place(Tag(3, 0), Tag(4, 0), view.place) &&
                      Time(Tag(5, 2), view.record_time) && Time(Tag(6, 2), view.effective_time) &&
                      Number(Tag(7, 0), flag) && Bytes(Tag(8, 2), view.actor) &&
                      Bytes(Tag(9, 2), view.request_id) && OptionalNumber(Tag(10, 0), view.cause) &&
                      Number(Tag(11, 0), ignorable) && Payload(view) && Links(view);
    view.backfilled = flag != 0;
    return read && next_ == end_ && !view.place.stream.empty() && !view.payload_type.empty();
  }

 private:
  static constexpr uint8_t Tag(int number, int type) {
    return static_cast<uint8_t>(number << 3 | type);
  }

  bool Take(uint8_t tag) {
    if (next_ == end_ || static_cast<uint8_t>(*next_) != tag) return false;
    ++next_;
    return true;
  }

  bool Varint(uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 63 && next_ != end_; shift += 7) {
      const auto byte = static_cast<uint8_t>(*next_++);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  // Each takes a field where it stands next, and nothing where another does; false where its value
  // is not one for this parser.
  bool Number(uint8_t tag, int64_t& value) {
    if (!Take(tag)) return true;
    uint64_t number = 0;
    if (!Varint(number)) return false;
    value = static_cast<int64_t>(number);
    return true;
  }

  bool OptionalNumber(uint8_t tag, std::optional<int64_t>& value) {
    if (next_ == end_ || static_cast<uint8_t>(*next_) != tag) return true;
    return Number(tag, value.emplace());
  }

  bool Bytes(uint8_t tag, std::string_view& bytes) {
    if (!Take(tag)) return true;
    uint64_t size = 0;
    if (!Varint(size) || size > static_cast<uint64_t>(end_ - next_)) return false;
    bytes = {next_, static_cast<size_t>(size)};
    next_ += size;
    return true;
  }

  bool Place(uint8_t version_tag, uint8_t previous_tag, StreamPlace& place) {
    return Number(version_tag, place.version) && OptionalNumber(previous_tag, place.previous);
  }

  bool Time(uint8_t tag, EntryTime& time) {
    std::string_view bytes;
    if (!Bytes(tag, bytes)) return false;
    PlainParser inner(bytes);
    return inner.Number(Tag(1, 0), time.seconds) && inner.Number(Tag(2, 0), time.nanos) &&
           inner.next_ == inner.end_ && time.nanos < 1'000'000'000;
  }

  bool Payload(EntryView& view) {
    std::string_view bytes;
    if (!Bytes(Tag(12, 2), bytes)) return false;
    PlainParser inner(bytes);
    if (!inner.Bytes(Tag(1, 2), view.payload_type) || !inner.Bytes(Tag(2, 2), view.payload) ||
        inner.next_ != inner.end_ ||
        view.payload_type.substr(0, kTypeUrlPrefix.size()) != kTypeUrlPrefix) {
      return false;
    }
    view.payload_type.remove_prefix(kTypeUrlPrefix.size());
    return true;
  }

  bool Links(EntryView& view) {
    while (next_ != end_ && static_cast<uint8_t>(*next_) == Tag(kLinksField, 2)) {
      std::string_view bytes;
      if (!Bytes(Tag(kLinksField, 2), bytes)) return false;
      StreamPlace& link = view.links.emplace_back();
      PlainParser inner(bytes);
      if (!inner.Bytes(Tag(1, 2), link.stream) || !inner.Place(Tag(2, 0), Tag(3, 0), link) ||
          inner.next_ != inner.end_ || link.stream.empty()) {
        return false;
      }
    }
    return true;
  }

  const char* next_;
  const char* const end_;
};

// What the plain parser did not take. Apart, so that its frame is not set up for every entry.
[[gnu::noinline]] absl::Status ParseCarefully(std::string_view entry, EntryView& view) {
  Clear(view);
  CanonicalReader reader(entry, kLinksField);
  WireField field;
  while (reader.Next(field)) {
    if (!Take(field, view)) [[unlikely]]
      return Malformed(Cat("field ", field.number, " has a bad value"));
  }
  if (!reader.ok()) return Malformed("its fields are broken, out of order or doubled");
  if (view.place.stream.empty()) return Malformed("it names no stream");
  if (view.payload_type.empty()) return Malformed("it has no payload");
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseEntry(std::string_view entry, EntryView& view) {
  if (PlainParser(entry).Parse(view)) [[likely]]
    return absl::OkStatus();
  return ParseCarefully(entry, view);
}

std::optional<std::string_view> BytesField(std::string_view message, uint32_t number) {
  WireReader reader(message);
  WireField field;
  std::optional<std::string_view> found;
  while (reader.Next(field)) {
    if (field.number == number && field.type == 2) found = field.bytes;
  }
  return reader.failed() ? std::nullopt : found;
}

std::optional<uint64_t> NumberField(std::string_view message, uint32_t number) {
  WireReader reader(message);
  WireField field;
  std::optional<uint64_t> found;
  while (reader.Next(field)) {
    if (field.number == number && field.type == 0) found = field.value;
  }
  return reader.failed() ? std::nullopt : found;
}

}  // namespace credence::client
