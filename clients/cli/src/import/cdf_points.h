#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "credence/event/v1/numeric_model.pb.h"

namespace credence::cli {

// The distribution whose function is `cumulative` at `values`, straight between them; mass outside
// stands at the ends. Points beyond which there is no mass are left out, and where the function
// does not rise between two points it is made to by the least step that a number has: the ledger
// takes only rising ones. INVALID_ARGUMENT, saying in words, for fewer than two points, unlike
// counts, and cumulative probabilities or values that fall or lie outside their range.
[[nodiscard]] absl::StatusOr<event::v1::NumericDistribution> DistributionFromCdf(
    const std::vector<double>& values, const std::vector<double>& cumulative);

}  // namespace credence::cli
