#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

#pragma GCC visibility push(hidden)

namespace credence::client {

// Writes a new file that only its owner reads (mode 0600), synced. ALREADY_EXISTS where it exists.
[[nodiscard]] absl::Status WriteNewFile(const std::string& path, std::string_view content);

// An error about the file at `path`: NOT_FOUND, ALREADY_EXISTS or INVALID_ARGUMENT.
[[nodiscard]] absl::Status FileError(const std::string& path, absl::StatusCode code,
                                     std::string_view what);

}  // namespace credence::client

#pragma GCC visibility pop
