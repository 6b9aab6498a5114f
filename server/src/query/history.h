#pragma once

#include "absl/status/status.h"
#include "credence/ledger/log.h"
#include "credence/v1/view_service.pb.h"
#include "state/state.h"

// How questions went: posteriors and pools as steps, few enough for a chart. Thread-safe.
namespace credence::server {

// Answers BatchGetHistories on `state`, which is what the log holds up to `last`.
// Errors: INVALID_ARGUMENT at paths of the request, NOT_FOUND.
// O(events of the questions' networks), and with pools O(changes of what stands log changes +
// points * forecasters) a question.
[[nodiscard]] absl::Status ReadHistories(const ledger::Log& log, const State& state,
                                         ledger::Position last,
                                         const v1::BatchGetHistoriesRequest& request,
                                         v1::BatchGetHistoriesResponse& response);

}  // namespace credence::server
