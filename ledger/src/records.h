#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "commit_batch.h"
#include "credence/ledger/position.h"
#include "credence/ledger/stream_map.h"
#include "credence/ledger/tree.h"

// Keys and values of the database. Integers are big-endian, so that keys sort by number.
//
//   entries:   position:8                        -> the entry
//   tiles:     level:1 index:8                   -> 256 hashes of 32 bytes
//   streams:   name 0x00 version:8               -> position:8
//   requests:  request id                        -> body_digest:32 position:8 event_count:8
//                                                   leaf_hash:32 record_time_us:8 revision:8
//   map:       path                              -> a page, see map_pages.h
//   blobs:     position:8 field                  -> 0x01 salt:32 text, a text of the entry;
//                                                   0x02 position:8, of the event that erased it;
//                                                   0x03, one that was lost with its file
//   state:     as projections choose             -> as they choose
//   meta:      "format"                          -> version:8
//              "origin"                          -> origin line
//              "verifier_key"                    -> signed-note verifier key
//              "head"                            -> size:8 root:32 last_record_time_us:8
//              "stream_map"                      -> size:8 stream_count:8 root:32
//              "unpurged"                        -> size:8, while files may hold what was erased
//                                                   before the log had that size
namespace credence::ledger {

inline constexpr int64_t kFormatVersion = 1;
inline constexpr std::string_view kFormatKey = "format";
inline constexpr std::string_view kOriginKey = "origin";
inline constexpr std::string_view kVerifierKeyKey = "verifier_key";
inline constexpr std::string_view kHeadKey = "head";
inline constexpr std::string_view kMapKey = "stream_map";
inline constexpr std::string_view kUnpurgedKey = "unpurged";

[[nodiscard]] std::string EncodeInt64(int64_t value);
// Nothing where `bytes` has not 8 bytes.
[[nodiscard]] std::optional<int64_t> DecodeInt64(std::string_view bytes);

[[nodiscard]] std::string TileKey(int level, int64_t index);

// What the keys of a stream begin with. Names hold no NUL, so that no prefix is one of another's.
[[nodiscard]] std::string StreamPrefix(std::string_view stream);
[[nodiscard]] std::string StreamKey(std::string_view stream, int64_t version);

[[nodiscard]] std::string EncodeRequest(const RequestRecord& record);
// Nothing where the bytes are not a record.
[[nodiscard]] std::optional<RequestRecord> DecodeRequest(std::string_view request_id,
                                                         std::string_view bytes);

// The head as the last batch recorded it.
struct HeadRecord {
  TreeHead head;
  absl::Time last_record_time;
};
[[nodiscard]] std::string EncodeHead(const HeadRecord& record);
[[nodiscard]] std::optional<HeadRecord> DecodeHead(std::string_view bytes);

// A text of an entry, or what became of it.
struct StoredText {
  enum class Kind { kText, kErased, kLost };
  Kind kind = Kind::kText;
  // Of a text.
  std::string salt;
  std::string text;
  // Of one that was erased: the event that did it.
  Position erased_by;
};
[[nodiscard]] std::string TextKey(Position position, std::string_view field);
[[nodiscard]] std::string EncodeText(const StoredText& text);
[[nodiscard]] std::optional<StoredText> DecodeText(std::string_view bytes);

[[nodiscard]] std::string EncodeMapRecord(const MapRecord& record);
[[nodiscard]] std::optional<MapRecord> DecodeMapRecord(std::string_view bytes);

}  // namespace credence::ledger
