#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "absl/time/time.h"

// Certificates made for a test.
namespace credence::server {

using KeyPtr = std::shared_ptr<EVP_PKEY>;
using CertificatePtr = std::shared_ptr<X509>;

[[nodiscard]] KeyPtr MakeEcKey();
[[nodiscard]] KeyPtr MakeRsaKey(unsigned bits);
[[nodiscard]] KeyPtr MakeEdKey();
[[nodiscard]] std::string KeyPem(const KeyPtr& key);

struct Identity {
  CertificatePtr certificate;
  KeyPtr key;

  [[nodiscard]] std::string CertificatePem() const;
};

// An authority that signs certificates.
class Authority {
 public:
  explicit Authority(const std::string& name);

  // For localhost and 127.0.0.1.
  [[nodiscard]] Identity MakeServer(absl::Duration lifetime = absl::Hours(24)) const;
  // Its subject is CN=name,O=Example.
  [[nodiscard]] Identity MakeClient(const std::string& name) const;

  [[nodiscard]] std::string CertificatePem() const { return identity_.CertificatePem(); }

 private:
  Identity identity_;
};

// Replaces a file whole, as a tool that renews certificates does.
void ReplaceFile(const std::string& path, const std::string& content);

}  // namespace credence::server
