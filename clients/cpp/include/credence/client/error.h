#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "credence/base/error.h"

// Errors of a server as absl::Status. GetErrorDetail(status) gives
//   reason    of google.rpc.ErrorInfo, a value of credence.v1.ErrorReason without its prefix,
//   metadata  of google.rpc.ErrorInfo,
//   fields    of google.rpc.BadRequest,
//   subjects  of google.rpc.PreconditionFailure.
// An error that carries no details, such as one of the connection, has an empty reason.
//
// Thread-safe: everything here is a pure function.
namespace credence::client {

// Builds the status of an rpc from its code by number, its message, and its details: a serialised
// google.rpc.Status, or empty. Details that do not parse are left out; an unknown code is UNKNOWN.
[[nodiscard]] absl::Status StatusOfRpc(int code, std::string_view message,
                                       std::string_view details);

// Pause that the server asks for before a repeat (google.rpc.RetryInfo), where it asks for one.
[[nodiscard]] std::optional<absl::Duration> RetryDelay(std::string_view details);

}  // namespace credence::client
