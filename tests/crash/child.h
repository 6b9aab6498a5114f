#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"

// The program under test as a child process. Not thread-safe.
namespace credence::crash {

class Child {
 public:
  // Starts a program whose first argument is its path; its output is appended to the file `log`.
  // The child runs unless pid() is negative.
  Child(const std::vector<std::string>& arguments, const std::string& log);
  // Kills it if it still runs.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Waits until it ends by itself, at most this long; whether it did. It must still be waited for.
  [[nodiscard]] bool EndsWithin(std::chrono::nanoseconds limit) const;
  // Sends SIGKILL and waits. Returns what Wait() does.
  int Kill();
  // Waits for its end and returns its exit code, or minus the signal that ended it.
  int Wait();

 private:
  pid_t pid_ = -1;
};

// Tells when a file appears in a directory. Files that were there before it was made do not count.
class FileWatch {
 public:
  explicit FileWatch(const std::string& directory);
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  // Waits until a file of this name is renamed into the directory, at most 60 seconds. An error
  // where the child ends before.
  [[nodiscard]] absl::Status Await(const Child& child, const std::string& name) const;

 private:
  // Whether the changes that are waiting to be read name the file.
  [[nodiscard]] bool Appeared(const std::string& name) const;

  int descriptor_ = -1;
};

}  // namespace credence::crash
