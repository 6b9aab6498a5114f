#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/event/v1/evidence_model.pb.h"
#include "credence/v1/inference_service.pb.h"
#include "decide/posterior.h"
#include "engine/engine.h"
#include "state/state.h"

// What an inference looks at. Pure functions.
namespace credence::server {

// What the name of a target stands for.
struct NamedTarget {
  const NetworkState* network = nullptr;
  // Empty where the target is a whole network.
  std::string node;
};

// INVALID_ARGUMENT at `target.name` for a malformed name; NOT_FOUND for what the state does not
// hold.
[[nodiscard]] absl::StatusOr<NamedTarget> FindTarget(const State& state, std::string_view name);

// What a query of inference sees, and how long it may compute.
struct QueryView : StateView {
  // Asked in the midst of it: anything but OK ends the query with it. May be empty.
  std::function<absl::Status()> may_go_on{};
};

// A target with all that the forecaster needs to know of it.
struct ResolvedTarget {
  const NetworkState* network = nullptr;
  // Empty where the target is a whole network.
  std::string node;
  InferenceInput input;
  // What the scenario supposes; item i has the id `hypothetical-{i + 1}` in the input.
  std::vector<event::v1::EvidenceModel> hypothetical;

  [[nodiscard]] const forecaster::CompiledNetwork& compiled() const { return *input.network; }
  // The hypothetical item of this id; null where there is none.
  [[nodiscard]] const event::v1::EvidenceModel* FindHypothetical(std::string_view id) const;
};

// At the view's time where the target names no instant. INVALID_ARGUMENT with paths of the request,
// also for the network of a question that asks for a number.
[[nodiscard]] absl::StatusOr<ResolvedTarget> ResolveTarget(const QueryView& view,
                                                           const v1::InferenceTarget& target);

// Adds what `scenario` supposes to the target. `path` leads to it in the request, such as
// "target.scenario"; empty where its fields are those of the request.
[[nodiscard]] absl::Status ApplyScenario(const v1::Scenario& scenario, std::string_view path,
                                         ResolvedTarget& target);

// INVALID_ARGUMENT where the target is a whole network.
[[nodiscard]] absl::Status CheckSingleNode(const ResolvedTarget& target);

// `state`, checked to be one of the target's node; its first where empty. INVALID_ARGUMENT
// (UNKNOWN_STATE) at `state`, and as CheckSingleNode.
[[nodiscard]] absl::StatusOr<std::string> StateOfTarget(const ResolvedTarget& target,
                                                        const std::string& state);

// `answer`, its error with items and questions named in full.
template <typename Value>
[[nodiscard]] absl::StatusOr<Value> WithNames(const State& state, const ResolvedTarget& target,
                                              absl::StatusOr<Value> answer) {
  if (answer.ok()) return answer;
  return NameSubjects(state, *target.network, answer.status());
}

}  // namespace credence::server
