#include "credence/client/request_id.h"

#include <array>
#include <cstdint>
#include <random>

#include "absl/numeric/int128.h"

namespace credence::client {
namespace {

using Uuid = std::array<uint8_t, 16>;

std::string ToText(Uuid uuid, uint8_t version) {
  uuid[6] = static_cast<uint8_t>((uuid[6] & 0x0f) | (version << 4));
  uuid[8] = static_cast<uint8_t>((uuid[8] & 0x3f) | 0x80);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (size_t index = 0; index < uuid.size(); ++index) {
    if (index == 4 || index == 6 || index == 8 || index == 10) text.push_back('-');
    text.push_back(kDigits[uuid[index] >> 4]);
    text.push_back(kDigits[uuid[index] & 0x0f]);
  }
  return text;
}

// FNV-1a of 128 bits.
absl::uint128 HashOf(std::string_view text) {
  constexpr absl::uint128 kOffset = absl::MakeUint128(0x6c62272e07bb0142, 0x62b821756295c58d);
  constexpr absl::uint128 kPrime = absl::MakeUint128(0x0000000001000000, 0x000000000000013b);
  absl::uint128 hash = kOffset;
  for (const char byte : text) {
    hash ^= static_cast<uint8_t>(byte);
    hash *= kPrime;
  }
  return hash;
}

}  // namespace

std::string RandomRequestId() {
  std::random_device device;
  Uuid uuid;
  for (size_t index = 0; index < uuid.size(); index += 4) {
    const uint32_t word = device();
    for (size_t byte = 0; byte < 4; ++byte) {
      uuid[index + byte] = static_cast<uint8_t>(word >> (8 * byte));
    }
  }
  return ToText(uuid, 4);
}

std::string RequestIdOf(std::string_view text) {
  const absl::uint128 hash = HashOf(text);
  Uuid uuid;
  for (size_t index = 0; index < uuid.size(); ++index) {
    uuid[index] = static_cast<uint8_t>(absl::Uint128Low64(hash >> (8 * static_cast<int>(index))));
  }
  return ToText(uuid, 8);
}

}  // namespace credence::client
