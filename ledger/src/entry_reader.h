#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/ledger/log.h"
#include "credence/ledger/position.h"
#include "durable_head.h"
#include "store.h"

namespace credence::ledger {

// Reads entries for those who use or hand on what they say: each is hashed again and compared with
// its leaf in the tree first. The database's own checksums find what a disk did to a block; this
// also finds what was wrong before a block was written, and what was put there on purpose.
//
// Thread-safe. Cost besides the reading: one hash an entry, and one tile for each 256 neighbours.
class EntryReader {
 public:
  // `store` and `head` must outlive it. `on_damage` is told of each entry that does not fit the
  // tree, on the thread that reads, before the reader gets the same status.
  EntryReader(const Store& store, const DurableHead& head,
              std::function<void(const absl::Status&)> on_damage);

  // As Store::ReadEntries; of `size`, what is durable counts. DATA_LOSS where an entry does not
  // have the hash that the tree has.
  [[nodiscard]] absl::StatusOr<std::vector<StoredEntry>> Read(Position from, TreeSize size,
                                                              const ReadLimits& limits) const;

  // Entries that were held against the tree, and those of them that did not fit it.
  [[nodiscard]] int64_t checked_count() const { return checked_count_.load(); }
  [[nodiscard]] int64_t damaged_count() const { return damaged_count_.load(); }

  // The entries at `positions`, which rise and are durable, up to the limit of bytes, at least one.
  [[nodiscard]] absl::StatusOr<std::vector<StoredEntry>> ReadAt(
      const std::vector<Position>& positions, const ReadLimits& limits) const;

 private:
  // The leaf hashes, a tile at a time.
  class Leaves;

  [[nodiscard]] absl::Status Check(Leaves& leaves, const StoredEntry& entry) const;

  const Store& store_;
  const DurableHead& head_;
  const std::function<void(const absl::Status&)> on_damage_;
  mutable std::atomic<int64_t> checked_count_{0};
  mutable std::atomic<int64_t> damaged_count_{0};
};

}  // namespace credence::ledger
