#include "credence/forecaster/indicators.h"

#include <vector>

#include "credence/base/status_macros.h"
#include "query/convert.h"
#include "query/inference.h"
#include "query/target.h"

namespace credence::server {
namespace {

void FillRank(const forecaster::IndicatorValue& value, const std::vector<std::string>& states,
              v1::IndicatorRank& rank) {
  rank.set_node(value.node);
  rank.set_mutual_information_bits(value.mutual_information_bits);
  rank.set_expected_brier_reduction(value.expected_brier_reduction);
  for (size_t s = 0; s < states.size(); ++s) {
    v1::IndicatorOutcome& outcome = *rank.add_outcomes();
    outcome.set_state(states[s]);
    outcome.set_probability(value.probabilities[s]);
    outcome.set_target_probability(value.target_probabilities[s]);
  }
}

}  // namespace

absl::Status RankIndicators(const QueryView& view, const v1::RankIndicatorsRequest& request,
                            v1::RankIndicatorsResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const ResolvedTarget target, ResolveTarget(view, request.target()));
  CREDENCE_RETURN_IF_ERROR(CheckSingleNode(target));
  const InferenceInput& input = target.input;
  CREDENCE_ASSIGN_OR_RETURN(
      const std::vector<forecaster::IndicatorValue> values,
      WithNames(*view.state, target,
                forecaster::RankIndicators(*input.network, input.items, input.options, target.node,
                                           {.include_drivers = request.include_drivers()})));
  for (const forecaster::IndicatorValue& value : values) {
    CREDENCE_ASSIGN_OR_RETURN(const int node, input.network->FindNode(value.node));
    FillRank(value, input.network->network().nodes[static_cast<size_t>(node)].states,
             *response.add_indicators());
  }
  response.set_node(target.node);
  SetTime(input.options.at, *response.mutable_effective_time());
  return absl::OkStatus();
}

}  // namespace credence::server
