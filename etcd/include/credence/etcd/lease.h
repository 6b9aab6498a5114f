#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "credence/etcd/client.h"

namespace credence::etcd {

// A lease that is kept alive, by a thread of its own, three times in its time to live.
//
// That it is lost is known here later than to etcd where this process stood still: what must not be
// done without the lease compares a key of it in the same transaction.
//
// Thread-safe.
class Lease {
 public:
  // Grants it. `on_lost` is called once, on the lease's thread, when etcd says that it has ended,
  // or when it was not renewed for so long that it may have; not after the destructor began. It
  // may be empty, and must not destroy the lease. `client` must outlive the lease. Errors as of
  // Client::GrantLease.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Lease>> Grant(Client& client,
                                                                    absl::Duration time_to_live,
                                                                    std::function<void()> on_lost);
  // Stops renewing and revokes it; where that fails, it ends by itself.
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  [[nodiscard]] int64_t id() const { return id_; }

  // What is surely left of it, counted from before it was renewed last; zero where it may have
  // ended.
  [[nodiscard]] absl::Duration Left() const;

 private:
  using Clock = std::chrono::steady_clock;

  Lease(Client& client, int64_t id, absl::Duration time_to_live, Clock::time_point granted,
        std::function<void()> on_lost);

  void Run();
  // Waits for the next renewal; false where there is none to come.
  [[nodiscard]] bool AwaitTurn();
  // False where the lease is lost.
  [[nodiscard]] bool Renew();

  Client& client_;
  const int64_t id_;
  const absl::Duration time_to_live_;
  const std::function<void()> on_lost_;

  mutable absl::Mutex mutex_;
  Clock::time_point ends_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace credence::etcd
