#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#pragma GCC visibility push(hidden)

// The wire format of protobuf, as far as it is read here.
namespace credence::client {

struct WireField {
  uint32_t number = 0;
  // 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes.
  uint32_t type = 0;
  // Of types 0, 1 and 5.
  uint64_t value = 0;
  // Of type 2.
  std::string_view bytes;
};

// Takes one field after another from a message. Most of what verifying an entry costs besides its
// hashes happens here, hence the pointers, and the short way for numbers of one byte.
class WireReader {
 public:
  explicit WireReader(std::string_view message)
      : next_(message.data()), end_(message.data() + message.size()) {}

  // False at the end, and where the bytes are malformed: then `failed`.
  bool Next(WireField& field) {
    if (next_ == end_) return false;
    uint64_t tag = 0;
    if (!Varint(tag) || tag >> 3 == 0 || tag >> 32 != 0) return Fail();
    field.number = static_cast<uint32_t>(tag >> 3);
    field.type = static_cast<uint32_t>(tag & 7);
    if (field.type == 0) return Varint(field.value) || Fail();
    if (field.type == 2) return Bytes(field.bytes) || Fail();
    if (field.type == 1) return Fixed(8, field.value) || Fail();
    if (field.type == 5) return Fixed(4, field.value) || Fail();
    return Fail();
  }

  [[nodiscard]] bool failed() const { return failed_; }

 private:
  bool Fail() {
    failed_ = true;
    next_ = end_;
    return false;
  }

  bool Varint(uint64_t& value) {
    if (next_ == end_) return false;
    const uint8_t first = static_cast<uint8_t>(*next_++);
    value = first;
    if (first < 0x80) return true;
    value &= 0x7f;
    for (unsigned shift = 7; shift < 64 && next_ != end_; shift += 7) {
      const uint8_t byte = static_cast<uint8_t>(*next_++);
      // The tenth byte has room for one bit.
      if (shift == 63 && byte > 1) return false;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  bool Bytes(std::string_view& bytes) {
    uint64_t size = 0;
    if (!Varint(size) || size > static_cast<uint64_t>(end_ - next_)) return false;
    bytes = {next_, static_cast<size_t>(size)};
    next_ += size;
    return true;
  }

  bool Fixed(size_t size, uint64_t& value) {
    if (static_cast<size_t>(end_ - next_) < size) return false;
    value = 0;
    for (size_t i = 0; i < size; ++i) {
      value |= static_cast<uint64_t>(static_cast<uint8_t>(next_[i])) << (8 * i);
    }
    next_ += size;
    return true;
  }

  const char* next_;
  const char* const end_;
  bool failed_ = false;
};

}  // namespace credence::client

#pragma GCC visibility pop
