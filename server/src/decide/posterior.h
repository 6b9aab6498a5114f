#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/forecaster/numeric.h"
#include "credence/forecaster/posterior.h"
#include "state/state.h"

// The one place where a state becomes the forecaster's arguments, for the posteriors that are
// published, queried and audited alike.
namespace credence::server {

// Version of the engine, recorded with each published posterior.
inline constexpr std::string_view kEngineVersion = "2";

// The item as it stands at `at`, with the reliability of its source's record where that stands
// above its grade.
[[nodiscard]] forecaster::EvidenceItem JudgedItem(const State& state, const EvidenceState& evidence,
                                                  absl::Time at);

// What is asked about a network.
struct InferenceInput {
  std::shared_ptr<const forecaster::CompiledNetwork> network;
  int64_t network_revision = 0;
  // In force at the instant.
  std::vector<forecaster::EvidenceItem> items;
  forecaster::InferenceOptions options;
};

// What is asked about the network of a question that asks for a number.
struct NumericInput {
  forecaster::NumericPrior prior;
  int64_t network_revision = 0;
  // In force at the instant.
  std::vector<forecaster::NumericItem> items;
  forecaster::NumericOptions options;
};

// The arguments for `network`, which must be numeric, at `at`.
[[nodiscard]] NumericInput MakeNumericInput(const State& state, const NetworkState& network,
                                            absl::Time at);

// The arguments for `network` at `at`: the revision, items with their clusters, grade table and
// resolutions that count then. `question_of` finds the questions that the network names; one that
// the state does not hold is left out.
[[nodiscard]] InferenceInput MakeInferenceInput(const State& state, const NetworkState& network,
                                                absl::Time at);

// A forecaster's error with the names of items and questions in place of its own: subjects become
// `networks/{network}/evidence/{evidence}` and `questions/{question}`. What is no item of the
// network, such as a hypothetical one, keeps its id.
[[nodiscard]] absl::Status NameSubjects(const State& state, const NetworkState& network,
                                        const absl::Status& status);

}  // namespace credence::server
