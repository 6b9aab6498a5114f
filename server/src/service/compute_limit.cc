#include "service/compute_limit.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "credence/base/error.h"

namespace credence::server {
namespace {

absl::Status TookTooLong(absl::Duration longest) {
  ErrorDetail detail;
  detail.reason = "INFERENCE_BUDGET_EXCEEDED";
  detail.metadata["seconds"] = absl::StrCat(absl::ToDoubleSeconds(longest));
  return MakeError(absl::StatusCode::kResourceExhausted,
                   absl::StrCat("the query has computed for ", absl::FormatDuration(longest),
                                ", the most that this server gives to one; ask for fewer nodes, "
                                "draws or samples, or have it raise --query-seconds"),
                   detail);
}

absl::Status TooLate() {
  ErrorDetail detail;
  detail.reason = "DEADLINE_EXCEEDED";
  return MakeError(absl::StatusCode::kDeadlineExceeded,
                   "the deadline passed while the query was computed", detail);
}

}  // namespace

std::function<absl::Status()> LimitComputing(absl::Duration longest, absl::Time deadline,
                                             std::function<absl::Time()> now) {
  const absl::Time end = now() + longest;
  return [longest, deadline, end, now = std::move(now)] {
    const absl::Time time = now();
    if (time >= deadline) return TooLate();
    return time < end ? absl::OkStatus() : TookTooLong(longest);
  };
}

}  // namespace credence::server
