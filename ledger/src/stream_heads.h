#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/node_hash_map.h"
#include "absl/status/statusor.h"
#include "credence/ledger/position.h"
#include "store.h"

namespace credence::ledger {

// Where a stream stands, as the sequencer knows it: ahead of what is durable.
struct StreamHead {
  // Number of events; 0 for a stream that does not exist.
  int64_t length = 0;
  // Meaningful where length > 0.
  Position last;
};

// The heads of the streams written lately; others are looked up in the store. Two generations
// stand in for an exact order of use: a head found in the old one moves to the young one, and when
// the young one is full it becomes the old one. Heads that the store does not show yet are kept.
//
// Not thread-safe.
class StreamHeads {
 public:
  StreamHeads(const Store& store, size_t generation_size)
      : store_(store), generation_size_(generation_size) {}

  // The head of `stream`, to read and to move. Valid until the next Trim.
  [[nodiscard]] absl::StatusOr<StreamHead*> Find(std::string_view stream);

  // Forgets what it may, when there is too much; `durable` is the size that the store shows.
  void Trim(TreeSize durable);

 private:
  using Generation = absl::node_hash_map<std::string, StreamHead>;

  const Store& store_;
  const size_t generation_size_;
  Generation young_;
  Generation old_;
};

}  // namespace credence::ledger
