#include "credence/cli/context.h"

#include <utility>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/cli/exit_code.h"
#include "credence/cli/identity.h"
#include "credence/cli/time.h"
#include "credence/client/verify/note.h"

namespace credence::cli {

CliContext::CliContext(CliEnvironment environment) : environment_(std::move(environment)) {}
CliContext::~CliContext() = default;

void CliContext::SetAction(const CLI::App* command, Action action) {
  actions_[command] = std::move(action);
}

CliContext::Action CliContext::FindAction(const CLI::App* command) const {
  const auto found = actions_.find(command);
  return found == actions_.end() ? Action() : found->second;
}

absl::StatusOr<client::Client*> CliContext::Connect() {
  if (client_ != nullptr) return client_.get();
  client::ClientOptions options;
  options.endpoint = flags_.endpoint;
  options.tls = {.enabled = flags_.tls || !flags_.tls_authority.empty() ||
                            !flags_.tls_certificate.empty() || !flags_.tls_key.empty(),
                 .authority_file = flags_.tls_authority,
                 .certificate_file = flags_.tls_certificate,
                 .key_file = flags_.tls_key};
  CREDENCE_ASSIGN_OR_RETURN(options.token, TokenOf(flags_));
  if (const absl::Status status = client::CheckConnection(options); !status.ok()) {
    return FlagError(status);
  }
  options.actor = flags_.actor;
  CREDENCE_ASSIGN_OR_RETURN(options.timeout, ParseDuration(flags_.timeout));
  if (options.timeout <= absl::ZeroDuration()) {
    return UsageError("--timeout: must be longer than zero");
  }
  options.verifier_key = flags_.verifier_key;
  if (!options.verifier_key.empty()) {
    const absl::Status status = client::ParseVerifierKey(options.verifier_key).status();
    if (!status.ok()) return UsageError(Cat("--verifier-key: ", FromAbsl(status.message())));
  }
  if (!flags_.author_key.empty()) {
    absl::StatusOr<client::AuthorKey> key = client::AuthorKey::Read(flags_.author_key);
    if (!key.ok()) return UsageError(Cat("--author-key: ", FromAbsl(key.status().message())));
    options.author_key = std::make_shared<const client::AuthorKey>(*std::move(key));
  }
  client_ = std::make_unique<client::Client>(std::move(options));
  return client_.get();
}

}  // namespace credence::cli
