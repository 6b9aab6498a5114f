#include "records.h"

#include <algorithm>

#include "credence/ledger/text.h"

namespace credence::ledger {
namespace {

constexpr size_t kIntegerBytes = 8;
constexpr size_t kHashBytes = sizeof(Hash);
constexpr size_t kRequestBytes = 2 * kHashBytes + 4 * kIntegerBytes;
constexpr size_t kHeadBytes = kHashBytes + 2 * kIntegerBytes;
constexpr char kTextMark = 1;
constexpr char kErasedMark = 2;
constexpr char kLostMark = 3;
constexpr size_t kMapRecordBytes = kHashBytes + 2 * kIntegerBytes;

void AppendInt64(int64_t value, std::string& out) {
  const uint64_t bits = static_cast<uint64_t>(value);
  for (int shift = 56; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(bits >> shift & 0xff));
  }
}

void AppendHash(const Hash& hash, std::string& out) {
  out.append(reinterpret_cast<const char*>(hash.data()), hash.size());
}

// Takes fields from the front of bytes whose length was checked before.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : rest_(bytes) {}

  int64_t Int64() {
    uint64_t bits = 0;
    for (const char byte : rest_.substr(0, kIntegerBytes)) {
      bits = bits << 8 | static_cast<uint8_t>(byte);
    }
    rest_.remove_prefix(kIntegerBytes);
    return static_cast<int64_t>(bits);
  }
  Hash NextHash() {
    Hash hash;
    std::copy_n(rest_.begin(), hash.size(), hash.begin());
    rest_.remove_prefix(hash.size());
    return hash;
  }

 private:
  std::string_view rest_;
};

}  // namespace

std::string EncodeInt64(int64_t value) {
  std::string bytes;
  AppendInt64(value, bytes);
  return bytes;
}

std::optional<int64_t> DecodeInt64(std::string_view bytes) {
  if (bytes.size() != kIntegerBytes) return std::nullopt;
  return FieldReader(bytes).Int64();
}

std::string TileKey(int level, int64_t index) {
  std::string key(1, static_cast<char>(level));
  AppendInt64(index, key);
  return key;
}

std::string StreamPrefix(std::string_view stream) {
  std::string prefix;
  prefix.reserve(stream.size() + 1 + kIntegerBytes);
  prefix.append(stream);
  prefix.push_back('\0');
  return prefix;
}

std::string StreamKey(std::string_view stream, int64_t version) {
  std::string key = StreamPrefix(stream);
  AppendInt64(version, key);
  return key;
}

std::string EncodeRequest(const RequestRecord& record) {
  std::string bytes;
  bytes.reserve(kRequestBytes);
  AppendHash(record.body_digest, bytes);
  AppendInt64(record.receipt.position.value, bytes);
  AppendInt64(record.receipt.event_count, bytes);
  AppendHash(record.receipt.leaf_hash, bytes);
  AppendInt64(absl::ToUnixMicros(record.receipt.record_time), bytes);
  AppendInt64(record.receipt.revision, bytes);
  return bytes;
}

std::optional<RequestRecord> DecodeRequest(std::string_view request_id, std::string_view bytes) {
  if (bytes.size() != kRequestBytes) return std::nullopt;
  FieldReader reader(bytes);
  RequestRecord record;
  record.body_digest = reader.NextHash();
  record.receipt.position = Position{reader.Int64()};
  record.receipt.event_count = reader.Int64();
  record.receipt.leaf_hash = reader.NextHash();
  record.receipt.record_time = absl::FromUnixMicros(reader.Int64());
  record.receipt.revision = reader.Int64();
  record.receipt.request_id = std::string(request_id);
  return record;
}

std::string EncodeHead(const HeadRecord& record) {
  std::string bytes;
  bytes.reserve(kHeadBytes);
  AppendInt64(record.head.size.value, bytes);
  AppendHash(record.head.root, bytes);
  AppendInt64(absl::ToUnixMicros(record.last_record_time), bytes);
  return bytes;
}

std::optional<HeadRecord> DecodeHead(std::string_view bytes) {
  if (bytes.size() != kHeadBytes) return std::nullopt;
  FieldReader reader(bytes);
  HeadRecord record;
  record.head.size = TreeSize{reader.Int64()};
  record.head.root = reader.NextHash();
  record.last_record_time = absl::FromUnixMicros(reader.Int64());
  return record;
}

std::string TextKey(Position position, std::string_view field) {
  std::string key;
  key.reserve(kIntegerBytes + field.size());
  AppendInt64(position.value, key);
  key.append(field);
  return key;
}

std::string EncodeText(const StoredText& text) {
  std::string bytes;
  switch (text.kind) {
    case StoredText::Kind::kText:
      bytes.reserve(1 + text.salt.size() + text.text.size());
      bytes.push_back(kTextMark);
      bytes.append(text.salt);
      bytes.append(text.text);
      break;
    case StoredText::Kind::kErased:
      bytes.push_back(kErasedMark);
      AppendInt64(text.erased_by.value, bytes);
      break;
    case StoredText::Kind::kLost:
      bytes.push_back(kLostMark);
      break;
  }
  return bytes;
}

std::optional<StoredText> DecodeText(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  const std::string_view rest = bytes.substr(1);
  StoredText text;
  if (bytes.front() == kTextMark && rest.size() > kTextSaltBytes) {
    text.salt = std::string(rest.substr(0, kTextSaltBytes));
    text.text = std::string(rest.substr(kTextSaltBytes));
    return text;
  }
  if (bytes.front() == kErasedMark && rest.size() == kIntegerBytes) {
    text.kind = StoredText::Kind::kErased;
    text.erased_by = Position{FieldReader(rest).Int64()};
    return text;
  }
  if (bytes.front() != kLostMark || !rest.empty()) return std::nullopt;
  text.kind = StoredText::Kind::kLost;
  return text;
}

std::string EncodeMapRecord(const MapRecord& record) {
  std::string bytes;
  bytes.reserve(kMapRecordBytes);
  AppendInt64(record.size.value, bytes);
  AppendInt64(record.stream_count, bytes);
  AppendHash(record.root, bytes);
  return bytes;
}

std::optional<MapRecord> DecodeMapRecord(std::string_view bytes) {
  if (bytes.size() != kMapRecordBytes) return std::nullopt;
  FieldReader reader(bytes);
  MapRecord record;
  record.size = TreeSize{reader.Int64()};
  record.stream_count = reader.Int64();
  record.root = reader.NextHash();
  return record;
}

}  // namespace credence::ledger
