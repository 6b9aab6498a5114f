#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/cli/context.h"
#include "credence/client/verify/source.h"

// What the flags say of a server, and of who asks it. INVALID_ARGUMENT with the reason USAGE where
// a file cannot be read.
namespace credence::cli {

// The token of the flags; empty where they name none.
[[nodiscard]] absl::StatusOr<std::string> TokenOf(const GlobalFlags& flags);

// For a server of HTTP.
[[nodiscard]] absl::StatusOr<client::HttpIdentity> HttpIdentityOf(const GlobalFlags& flags);

// A connection whose options do not fit together, in the words of the flags; another error as it
// is.
[[nodiscard]] absl::Status FlagError(const absl::Status& status);

}  // namespace credence::cli
