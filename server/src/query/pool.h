#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/ledger/log.h"
#include "credence/v1/forecast_service.pb.h"
#include "credence/v1/view_service.pb.h"
#include "decide/decide.h"
#include "state/state.h"

// Pools of the forecasts that stand on a question. Thread-safe.
namespace credence::server {

// Whether an answer may rest on scores of other questions.
[[nodiscard]] bool NeedsRecords(const v1::GetPoolRequest& request);

// Answers GetPool on `state`, which holds what the read sees and is what the log holds up to
// `last`. `now` is the instant that the read speaks of where it names none.
// Errors: INVALID_ARGUMENT at paths of the request, NOT_FOUND, and FAILED_PRECONDITION where the
// forecasts contradict each other (scoring::Pool).
[[nodiscard]] absl::Status PoolForecasts(const ledger::Log& log, const State& state, absl::Time now,
                                         ledger::Position last, const v1::GetPoolRequest& request,
                                         v1::GetPoolResponse& response);

// The pool of the forecasts that stand on `question` by `time`, by a policy that fits it; says
// nothing where none stands or where they contradict each other.
[[nodiscard]] absl::StatusOr<RecordedForecast> PoolStanding(const State& state,
                                                            const QuestionState& question,
                                                            const event::v1::PoolPolicy& policy,
                                                            absl::Time time);

// The pool of `members`, forecasts that stand on `question` at `time`; likewise.
[[nodiscard]] absl::StatusOr<RecordedForecast> PoolMembers(
    const State& state, const QuestionState& question, const event::v1::PoolPolicy& policy,
    const std::vector<RecordedForecast>& members, absl::Time time);

// Answers SimulatePool on `state`; the supposed forecast counts from `now` on.
// Errors: INVALID_ARGUMENT at paths of the request, NOT_FOUND.
[[nodiscard]] absl::Status SimulatePool(const State& state, absl::Time now,
                                        const v1::SimulatePoolRequest& request,
                                        v1::SimulatePoolResponse& response);

}  // namespace credence::server
