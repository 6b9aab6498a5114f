#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "credence/v1/access_service.pb.h"

namespace CLI {
class App;
}  // namespace CLI

namespace credence::cli {

class CliContext;

// Grants as somebody keeps them: a server, or the files of a ledger.
struct GrantStore {
  std::function<absl::StatusOr<v1::CreateAccessGrantResponse>(const v1::CreateAccessGrantRequest&)>
      create;
  std::function<absl::StatusOr<v1::ListAccessGrantsResponse>(const v1::ListAccessGrantsRequest&)>
      list;
  std::function<absl::StatusOr<v1::RevokeAccessGrantResponse>(const v1::RevokeAccessGrantRequest&)>
      revoke;
};

// Gives the grants of the ledger in a directory, whose anchor is a file elsewhere or, where that is
// empty, in the directory.
using OfflineGrants =
    std::function<absl::StatusOr<GrantStore>(const std::string& data, const std::string& anchor)>;

// Adds the noun `token`, whose verbs speak to a server or, with --data, to `offline`.
void AddTokenCommands(CLI::App& app, CliContext& context, const OfflineGrants& offline);

}  // namespace credence::cli
