#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/v1/common.pb.h"
#include "decide/decide.h"

// The options that every write has in common. Pure functions.
namespace credence::server {

// Longest request id and actor, in bytes.
inline constexpr size_t kOptionBytesMax = 128;

// The facts that the options state: actor and effective time. INVALID_ARGUMENT with paths below
// `options`: FIELD_TOO_LARGE, FIELD_INVALID (control characters), TIME_INVALID (not a valid time).
[[nodiscard]] absl::StatusOr<DecideFacts> FactsOf(const v1::WriteOptions& options);

// INVALID_ARGUMENT (TIME_INVALID) where the effective time lies after the record time.
[[nodiscard]] absl::Status CheckNotInFuture(const DecideFacts& facts);

}  // namespace credence::server
