#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/ledger/event.h"
#include "credence/ledger/log.h"
#include "credence/v1/forecast_service.pb.h"
#include "state/state.h"

// Forecasts and posteriors as they were recorded, read from the log. Thread-safe.
namespace credence::server {

// One page of what was recorded on a question.
template <typename Resource>
struct RecordedPage {
  std::vector<Resource> resources;
  // Version of the stream where the next page begins; absent on the last page.
  std::optional<int64_t> next_version;
};

// The forecasts and withdrawals on `question` from version `from_version` of its stream on, at
// positions up to `last`; only of `forecaster` (an id) where it is not empty.
[[nodiscard]] absl::StatusOr<RecordedPage<v1::Forecast>> ReadForecasts(
    const ledger::Log& log, const QuestionState& question, std::string_view forecaster,
    int64_t from_version, ledger::Position last, size_t count_max);

// The posteriors published on `question`, likewise, by versions of its network's stream.
[[nodiscard]] absl::StatusOr<RecordedPage<v1::PublishedPosterior>> ReadPosteriors(
    const ledger::Log& log, const QuestionState& question, int64_t from_version,
    ledger::Position last, size_t count_max);

// The posterior of `question` that `event` published; nothing where it published none.
[[nodiscard]] std::optional<v1::PublishedPosterior> ToPublishedPosterior(
    const QuestionState& question, const ledger::SequencedEvent& event);

// The forecasts on `question` that stood at `time`, as far as recorded up to `last`: of each
// forecaster the one of the latest effective time, of several the one recorded last.
[[nodiscard]] absl::StatusOr<std::vector<std::vector<double>>> StandingAt(
    const ledger::Log& log, const QuestionState& question, absl::Time time, ledger::Position last);

}  // namespace credence::server
