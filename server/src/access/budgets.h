#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "credence/v1/access_service.pb.h"

// How much of the server one caller may take, so that no one takes it from the others. Counted for
// each principal by itself, whatever tokens and connections it uses; callers without a name are
// counted by their address.
//
// Thread-safe.
namespace credence::server {

// Each 0 for no limit.
struct BudgetOptions {
  // Calls a second in the long run; twice as many at once.
  double calls_per_second = 0.0;
  // Calls that are under way, streams not among them.
  int64_t calls_in_flight_max = 0;
  int64_t streams_max = 0;
  // Calls that write, in a day of UTC.
  int64_t writes_per_day_max = 0;
};

// The limits of a caller whose grant states `own`, where the server's are `common`.
[[nodiscard]] BudgetOptions LimitsOf(const BudgetOptions& common, const v1::CallerBudget& own);

// Makes each limit of `budget` that of `other` where that is larger or the only one.
void Widen(const v1::CallerBudget& other, v1::CallerBudget& budget);

enum class CallKind { kRead, kWrite, kStream };

class Budgets {
 public:
  // Callers that are remembered. Beyond it those are forgotten that have nothing under way and have
  // called longest ago.
  static constexpr size_t kCallersMax = 65'536;

  explicit Budgets(const BudgetOptions& options) : options_(options) {}

  // A call's share; given back when it is let go of. Must not outlive the budgets.
  class Share {
   public:
    Share(Budgets* budgets, std::string caller, CallKind kind)
        : budgets_(budgets), caller_(std::move(caller)), kind_(kind) {}
    ~Share() { budgets_->GiveBack(caller_, kind_); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

   private:
    Budgets* const budgets_;
    const std::string caller_;
    const CallKind kind_;
  };

  // RESOURCE_EXHAUSTED: RATE_LIMITED with when to come again, or QUOTA_EXCEEDED. A refused call
  // uses up nothing. What the caller has used is held against the limits of this call, `own` above
  // those of the server.
  [[nodiscard]] absl::StatusOr<std::shared_ptr<Share>> Take(const std::string& caller,
                                                            CallKind kind, absl::Time now,
                                                            const v1::CallerBudget& own = {});

  // Callers that are remembered.
  [[nodiscard]] size_t caller_count() const;

 private:
  // What a caller has used.
  struct Caller {
    void Fill(const BudgetOptions& limits, absl::Time now);
    [[nodiscard]] absl::Status Check(const std::string& name, const BudgetOptions& limits,
                                     CallKind kind, absl::Time now) const;

    // Calls that may be made at once, as of `filled_time`.
    double tokens = 0.0;
    absl::Time filled_time = absl::InfinitePast();
    int64_t in_flight = 0;
    int64_t streams = 0;
    int64_t write_day = 0;
    int64_t writes = 0;
    // Whether they are held against a quota.
    bool has_quota = false;
  };

  void GiveBack(const std::string& caller, CallKind kind);
  void ForgetIdle(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const BudgetOptions options_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Caller> callers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace credence::server
