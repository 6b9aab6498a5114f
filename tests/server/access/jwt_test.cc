#include "access/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>

#include <optional>

#include "absl/strings/escaping.h"
#include "secured.h"

// Tokens of an identity provider: which are believed, and which never.
namespace credence::server {
namespace {

using ::testing::HasSubstr;

std::string Base64(std::string_view bytes) { return absl::WebSafeBase64Escape(ToAbsl(bytes)); }

std::string Number(const KeyPtr& key, const char* name, size_t size = 0) {
  BIGNUM* number = nullptr;
  EXPECT_EQ(EVP_PKEY_get_bn_param(key.get(), name, &number), 1) << name;
  const size_t length = size == 0 ? static_cast<size_t>(BN_num_bytes(number)) : size;
  std::string bytes(length, '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(length));
  BN_free(number);
  return bytes;
}

std::string RsaJwk(const KeyPtr& key, const std::string& id) {
  return Cat(R"({"kty":"RSA","kid":")", id, R"(","n":")",
             Base64(Number(key, OSSL_PKEY_PARAM_RSA_N)), R"(","e":")",
             Base64(Number(key, OSSL_PKEY_PARAM_RSA_E)), R"("})");
}

std::string EcJwk(const KeyPtr& key, const std::string& id) {
  return Cat(R"({"kty":"EC","crv":"P-256","use":"sig","kid":")", id, R"(","x":")",
             Base64(Number(key, OSSL_PKEY_PARAM_EC_PUB_X, 32)), R"(","y":")",
             Base64(Number(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32)), R"("})");
}

std::string EdJwk(const KeyPtr& key, const std::string& id) {
  std::string bytes(32, '\0');
  size_t size = bytes.size();
  EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size);
  return Cat(R"({"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":")", id, R"(","x":")",
             Base64(bytes), R"("})");
}

std::string KeySet(const std::vector<std::string>& keys) {
  std::string set = R"({"keys":[)";
  for (const std::string& key : keys) set += Cat(set.back() == '[' ? "" : ",", key);
  return set + "]}";
}

std::string RawSignature(const KeyPtr& key, const std::string& message) {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  const bool edwards = EVP_PKEY_is_a(key.get(), "ED25519") == 1;
  EVP_DigestSignInit(context, nullptr, edwards ? nullptr : EVP_sha256(), nullptr, key.get());
  size_t size = 0;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(message.data());
  EVP_DigestSign(context, nullptr, &size, bytes, message.size());
  std::string signature(size, '\0');
  EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                 message.size());
  signature.resize(size);
  EVP_MD_CTX_free(context);
  return signature;
}

