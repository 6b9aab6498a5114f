#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Hashes of RFC 6962, section 2.1 (Laurie, Langley, Kasper 2013), over SHA-256. The verifier has
// its own: what it checks was made by other code.
//
// Thread-safe: everything here is a pure function.
namespace credence::client {

using Hash = std::array<uint8_t, 32>;

// SHA-256(bytes).
[[nodiscard]] Hash Sha256(std::string_view bytes);

// SHA-256(0x00 || entry).
[[nodiscard]] Hash LeafHash(std::string_view entry);

// The leaf hash of the `size` bytes at `offset` of `bytes`. The byte before them is overwritten by
// the prefix of a leaf, so that nothing has to be copied: `offset` is greater than 0.
[[nodiscard]] Hash LeafHashIn(std::string& bytes, size_t offset, size_t size);

// SHA-256(prefix || left || right): of trees whose inner nodes begin with another byte.
[[nodiscard]] Hash PairHash(uint8_t prefix, const Hash& left, const Hash& right);

// SHA-256(0x01 || left || right).
[[nodiscard]] Hash NodeHash(const Hash& left, const Hash& right);

// SHA-256 of nothing: the root of the tree of no leaves.
[[nodiscard]] Hash EmptyRoot();

// The hash in 32 raw bytes; nothing where `bytes` has another length.
[[nodiscard]] std::optional<Hash> HashFromBytes(std::string_view bytes);

// Its 32 raw bytes, valid as long as `hash`.
[[nodiscard]] std::string_view BytesOf(const Hash& hash);

// Lower-case hexadecimal digits, 64 of them.
[[nodiscard]] std::string ToHex(const Hash& hash);

// Standard base64 (RFC 4648, section 4) with its padding.
[[nodiscard]] std::string ToBase64(std::string_view bytes);

// What `text` encodes; nothing where it is not exactly what ToBase64 would have written.
[[nodiscard]] std::optional<std::string> FromBase64(std::string_view text);

}  // namespace credence::client
