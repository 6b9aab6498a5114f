#pragma once

#include <cstdint>
#include <string_view>

#include "absl/time/time.h"
#include "state/state.h"

namespace credence::server {

// Notes that `forecaster` said something on the question that counts from `effective_time`: what it
// sealed before and has not revealed will not stand. Next to no cost where nothing is sealed.
void OvertakeSeals(QuestionState& question, std::string_view forecaster, absl::Time effective_time,
                   uint64_t edition);

// Whether a seal that is revealed at `record_time` is revealed in time: before its reveal time and
// before the question was resolved or annulled.
[[nodiscard]] bool RevealedInTime(const QuestionState& question, const SealState& seal,
                                  absl::Time record_time);

}  // namespace credence::server
