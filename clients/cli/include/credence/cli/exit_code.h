#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include "absl/status/status.h"

// How the program ends.
//
// Thread-safe: everything here is a pure function, but for the stream that it writes to.
namespace credence::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotFound = 3;
inline constexpr int kExitConflict = 4;
inline constexpr int kExitPrecondition = 5;
inline constexpr int kExitUnavailable = 6;
inline constexpr int kExitPermission = 7;
inline constexpr int kExitVerification = 8;

// A mistake in the command line itself: exit code 2.
[[nodiscard]] absl::Status UsageError(std::string_view message);

// Exit code of a status: NOT_FOUND is 3; ABORTED and ALREADY_EXISTS are 4; FAILED_PRECONDITION is
// 5; UNAVAILABLE and DEADLINE_EXCEEDED are 6; PERMISSION_DENIED and UNAUTHENTICATED are 7;
// DATA_LOSS is 8, which commands that verify return; a UsageError is 2; every other error is 1.
[[nodiscard]] int ExitCode(const absl::Status& status);

// Writes an error for people: its message and reason, then each wrong field and each subject of a
// failed precondition on a line of its own. Writes nothing for OK.
void PrintError(const absl::Status& status, std::ostream& err);

}  // namespace credence::cli
