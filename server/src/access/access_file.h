#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/internal/v1/access.pb.h"

// The grants of a ledger on disk: `access.json` in its directory, readable by its owner only. The
// server and the offline commands both change it, one at a time, and each change replaces it whole.
namespace credence::server {

[[nodiscard]] std::string AccessPath(const std::string& data_directory);

// What the file holds; no grants where there is no file. FAILED_PRECONDITION (WRONG_STATE) where it
// is another ledger's; INTERNAL where it cannot be read.
[[nodiscard]] absl::StatusOr<internal::v1::AccessFile> ReadAccessFile(const std::string& path,
                                                                      const std::string& origin);

// Reads the file, lets `change` change it, and writes it durably; nothing where `change` fails.
[[nodiscard]] absl::Status UpdateAccessFile(
    const std::string& path, const std::string& origin,
    const std::function<absl::Status(internal::v1::AccessFile&)>& change);

}  // namespace credence::server
