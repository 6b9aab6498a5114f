#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace credence::server {

// Something to ask now and then while a query computes, beginning now. It says OK until `longest`
// has passed (RESOURCE_EXHAUSTED, INFERENCE_BUDGET_EXCEEDED, with what to do about it) or the
// caller's `deadline` has (DEADLINE_EXCEEDED). Safe to ask from any thread.
[[nodiscard]] std::function<absl::Status()> LimitComputing(
    absl::Duration longest, absl::Time deadline,
    std::function<absl::Time()> now = [] { return absl::Now(); });

}  // namespace credence::server
