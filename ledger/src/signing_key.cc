#include "signing_key.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/strip.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/base/utf8.h"
#include "credence/ledger/tree.h"
#include "durable_file.h"

namespace credence::ledger {
namespace {

constexpr std::string_view kSignerPrefix = "PRIVATE+KEY+";
constexpr size_t kPublicKeyBytes = 32;
constexpr size_t kSignatureBytes = 64;
constexpr size_t kKeyIdBytes = 4;
constexpr size_t kOriginBytesMax = 255;

using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

const uint8_t* Data(std::string_view bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

std::string WithType(KeyType type, std::string_view key) {
  return Cat(std::string(1, static_cast<char>(type)), key);
}

// The id of a public key, raw.
std::string KeyId(KeyType type, std::string_view name, std::string_view public_key) {
  const Hash hash = Sha256(Cat(name, "\n", WithType(type, public_key)));
  return std::string(reinterpret_cast<const char*>(hash.data()), kKeyIdBytes);
}

// name "+" id "+" base64(type body).
std::string KeyText(KeyType type, std::string_view name, std::string_view id,
                    std::string_view body) {
  return Cat(name, "+", absl::BytesToHexString(ToAbsl(id)), "+",
             absl::Base64Escape(WithType(type, body)));
}

struct KeyParts {
  std::string name;
  // In hexadecimal.
  std::string id;
  std::string body;
};

// The reverse of KeyText.
std::optional<KeyParts> ParseKeyText(KeyType type, absl::string_view text) {
  const size_t first = text.find('+');
  const size_t second = first == absl::string_view::npos ? first : text.find('+', first + 1);
  std::string body;
  if (second == absl::string_view::npos || !absl::Base64Unescape(text.substr(second + 1), &body) ||
      body.empty() || body.front() != static_cast<char>(type)) {
    return std::nullopt;
  }
  return KeyParts{std::string(text.substr(0, first)),
                  std::string(text.substr(first + 1, second - first - 1)), body.substr(1)};
}

absl::Status NotAKey(const std::string& path, std::string_view name, std::string_view what) {
  ErrorDetail detail;
  detail.reason = "WRONG_STATE";
  detail.subjects.push_back(path);
  return MakeError(absl::StatusCode::kFailedPrecondition, Cat(path, " ", what, " ", name, "."),
                   detail);
}

absl::StatusOr<std::string> MakeSeed() {
  std::string seed(kSeedBytes, '\0');
  if (RAND_priv_bytes(reinterpret_cast<uint8_t*>(seed.data()), static_cast<int>(seed.size())) !=
      1) {
    return absl::InternalError("The system gave no random bytes for a key.");
  }
  return seed;
}

absl::StatusOr<bool> Exists(const std::string& path) {
  std::error_code error;
  const bool exists = std::filesystem::exists(path, error);
  if (error) return absl::InternalError(Cat(path, ": ", error.message()));
  return exists;
}

}  // namespace

absl::Status CheckOrigin(std::string_view origin) {
  if (origin.empty() || origin.size() > kOriginBytesMax) {
    return InvalidField("NAME_INVALID", "origin", "must have 1 to 255 bytes");
  }
  if (!IsPlainName(origin)) {
    return InvalidField("NAME_INVALID", "origin",
                        "must be UTF-8 without white space, control characters and '+'");
  }
  return absl::OkStatus();
}

absl::StatusOr<SigningKey> SigningKey::FromSeed(std::string name, std::string_view seed,
                                                KeyType type) {
  if (seed.size() != kSeedBytes) {
    return InvalidField("FIELD_INVALID", "key", "must be a seed of 32 bytes");
  }
  SigningKey key;
  key.name_ = std::move(name);
  key.type_ = type;
  key.key_ = std::shared_ptr<EVP_PKEY>(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, Data(seed), seed.size()),
      &EVP_PKEY_free);
  std::array<uint8_t, kPublicKeyBytes> bytes;
  size_t size = bytes.size();
  if (key.key_ == nullptr ||
      EVP_PKEY_get_raw_public_key(key.key_.get(), bytes.data(), &size) != 1 ||
      size != bytes.size()) {
    return absl::InternalError("The public key of an Ed25519 seed could not be computed.");
  }
  const std::string_view public_key(reinterpret_cast<const char*>(bytes.data()), size);
  key.id_ = KeyId(type, key.name_, public_key);
  key.verifier_key_ = KeyText(type, key.name_, key.id_, public_key);
  return key;
}

absl::StatusOr<SigningKey> SigningKey::Read(const std::string& path, std::string name,
                                            KeyType type) {
  CREDENCE_ASSIGN_OR_RETURN(const bool exists, Exists(path));
  if (!exists) return NotAKey(path, name, "does not exist; it is the signing key of");
  CREDENCE_ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(path));
  absl::string_view rest = absl::StripTrailingAsciiWhitespace(text);
  const bool is_signer = absl::ConsumePrefix(&rest, ToAbsl(kSignerPrefix));
  const std::optional<KeyParts> parts = is_signer ? ParseKeyText(type, rest) : std::nullopt;
  if (!parts.has_value() || parts->name != name || parts->body.size() != kSeedBytes) {
    return NotAKey(path, name, "exists and is not a key of");
  }
  return FromSeed(std::move(name), parts->body, type);
}

