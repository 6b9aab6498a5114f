#include "access/principal.h"

#include "absl/strings/ascii.h"
#include "credence/base/strings.h"

namespace credence::server {
namespace {

constexpr std::string_view kPrefix = "ROLE_";

}  // namespace

std::string RoleText(v1::Role role) {
  return absl::AsciiStrToLower(v1::Role_Name(role).substr(kPrefix.size()));
}

v1::Role ParseRole(const std::string& text) {
  v1::Role role = v1::ROLE_UNSPECIFIED;
  if (!v1::Role_Parse(Cat(kPrefix, absl::AsciiStrToUpper(text)), &role)) {
    return v1::ROLE_UNSPECIFIED;
  }
  return role;
}

}  // namespace credence::server
