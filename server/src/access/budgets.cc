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

void Budgets::Fill(Caller& caller, absl::Time now) const {
  const double full = std::max(1.0, options_.calls_per_second * kBurstSeconds);
  if (caller.filled_time == absl::InfinitePast()) {
    caller.tokens = full;
  } else if (now > caller.filled_time) {
    const double seconds = absl::ToDoubleSeconds(now - caller.filled_time);
    caller.tokens = std::min(full, caller.tokens + seconds * options_.calls_per_second);
  }
  caller.filled_time = now;
  const int64_t day = absl::ToUnixSeconds(now) / kSecondsPerDay;
  if (caller.write_day != day) {
    caller.write_day = day;
    caller.writes = 0;
  }
}

absl::Status Budgets::Check(const std::string& name, const Caller& caller, CallKind kind,
                            absl::Time now) const {
  if (options_.calls_per_second > 0.0 && caller.tokens < 1.0) {
    return Limited("RATE_LIMITED", name, Cat(options_.calls_per_second, " calls a second"),
                   absl::Seconds((1.0 - caller.tokens) / options_.calls_per_second));
  }
  if (kind == CallKind::kStream) {
    if (options_.streams_max == 0 || caller.streams < options_.streams_max) {
      return absl::OkStatus();
    }
    return Limited("RATE_LIMITED", name, Cat(options_.streams_max, " streams at a time"),
                   kInFlightPause);
  }
  if (options_.calls_in_flight_max > 0 && caller.in_flight >= options_.calls_in_flight_max) {
    return Limited("RATE_LIMITED", name, Cat(options_.calls_in_flight_max, " calls at a time"),
                   kInFlightPause);
  }
  const bool spent = kind == CallKind::kWrite && options_.writes_per_day_max > 0 &&
                     caller.writes >= options_.writes_per_day_max;
  if (!spent) return absl::OkStatus();
  const absl::Time tomorrow = absl::FromUnixSeconds((caller.write_day + 1) * kSecondsPerDay);
  return Limited("QUOTA_EXCEEDED", name, Cat(options_.writes_per_day_max, " writes a day"),
                 tomorrow - now);
}

absl::StatusOr<std::shared_ptr<Budgets::Share>> Budgets::Take(const std::string& caller,
                                                              CallKind kind, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (callers_.size() >= kCallersMax && !callers_.contains(caller)) ForgetIdle();
  Caller& known = callers_[caller];
  Fill(known, now);
  CREDENCE_RETURN_IF_ERROR(Check(caller, known, kind, now));
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
void Budgets::ForgetIdle() {
  std::vector<std::pair<absl::Time, std::string>> idle;
  for (const auto& [name, caller] : callers_) {
    // What was written today still counts.
    const bool counts = options_.writes_per_day_max > 0 && caller.writes > 0;
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
