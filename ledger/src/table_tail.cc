#include "table_tail.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "failure.h"

namespace credence::ledger {
namespace {

// Of the versions 2 to 5 of the format: checksum type, handles of the meta index and of the index,
// padding, version, magic number.
constexpr uint64_t kFooterBytes = 53;
constexpr uint64_t kMetaIndexBytesMax = uint64_t{1} << 20;
constexpr std::string_view kProperties = "rocksdb.properties";
constexpr unsigned kHashIndexBit = 0x80;

// Where a block lies, without the five bytes after it.
struct Handle {
  uint64_t offset = 0;
  uint64_t size = 0;
};

// The little-endian base 128 numbers of LevelDB.
std::optional<uint64_t> TakeVarint(std::string_view& bytes) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::optional<Handle> TakeHandle(std::string_view bytes) {
  const std::optional<uint64_t> offset = TakeVarint(bytes);
  const std::optional<uint64_t> size = TakeVarint(bytes);
  if (!offset.has_value() || !size.has_value()) return std::nullopt;
  return Handle{*offset, *size};
}

// The handle of the properties in a meta index, whose keys are whole: each is a restart.
std::optional<Handle> FindProperties(std::string_view block) {
  while (!block.empty()) {
    const std::optional<uint64_t> shared = TakeVarint(block);
    const std::optional<uint64_t> own = TakeVarint(block);
    const std::optional<uint64_t> value = TakeVarint(block);
    if (shared != 0U || !own.has_value() || !value.has_value() || *own > block.size() ||
        *value > block.size() - *own) {
      return std::nullopt;
    }
    const std::string_view key = block.substr(0, *own);
    if (key == kProperties) return TakeHandle(block.substr(*own, *value));
    block.remove_prefix(*own + *value);
  }
  return std::nullopt;
}

// Nothing where the bytes are not there or cannot be read.
std::string ReadAt(const rocksdb::RandomAccessFile& file, uint64_t offset, uint64_t size) {
  std::string buffer(size, '\0');
  rocksdb::Slice read;
  const rocksdb::Status status = file.Read(offset, size, &read, buffer.data());
  return status.ok() && read.size() == size ? read.ToString() : "";
}

// Last byte of the properties block; nothing where the way to it is not what it must be.
std::optional<uint8_t> LastByteOfProperties(const rocksdb::RandomAccessFile& file, uint64_t size) {
  if (size < kFooterBytes) return std::nullopt;
  const std::string footer = ReadAt(file, size - kFooterBytes, kFooterBytes);
  if (footer.empty()) return std::nullopt;
  const std::optional<Handle> meta = TakeHandle(std::string_view(footer).substr(1));
  if (!meta.has_value() || meta->size > kMetaIndexBytesMax || meta->offset > size) {
    return std::nullopt;
  }
  const std::string block = ReadAt(file, meta->offset, meta->size);
  const std::optional<Handle> properties = FindProperties(block);
  if (!properties.has_value() || properties->size == 0 || properties->offset > size ||
      properties->size > size) {
    return std::nullopt;
  }
  const std::string last = ReadAt(file, properties->offset + properties->size - 1, 1);
  if (last.empty()) return std::nullopt;
  return static_cast<uint8_t>(last.front());
}

}  // namespace

absl::Status CheckTableTail(const std::string& path, rocksdb::Env* env) {
  std::unique_ptr<rocksdb::RandomAccessFile> file;
  uint64_t size = 0;
  if (!env->GetFileSize(path, &size).ok() ||
      !env->NewRandomAccessFile(path, &file, rocksdb::EnvOptions()).ok()) {
    return absl::OkStatus();
  }
  const std::optional<uint8_t> last = LastByteOfProperties(*file, size);
  if (!last.has_value() || (*last & kHashIndexBit) == 0) return absl::OkStatus();
  return LedgerFailed(Cat(path, ": the properties of the table are damaged in their last byte."));
}

absl::Status CheckTableTails(const std::string& directory, rocksdb::Env* env) {
  std::vector<std::string> names;
  if (!env->GetChildren(directory, &names).ok()) return absl::OkStatus();
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".sst")) continue;
    CREDENCE_RETURN_IF_ERROR(CheckTableTail(Cat(directory, "/", name), env));
  }
  return absl::OkStatus();
}

}  // namespace credence::ledger
