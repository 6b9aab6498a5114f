#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

// Child processes of a benchmark. Not thread-safe.
namespace credence::bench {

class Process {
 public:
  // Starts a program whose first argument is its path; its output goes to `log`.
  Process(const std::vector<std::string>& arguments, const std::string& log);
  // Kills it if it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void Kill(int signal);
  // Waits for its end and returns its exit code, or minus the signal.
  int Wait();
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Resident memory in KiB.
  [[nodiscard]] int64_t ResidentKib() const;
  // Time that its threads have spent on a core, in seconds; the kernel counts in hundredths.
  [[nodiscard]] double CpuSeconds() const;

 private:
  pid_t pid_ = -1;
};

// Runs a program to its end; stops the benchmark where it fails.
void RunToEnd(const std::vector<std::string>& arguments, const std::string& log);

// Waits until the file holds a line with a port, at most 30 seconds.
int WaitForPort(const std::string& path);

}  // namespace credence::bench
