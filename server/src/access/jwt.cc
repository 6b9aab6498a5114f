#include "access/jwt.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "decide/checks.h"

namespace credence::server {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr size_t kTokenBytesMax = 16'384;
constexpr int kRsaBitsMin = 2'048;
constexpr size_t kCoordinateBytes = 32;
constexpr size_t kEd25519Bytes = 32;

template <typename Part, void (*kFree)(Part*)>
struct Freed {
  void operator()(Part* part) const { kFree(part); }
};
using BignumPtr = std::unique_ptr<BIGNUM, Freed<BIGNUM, BN_free>>;
using BuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>>;
using ParamsPtr = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM, OSSL_PARAM_free>>;
using KeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX, EVP_MD_CTX_free>>;
using SignaturePtr = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG, ECDSA_SIG_free>>;

absl::Status Refuse(std::string_view why) {
  ErrorDetail detail;
  detail.reason = "UNAUTHENTICATED";
  return MakeError(absl::StatusCode::kUnauthenticated, Cat("the identity token ", why), detail);
}

absl::Status BadKeys(std::string_view why) {
  return absl::InvalidArgumentError(Cat("the key set ", why));
}

// Base64 for URLs as RFC 7515 has it: without padding, and nothing else in between.
bool Decode(std::string_view text, std::string& bytes) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char character) {
    return absl::ascii_isalnum(static_cast<unsigned char>(character)) || character == '-' ||
           character == '_';
  });
  return plain && absl::WebSafeBase64Unescape(ToAbsl(text), &bytes);
}

bool ParseObject(const std::string& json, Struct& object) {
  return google::protobuf::util::JsonStringToMessage(json, &object).ok();
}

const Value* Find(const Struct& object, const std::string& name) {
  const auto found = object.fields().find(name);
  return found == object.fields().end() ? nullptr : &found->second;
}

// A text; empty where there is none of that name.
std::string TextOf(const Struct& object, const std::string& name) {
  const Value* const value = Find(object, name);
  return value == nullptr ? "" : value->string_value();
}

std::optional<absl::Time> TimeOf(const Struct& object, const std::string& name) {
  const Value* const value = Find(object, name);
  if (value == nullptr || value->kind_case() != Value::kNumberValue) return std::nullopt;
  // Beyond this, times are not seconds.
  constexpr double kSecondsMax = 1e11;
  const double seconds = value->number_value();
  if (!std::isfinite(seconds) || std::abs(seconds) > kSecondsMax) return std::nullopt;
  return absl::UnixEpoch() + absl::Seconds(seconds);
}

// A text, or a list of texts.
std::vector<std::string> TextsOf(const Struct& object, const std::string& name) {
  std::vector<std::string> texts;
  const Value* const value = Find(object, name);
  if (value == nullptr) return texts;
  if (value->kind_case() == Value::kStringValue) texts.push_back(value->string_value());
  for (const Value& item : value->list_value().values()) {
    if (item.kind_case() == Value::kStringValue) texts.push_back(item.string_value());
  }
  return texts;
}

std::shared_ptr<EVP_PKEY> Own(EVP_PKEY* key) {
  return key == nullptr ? nullptr : std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free);
}

std::shared_ptr<EVP_PKEY> MakeKey(const char* kind, OSSL_PARAM_BLD* builder) {
  const ParamsPtr params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return Own(key);
}

std::shared_ptr<EVP_PKEY> RsaKey(const Struct& json) {
  std::string modulus;
  std::string exponent;
  if (!Decode(TextOf(json, "n"), modulus) || !Decode(TextOf(json, "e"), exponent)) return nullptr;
  const auto number = [](const std::string& bytes) {
    return BignumPtr(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                               static_cast<int>(bytes.size()), nullptr));
  };
  const BignumPtr n = number(modulus);
  const BignumPtr e = number(exponent);
  const BuilderPtr builder(OSSL_PARAM_BLD_new());
  if (n == nullptr || e == nullptr || builder == nullptr ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return nullptr;
  }
  auto key = MakeKey("RSA", builder.get());
  return key != nullptr && EVP_PKEY_get_bits(key.get()) >= kRsaBitsMin ? key : nullptr;
}

std::shared_ptr<EVP_PKEY> EcKey(const Struct& json) {
  std::string x;
  std::string y;
  if (!Decode(TextOf(json, "x"), x) || !Decode(TextOf(json, "y"), y)) return nullptr;
  if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) return nullptr;
  const std::string point = Cat("\x04", x, y);
  const BuilderPtr builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) !=
          1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1) {
    return nullptr;
  }
  return MakeKey("EC", builder.get());
}

std::shared_ptr<EVP_PKEY> EdKey(const Struct& json) {
  std::string x;
  if (!Decode(TextOf(json, "x"), x) || x.size() != kEd25519Bytes) return nullptr;
  return Own(EVP_PKEY_new_raw_public_key(
      EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(x.data()), x.size()));
}

// Algorithm of a key of this kind; empty for one that is not used here.
std::string AlgorithmOf(const Struct& json) {
  const std::string kind = TextOf(json, "kty");
  const std::string curve = TextOf(json, "crv");
  if (kind == "RSA") return "RS256";
  if (kind == "EC" && curve == "P-256") return "ES256";
  if (kind == "OKP" && curve == "Ed25519") return "EdDSA";
  return "";
}

std::shared_ptr<EVP_PKEY> KeyOf(const Struct& json, const std::string& algorithm) {
  if (algorithm == "RS256") return RsaKey(json);
  return algorithm == "ES256" ? EcKey(json) : EdKey(json);
}

