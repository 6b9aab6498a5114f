#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// From OpenSSL.
struct evp_pkey_st;

namespace credence::client {

// The private Ed25519 key of an author, such as `forecasters/analyst-1`: what its statements are
// signed with. The file of a key is one line, the form of Go's golang.org/x/mod/sumdb/note:
//
//   "PRIVATE+KEY+" author "+" id "+" base64(0x01 seed:32) 0x0A
//
// Thread-safe after construction.
class AuthorKey {
 public:
  // A new key from the system's randomness. INVALID_ARGUMENT for an author that is not of the form
  // `forecasters/{id}` or `sources/{id}`.
  [[nodiscard]] static absl::StatusOr<AuthorKey> Generate(std::string author);

  // From a seed of 32 bytes; INVALID_ARGUMENT for another length, and for a bad author.
  [[nodiscard]] static absl::StatusOr<AuthorKey> FromSeed(std::string author,
                                                          std::string_view seed);

  // NOT_FOUND where there is no file, INVALID_ARGUMENT where it holds no key of an author.
  [[nodiscard]] static absl::StatusOr<AuthorKey> Read(const std::string& path);

  // Writes a new file of mode 0600, which must not exist (ALREADY_EXISTS).
  [[nodiscard]] absl::Status Write(const std::string& path) const;

  [[nodiscard]] const std::string& author() const { return author_; }
  // 32 bytes.
  [[nodiscard]] const std::string& public_key() const { return public_key_; }
  // author "+" id "+" base64(0x01 public key:32).
  [[nodiscard]] std::string verifier_key() const;

  // The signature over `bytes`: 64 bytes.
  [[nodiscard]] std::string Sign(std::string_view bytes) const;

  // The signature by which the key's holder says to the ledger of `origin` that it is the author.
  [[nodiscard]] std::string SignPossession(std::string_view origin) const;

 private:
  AuthorKey() = default;

  std::string author_;
  std::string seed_;
  std::string public_key_;
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace credence::client
