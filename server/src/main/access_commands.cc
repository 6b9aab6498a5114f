#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "access/access_file.h"
#include "access/grants.h"
#include "credence/base/status_macros.h"
#include "credence/cli/context.h"
#include "credence/cli/token.h"
#include "credence/ledger/log.h"
#include "main/commands.h"

namespace credence::server {
namespace {

// Who made a grant without a server: whoever may write the ledger's files.
constexpr const char* kOfflineCreator = "operator";

absl::StatusOr<cli::GrantStore> OpenGrants(const std::string& data, const std::string& anchor) {
  CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<ledger::Log> log,
                            ledger::Log::OpenReadOnly(data, anchor));
  const std::string origin = log->origin();
  const std::string path = AccessPath(data);
  cli::GrantStore store;
  store.create = [path, origin](const v1::CreateAccessGrantRequest& request)
      -> absl::StatusOr<v1::CreateAccessGrantResponse> {
    v1::CreateAccessGrantResponse response;
    const auto change = [&](internal::v1::AccessFile& file) -> absl::Status {
      CREDENCE_ASSIGN_OR_RETURN(
          MadeGrant made, MakeGrant(file, request.access_grant(), kOfflineCreator, absl::Now()));
      *response.mutable_access_grant() = std::move(made.grant);
      response.set_token(std::move(made.token));
      return absl::OkStatus();
    };
    CREDENCE_RETURN_IF_ERROR(UpdateAccessFile(path, origin, change));
    return response;
  };
  store.list = [path, origin](const v1::ListAccessGrantsRequest& request)
      -> absl::StatusOr<v1::ListAccessGrantsResponse> {
    CREDENCE_ASSIGN_OR_RETURN(const internal::v1::AccessFile file, ReadAccessFile(path, origin));
    return ListOf(file, request, absl::Now());
  };
  store.revoke = [path, origin](const v1::RevokeAccessGrantRequest& request)
      -> absl::StatusOr<v1::RevokeAccessGrantResponse> {
    v1::RevokeAccessGrantResponse response;
    const auto change = [&](internal::v1::AccessFile& file) -> absl::Status {
      CREDENCE_ASSIGN_OR_RETURN(*response.mutable_access_grant(),
                                RevokeGrant(file, request.name(), absl::Now()));
      return absl::OkStatus();
    };
    CREDENCE_RETURN_IF_ERROR(UpdateAccessFile(path, origin, change));
    return response;
  };
  return store;
}

}  // namespace

void RegisterToken(CLI::App& app, cli::CliContext& context) {
  cli::AddTokenCommands(app, context, OpenGrants);
}

}  // namespace credence::server
