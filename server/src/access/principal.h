#pragma once

#include <string>
#include <vector>

#include "credence/v1/access_service.pb.h"

// Who calls.
namespace credence::server {

// Immutable where it is shared.
struct Principal {
  // Actor of what it writes, such as `forecasters/analyst-1`; empty for callers that did not say
  // who they are and may read all the same.
  std::string name;
  // What let it in, for the audit log: `accessGrants/...`, or an identity token's subject.
  std::string credential;
  std::vector<v1::RoleBinding> roles;
  // What it may take of the server, where its grant states that.
  v1::CallerBudget budget{};
};

// The role's name as people write it: "reader". The other way round ROLE_UNSPECIFIED
// for another text.
[[nodiscard]] std::string RoleText(v1::Role role);
[[nodiscard]] v1::Role ParseRole(const std::string& text);

}  // namespace credence::server
