#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>

#include "absl/status/statusor.h"
#include "service/router.h"
#include "tls/tls_options.h"

// gRPC's side of TLS, and what it knows of a call's client.
namespace credence::server {

// Plaintext where `options` is not enabled, else TLS whose files are read again when they change.
// Errors as of CheckTlsFiles.
[[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsOptions& options);

[[nodiscard]] CallerCredentials CredentialsOf(const grpc::ServerContextBase& context);

}  // namespace credence::server
