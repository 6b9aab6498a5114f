#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "credence/client/verify/entry.h"

namespace credence::client {

struct SealCounts {
  // Forecasts that were sealed.
  int64_t sealed = 0;
  // Those whose content is known by now, and is what was sealed.
  int64_t revealed = 0;
};

// Sealed forecasts, checked entry by entry from the first: that what is revealed is what was
// sealed, of the same forecaster and question, and once.
//
// Memory follows the number of seals that are not revealed. Not thread-safe.
class SealChecker {
 public:
  // VERIFICATION_FAILED.
  [[nodiscard]] absl::Status Take(std::string_view origin, const EntryView& view);

  [[nodiscard]] const SealCounts& counts() const { return counts_; }

  // Everything that later entries are checked against, as lines of text; and back.
  [[nodiscard]] std::string Save() const;
  // INVALID_ARGUMENT where the lines are not those that Save made.
  [[nodiscard]] absl::Status Load(const std::vector<std::string_view>& lines);

 private:
  struct Seal {
    std::string forecaster;
    std::string digest;
  };

  [[nodiscard]] absl::Status TakeSeal(const EntryView& view);
  [[nodiscard]] absl::Status TakeReveal(std::string_view origin, const EntryView& view);

  // By question "/" forecast: those that are not revealed.
  std::map<std::string, Seal> open_;
  SealCounts counts_;
};

}  // namespace credence::client
