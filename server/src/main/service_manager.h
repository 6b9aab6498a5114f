#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "engine/executor.h"

namespace credence::server {

// Tells the service manager that started the program (systemd) how it stands, by datagrams as
// sd_notify(3) documents them. Says nothing where no manager asks for that.
//
// Not thread-safe.
class ServiceManager {
 public:
  // What the environment says: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
  [[nodiscard]] static ServiceManager FromEnvironment();

  // `status` is a line for people.
  void Ready(std::string_view status) const;
  void Reloading() const;
  void Stopping() const;
  // Renews the watchdog, where the manager watches.
  void Alive() const;

  // How often the manager is to hear Alive: half of the time after which it ends the program;
  // infinite where it does not watch.
  [[nodiscard]] absl::Duration alive_interval() const { return alive_interval_; }

 private:
  void Send(const std::string& message) const;

  // A path, or a name in the abstract space after an '@'; empty where nobody listens.
  std::string socket_;
  absl::Duration alive_interval_ = absl::InfiniteDuration();
};

// Renews the watchdog only while the server's threads take work: each beat hands them a task, and
// the next one looks whether it was done.
class Heartbeat {
 public:
  // Both must outlive it.
  Heartbeat(const ServiceManager& manager, Executor& executor)
      : manager_(manager), executor_(executor) {}

  void Beat();

 private:
  const ServiceManager& manager_;
  Executor& executor_;
  // Held by the task too, which may outlive this.
  std::shared_ptr<std::atomic<bool>> done_ = std::make_shared<std::atomic<bool>>(true);
};

}  // namespace credence::server
