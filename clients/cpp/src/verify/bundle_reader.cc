#include "verify/bundle_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/failure.h"
#include "credence/client/verify/tile.h"
#include "verify/tile_checker.h"

namespace credence::client {
namespace {

int WidthOf(int64_t tree_size, int64_t index) {
  return static_cast<int>(std::min(kTileWidth, tree_size - index * kTileWidth));
}

absl::Status ReadEntries(LogSource& source, int64_t tree_size, Bundle& bundle) {
  const TileId id{kEntriesLevel, bundle.index, WidthOf(tree_size, bundle.index)};
  CREDENCE_RETURN_IF_ERROR(ReadTileFileInto(source, id, bundle.bytes));
  absl::StatusOr<std::vector<std::string_view>> entries = ParseEntryBundle(bundle.bytes, id.width);
  if (!entries.ok()) {
    return VerificationFailedAt(bundle.index * kTileWidth,
                                Cat(TilePath(id), ": ", FromAbsl(entries.status().message())));
  }
  bundle.entries = *std::move(entries);
  return absl::OkStatus();
}

void HashEntries(Bundle& bundle) {
  bundle.leaves.resize(bundle.entries.size());
  for (size_t i = 0; i < bundle.leaves.size(); ++i) {
    const std::string_view entry = bundle.entries[i];
    // The length in front of the entry is not needed any more.
    bundle.leaves[i] = LeafHashIn(
        bundle.bytes, static_cast<size_t>(entry.data() - bundle.bytes.data()), entry.size());
  }
}

size_t CountSound(const Bundle& bundle) {
  static_assert(sizeof(Hash) == 32);
  if (std::memcmp(bundle.leaves.data(), bundle.tile.data(), bundle.tile.size()) == 0) {
    return bundle.leaves.size();
  }
  size_t sound = 0;
  while (BytesOf(bundle.leaves[sound]) == bundle.Stated(sound)) ++sound;
  return sound;
}

}  // namespace

absl::Status ReadLeafTile(LogSource& source, int64_t tree_size, int64_t index, std::string& tile) {
  const TileId id{0, index, WidthOf(tree_size, index)};
  CREDENCE_RETURN_IF_ERROR(ReadTileFileInto(source, id, tile));
  if (tile.size() == static_cast<size_t>(id.width) * sizeof(Hash)) return absl::OkStatus();
  return VerificationFailedAt(index * kTileWidth, Cat(TilePath(id), ": has ", tile.size(),
                                                      " bytes for ", id.width, " hashes"));
}

absl::StatusOr<std::string> LockedSource::Read(std::string_view path) {
  const absl::MutexLock lock(&mutex_);
  return source_.Read(path);
}

absl::Status LockedSource::ReadInto(std::string_view path, std::string& bytes) {
  const absl::MutexLock lock(&mutex_);
  return source_.ReadInto(path, bytes);
}

bool LockedSource::UnchangedSince(int64_t tree_size, bool partial, absl::Time time) {
  const absl::MutexLock lock(&mutex_);
  return source_.UnchangedSince(tree_size, partial, time);
}

BundleReader::BundleReader(LogSource& source, int64_t tree_size, int64_t first_entry,
                           bool reads_ahead)
    : source_(source), tree_size_(tree_size), first_index_(first_entry / kTileWidth) {
  // A thread for one bundle would only be started.
  const bool has_more = (tree_size - 1) / kTileWidth > first_index_;
  if (reads_ahead && has_more) thread_ = std::thread([this] { ReadAhead(); });
}

BundleReader::~BundleReader() {
  {
    const absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status BundleReader::Read(int64_t index, Bundle& bundle) {
  bundle.index = index;
  CREDENCE_RETURN_IF_ERROR(ReadEntries(source_, tree_size_, bundle));
  CREDENCE_RETURN_IF_ERROR(ReadLeafTile(source_, tree_size_, index, bundle.tile));
  HashEntries(bundle);
  bundle.sound = CountSound(bundle);
  return absl::OkStatus();
}

void BundleReader::ReadAhead() {
  const int64_t end = (tree_size_ + kTileWidth - 1) / kTileWidth;
  for (int64_t index = first_index_; index < end; ++index) {
    const auto number = static_cast<size_t>(index - first_index_);
    {
      const absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &BundleReader::MayFill));
      if (stopping_) return;
    }
    absl::Status status = Read(index, slots_[number % kSlots]);
    const absl::MutexLock lock(&mutex_);
    status_ = std::move(status);
    if (!status_.ok()) return;
    ++filled_;
  }
}

absl::StatusOr<const Bundle*> BundleReader::Next() {
  const size_t number = given_++;
  Bundle& bundle = slots_[number % kSlots];
  if (!thread_.joinable()) {
    CREDENCE_RETURN_IF_ERROR(Read(first_index_ + static_cast<int64_t>(number), bundle));
    return &bundle;
  }
  const absl::MutexLock lock(&mutex_);
  taken_ = number;
  mutex_.Await(absl::Condition(this, &BundleReader::MayTake));
  if (filled_ == number) return status_;
  return &bundle;
}

}  // namespace credence::client
