#pragma once

#include <signal.h>

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

// What the commands that serve share: how they end, and how they say where they listen.
namespace credence::server {

// SIGTERM and SIGINT, which end the program, and SIGHUP, which has it read its configuration anew,
// as something to wait for. Made before any thread starts, so that all of them leave the signals to
// it.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  enum class Asked { kNothing, kReload, kStop };

  // Until a signal comes, or for `timeout` at most: kNothing then.
  [[nodiscard]] Asked Wait(absl::Duration timeout = absl::InfiniteDuration()) const;

  // From now on a second signal ends the process at once.
  void Release() const;

 private:
  sigset_t signals_{};
  int descriptor_ = -1;
};

// `listen`, HOST:PORT, with another port.
[[nodiscard]] std::string WithPort(const std::string& listen, int port);

// Writes the port into a file, for whoever started the program with port 0. Nothing where `path` is
// empty. INTERNAL where it cannot be written.
[[nodiscard]] absl::Status WritePort(const std::string& path, int port);

}  // namespace credence::server
