#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

// Times and durations as people type them.
//
// Thread-safe: everything here is a pure function.
namespace credence::cli {

// Reads a time: RFC 3339 (`2021-08-15T00:00:00Z`), a bare date, which stands for `time_of_day`
// after its midnight UTC, `now`, or a distance from `now` such as `7d` or `-7d` (both a week ago),
// `+36h` (from now on). INVALID_ARGUMENT with the reason USAGE for anything else.
[[nodiscard]] absl::StatusOr<absl::Time> ParseTime(
    std::string_view text, absl::Time now, absl::Duration time_of_day = absl::ZeroDuration());

// Reads RFC 3339 or a bare date only, for files, where a distance from now would mean something
// else tomorrow.
[[nodiscard]] absl::StatusOr<absl::Time> ParseFixedTime(std::string_view text,
                                                        absl::Duration time_of_day);

// Reads a duration such as `30d`, `1.5h`, `2w`, `90s`, `1h30m`. Units: w, d, h, m, s, ms.
[[nodiscard]] absl::StatusOr<absl::Duration> ParseDuration(std::string_view text);

}  // namespace credence::cli
