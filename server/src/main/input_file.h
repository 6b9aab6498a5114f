#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "credence/client/verify/witness_policy.h"

namespace credence::server {

// The bytes of a file that a flag names. INVALID_ARGUMENT with the reason USAGE where it cannot be
// read.
[[nodiscard]] absl::StatusOr<std::string> ReadInputFile(const std::string& path);

// A policy of witnesses in a file. The same, also where it is none.
[[nodiscard]] absl::StatusOr<client::WitnessPolicy> ReadPolicy(const std::string& path);

}  // namespace credence::server
