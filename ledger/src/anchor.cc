#include "anchor.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/ledger/tree.h"
#include "durable_file.h"
#include "failure.h"

namespace credence::ledger {
namespace {

constexpr size_t kSlotBytes = Anchor::kNoteBytesMax + sizeof(Hash);
constexpr int kSlotCount = 2;
static_assert(kSlotBytes == 4'096, "a slot is one page");

absl::Status SystemError(std::string_view what, const std::string& path) {
  const int error = errno;
  return absl::InternalError(Cat(what, " ", path, ": ", std::strerror(error)));
}

std::string MakeSlot(std::string_view note) {
  CREDENCE_CHECK(note.size() <= Anchor::kNoteBytesMax);
  std::string slot(note);
  slot.resize(Anchor::kNoteBytesMax, '\0');
  const Hash digest = Sha256(slot);
  slot.append(reinterpret_cast<const char*>(digest.data()), digest.size());
  return slot;
}

// The note of a whole slot.
std::optional<std::string> NoteOf(std::string_view slot) {
  if (slot.size() != kSlotBytes) return std::nullopt;
  std::string note(slot.substr(0, slot.find('\0')));
  if (note.size() > Anchor::kNoteBytesMax || MakeSlot(note) != slot) return std::nullopt;
  return note;
}

// The second line of a checkpoint.
int64_t SizeOf(const std::string& note) {
  const std::vector<std::string> lines = absl::StrSplit(note, absl::MaxSplits('\n', 2));
  int64_t size = -1;
  return lines.size() == 3 && absl::SimpleAtoi(lines[1], &size) ? size : -1;
}

// Holds the file's lock.
class FileLock {
 public:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {
    while ((locked_ = flock(descriptor, LOCK_EX) == 0) == false && errno == EINTR) {
    }
  }
  ~FileLock() {
    if (locked_) flock(descriptor_, LOCK_UN);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  [[nodiscard]] bool locked() const { return locked_; }

 private:
  int descriptor_;
  bool locked_ = false;
};

}  // namespace

Anchor::~Anchor() {
  if (descriptor_ >= 0) close(descriptor_);
}

Anchor::Anchor(Anchor&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

Anchor& Anchor::operator=(Anchor&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

absl::StatusOr<Anchor> Anchor::Open(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor >= 0) return Anchor(path, descriptor);
  if (errno == ENOENT) return absl::NotFoundError(Cat(path, " does not exist."));
  return SystemError("Cannot open", path);
}

absl::StatusOr<Anchor> Anchor::Create(const std::string& path, std::string_view note) {
  const std::string slot = MakeSlot(note);
  // Both slots, so that the file has its length and its blocks from the beginning.
  CREDENCE_RETURN_IF_ERROR(WriteNewFile(path, slot + slot, 0600));
  return Open(path);
}

absl::StatusOr<Anchor::Slot> Anchor::ReadNewest() const {
  std::array<char, kSlotCount * kSlotBytes> buffer;
  const ssize_t size = pread(descriptor_, buffer.data(), buffer.size(), 0);
  if (size < 0) return SystemError("Cannot read", path_);
  const std::string_view bytes(buffer.data(), static_cast<size_t>(size));
  std::optional<Slot> newest;
  int whole_count = 0;
  for (int index = 0; index < kSlotCount; ++index) {
    const size_t offset = static_cast<size_t>(index) * kSlotBytes;
    if (offset >= bytes.size()) break;
    std::optional<std::string> note = NoteOf(bytes.substr(offset, kSlotBytes));
    if (!note.has_value()) continue;
    ++whole_count;
    if (!newest.has_value() || SizeOf(*note) > SizeOf(newest->note)) {
      newest = Slot{index, *std::move(note), false};
    }
  }
  if (!newest.has_value()) return LedgerFailed(Cat("The anchor ", path_, " is damaged."));
  newest->alone = whole_count < kSlotCount;
  return *std::move(newest);
}

absl::Status Anchor::WriteSlot(int index, std::string_view note) {
  const std::string slot = MakeSlot(note);
  const ssize_t written =
      pwrite(descriptor_, slot.data(), slot.size(), index * static_cast<off_t>(kSlotBytes));
  if (written != static_cast<ssize_t>(slot.size())) return SystemError("Cannot write", path_);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Anchor::Read() const {
  CREDENCE_ASSIGN_OR_RETURN(Slot newest, ReadNewest());
  return std::move(newest.note);
}

absl::StatusOr<std::optional<int64_t>> Anchor::FindDamagedSlot() const {
  CREDENCE_ASSIGN_OR_RETURN(const Slot newest, ReadNewest());
  if (!newest.alone) return std::optional<int64_t>();
  return std::optional<int64_t>((1 - newest.index) * static_cast<int64_t>(kSlotBytes));
}

absl::Status Anchor::CompareAndSwap(std::string_view expected, std::string_view next) {
  const FileLock lock(descriptor_);
  if (!lock.locked()) return SystemError("Cannot lock", path_);
  CREDENCE_ASSIGN_OR_RETURN(const Slot newest, ReadNewest());
  if (newest.note != expected) {
    ErrorDetail detail;
    detail.reason = "WRONG_STATE";
    detail.subjects.push_back(path_);
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     Cat("The anchor ", path_,
                         " holds a checkpoint that this process did not "
                         "write: another copy of the ledger signs."),
                     detail);
  }
  return WriteSlot(1 - newest.index, next);
}

absl::Status Anchor::Sync() {
  if (fdatasync(descriptor_) != 0) return SystemError("Cannot sync", path_);
  return absl::OkStatus();
}

}  // namespace credence::ledger
