#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

// Errors as the contract has them. Pure functions.
namespace credence::server {

// An error of any room with a reason of credence.v1.ErrorReason and the code that belongs to it.
// The rooms below have a few reasons of their own; each stands for one of the contract's. An error
// without a reason is a fault of the server: INTERNAL, but for those of the ways in, such as
// CANCELLED.
[[nodiscard]] absl::Status PublicStatus(const absl::Status& status);

// UNAVAILABLE, for calls that a drain ends.
[[nodiscard]] absl::Status DrainingError();

// Metadata of an error that says, in milliseconds, after which time to retry.
inline constexpr std::string_view kRetryMillisecondsKey = "retry_milliseconds";

// The details of a public error: a serialized google.rpc.Status with ErrorInfo, and with
// BadRequest, PreconditionFailure, QuotaFailure and RetryInfo where they apply.
[[nodiscard]] std::string PackDetails(const absl::Status& status);

}  // namespace credence::server
