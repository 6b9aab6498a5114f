#pragma once

#include "absl/status/statusor.h"
#include "credence/ledger/log.h"
#include "credence/ledger/position.h"
#include "credence/ledger/tlog.h"

namespace credence::ledger {

// Signs the head that a ledger which nobody has open, such as a restored copy, had at `size`, or
// at the first size that its present key signs where that is larger: what others are asked with for
// what they know of it. Derives the root from the entries as they are stored. It is for trees that
// were signed before; a copy whose history is another one would make itself known as such.
// OUT_OF_RANGE, reason BEYOND_HEAD, for a larger size. Other errors as for Log::Open, but the
// anchor is not looked at. O(entries).
[[nodiscard]] absl::StatusOr<SignedCheckpoint> SignRestored(const OpenOptions& options,
                                                            TreeSize size);

}  // namespace credence::ledger
