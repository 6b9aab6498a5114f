#include "main/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <ctime>

#include "absl/strings/numbers.h"
#include "credence/base/strings.h"

namespace credence::server {
namespace {

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

int64_t MonotonicMicroseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

}  // namespace

ServiceManager ServiceManager::FromEnvironment() {
  ServiceManager manager;
  manager.socket_ = Variable("NOTIFY_SOCKET");
  int64_t microseconds = 0;
  int64_t process = 0;
  const std::string watched = Variable("WATCHDOG_PID");
  const bool is_watched =
      watched.empty() || (absl::SimpleAtoi(watched, &process) && process == getpid());
  if (!manager.socket_.empty() && is_watched &&
      absl::SimpleAtoi(Variable("WATCHDOG_USEC"), &microseconds) && microseconds > 1'000) {
    manager.alive_interval_ = absl::Microseconds(microseconds / 2);
  }
  return manager;
}

void ServiceManager::Send(const std::string& message) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  // A manager that is gone is none of the server's business.
  [[maybe_unused]] const ssize_t sent =
      sendto(descriptor, message.data(), message.size(), MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&address), length);
  close(descriptor);
}

void ServiceManager::Ready(std::string_view status) const {
  Send(Cat("READY=1\nSTATUS=", status, "\nMAINPID=", getpid()));
}

void ServiceManager::Reloading() const {
  Send(Cat("RELOADING=1\nMONOTONIC_USEC=", MonotonicMicroseconds()));
}

void ServiceManager::Stopping() const { Send("STOPPING=1"); }

void ServiceManager::Alive() const {
  if (alive_interval_ != absl::InfiniteDuration()) Send("WATCHDOG=1");
}

void Heartbeat::Beat() {
  if (!done_->exchange(false)) return;
  manager_.Alive();
  executor_.Run([done = done_] { done->store(true); });
}

}  // namespace credence::server
