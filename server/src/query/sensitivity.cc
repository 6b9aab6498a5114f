#include "credence/forecaster/sensitivity.h"

#include <string>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "query/convert.h"
#include "query/inference.h"
#include "query/target.h"

namespace credence::server {
namespace {

constexpr double kSwingMax = 100.0;

absl::StatusOr<forecaster::SensitivityOptions> ReadOptions(
    const v1::AnalyzeSensitivityRequest& request) {
  forecaster::SensitivityOptions options;
  if (request.has_swing_decibans()) options.swing_decibans = request.swing_decibans();
  if (!(options.swing_decibans > 0.0 && options.swing_decibans <= kSwingMax)) {
    return InvalidField("NUMBER_INVALID", "swing_decibans",
                        Cat("must be more than 0 and at most ", kSwingMax));
  }
  if (request.parameter_count_max() < 0) {
    return InvalidField("NUMBER_INVALID", "parameter_count_max", "must not be negative");
  }
  options.parameter_limit = request.parameter_count_max();
  return options;
}

absl::Status FillParameter(const forecaster::CompiledNetwork& network,
                           const forecaster::ParameterSensitivity& parameter,
                           v1::ParameterSensitivity& resource) {
  CREDENCE_ASSIGN_OR_RETURN(const int node, network.FindNode(parameter.node));
  const std::vector<std::string>& parents =
      network.network().nodes[static_cast<size_t>(node)].parents;
  resource.set_kind(parameter.kind == forecaster::ParameterKind::kHazardRate
                        ? v1::PARAMETER_KIND_HAZARD_RATE
                        : v1::PARAMETER_KIND_PROBABILITY);
  resource.set_node(parameter.node);
  for (size_t i = 0; i < parameter.parent_states.size(); ++i) {
    v1::NodeState& parent = *resource.add_parents();
    parent.set_node(parents[i]);
    parent.set_state(parameter.parent_states[i]);
  }
  resource.set_state(parameter.state);
  resource.set_value(parameter.value);
  resource.set_derivative(parameter.derivative);
  resource.set_probability_low(parameter.probability_low);
  resource.set_probability_high(parameter.probability_high);
  return absl::OkStatus();
}

void FillItem(const ResolvedTarget& target, const forecaster::ItemSensitivity& item,
              v1::ItemSensitivity& resource) {
  if (const EvidenceState* evidence = target.network->FindEvidence(item.item_id)) {
    resource.set_name(Cat("networks/", target.network->id, "/evidence/", evidence->id));
    resource.set_summary(evidence->model.summary());
  } else if (const auto* hypothetical = target.FindHypothetical(item.item_id)) {
    resource.set_summary(hypothetical->summary());
  }
  resource.set_node(item.node);
  resource.set_state(item.state);
  resource.set_derivative_per_deciban(item.derivative_per_deciban);
  resource.set_probability_low(item.probability_low);
  resource.set_probability_high(item.probability_high);
}

}  // namespace

absl::Status AnalyzeSensitivity(const QueryView& view, const v1::AnalyzeSensitivityRequest& request,
                                v1::AnalyzeSensitivityResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const ResolvedTarget target, ResolveTarget(view, request.target()));
  CREDENCE_ASSIGN_OR_RETURN(const std::string state, StateOfTarget(target, request.state()));
  CREDENCE_ASSIGN_OR_RETURN(const forecaster::SensitivityOptions options, ReadOptions(request));
  const InferenceInput& input = target.input;
  CREDENCE_ASSIGN_OR_RETURN(
      const forecaster::Sensitivity sensitivity,
      WithNames(*view.state, target,
                forecaster::AnalyzeSensitivity(*input.network, input.items, input.options,
                                               target.node, state, options)));
  for (const forecaster::ParameterSensitivity& parameter : sensitivity.parameters) {
    CREDENCE_RETURN_IF_ERROR(FillParameter(*input.network, parameter, *response.add_parameters()));
  }
  for (const forecaster::ItemSensitivity& item : sensitivity.items) {
    FillItem(target, item, *response.add_items());
  }
  response.set_node(target.node);
  response.set_state(state);
  response.set_probability(sensitivity.probability);
  response.set_swing_decibans(options.swing_decibans);
  SetTime(input.options.at, *response.mutable_effective_time());
  return absl::OkStatus();
}

}  // namespace credence::server
