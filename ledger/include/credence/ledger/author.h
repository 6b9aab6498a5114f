#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "credence/event/v1/envelope.pb.h"
#include "credence/ledger/text.h"

// What an author signs, so that nobody else can put words in its mouth. The bytes are a title, and
// fields that each stand after their length, so that no two statements give the same bytes:
//
//   statement  = "credence-statement/v1" 0x0A field(origin) field(author) field(payload type)
//                field(request id) field(effective time) field(payload)
//   possession = "credence-author-key/v1" 0x0A field(origin) field(author) field(public key)
//   field(x)   = length of x in 8 bytes, big-endian, then x
//   effective time = nothing where none is stated, else seconds:8 nanos:4, big-endian
//
// Thread-safe: everything here is a pure function.
namespace credence::ledger {

inline constexpr size_t kAuthorKeyBytes = 32;
inline constexpr size_t kAuthorSignatureBytes = 64;

// A payload as its author signed it: stored byte for byte.
struct SignedPayload {
  std::string payload;
  event::v1::AuthorSignature signature;
  // The texts whose digests the payload holds, in their order.
  std::vector<SaltedText> texts{};
};

// The bytes that `signed_payload.signature` is over. `payload_type` is a full name, such as
// "credence.event.v1.ForecastRecorded".
[[nodiscard]] std::string StatementBytes(std::string_view origin, std::string_view request_id,
                                         std::string_view payload_type,
                                         const SignedPayload& signed_payload);

// The bytes by whose signature the holder of a key says that it is `author`.
[[nodiscard]] std::string PossessionBytes(std::string_view origin, std::string_view author,
                                          std::string_view public_key);

// Whether `signature` is that of the Ed25519 key over `bytes`. False for a key or a signature of
// another length. About 100 microseconds.
[[nodiscard]] bool VerifyAuthorSignature(std::string_view public_key, std::string_view bytes,
                                         std::string_view signature);

}  // namespace credence::ledger
