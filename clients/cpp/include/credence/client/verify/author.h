#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "credence/client/verify/entry.h"
#include "credence/client/verify/hash.h"

// What authors sign (docs/reference/author-signatures.md), by the verifier's own hand.
//
// Thread-safe: everything here is a pure function.
namespace credence::client {

// A statement of an author about a payload.
struct AuthorStatement {
  std::string_view origin;
  // Such as `forecasters/analyst-1`.
  std::string_view author;
  // Full name, such as "credence.event.v1.ForecastRecorded".
  std::string_view payload_type;
  std::string_view request_id;
  // When it counts from; absent where it counts from its record.
  std::optional<EntryTime> effective_time;
  // Serialized.
  std::string_view payload;
};

// The bytes that the author signs.
[[nodiscard]] std::string StatementBytes(const AuthorStatement& statement);

// The bytes by whose signature the holder of a key says that it is `author`.
[[nodiscard]] std::string PossessionBytes(std::string_view origin, std::string_view author,
                                          std::string_view public_key);

// Whether `signature` is that of the Ed25519 key of 32 bytes over `bytes`.
[[nodiscard]] bool VerifyAuthorSignature(std::string_view public_key, std::string_view bytes,
                                         std::string_view signature);

}  // namespace credence::client
