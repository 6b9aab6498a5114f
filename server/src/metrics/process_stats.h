#pragma once

#include <cstdint>

namespace credence::server {

// What the kernel says of this process; 0 where it does not.
struct ProcessStats {
  double cpu_seconds = 0;
  int64_t resident_bytes = 0;
  int64_t virtual_bytes = 0;
  int64_t open_file_count = 0;
  int64_t open_file_max = 0;
  int64_t thread_count = 0;
};

// Reads it from /proc. Thread-safe.
[[nodiscard]] ProcessStats ReadProcessStats();

}  // namespace credence::server
