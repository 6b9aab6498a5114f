#include "main/stop_signal.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>

#include "credence/base/strings.h"

namespace credence::server {

StopSignal::StopSignal() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  descriptor_ = signalfd(-1, &signals_, SFD_CLOEXEC);
}

StopSignal::~StopSignal() { close(descriptor_); }

void StopSignal::Wait() const {
  std::array<char, sizeof(signalfd_siginfo)> info{};
  while (read(descriptor_, info.data(), info.size()) < 0 && errno == EINTR) {
  }
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