absl::StatusOr<SigningKey> SigningKey::Ensure(const std::string& path, std::string name,
                                              KeyType type) {
  CREDENCE_ASSIGN_OR_RETURN(const bool exists, Exists(path));
  if (exists) return Read(path, std::move(name), type);
  CREDENCE_ASSIGN_OR_RETURN(const std::string seed, MakeSeed());
  CREDENCE_ASSIGN_OR_RETURN(SigningKey key, FromSeed(std::move(name), seed, type));
  const std::string text = Cat(kSignerPrefix, KeyText(type, key.name_, key.id_, seed), "\n");
  CREDENCE_RETURN_IF_ERROR(WriteNewFile(path, text, 0600));
  return key;
}

std::string SigningKey::Sign(std::string_view message) const {
  const Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::string signature(kSignatureBytes, '\0');
  size_t size = signature.size();
  // The key was checked when it was made; what can fail here is memory.
  const int begun = EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get());
  CREDENCE_CHECK(begun == 1);
  const int done = EVP_DigestSign(context.get(), reinterpret_cast<uint8_t*>(signature.data()),
                                  &size, Data(message), message.size());
  CREDENCE_CHECK(done == 1 && size == signature.size());
  return signature;
}

std::string SigningKey::Line(std::string_view signature) const {
  return Cat("\xe2\x80\x94 ", name_, " ", absl::Base64Escape(Cat(id_, signature)), "\n");
}

std::string SigningKey::SignatureLine(std::string_view text) const {
  CREDENCE_CHECK(type_ == KeyType::kEd25519);
  return Line(Sign(text));
}

std::string SigningKey::CosignatureLine(int64_t time, std::string_view text) const {
  CREDENCE_CHECK(type_ == KeyType::kCosignature && time >= 0);
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(time >> shift & 0xff));
  }
  return Line(Cat(bytes, Sign(Cat("cosignature/v1\ntime ", time, "\n", text))));
}

std::optional<PublicKey> ParseVerifierKey(std::string_view text) {
  std::optional<KeyParts> parts = ParseKeyText(KeyType::kEd25519, ToAbsl(text));
  if (!parts.has_value() || parts->body.size() != kPublicKeyBytes) return std::nullopt;
  const std::string id = KeyId(KeyType::kEd25519, parts->name, parts->body);
  if (absl::BytesToHexString(id) != parts->id) return std::nullopt;
  return PublicKey{std::move(parts->name), id, std::move(parts->body)};
}

bool VerifyEd25519(const PublicKey& key, std::string_view text, std::string_view signature) {
  if (signature.size() != kSignatureBytes) return false;
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> public_key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Data(key.bytes), key.bytes.size()),
      &EVP_PKEY_free);
  const Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (public_key == nullptr || context == nullptr) return false;
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get()) == 1 &&
         EVP_DigestVerify(context.get(), Data(signature), signature.size(), Data(text),
                          text.size()) == 1;
}

}  // namespace credence::ledger
