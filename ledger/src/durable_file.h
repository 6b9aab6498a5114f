#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// The few plain files beside the database. Errors are INTERNAL with the system's words.
namespace credence::ledger {

// Writes a file that must not exist; it is there in full, or (after a failure) removed. Synced.
[[nodiscard]] absl::Status WriteNewFile(const std::string& path, std::string_view content,
                                        mode_t mode);

// Puts `content` in the place of what the file holds, if any: after a power cut one or the other is
// there in full. When it returns OK, the new one is.
[[nodiscard]] absl::Status ReplaceFile(const std::string& path, std::string_view content,
                                       mode_t mode);

// At most 4,096 bytes.
[[nodiscard]] absl::StatusOr<std::string> ReadSmallFile(const std::string& path);

// Makes what was created in, or renamed into, the directory survive a power cut.
[[nodiscard]] absl::Status SyncDirectory(const std::string& path);

}  // namespace credence::ledger
