#pragma once

#include <openssl/x509.h>

#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tls/tls_options.h"

// The server's side of TLS for OpenSSL, kept in step with its files.
namespace credence::server {

// One thread at a time.
class TlsContext {
 public:
  using Context = std::shared_ptr<boost::asio::ssl::context>;

  // `changed` is told of files that were taken in anew (OK), or that could not be, in which case
  // what was read before stays. Errors as of CheckTlsFiles.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<TlsContext>> Make(
      const TlsOptions& options, std::function<void(const absl::Status&)> changed);

  // For the next connection; the files are looked at again where `refresh` has passed.
  [[nodiscard]] Context Get(absl::Time now);

 private:
  TlsContext(TlsOptions options, std::function<void(const absl::Status&)> changed);

  const TlsOptions options_;
  const std::function<void(const absl::Status&)> changed_;
  absl::Time looked_time_ = absl::InfinitePast();
  // When, and how large, each file was: what tells that one was replaced.
  std::string stamp_;
  Context context_;
};

// The certificate's subject in the form of RFC 2253, such as "CN=analyst-1,O=Example".
[[nodiscard]] std::string SubjectOf(const X509& certificate);

}  // namespace credence::server