// From the two numbers side by side, as RFC 7518 has them, to what OpenSSL reads.
std::string ToDer(std::string_view signature) {
  if (signature.size() != 2 * kCoordinateBytes) return "";
  const auto* const bytes = reinterpret_cast<const unsigned char*>(signature.data());
  BignumPtr r(BN_bin2bn(bytes, kCoordinateBytes, nullptr));
  BignumPtr s(BN_bin2bn(bytes + kCoordinateBytes, kCoordinateBytes, nullptr));
  const SignaturePtr pair(ECDSA_SIG_new());
  if (pair == nullptr || r == nullptr || s == nullptr) return "";
  if (ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return "";
  // The pair owns them now.
  static_cast<void>(r.release());
  static_cast<void>(s.release());
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  if (size <= 0) return "";
  std::string text(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return text;
}

absl::Status CheckClaims(const Struct& claims, const JwtOptions& options, absl::Time now) {
  if (TextOf(claims, "iss") != options.issuer) return Refuse("is of another issuer");
  const std::vector<std::string> audiences = TextsOf(claims, "aud");
  if (std::find(audiences.begin(), audiences.end(), options.audience) == audiences.end()) {
    return Refuse("is for another audience");
  }
  const std::optional<absl::Time> expires = TimeOf(claims, "exp");
  if (!expires.has_value()) return Refuse("says nothing of when it ends");
  if (now >= *expires + options.clock_skew) return Refuse("has expired");
  const std::optional<absl::Time> begins = TimeOf(claims, "nbf");
  if (Find(claims, "nbf") != nullptr && !begins.has_value()) {
    return Refuse("has a malformed time");
  }
  if (begins.has_value() && now < *begins - options.clock_skew) {
    return Refuse("is not in force yet");
  }
  if (TextOf(claims, "sub").empty()) return Refuse("names no subject");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<JwtKeys> JwtKeys::Parse(const std::string& json) {
  Struct set;
  if (!ParseObject(json, set)) return BadKeys("is not a JSON object");
  const Value* const list = ::credence::server::Find(set, "keys");
  if (list == nullptr || !list->has_list_value()) return BadKeys("has no list named keys");
  JwtKeys keys;
  for (const Value& item : list->list_value().values()) {
    const Struct& key = item.struct_value();
    const std::string algorithm = AlgorithmOf(key);
    const std::string use = TextOf(key, "use");
    const std::string stated = TextOf(key, "alg");
    // A key for encryption, or for another algorithm of its kind.
    if (algorithm.empty() || (!use.empty() && use != "sig") ||
        (!stated.empty() && stated != algorithm)) {
      continue;
    }
    std::shared_ptr<EVP_PKEY> read = KeyOf(key, algorithm);
    if (read == nullptr) {
      return BadKeys(Cat("has a malformed or weak key, \"", TextOf(key, "kid"), "\""));
    }
    keys.keys_.push_back({TextOf(key, "kid"), algorithm, std::move(read)});
  }
  if (keys.keys_.empty()) return BadKeys("has no key for RS256, ES256 or EdDSA");
  return keys;
}

absl::StatusOr<const JwtKeys::Key*> JwtKeys::Find(const std::string& id,
                                                  const std::string& algorithm) const {
  const Key* only = nullptr;
  for (const Key& key : keys_) {
    if (key.algorithm != algorithm) continue;
    if (!id.empty() && key.id != id) continue;
    // Without an id it must be clear which one is meant.
    if (only != nullptr) return Refuse("does not say which key signed it");
    only = &key;
  }
  if (only == nullptr) return Refuse("is not signed by a key, and in a way, that is known");
  return only;
}

bool JwtKeys::Verifies(const Key& key, std::string_view message, std::string_view signature) {
  std::string der;
  if (key.algorithm == "ES256") {
    der = ToDer(signature);
    signature = der;
  }
  const DigestContextPtr context(EVP_MD_CTX_new());
  const EVP_MD* const digest = key.algorithm == "EdDSA" ? nullptr : EVP_sha256();
  if (context == nullptr ||
      EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.key.get()) != 1) {
    return false;
  }
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(message.data()),
                          message.size()) == 1;
}

absl::StatusOr<JwtClaims> JwtKeys::Verify(std::string_view token, const JwtOptions& options,
                                          absl::Time now) const {
  if (token.size() > kTokenBytesMax) return Refuse("is too long");
  const size_t first = token.find('.');
  const size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return Refuse("does not have three parts");
  }
  std::string header_json;
  std::string claims_json;
  std::string signature;
  Struct header;
  Struct claims;
  if (!Decode(token.substr(0, first), header_json) ||
      !Decode(token.substr(first + 1, second - first - 1), claims_json) ||
      !Decode(token.substr(second + 1), signature) || !ParseObject(header_json, header) ||
      !ParseObject(claims_json, claims)) {
    return Refuse("is malformed");
  }
  // What must be understood by RFC 7515, and is not.
  if (::credence::server::Find(header, "crit") != nullptr) {
    return Refuse("asks for extensions that are not known");
  }
  CREDENCE_ASSIGN_OR_RETURN(const Key* const key,
                            Find(TextOf(header, "kid"), TextOf(header, "alg")));
  if (!Verifies(*key, token.substr(0, second), signature)) {
    return Refuse("has a signature that does not hold");
  }
  CREDENCE_RETURN_IF_ERROR(CheckClaims(claims, options, now));
  JwtClaims read;
  read.subject = TextOf(claims, "sub");
  read.groups = TextsOf(claims, options.groups_claim);
  const std::string name = TextOf(claims, options.principal_claim);
  if (CheckId(name, "").ok()) read.principal = Cat("forecasters/", name);
  return read;
}

}  // namespace credence::server
