#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// The ledger's Ed25519 key, in the forms of C2SP signed-note and of Go's
// golang.org/x/mod/sumdb/note:
//
//   verifier = name "+" id "+" base64(0x01 public_key:32)
//   signer   = "PRIVATE+KEY+" name "+" id "+" base64(0x01 seed:32)
//   id       = lower-case hexadecimal of the first 4 bytes of SHA-256(name 0x0A 0x01 public_key:32)
namespace credence::ledger {

// INVALID_ARGUMENT, reason NAME_INVALID, where `origin` cannot name a key.
[[nodiscard]] absl::Status CheckOrigin(std::string_view origin);

// Makes a key named `name` in a new file at `path`, of mode 0600, synced with its directory; or
// takes the one that is there. Returns the verifier key. FAILED_PRECONDITION, reason WRONG_STATE,
// where the file there is not a key of this name.
[[nodiscard]] absl::StatusOr<std::string> EnsureSigningKey(const std::string& path,
                                                           const std::string& name);

}  // namespace credence::ledger
