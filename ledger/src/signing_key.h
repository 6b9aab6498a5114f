#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// From OpenSSL.
struct evp_pkey_st;

// Ed25519 keys of ledgers (type 0x01) and of witnesses (0x04, C2SP tlog-cosignature), in the forms
// of C2SP signed-note and of Go's golang.org/x/mod/sumdb/note:
//
//   verifier = name "+" id "+" base64(type public_key:32)
//   signer   = "PRIVATE+KEY+" name "+" id "+" base64(type seed:32)
//   id       = lower-case hexadecimal of the first 4 bytes of SHA-256(name 0x0A type public_key:32)
namespace credence::ledger {

inline constexpr size_t kSeedBytes = 32;

// What a key may sign; part of its name's digest, so that one key cannot be taken for the other.
enum class KeyType : char {
  kEd25519 = 0x01,      // notes
  kCosignature = 0x04,  // what a witness saw, and when
};

// INVALID_ARGUMENT, reason NAME_INVALID, where `origin` cannot name a key.
[[nodiscard]] absl::Status CheckOrigin(std::string_view origin);

// A private key in memory. Thread-safe after construction.
class SigningKey {
 public:
  // From a seed of 32 bytes; INVALID_ARGUMENT for another length.
  [[nodiscard]] static absl::StatusOr<SigningKey> FromSeed(std::string name, std::string_view seed,
                                                           KeyType type = KeyType::kEd25519);

  // From the file of a key named `name`. FAILED_PRECONDITION, reason WRONG_STATE, where there is
  // none or another.
  [[nodiscard]] static absl::StatusOr<SigningKey> Read(const std::string& path, std::string name,
                                                       KeyType type = KeyType::kEd25519);

  // Makes a key in a new file at `path`, of mode 0600, synced with its directory; or takes the one
  // that is there. FAILED_PRECONDITION, reason WRONG_STATE, where the file there is not a key of
  // this name.
  [[nodiscard]] static absl::StatusOr<SigningKey> Ensure(const std::string& path, std::string name,
                                                         KeyType type = KeyType::kEd25519);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& verifier_key() const { return verifier_key_; }

  // The signature line over `text`, with its newline: U+2014, space, name, space, base64.
  [[nodiscard]] std::string SignatureLine(std::string_view text) const;

  // The line of a cosignature of the checkpoint `text` at `time`, in seconds of the Unix epoch.
  [[nodiscard]] std::string CosignatureLine(int64_t time, std::string_view text) const;

 private:
  SigningKey() = default;

  [[nodiscard]] std::string Sign(std::string_view message) const;
  // The signature line of what was signed.
  [[nodiscard]] std::string Line(std::string_view signature) const;

  KeyType type_ = KeyType::kEd25519;
  std::string name_;
  std::string verifier_key_;
  // First four bytes of the digest of the key.
  std::string id_;
  std::shared_ptr<evp_pkey_st> key_;
};

// A verifier key taken apart; nothing where the text is none of an Ed25519 key.
struct PublicKey {
  std::string name;
  std::string id;
  std::string bytes;
};
[[nodiscard]] std::optional<PublicKey> ParseVerifierKey(std::string_view text);

// Whether `signature` is that of the key over `text`.
[[nodiscard]] bool VerifyEd25519(const PublicKey& key, std::string_view text,
                                 std::string_view signature);

}  // namespace credence::ledger
