#include "service/grpc_credentials.h"

#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"

namespace credence::server {
namespace {

// "ipv4:127.0.0.1:4711" and "ipv6:%5B::1%5D:4711" without what they begin with and the port.
std::string AddressOf(const std::string& peer) {
  const size_t begin = peer.find(':');
  const size_t end = peer.rfind(':');
  if (begin == std::string::npos || end <= begin) return peer;
  std::string address = peer.substr(begin + 1, end - begin - 1);
  constexpr std::string_view kOpen = "%5B";
  constexpr std::string_view kClose = "%5D";
  if (address.rfind(kOpen, 0) == 0) address.erase(0, kOpen.size());
  const size_t close = address.find(kClose);
  if (close != std::string::npos) address.resize(close);
  return address;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsOptions& options) {
  if (!options.enabled()) return grpc::InsecureServerCredentials();
  // gRPC would only log what is wrong with them, and serve nobody.
  CREDENCE_RETURN_IF_ERROR(CheckTlsFiles(options));
  namespace tls = grpc::experimental;
  const auto refresh = static_cast<unsigned>(
      std::max<int64_t>(1, absl::ToInt64Seconds(absl::Ceil(options.refresh, absl::Seconds(1)))));
  const auto provider = std::make_shared<tls::FileWatcherCertificateProvider>(
      options.key_file, options.certificate_file, options.client_authority_file, refresh);
  tls::TlsServerCredentialsOptions server(provider);
  server.watch_identity_key_cert_pairs();
  // The names in a client's certificate are no host's.
  server.set_check_call_host(false);
  server.set_certificate_verifier(std::make_shared<tls::NoOpCertificateVerifier>());
  if (!options.client_authority_file.empty()) {
    server.watch_root_certs();
    server.set_cert_request_type(options.client_certificate_required
                                     ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                     : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return tls::TlsServerCredentials(server);
}

CallerCredentials CredentialsOf(const grpc::ServerContextBase& context) {
  CallerCredentials credentials;
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find("authorization");
  if (found != metadata.end()) {
    credentials.authorization.assign(found->second.data(), found->second.size());
  }
  credentials.peer = AddressOf(context.peer());
  const std::shared_ptr<const grpc::AuthContext> auth = context.auth_context();
  if (auth != nullptr && auth->IsPeerAuthenticated()) {
    const std::vector<grpc::string_ref> subject =
        auth->FindPropertyValues(GRPC_X509_SUBJECT_PROPERTY_NAME);
    if (!subject.empty()) {
      credentials.certificate_subject.assign(subject.front().data(), subject.front().size());
    }
  }
  return credentials;
}

}  // namespace credence::server
