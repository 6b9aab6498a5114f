#include "credence/etcd/lease.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "credence/base/status_macros.h"

namespace credence::etcd {
namespace {

// Renewals that fit into the time to live.
constexpr int kRenewals = 3;
// Before a renewal that failed is tried again.
constexpr absl::Duration kPause = absl::Milliseconds(50);

}  // namespace

absl::StatusOr<std::unique_ptr<Lease>> Lease::Grant(Client& client, absl::Duration time_to_live,
                                                    std::function<void()> on_lost) {
  const Clock::time_point before = Clock::now();
  CREDENCE_ASSIGN_OR_RETURN(const auto granted, client.GrantLease(time_to_live));
  return std::unique_ptr<Lease>(
      new Lease(client, granted.first, granted.second, before, std::move(on_lost)));
}

Lease::Lease(Client& client, int64_t id, absl::Duration time_to_live, Clock::time_point granted,
             std::function<void()> on_lost)
    : client_(client),
      id_(id),
      time_to_live_(time_to_live),
      on_lost_(std::move(on_lost)),
      ends_(granted + absl::ToChronoNanoseconds(time_to_live)),
      thread_([this] { Run(); }) {}

Lease::~Lease() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
  if (Left() > absl::ZeroDuration()) client_.RevokeLease(id_).IgnoreError();
}

absl::Duration Lease::Left() const {
  absl::MutexLock lock(&mutex_);
  return std::max(absl::ZeroDuration(), absl::FromChrono(ends_ - Clock::now()));
}

void Lease::Run() {
  while (AwaitTurn()) {
    if (Renew()) continue;
    {
      absl::MutexLock lock(&mutex_);
      ends_ = std::min(ends_, Clock::now());
      if (stopping_) return;
    }
    if (on_lost_ != nullptr) on_lost_();
    return;
  }
}

bool Lease::AwaitTurn() {
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(&stopping_), time_to_live_ / kRenewals);
  return !stopping_;
}

bool Lease::Renew() {
  while (true) {
    const Clock::time_point before = Clock::now();
    const absl::StatusOr<absl::Duration> lives =
        client_.RenewLease(id_, std::min(Left(), time_to_live_ / kRenewals));
    absl::MutexLock lock(&mutex_);
    if (lives.ok()) {
      ends_ = before + absl::ToChronoNanoseconds(*lives);
      return true;
    }
    // Another member may know it still, as long as it lives.
    if (absl::IsNotFound(lives.status()) || Clock::now() >= ends_) return false;
    if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kPause)) return false;
  }
}

}  // namespace credence::etcd
