#include "failure.h"

#include <string>

#include "credence/base/error.h"

namespace credence::ledger {

absl::Status LedgerFailed(std::string_view message) {
  ErrorDetail detail;
  detail.reason = "LEDGER_FAILED";
  return MakeError(absl::StatusCode::kDataLoss, std::string(message), detail);
}

absl::Status NotServing(std::string_view message) {
  ErrorDetail detail;
  detail.reason = "UNAVAILABLE";
  return MakeError(absl::StatusCode::kUnavailable, std::string(message), detail);
}

}  // namespace credence::ledger
