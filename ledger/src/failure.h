#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace credence::ledger {

// DATA_LOSS, reason LEDGER_FAILED: bytes on disk are not what they must be, or were not written.
[[nodiscard]] absl::Status LedgerFailed(std::string_view message);

// UNAVAILABLE, reason UNAVAILABLE: the log takes no writes now.
[[nodiscard]] absl::Status NotServing(std::string_view message);

}  // namespace credence::ledger
