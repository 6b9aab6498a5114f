#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/ledger/event.h"
#include "credence/ledger/log.h"
#include "decide/decide.h"
#include "state/state.h"

// Reading the past back out of the log: one stream, or a state made anew from a few of them.
//
// Thread-safe: functions of the log.
namespace credence::server {

// Calls `visit` with each event of `stream` from `from_version` on and at positions up to `last`,
// oldest first, until it returns false. DATA_LOSS where an entry cannot be read.
absl::Status ForEachInStream(const ledger::Log& log, std::string_view stream, int64_t from_version,
                             ledger::Position last,
                             absl::FunctionRef<bool(const ledger::SequencedEvent&)> visit);

// The state that the events of `streams` at positions up to `last` add up to.
// O(events of the streams); memory that of the state and of one page a stream.
[[nodiscard]] absl::StatusOr<State> ReplayStreams(const ledger::Log& log,
                                                  const std::vector<std::string>& streams,
                                                  ledger::Position last);

// The state that all events at positions up to `last` add up to. O(events).
[[nodiscard]] absl::StatusOr<State> ReplayAll(const ledger::Log& log, ledger::Position last);

// The history of questions as the log holds it up to a position. The log must outlive it.
class LogHistory final : public QuestionHistory {
 public:
  LogHistory(const ledger::Log& log, ledger::Position last) : log_(log), last_(last) {}

  [[nodiscard]] absl::StatusOr<std::vector<RecordedForecast>> Forecasts(
      const QuestionState& question) const override;
  [[nodiscard]] absl::StatusOr<std::vector<RecordedForecast>> Posteriors(
      const QuestionState& question) const override;

 private:
  const ledger::Log& log_;
  const ledger::Position last_;
};

}  // namespace credence::server
