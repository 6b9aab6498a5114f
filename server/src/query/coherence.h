#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/ledger/log.h"
#include "credence/v1/inference_service.pb.h"
#include "state/state.h"

// Forecasts that cannot all be right: probabilities of questions that are declared to imply each
// other, or to be a conjunction, that are out of order or outside the Frechet bounds (Frechet
// 1935). Within a network the tables keep such numbers in order; between networks, and among a
// forecaster's own numbers, nothing else does.
//
// Thread safety: pure functions.
namespace credence::server {

// Which alarms are wanted.
struct CoherenceFilter {
  // Id of a question that they are about; empty for all.
  std::string question;
  // `model` or `forecasters/{forecaster}`; empty for all.
  std::string subject;
};

// INVALID_ARGUMENT at `parent` and `subject` for a malformed name; NOT_FOUND for a question that
// does not exist.
[[nodiscard]] absl::StatusOr<CoherenceFilter> ReadCoherenceFilter(const State& state,
                                                                  const std::string& parent,
                                                                  const std::string& subject);

// Probability of the first state of each question that somebody has spoken on, by subject and then
// by the question's id.
using StatedNumbers = std::map<std::string, std::map<std::string, double>>;

// Ids of the questions that declare a relation or that one names.
[[nodiscard]] absl::flat_hash_set<std::string> RelatedQuestions(const State& state);

// What stands on the related questions: published posteriors, and the forecasts on questions that
// have not ended. Annulled and void questions have no numbers. With `time` what stood then, read
// from the log up to `last`; else what stands in the state.
[[nodiscard]] absl::StatusOr<StatedNumbers> StandingNumbers(const ledger::Log& log,
                                                            const State& state,
                                                            std::optional<absl::Time> time,
                                                            ledger::Position last);
[[nodiscard]] StatedNumbers StandingNumbers(const State& state);

// The alarms among the numbers, by falling excess. A question that is implied by way of others
// counts where those others have no number, so that one disorder raises one alarm.
[[nodiscard]] std::vector<v1::CoherenceAlarm> FindCoherenceAlarms(const State& state,
                                                                  const StatedNumbers& numbers,
                                                                  const CoherenceFilter& filter);

}  // namespace credence::server
