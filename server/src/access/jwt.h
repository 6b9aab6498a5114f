#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

// Tokens of an identity provider (OpenID Connect): JSON Web Tokens (RFC 7519) signed with RS256,
// ES256 or EdDSA with Ed25519 (RFC 7518, RFC 8037), under keys of a JSON Web Key Set (RFC 7517).
//
// A key says itself which one algorithm it is for, and a token that names another is refused: there
// is neither "none" nor a shared secret, and so no way to have a public key taken for one.
namespace credence::server {

// What tokens must say, and where to find in them what is asked of them.
struct JwtOptions {
  // `iss`, exactly.
  std::string issuer{};
  // What `aud` must be or hold.
  std::string audience{};
  // File of the keys; read again when it is replaced.
  std::string keys_file{};
  // Claim whose text names the principal, after `forecasters/`.
  std::string principal_claim = "sub";
  // Claim that lists groups.
  std::string groups_claim = "groups";
  // How far the provider's clock may be off.
  absl::Duration clock_skew = absl::Seconds(60);

  [[nodiscard]] bool enabled() const { return !issuer.empty(); }
};

struct JwtClaims {
  std::string subject;
  // `forecasters/` and the principal claim; empty where that is no text that may stand there.
  std::string principal;
  std::vector<std::string> groups;
};

// Public keys of the provider. Immutable; thread-safe.
class JwtKeys {
 public:
  // Reads a key set. Keys of kinds that are not used here are left out. INVALID_ARGUMENT where it
  // is no key set, a key is malformed or too weak (RSA below 2,048 bits), or none is left.
  [[nodiscard]] static absl::StatusOr<JwtKeys> Parse(const std::string& json);

  // What a token claims, where it is signed under a key of the set, by and for whom the options
  // say, and in force at `now`. UNAUTHENTICATED, with why in words that hold nothing of the token.
  [[nodiscard]] absl::StatusOr<JwtClaims> Verify(std::string_view token, const JwtOptions& options,
                                                 absl::Time now) const;

 private:
  struct Key {
    std::string id;
    // "RS256", "ES256" or "EdDSA".
    std::string algorithm;
    std::shared_ptr<EVP_PKEY> key;
  };

  [[nodiscard]] absl::StatusOr<const Key*> Find(const std::string& id,
                                                const std::string& algorithm) const;
  [[nodiscard]] static bool Verifies(const Key& key, std::string_view message,
                                     std::string_view signature);

  std::vector<Key> keys_;
};

}  // namespace credence::server
