#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

// Which certificates the server shows and which ones of its clients it believes. gRPC and HTTP are
// served under the same.
namespace credence::server {

struct TlsOptions {
  // PEM files: the certificate with its chain, and its private key. Both or none: without them
  // connections are in plaintext.
  std::string certificate_file{};
  std::string key_file{};
  // PEM file of the authorities that client certificates are checked against; empty where none are
  // asked for.
  std::string client_authority_file{};
  // Whether a client without a certificate is turned away in the handshake.
  bool client_certificate_required = false;
  // How long a file that was replaced may go unnoticed. Connections that exist stay as they are.
  absl::Duration refresh = absl::Seconds(1);

  [[nodiscard]] bool enabled() const { return !certificate_file.empty(); }
};

// Reads the files as a handshake will. INVALID_ARGUMENT (FIELD_INVALID) names the flag and the file:
// one that cannot be read, that is no PEM, that has expired, or a key that is not the certificate's.
[[nodiscard]] absl::Status CheckTlsFiles(const TlsOptions& options);

}  // namespace credence::server
