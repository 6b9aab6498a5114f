#include "main/stop_signal.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "credence/base/strings.h"

namespace credence::server {

StopSignal::StopSignal() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  descriptor_ = signalfd(-1, &signals_, SFD_CLOEXEC);
}

StopSignal::~StopSignal() { close(descriptor_); }

StopSignal::Asked StopSignal::Wait(absl::Duration timeout) const {
  const int64_t milliseconds =
      timeout == absl::InfiniteDuration() ? -1 : absl::ToInt64Milliseconds(timeout);
  pollfd waited{descriptor_, POLLIN, 0};
  if (poll(&waited, 1, static_cast<int>(milliseconds)) <= 0) return Asked::kNothing;
  signalfd_siginfo info{};
  if (read(descriptor_, &info, sizeof info) != sizeof info) return Asked::kNothing;
  return info.ssi_signo == SIGHUP ? Asked::kReload : Asked::kStop;
}

void StopSignal::Release() const { pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr); }

std::string WithPort(const std::string& listen, int port) {
  return Cat(listen.substr(0, listen.rfind(':')), ":", port);
}

absl::Status WritePort(const std::string& path, int port) {
  if (path.empty()) return absl::OkStatus();
  // Renamed into place, so that a reader never finds half of it.
  const std::string partial = Cat(path, ".partial");
  std::ofstream(partial) << port << "\n";
  if (rename(partial.c_str(), path.c_str()) == 0) return absl::OkStatus();
  return absl::InternalError(Cat("cannot write the port to ", path));
}

}  // namespace credence::server
