#include "credence/cli/identity.h"

#include <fstream>
#include <map>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/cli/exit_code.h"

namespace credence::cli {

absl::StatusOr<std::string> TokenOf(const GlobalFlags& flags) {
  if (flags.token_file.empty()) return flags.token;
  std::ifstream file(flags.token_file);
  std::string token;
  std::getline(file, token);
  if (!file && token.empty()) {
    return UsageError(Cat("--token-file: ", flags.token_file, " cannot be read or is empty"));
  }
  while (!token.empty() && (token.back() == ' ' || token.back() == '\r')) token.pop_back();
  return token;
}

absl::StatusOr<client::HttpIdentity> HttpIdentityOf(const GlobalFlags& flags) {
  client::HttpIdentity identity;
  identity.authority_file = flags.tls_authority;
  identity.certificate_file = flags.tls_certificate;
  identity.key_file = flags.tls_key;
  CREDENCE_ASSIGN_OR_RETURN(identity.token, TokenOf(flags));
  return identity;
}

absl::Status FlagError(const absl::Status& status) {
  static const auto* const kFlags =
      new std::map<std::string, std::string>{{"tls.authority_file", "--tls-ca"},
                                             {"tls.certificate_file", "--tls-cert"},
                                             {"tls.key_file", "--tls-key"},
                                             {"tls.enabled", "--tls-ca and --tls-cert"},
                                             {"token", "the token"}};
  const ErrorDetail detail = GetErrorDetail(status);
  if (detail.fields.empty()) return status;
  const auto found = kFlags->find(detail.fields.front().field);
  if (found == kFlags->end()) return status;
  return UsageError(Cat(found->second, ": ", detail.fields.front().description));
}

}  // namespace credence::cli
