#include "credence/client/author_key.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/author.h"
#include "credence/client/verify/hash.h"
#include "credence/client/verify/note.h"
#include "new_file.h"

namespace credence::client {
namespace {

constexpr size_t kSeedBytes = 32;
constexpr std::string_view kPrefix = "PRIVATE+KEY+";

const uint8_t* Data(std::string_view bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

absl::Status CheckAuthor(std::string_view author) {
  const std::vector<std::string> parts = absl::StrSplit(ToAbsl(author), '/');
  if (parts.size() == 2 && (parts[0] == "forecasters" || parts[0] == "sources") &&
      !parts[1].empty() && author.find_first_of("+ \n") == std::string_view::npos) {
    return absl::OkStatus();
  }
  return InvalidField("NAME_INVALID", "author",
                      "must have the form forecasters/{id} or sources/{id}");
}

// name "+" id "+" base64(0x01 body): the id is that of the public key, whatever the body.
std::string KeyText(const std::string& name, std::string_view public_key, std::string_view body) {
  VerifierKey key;
  key.name = name;
  std::copy(public_key.begin(), public_key.end(), key.public_key.begin());
  key.id = VerifierKeyId(name, key.type, public_key);
  // Base64 may hold a plus; the name holds none.
  const std::string text = FormatVerifierKey(key);
  const size_t second = text.find('+', text.find('+') + 1);
  return Cat(text.substr(0, second), "+",
             ToBase64(Cat(std::string(1, static_cast<char>(key.type)), body)));
}

}  // namespace

absl::StatusOr<AuthorKey> AuthorKey::Generate(std::string author) {
  std::string seed(kSeedBytes, '\0');
  if (RAND_bytes(reinterpret_cast<uint8_t*>(seed.data()), static_cast<int>(seed.size())) != 1) {
    return absl::InternalError("The system gives no random bytes for a key.");
  }
  return FromSeed(std::move(author), seed);
}

absl::StatusOr<AuthorKey> AuthorKey::FromSeed(std::string author, std::string_view seed) {
  CREDENCE_RETURN_IF_ERROR(CheckAuthor(author));
  if (seed.size() != kSeedBytes) {
    return InvalidField("FIELD_INVALID", "key", "must be a seed of 32 bytes");
  }
  AuthorKey key;
  key.author_ = std::move(author);
  key.seed_ = std::string(seed);
  key.key_ = std::shared_ptr<EVP_PKEY>(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, Data(seed), seed.size()),
      &EVP_PKEY_free);
  key.public_key_.resize(kSeedBytes);
  size_t size = key.public_key_.size();
  if (key.key_ == nullptr ||
      EVP_PKEY_get_raw_public_key(key.key_.get(),
                                  reinterpret_cast<uint8_t*>(key.public_key_.data()), &size) != 1) {
    return absl::InternalError("The public key of an Ed25519 seed could not be computed.");
  }
  return key;
}

absl::StatusOr<AuthorKey> AuthorKey::Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return FileError(path, absl::StatusCode::kNotFound, "cannot be read");
  std::ostringstream content;
  content << file.rdbuf();
  const std::string text = content.str();
  absl::string_view rest = absl::StripTrailingAsciiWhitespace(text);
  const absl::Status no_key =
      FileError(path, absl::StatusCode::kInvalidArgument,
                "is no author's key, as `credence author keygen` writes it");
  if (!absl::ConsumePrefix(&rest, ToAbsl(kPrefix))) return no_key;
  const std::vector<std::string> parts = absl::StrSplit(rest, absl::MaxSplits('+', 2));
  if (parts.size() != 3) return no_key;
  const std::optional<std::string> body = FromBase64(parts[2]);
  if (!body.has_value() || body->size() != 1 + kSeedBytes) return no_key;
  absl::StatusOr<AuthorKey> key = FromSeed(parts[0], std::string_view(*body).substr(1));
  if (!key.ok() || KeyText(key->author_, key->public_key_, key->seed_) != FromAbsl(rest)) {
    return no_key;
  }
  return key;
}

absl::Status AuthorKey::Write(const std::string& path) const {
  return WriteNewFile(path, Cat(kPrefix, KeyText(author_, public_key_, seed_), "\n"));
}

std::string AuthorKey::verifier_key() const { return KeyText(author_, public_key_, public_key_); }

std::string AuthorKey::Sign(std::string_view bytes) const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  std::string signature(64, '\0');
  size_t size = signature.size();
  // The key was checked when it was made; what can fail here is memory.
  const int begun = EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get());
  CREDENCE_CHECK(begun == 1);
  const int done = EVP_DigestSign(context.get(), reinterpret_cast<uint8_t*>(signature.data()),
                                  &size, Data(bytes), bytes.size());
  CREDENCE_CHECK(done == 1 && size == signature.size());
  return signature;
}

std::string AuthorKey::SignPossession(std::string_view origin) const {
  return Sign(PossessionBytes(origin, author_, public_key_));
}

}  // namespace credence::client
