#include "certificates.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <fstream>

namespace credence::server {
namespace {

KeyPtr Own(EVP_PKEY* key) {
  EXPECT_NE(key, nullptr);
  return {key, EVP_PKEY_free};
}

std::string Text(BIO* bio) {
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(bio, &bytes);
  std::string text(bytes, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

struct Request {
  std::string name;
  std::string organization;
  std::string alternative_names;
  bool authority = false;
  absl::Duration lifetime = absl::Hours(24);
};

void AddName(X509* certificate, const Request& request) {
  X509_NAME* const name = X509_get_subject_name(certificate);
  const auto add = [name](const char* field, const std::string& value) {
    if (value.empty()) return;
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.data()),
                               static_cast<int>(value.size()), -1, 0);
  };
  add("O", request.organization);
  add("CN", request.name);
}

void AddExtension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  ASSERT_NE(extension, nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// Signed by `issuer`, or by itself.
Identity Make(const Request& request, const Identity* issuer) {
  static int64_t serial = 0;
  Identity made{CertificatePtr(X509_new(), X509_free), MakeEcKey()};
  X509* const certificate = made.certificate.get();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -86'400);
  X509_gmtime_adj(X509_getm_notAfter(certificate), absl::ToInt64Seconds(request.lifetime));
  X509_set_pubkey(certificate, made.key.get());
  AddName(certificate, request);
  X509_set_issuer_name(
      certificate,
      X509_get_subject_name(issuer == nullptr ? certificate : issuer->certificate.get()));
  if (request.authority) AddExtension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  if (!request.alternative_names.empty()) {
    AddExtension(certificate, NID_subject_alt_name, request.alternative_names);
  }
  X509_sign(certificate, (issuer == nullptr ? made : *issuer).key.get(), EVP_sha256());
  return made;
}

}  // namespace

KeyPtr MakeEcKey() { return Own(EVP_EC_gen("P-256")); }

KeyPtr MakeRsaKey(unsigned bits) { return Own(EVP_RSA_gen(bits)); }

KeyPtr MakeEdKey() { return Own(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")); }

std::string KeyPem(const KeyPtr& key) {
  BIO* const bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return Text(bio);
}

std::string Identity::CertificatePem() const {
  BIO* const bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate.get());
  return Text(bio);
}

Authority::Authority(const std::string& name)
    : identity_(Make({.name = name, .organization = "", .alternative_names = "", .authority = true},
                     nullptr)) {}

Identity Authority::MakeServer(absl::Duration lifetime) const {
  return Make({.name = "server",
               .organization = "",
               .alternative_names = "DNS:localhost,IP:127.0.0.1",
               .authority = false,
               .lifetime = lifetime},
              &identity_);
}

Identity Authority::MakeClient(const std::string& name) const {
  return Make({.name = name, .organization = "Example", .alternative_names = ""}, &identity_);
}

void ReplaceFile(const std::string& path, const std::string& content) {
  const std::string fresh = path + ".new";
  {
    std::ofstream file(fresh, std::ios::binary);
    file << content;
    ASSERT_TRUE(file.good()) << fresh;
  }
  ASSERT_EQ(std::rename(fresh.c_str(), path.c_str()), 0) << path;
}

}  // namespace credence::server