// The two numbers of an ECDSA signature side by side.
std::string SideBySide(const std::string& der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* const pair = d2i_ECDSA_SIG(nullptr, &bytes, static_cast<int64_t>(der.size()));
  std::string both(64, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(both.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32);
  ECDSA_SIG_free(pair);
  return both;
}

std::string Sign(const KeyPtr& key, const std::string& header, const std::string& claims) {
  const std::string message = Cat(Base64(header), ".", Base64(claims));
  std::string signature = RawSignature(key, message);
  if (EVP_PKEY_is_a(key.get(), "EC") == 1) signature = SideBySide(signature);
  return Cat(message, ".", Base64(signature));
}

class JwtTest : public testing::Test {
 protected:
  JwtTest() {
    options.issuer = "https://id.example.org";
    options.audience = "credence";
  }

  [[nodiscard]] std::string Claims(const std::string& more = "") const {
    return Cat(R"({"iss":"https://id.example.org","aud":"credence","sub":"analyst-1","exp":)",
               absl::ToUnixSeconds(now) + 300, more, "}");
  }

  // Why it is refused; "OK" where it is believed.
  [[nodiscard]] std::string Judge(const std::string& set, const std::string& token) const {
    const auto keys = JwtKeys::Parse(set);
    EXPECT_TRUE(keys.ok()) << keys.status();
    const auto claims = keys->Verify(token, options, now);
    if (claims.ok()) return "OK";
    EXPECT_EQ(GetErrorDetail(claims.status()).reason, "UNAUTHENTICATED");
    return std::string(claims.status().message());
  }

  JwtOptions options;
  absl::Time now = Instant("2026-02-01T00:00:00Z");
};

TEST_F(JwtTest, TokensOfAllThreeAlgorithmsAreBelieved) {
  const KeyPtr rsa = MakeRsaKey(2'048);
  const KeyPtr ec = MakeEcKey();
  const KeyPtr ed = MakeEdKey();
  const std::string set = KeySet({RsaJwk(rsa, "r"), EcJwk(ec, "e"), EdJwk(ed, "d")});
  EXPECT_EQ(Judge(set, Sign(rsa, R"({"alg":"RS256","kid":"r"})", Claims())), "OK");
  EXPECT_EQ(Judge(set, Sign(ec, R"({"alg":"ES256","kid":"e"})", Claims())), "OK");
  EXPECT_EQ(Judge(set, Sign(ed, R"({"alg":"EdDSA","kid":"d"})", Claims())), "OK");
  // Without an id where only one key is for the algorithm.
  EXPECT_EQ(Judge(set, Sign(ec, R"({"alg":"ES256"})", Claims())), "OK");
}

TEST_F(JwtTest, AnUnsignedTokenIsNeverBelieved) {
  const std::string set = KeySet({EdJwk(MakeEdKey(), "d")});
  for (const char* algorithm : {"none", "None", "NONE", ""}) {
    const std::string header = Cat(R"({"alg":")", algorithm, R"(","kid":"d"})");
    const std::string message = Cat(Base64(header), ".", Base64(Claims()));
    EXPECT_THAT(Judge(set, message + "."), HasSubstr("is not signed by a key")) << algorithm;
    EXPECT_THAT(Judge(set, Cat(message, ".", Base64("signature"))),
                HasSubstr("is not signed by a key"));
  }
}

// The public key taken for a shared secret: the classic confusion.
TEST_F(JwtTest, APublicKeyIsNeverTakenForASharedSecret) {
  const KeyPtr rsa = MakeRsaKey(2'048);
  const std::string jwk = RsaJwk(rsa, "r");
  const std::string message = Cat(Base64(R"({"alg":"HS256","kid":"r"})"), ".", Base64(Claims()));
  for (const std::string& secret : {jwk, Number(rsa, OSSL_PKEY_PARAM_RSA_N)}) {
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(message.data()), message.size(), mac, &size);
    const std::string token =
        Cat(message, ".", Base64(std::string_view(reinterpret_cast<const char*>(mac), size)));
    EXPECT_THAT(Judge(KeySet({jwk}), token), HasSubstr("is not signed by a key"));
  }
}

TEST_F(JwtTest, AKeyIsForItsOwnAlgorithmOnly) {
  const KeyPtr rsa = MakeRsaKey(2'048);
  const KeyPtr ec = MakeEcKey();
  const std::string set = KeySet({RsaJwk(rsa, "r"), EcJwk(ec, "e")});
  EXPECT_NE(Judge(set, Sign(ec, R"({"alg":"RS256","kid":"e"})", Claims())), "OK");
  EXPECT_NE(Judge(set, Sign(rsa, R"({"alg":"ES256","kid":"r"})", Claims())), "OK");
  // Signed by one, said to be by the other.
  EXPECT_NE(Judge(set, Sign(ec, R"({"alg":"RS256","kid":"r"})", Claims())), "OK");
}

TEST_F(JwtTest, ATokenThatIsChangedAnywhereIsRefused) {
  const KeyPtr ec = MakeEcKey();
  const std::string set = KeySet({EcJwk(ec, "e")});
  const std::string token = Sign(ec, R"({"alg":"ES256","kid":"e"})", Claims());
  ASSERT_EQ(Judge(set, token), "OK");
  for (size_t i = 0; i + 1 < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(Judge(set, changed), "OK") << i;
  }
  for (const char* malformed : {"", ".", "..", "a.b", "a.b.c.d", "!.!.!"}) {
    EXPECT_NE(Judge(set, malformed), "OK") << malformed;
  }
  EXPECT_THAT(Judge(set, token + std::string(20'000, 'A')), HasSubstr("too long"));
}

TEST_F(JwtTest, IssuerAndAudienceMustBeTheOnesThatAreSet) {
  const KeyPtr ed = MakeEdKey();
  const std::string set = KeySet({EdJwk(ed, "d")});
  const auto judge = [&](const std::string& claims) {
    return Judge(set, Sign(ed, R"({"alg":"EdDSA"})", claims));
  };
  const std::string exp = Cat(R"("exp":)", absl::ToUnixSeconds(now) + 300);
  EXPECT_THAT(judge(Cat(R"({"iss":"https://evil.example","aud":"credence","sub":"a",)", exp, "}")),
              HasSubstr("another issuer"));
  EXPECT_THAT(judge(Cat(R"({"aud":"credence","sub":"a",)", exp, "}")), HasSubstr("another issuer"));
  const std::string issuer = R"("iss":"https://id.example.org",)";
  EXPECT_THAT(judge(Cat("{", issuer, R"("aud":"other","sub":"a",)", exp, "}")),
              HasSubstr("another audience"));
  EXPECT_THAT(judge(Cat("{", issuer, R"("sub":"a",)", exp, "}")), HasSubstr("another audience"));
  EXPECT_EQ(judge(Cat("{", issuer, R"("aud":["other","credence"],"sub":"a",)", exp, "}")), "OK");
  EXPECT_THAT(judge(Cat("{", issuer, R"("aud":"credence",)", exp, "}")), HasSubstr("no subject"));
}

TEST_F(JwtTest, ATokenIsBelievedInItsTimeOnly) {
  const KeyPtr ed = MakeEdKey();
  const std::string set = KeySet({EdJwk(ed, "d")});
  const std::string token =
      Sign(ed, R"({"alg":"EdDSA"})", Claims(Cat(R"(,"nbf":)", absl::ToUnixSeconds(now) - 10)));
  EXPECT_EQ(Judge(set, token), "OK");
  now += absl::Seconds(300 + 59);
  EXPECT_EQ(Judge(set, token), "OK");
  now += absl::Seconds(1);
  EXPECT_THAT(Judge(set, token), HasSubstr("has expired"));
  now -= absl::Seconds(300 + 60 + 10 + 61);
  EXPECT_THAT(Judge(set, token), HasSubstr("not in force yet"));
  const std::string endless =
      R"({"iss":"https://id.example.org","aud":"credence","sub":"analyst-1"})";
  EXPECT_THAT(Judge(set, Sign(ed, R"({"alg":"EdDSA"})", endless)), HasSubstr("when it ends"));
  const std::string text =
      R"({"iss":"https://id.example.org","aud":"credence","sub":"a","exp":"soon"})";
  EXPECT_NE(Judge(set, Sign(ed, R"({"alg":"EdDSA"})", text)), "OK");
}

TEST_F(JwtTest, AnExtensionThatMustBeUnderstoodIsRefused) {
  const KeyPtr ed = MakeEdKey();
  EXPECT_THAT(Judge(KeySet({EdJwk(ed, "d")}),
                    Sign(ed, R"({"alg":"EdDSA","crit":["b64"],"b64":false})", Claims())),
              HasSubstr("extensions"));
}

TEST_F(JwtTest, AmongSeveralKeysATokenSaysWhichOneItMeans) {
  const KeyPtr one = MakeEdKey();
  const std::string set = KeySet({EdJwk(one, "1"), EdJwk(MakeEdKey(), "2")});
  EXPECT_NE(Judge(set, Sign(one, R"({"alg":"EdDSA"})", Claims())), "OK");
  EXPECT_NE(Judge(set, Sign(one, R"({"alg":"EdDSA","kid":"2"})", Claims())), "OK");
  EXPECT_NE(Judge(set, Sign(one, R"({"alg":"EdDSA","kid":"3"})", Claims())), "OK");
  EXPECT_EQ(Judge(set, Sign(one, R"({"alg":"EdDSA","kid":"1"})", Claims())), "OK");
}

TEST_F(JwtTest, WeakAndMalformedKeySetsAreRefused) {
  EXPECT_FALSE(JwtKeys::Parse("no json").ok());
  EXPECT_FALSE(JwtKeys::Parse("{}").ok());
  EXPECT_FALSE(JwtKeys::Parse(R"({"keys":[]})").ok());
  EXPECT_FALSE(JwtKeys::Parse(R"({"keys":[{"kty":"oct","k":"c2VjcmV0"}]})").ok());
  EXPECT_FALSE(JwtKeys::Parse(KeySet({RsaJwk(MakeRsaKey(1'024), "weak")})).ok());
  EXPECT_FALSE(
      JwtKeys::Parse(KeySet({R"({"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"})"})).ok());
}

// --- Over the wire ---

class IdentityTest : public SecuredTest {
 protected:
  void SetUp() override {
    SecuredTest::SetUp();
    ReplaceFile(path("jwks.json"), KeySet({EdJwk(key, "1")}));
    choices.access.jwt.issuer = "https://id.example.org";
    choices.access.jwt.audience = "credence";
    choices.access.jwt.keys_file = path("jwks.json");
  }

  [[nodiscard]] std::string Token(const std::string& subject, const std::string& groups,
                                  const KeyPtr& signer, const std::string& id = "1") const {
    return Sign(signer, Cat(R"({"alg":"EdDSA","kid":")", id, R"("})"),
                Cat(R"({"iss":"https://id.example.org","aud":"credence","sub":")", subject,
                    R"(","groups":)", groups, R"(,"exp":)", absl::ToUnixSeconds(now) + 300, "}"));
  }

  const KeyPtr key = MakeEdKey();
  Choices choices;
};

TEST_F(IdentityTest, AUserOfTheProviderIsKnownByItsSubjectOrItsGroups) {
  v1::AccessGrant subject;
  subject.set_principal("auditor-1");
  subject.set_jwt_subject("user-7");
  MakeGrantOf(subject, {"auditor"});
  v1::AccessGrant group;
  group.set_jwt_group("forecasters");
  MakeGrantOf(group, {"forecaster"});
  Start(choices);
  const auto auditor = As(Token("user-7", "[]", key))->GetCaller({});
  ASSERT_TRUE(auditor.ok()) << auditor.status();
  EXPECT_EQ(auditor->principal(), "auditor-1");
  const auto member = As(Token("analyst-1", R"(["staff","forecasters"])", key))->GetCaller({});
  ASSERT_TRUE(member.ok()) << member.status();
  EXPECT_EQ(member->principal(), "forecasters/analyst-1");
  const auto stranger = As(Token("user-8", R"(["staff"])", key))->GetCaller({});
  ExpectError(stranger, absl::StatusCode::kUnauthenticated, "UNAUTHENTICATED", "");
  // A subject that cannot be a forecaster's id.
  const auto odd = As(Token("a b", R"(["forecasters"])", key))->GetCaller({});
  ExpectError(odd, absl::StatusCode::kUnauthenticated, "UNAUTHENTICATED", "");
}

TEST_F(IdentityTest, NewKeysOfTheProviderCountWithoutARestart) {
  v1::AccessGrant group;
  group.set_jwt_group("staff");
  MakeGrantOf(group, {"reader"});
  Start(choices);
  const KeyPtr next = MakeEdKey();
  EXPECT_FALSE(As(Token("a", R"(["staff"])", next, "2"))->GetCaller({}).ok());
  ReplaceFile(path("jwks.json"), KeySet({EdJwk(next, "2")}));
  EXPECT_TRUE(As(Token("a", R"(["staff"])", next, "2"))->GetCaller({}).ok());
  EXPECT_FALSE(As(Token("a", R"(["staff"])", key))->GetCaller({}).ok());
  // A broken file leaves the keys as they were.
  ReplaceFile(path("jwks.json"), "{");
  EXPECT_TRUE(As(Token("a", R"(["staff"])", next, "2"))->GetCaller({}).ok());
  EXPECT_THAT(AuditText(), HasSubstr("identity_keys_read"));
}

}  // namespace
}  // namespace credence::server
