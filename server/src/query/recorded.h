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
#include "decide/decide.h"
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

// Which forecasts on a question are read.
struct ForecastSelection {
  // Only of this forecaster (an id) where it is not empty.
  std::string_view forecaster;
  // Only what counted at or before this time.
  std::optional<absl::Time> counted_by;
  // From this version of the question's stream on.
  int64_t from_version = 0;
};

// The forecasts and withdrawals on `question` that are selected, at positions up to `last`.
[[nodiscard]] absl::StatusOr<RecordedPage<v1::Forecast>> ReadForecasts(
    const ledger::Log& log, const QuestionState& question, const ForecastSelection& selection,
    ledger::Position last, size_t count_max);

// The forecasts on `question` that stood at `time`, by position; only of `forecaster` (an id) where
// it is not empty. See StandingAt.
[[nodiscard]] absl::StatusOr<std::vector<v1::Forecast>> ReadStandingAt(
    const ledger::Log& log, const QuestionState& question, std::string_view forecaster,
    absl::Time time, ledger::Position last);

// The posteriors published on `question`, likewise, by versions of its network's stream.
[[nodiscard]] absl::StatusOr<RecordedPage<v1::PublishedPosterior>> ReadPosteriors(
    const ledger::Log& log, const QuestionState& question, int64_t from_version,
    ledger::Position last, size_t count_max);

// The posterior of `question` that `event` published; nothing where it published none.
[[nodiscard]] std::optional<v1::PublishedPosterior> ToPublishedPosterior(
    const QuestionState& question, const ledger::SequencedEvent& event);

// The forecasts on `question` that stood at `time`, as far as recorded up to `last`: of each
// forecaster the one of the latest effective time, of several the one recorded last.
// By forecaster.
[[nodiscard]] absl::StatusOr<std::vector<RecordedForecast>> StandingAt(
    const ledger::Log& log, const QuestionState& question, absl::Time time, ledger::Position last);

// Probabilities of the posterior of `question` that was published last at or before `time`, as far
// as recorded up to `last`; empty where there is none.
[[nodiscard]] absl::StatusOr<std::vector<double>> PublishedAt(const ledger::Log& log,
                                                              const QuestionState& question,
                                                              absl::Time time,
                                                              ledger::Position last);

}  // namespace credence::server
