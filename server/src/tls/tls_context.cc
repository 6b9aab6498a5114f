#include "tls/tls_context.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <utility>

#include "convert/file_stamp.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"

namespace credence::server {
namespace {

namespace asio = boost::asio;

// What OpenSSL says of its last failure.
std::string LibraryError() {
  std::string text = "not readable as PEM";
  const uint64_t code = ERR_get_error();
  if (code != 0) {
    const char* const reason = ERR_reason_error_string(code);
    if (reason != nullptr) text = reason;
  }
  ERR_clear_error();
  return text;
}

absl::Status BadFile(std::string_view flag, const std::string& file, std::string_view why) {
  return InvalidField("FIELD_INVALID", flag, Cat(file, ": ", why));
}

absl::Status CheckReadable(std::string_view flag, const std::string& file) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> opened(BIO_new_file(file.c_str(), "r"),
                                                         &BIO_free);
  ERR_clear_error();
  if (opened != nullptr) return absl::OkStatus();
  return BadFile(flag, file, "cannot be read");
}

absl::Status LoadIdentity(const TlsOptions& options, SSL_CTX* context) {
  CREDENCE_RETURN_IF_ERROR(CheckReadable("--tls-cert", options.certificate_file));
  CREDENCE_RETURN_IF_ERROR(CheckReadable("--tls-key", options.key_file));
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1) {
    return BadFile("--tls-cert", options.certificate_file, LibraryError());
  }
  if (SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return BadFile("--tls-key", options.key_file,
                   Cat("is no private key of ", options.certificate_file, ": ", LibraryError()));
  }
  const X509* const certificate = SSL_CTX_get0_certificate(context);
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
    return BadFile("--tls-cert", options.certificate_file, "has expired");
  }
  return absl::OkStatus();
}

absl::Status LoadClientAuthorities(const TlsOptions& options, SSL_CTX* context) {
  const std::string& file = options.client_authority_file;
  if (file.empty()) return absl::OkStatus();
  CREDENCE_RETURN_IF_ERROR(CheckReadable("--tls-client-ca", file));
  if (SSL_CTX_load_verify_file(context, file.c_str()) != 1) {
    return BadFile("--tls-client-ca", file, LibraryError());
  }
  SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(file.c_str()));
  int mode = SSL_VERIFY_PEER;
  if (options.client_certificate_required) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context, mode, nullptr);
  return absl::OkStatus();
}

absl::StatusOr<TlsContext::Context> Load(const TlsOptions& options) {
  try {
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    SSL_CTX* const native = context->native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // A session resumed after a client certificate was withdrawn would still carry it.
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(native, SSL_OP_NO_TICKET);
    CREDENCE_RETURN_IF_ERROR(LoadIdentity(options, native));
    CREDENCE_RETURN_IF_ERROR(LoadClientAuthorities(options, native));
    return context;
  } catch (const boost::system::system_error& error) {
    return absl::InternalError(error.what());
  }
}

std::string StampOf(const TlsOptions& options) {
  return FileStamp({options.certificate_file, options.key_file, options.client_authority_file});
}

}  // namespace

absl::Status CheckTlsFiles(const TlsOptions& options) { return Load(options).status(); }

TlsContext::TlsContext(TlsOptions options, std::function<void(const absl::Status&)> changed)
    : options_(std::move(options)), changed_(std::move(changed)) {}

absl::StatusOr<std::unique_ptr<TlsContext>> TlsContext::Make(
    const TlsOptions& options, std::function<void(const absl::Status&)> changed) {
  std::unique_ptr<TlsContext> made(new TlsContext(options, std::move(changed)));
  made->stamp_ = StampOf(options);
  CREDENCE_ASSIGN_OR_RETURN(made->context_, Load(options));
  return made;
}

TlsContext::Context TlsContext::Get(absl::Time now) {
  if (now - looked_time_ < options_.refresh) return context_;
  looked_time_ = now;
  std::string stamp = StampOf(options_);
  if (stamp == stamp_) return context_;
  stamp_ = std::move(stamp);
  absl::StatusOr<Context> loaded = Load(options_);
  if (loaded.ok()) context_ = *std::move(loaded);
  changed_(loaded.status());
  return context_;
}

std::string SubjectOf(const X509& certificate) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), &BIO_free);
  if (text == nullptr) return "";
  X509_NAME_print_ex(text.get(), X509_get_subject_name(&certificate), 0, XN_FLAG_RFC2253);
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(text.get(), &bytes);
  return {bytes, static_cast<size_t>(size)};
}

}  // namespace credence::server
