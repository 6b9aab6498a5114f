#include "metrics/process_stats.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace credence::server {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

int64_t CountOpenFiles() {
  std::error_code error;
  int64_t count = 0;
  for (std::filesystem::directory_iterator file("/proc/self/fd", error), end; file != end && !error;
       file.increment(error)) {
    ++count;
  }
  return count;
}

int64_t ReadThreadCount() {
  std::ifstream status("/proc/self/status");
  std::string word;
  int64_t count = 0;
  while (status >> word) {
    if (word == "Threads:") {
      status >> count;
      break;
    }
  }
  return count;
}

}  // namespace

ProcessStats ReadProcessStats() {
  ProcessStats stats;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    stats.cpu_seconds = Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
  }
  int64_t virtual_pages = 0;
  int64_t resident_pages = 0;
  if (std::ifstream("/proc/self/statm") >> virtual_pages >> resident_pages) {
    const int64_t page_bytes = sysconf(_SC_PAGESIZE);
    stats.virtual_bytes = virtual_pages * page_bytes;
    stats.resident_bytes = resident_pages * page_bytes;
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    stats.open_file_max = static_cast<int64_t>(limit.rlim_cur);
  }
  stats.open_file_count = CountOpenFiles();
  stats.thread_count = ReadThreadCount();
  return stats;
}

}  // namespace credence::server
