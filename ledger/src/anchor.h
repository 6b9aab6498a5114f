#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace credence::ledger {

// A small file outside the database that holds the checkpoint signed last. A log that does not
// extend it is an older copy or another history, and signs nothing.
//
// The file has two slots of 4,096 bytes, written in turn, so that a power cut in the middle of a
// write leaves the other one:
//
//   slot = note, then NULs up to 4,064 bytes; SHA-256 of those 4,064 bytes
//
// Every replacement is a compare-and-swap under the file's lock: of two processes that hold copies
// of one ledger and share the file, one finds another note than its own and stops.
//
// Not thread-safe.
class Anchor {
 public:
  // Longest note that fits.
  static constexpr size_t kNoteBytesMax = 4'064;

  ~Anchor();
  Anchor(Anchor&& other) noexcept;
  Anchor& operator=(Anchor&& other) noexcept;

  // NOT_FOUND where there is no file.
  [[nodiscard]] static absl::StatusOr<Anchor> Open(const std::string& path);

  // A new file, of mode 0600, that holds `note`; synced with its directory. INTERNAL where there is
  // a file.
  [[nodiscard]] static absl::StatusOr<Anchor> Create(const std::string& path,
                                                     std::string_view note);

  [[nodiscard]] const std::string& path() const { return path_; }

  // The newer of the notes that are whole. DATA_LOSS where none is.
  [[nodiscard]] absl::StatusOr<std::string> Read() const;

  // Where in the file the slot begins that is not whole, where the other one is; nothing where both
  // are. Errors as for Read.
  [[nodiscard]] absl::StatusOr<std::optional<int64_t>> FindDamagedSlot() const;

  // Replaces the note; the file is not synced. FAILED_PRECONDITION where it does not hold
  // `expected`; INTERNAL with the system's words where it cannot be read or written.
  [[nodiscard]] absl::Status CompareAndSwap(std::string_view expected, std::string_view next);

  // Makes what was swapped in survive a power cut.
  [[nodiscard]] absl::Status Sync();

 private:
  struct Slot {
    int index = 0;
    std::string note;
    // Whether the other slot is whole too.
    bool alone = false;
  };

  Anchor(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

  [[nodiscard]] absl::StatusOr<Slot> ReadNewest() const;
  [[nodiscard]] absl::Status WriteSlot(int index, std::string_view note);

  std::string path_;
  int descriptor_ = -1;
};

}  // namespace credence::ledger
