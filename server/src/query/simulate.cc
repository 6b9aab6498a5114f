#include <cmath>

#include "credence/base/status_macros.h"
#include "credence/forecaster/posterior.h"
#include "query/convert.h"
#include "query/inference.h"
#include "query/target.h"

namespace credence::server {
namespace {

// 10 / ln 10: nats to decibans.
constexpr double kDecibansPerNat = 4.342944819032518;

// The request's own part of the scenario, on top of the target's.
v1::Scenario ScenarioOf(const v1::SimulatePosteriorRequest& request) {
  v1::Scenario scenario;
  *scenario.mutable_hypothetical_evidence() = request.hypothetical_evidence();
  *scenario.mutable_withheld_evidence() = request.withheld_evidence();
  *scenario.mutable_interventions() = request.interventions();
  *scenario.mutable_grades() = request.grades();
  if (request.has_default_cluster_correlation()) {
    scenario.set_default_cluster_correlation(request.default_cluster_correlation());
  }
  return scenario;
}

absl::StatusOr<forecaster::Posterior> Compute(const State& state, const ResolvedTarget& target) {
  const InferenceInput& input = target.input;
  return WithNames(state, target,
                   forecaster::ComputePosterior(*input.network, input.items, input.options));
}

void FillSimulated(const forecaster::Node& node, const forecaster::NodePosterior& actual,
                   const forecaster::NodePosterior& simulated, v1::SimulatedNode& resource) {
  resource.set_node(node.name);
  AddProbabilities(node.states, actual.probabilities, *resource.mutable_actual());
  AddProbabilities(node.states, simulated.probabilities, *resource.mutable_simulated());
  const double change = simulated.log_odds.front() - actual.log_odds.front();
  if (std::isfinite(change)) resource.set_weight_decibans(kDecibansPerNat * change);
}

}  // namespace

absl::Status SimulatePosterior(const QueryView& view, const v1::SimulatePosteriorRequest& request,
                               v1::SimulatePosteriorResponse& response) {
  const State& state = *view.state;
  CREDENCE_ASSIGN_OR_RETURN(const ResolvedTarget target, ResolveTarget(view, request.target()));
  ResolvedTarget supposed = target;
  CREDENCE_RETURN_IF_ERROR(ApplyScenario(ScenarioOf(request), "", supposed));
  CREDENCE_ASSIGN_OR_RETURN(const forecaster::Posterior actual, Compute(state, target));
  CREDENCE_ASSIGN_OR_RETURN(const forecaster::Posterior simulated, Compute(state, supposed));
  const auto& nodes = target.compiled().network().nodes;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!target.node.empty() && nodes[i].name != target.node) continue;
    FillSimulated(nodes[i], actual.nodes[i], simulated.nodes[i], *response.add_nodes());
  }
  SetTime(target.input.options.at, *response.mutable_effective_time());
  return absl::OkStatus();
}

}  // namespace credence::server
