#pragma once

#include <string_view>

namespace credence::internal {
[[noreturn]] void CheckFailed(const char* file, int line, std::string_view condition);
}  // namespace credence::internal

// Stops the process when `condition` is false, in every build type. For programmer errors only:
// input and disk content are reported as absl::Status. A ledger that doubts itself must not go on.
#define CREDENCE_CHECK(condition)                                        \
  do {                                                                   \
    if (!(condition)) [[unlikely]] {                                     \
      ::credence::internal::CheckFailed(__FILE__, __LINE__, #condition); \
    }                                                                    \
  } while (false)
