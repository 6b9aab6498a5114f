#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "credence/client/verify/hash.h"
#include "credence/client/verify/source.h"

#pragma GCC visibility push(hidden)

namespace credence::client {

// An entry bundle and its tile, read and hashed; the memory of one is used for the next.
struct Bundle {
  int64_t index = 0;
  // Of the entries' file; the length in front of each entry was overwritten when it was hashed.
  std::string bytes;
  // The leaf hashes that the level-0 tile states, 32 bytes each, as many as there are entries.
  std::string tile;
  // They point into `bytes`.
  std::vector<std::string_view> entries;
  // Hash of each entry.
  std::vector<Hash> leaves;
  // Number of entries before the first whose hash is not what the tile states.
  size_t sound = 0;

  // What the tile states of the entry `i`.
  [[nodiscard]] std::string_view Stated(size_t i) const {
    return std::string_view(tile).substr(i * sizeof(Hash), sizeof(Hash));
  }
};

// The leaf hashes that the tile `index` of a log of `tree_size` entries states, 32 bytes each.
// VERIFICATION_FAILED where it is missing or of another size.
[[nodiscard]] absl::Status ReadLeafTile(LogSource& source, int64_t tree_size, int64_t index,
                                        std::string& tile);

// A source for two threads.
class LockedSource final : public LogSource {
 public:
  explicit LockedSource(LogSource& source) : source_(source) {}
  [[nodiscard]] const std::string& name() const override { return source_.name(); }
  [[nodiscard]] absl::StatusOr<std::string> Read(std::string_view path) override;
  [[nodiscard]] absl::Status ReadInto(std::string_view path, std::string& bytes) override;
  [[nodiscard]] bool UnchangedSince(int64_t tree_size, bool partial, absl::Time time) override;

 private:
  absl::Mutex mutex_;
  // Read under `mutex_`; its name does not change.
  LogSource& source_;
};

// The bundles of a log one after another. Where it reads ahead, a thread of its own reads and
// hashes the next ones while the caller looks at one: hashing is half of what verifying takes, and
// a network keeps a reader waiting. A few bundles are held, whatever the log's size.
//
// Next is called from one thread. The destructor waits for the file that is being read.
class BundleReader {
 public:
  // Bundles of the first `tree_size` entries, from the one with the entry `first_entry` on.
  BundleReader(LogSource& source, int64_t tree_size, int64_t first_entry, bool reads_ahead);
  ~BundleReader();
  BundleReader(const BundleReader&) = delete;
  BundleReader& operator=(const BundleReader&) = delete;

  // The next bundle, until the next call; there must be one. VERIFICATION_FAILED where a file is
  // missing or malformed, and what the source says; after an error there are no more.
  [[nodiscard]] absl::StatusOr<const Bundle*> Next();

 private:
  static constexpr size_t kSlots = 4;

  absl::Status Read(int64_t index, Bundle& bundle);
  void ReadAhead();
  [[nodiscard]] bool MayFill() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return stopping_ || filled_ - taken_ < kSlots;
  }
  [[nodiscard]] bool MayTake() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return filled_ > taken_ || !status_.ok();
  }

  LogSource& source_;
  const int64_t tree_size_;
  const int64_t first_index_;
  // Of the caller: where a bundle is at hand, its slot is free again with the next call.
  size_t given_ = 0;
  // Filled in turn. A slot belongs to the reading thread until it is counted in `filled_`, and to
  // the caller until it is counted in `taken_`.
  std::array<Bundle, kSlots> slots_;
  absl::Mutex mutex_;
  size_t filled_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Why there is no bundle after those that are filled.
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace credence::client

#pragma GCC visibility pop
