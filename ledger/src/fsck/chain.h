#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/event/v1/text.pb.h"
#include "credence/ledger/event.h"
#include "credence/ledger/position.h"
#include "stream_heads.h"

namespace credence::ledger {

// The place of an entry in one of its streams.
struct ChainedPlace {
  std::string stream;
  int64_t stream_version = 0;
};

// What an entry says of itself that others refer to.
struct ChainedEntry {
  // Of the texts that lie beside the log.
  std::vector<event::v1::TextDigest> text_digests;
  // The texts of earlier entries that it erased.
  std::vector<event::v1::ErasedText> erased;
  // The first is the stream of the entry, the others its links.
  std::vector<ChainedPlace> places;
  // Empty where no request caused it.
  std::string request_id;
  absl::Time record_time;
  // Whether it is the first of its write.
  bool begins_write = false;
};

// Follows the log from its first entry on and checks that each fits the ones before it: its
// position, its stream's version and predecessor, its record time, its write.
//
// Not thread-safe.
class ChainChecker {
 public:
  // The next entry. DATA_LOSS, whose message says what does not fit, without changing anything.
  [[nodiscard]] absl::StatusOr<ChainedEntry> Add(std::string_view entry);

  [[nodiscard]] TreeSize size() const { return size_; }
  [[nodiscard]] absl::Time last_record_time() const { return last_record_time_; }
  // Where the last write began.
  [[nodiscard]] Position last_write() const { return last_write_; }
  [[nodiscard]] const absl::node_hash_map<std::string, StreamHead>& streams() const {
    return streams_;
  }

 private:
  [[nodiscard]] StreamHead HeadOf(const std::string& stream) const;

  TreeSize size_;
  absl::Time last_record_time_ = absl::InfinitePast();
  std::string last_request_id_;
  Position last_write_;
  absl::node_hash_map<std::string, StreamHead> streams_;
};

}  // namespace credence::ledger
