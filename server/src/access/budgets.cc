#include "access/budgets.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "service/status.h"

namespace credence::server {
namespace {

// How many seconds' calls may be made at once.
constexpr double kBurstSeconds = 2.0;
// When a caller with too much under way may try again: about when some of it has ended.
constexpr absl::Duration kInFlightPause = absl::Milliseconds(100);
constexpr int64_t kSecondsPerDay = 86'400;

int64_t DayOf(absl::Time time) { return absl::ToUnixSeconds(time) / kSecondsPerDay; }

// Of two limits; 0 is none.
template <typename Number>
Number Wider(Number one, Number other) {
  return one > Number{0} && other > Number{0} ? std::max(one, other) : Number{0};
}

absl::Status Limited(std::string_view reason, const std::string& caller, std::string_view limit,
                     absl::Duration pause) {
  ErrorDetail detail;
  detail.reason = std::string(reason);
  detail.subjects = {caller};
  detail.metadata["principal"] = caller;
  detail.metadata["limit"] = std::string(limit);
  detail.metadata[std::string(kRetryMillisecondsKey)] =
      Cat(absl::ToInt64Milliseconds(absl::Ceil(pause, absl::Milliseconds(1))));
  return MakeError(absl::StatusCode::kResourceExhausted,
                   Cat(caller, " may have no more than ", limit), detail);
}

}  // namespace

BudgetOptions LimitsOf(const BudgetOptions& common, const v1::CallerBudget& own) {
  BudgetOptions limits = common;
  if (own.has_calls_per_second()) limits.calls_per_second = own.calls_per_second();
  if (own.has_calls_in_flight_max()) limits.calls_in_flight_max = own.calls_in_flight_max();
  if (own.has_streams_max()) limits.streams_max = own.streams_max();
  if (own.has_writes_per_day_max()) limits.writes_per_day_max = own.writes_per_day_max();
  return limits;
}

void Widen(const v1::CallerBudget& other, v1::CallerBudget& budget) {
  const v1::CallerBudget before = budget;
  budget.MergeFrom(other);
  if (before.has_calls_per_second()) {
    budget.set_calls_per_second(Wider(before.calls_per_second(), budget.calls_per_second()));
  }
  if (before.has_calls_in_flight_max()) {
    budget.set_calls_in_flight_max(
        Wider(before.calls_in_flight_max(), budget.calls_in_flight_max()));
  }
  if (before.has_streams_max()) {
    budget.set_streams_max(Wider(before.streams_max(), budget.streams_max()));
  }
  if (before.has_writes_per_day_max()) {
    budget.set_writes_per_day_max(Wider(before.writes_per_day_max(), budget.writes_per_day_max()));
  }
}

void Budgets::Caller::Fill(const BudgetOptions& limits, absl::Time now) {
  const double full = std::max(1.0, limits.calls_per_second * kBurstSeconds);
  if (filled_time == absl::InfinitePast()) {
    tokens = full;
  } else if (now > filled_time) {
    const double seconds = absl::ToDoubleSeconds(now - filled_time);
    tokens = std::min(full, tokens + seconds * limits.calls_per_second);
  }
  filled_time = now;
  if (write_day != DayOf(now)) {
    write_day = DayOf(now);
    writes = 0;
  }
}

absl::Status Budgets::Caller::Check(const std::string& name, const BudgetOptions& limits,
                                    CallKind kind, absl::Time now) const {
  if (limits.calls_per_second > 0.0 && tokens < 1.0) {
    return Limited("RATE_LIMITED", name, Cat(limits.calls_per_second, " calls a second"),
                   absl::Seconds((1.0 - tokens) / limits.calls_per_second));
  }
  if (kind == CallKind::kStream) {
    if (limits.streams_max == 0 || streams < limits.streams_max) return absl::OkStatus();
    return Limited("RATE_LIMITED", name, Cat(limits.streams_max, " streams at a time"),
                   kInFlightPause);
  }
  if (limits.calls_in_flight_max > 0 && in_flight >= limits.calls_in_flight_max) {
    return Limited("RATE_LIMITED", name, Cat(limits.calls_in_flight_max, " calls at a time"),
                   kInFlightPause);
  }
  const bool spent = kind == CallKind::kWrite && limits.writes_per_day_max > 0 &&
                     writes >= limits.writes_per_day_max;
  if (!spent) return absl::OkStatus();
  const absl::Time tomorrow = absl::FromUnixSeconds((write_day + 1) * kSecondsPerDay);
  return Limited("QUOTA_EXCEEDED", name, Cat(limits.writes_per_day_max, " writes a day"),
                 tomorrow - now);
}

absl::StatusOr<std::shared_ptr<Budgets::Share>> Budgets::Take(const std::string& caller,
                                                              CallKind kind, absl::Time now,
                                                              const v1::CallerBudget& own) {
  const BudgetOptions limits = LimitsOf(options_, own);
  absl::MutexLock lock(&mutex_);
  if (callers_.size() >= kCallersMax && !callers_.contains(caller)) ForgetIdle(now);
  Caller& known = callers_[caller];
  known.Fill(limits, now);
  CREDENCE_RETURN_IF_ERROR(known.Check(caller, limits, kind, now));
  known.has_quota = limits.writes_per_day_max > 0;
  known.tokens -= 1.0;
  if (kind == CallKind::kStream) {
    ++known.streams;
  } else {
    ++known.in_flight;
  }
  if (kind == CallKind::kWrite) ++known.writes;
  return std::make_shared<Share>(this, caller, kind);
}

void Budgets::GiveBack(const std::string& caller, CallKind kind) {
  absl::MutexLock lock(&mutex_);
  Caller& known = callers_[caller];
  --(kind == CallKind::kStream ? known.streams : known.in_flight);
}

// Half of those that can be forgotten, so that this is done seldom.
void Budgets::ForgetIdle(absl::Time now) {
  std::vector<std::pair<absl::Time, std::string>> idle;
  for (const auto& [name, caller] : callers_) {
    // What was written today still counts.
    const bool counts = caller.has_quota && caller.writes > 0 && caller.write_day == DayOf(now);
    if (caller.in_flight == 0 && caller.streams == 0 && !counts) {
      idle.emplace_back(caller.filled_time, name);
    }
  }
  const auto middle = idle.begin() + static_cast<std::ptrdiff_t>(idle.size() / 2);
  std::nth_element(idle.begin(), middle, idle.end());
  for (auto forgotten = idle.begin(); forgotten != middle; ++forgotten) {
    callers_.erase(forgotten->second);
  }
}

size_t Budgets::caller_count() const {
  absl::MutexLock lock(&mutex_);
  return callers_.size();
}

}  // namespace credence::server
