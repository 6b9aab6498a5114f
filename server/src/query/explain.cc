#include <cmath>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "convert/time.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/forecaster/explanation.h"
#include "query/convert.h"
#include "query/inference.h"

namespace credence::server {
namespace {

using LeaveOneOuts = absl::flat_hash_map<std::string, const forecaster::LeaveOneOut*>;

// The state that is explained: the one named, else the node's first.
absl::StatusOr<std::string> StateToExplain(const ResolvedTarget& target, const std::string& state) {
  if (target.node.empty()) {
    return InvalidField("NAME_INVALID", "target.name",
                        "must name a question or a node, not a whole network");
  }
  const forecaster::CompiledNetwork& network = *target.input.network;
  CREDENCE_ASSIGN_OR_RETURN(const int node, network.FindNode(target.node));
  if (state.empty()) return network.network().nodes[static_cast<size_t>(node)].states.front();
  const absl::StatusOr<int> index = network.FindState(node, state);
  if (!index.ok())
    return InvalidField("UNKNOWN_STATE", "state", FromAbsl(index.status().message()));
  return state;
}

void FillItem(const ResolvedTarget& target, const EvidenceState& evidence,
              const LeaveOneOuts& leave_one_outs, v1::ExplanationStep& step) {
  const event::v1::EvidenceModel& model = evidence.model;
  const forecaster::EvidenceItem item = evidence.ItemAt(target.input.options.at);
  step.set_name(Cat("networks/", target.network->id, "/evidence/", evidence.id));
  step.set_summary(model.summary());
  SetTime(item.occur_time, *step.mutable_occur_time());
  step.set_source(model.source());
  step.set_grade(model.grade());
  step.set_cluster(item.cluster);
  step.set_node(item.node);
  const absl::StatusOr<double> reliability =
      forecaster::ResolveReliability(item, target.input.options.grades);
  step.set_effective_reliability(reliability.ok() ? *reliability : 1.0);
  const auto found = leave_one_outs.find(evidence.id);
  if (found == leave_one_outs.end()) return;
  if (std::isfinite(found->second->decibans)) {
    step.set_leave_one_out_decibans(found->second->decibans);
  }
  step.set_leave_one_out_probability(found->second->probability_without);
}

// The question of `node` that was resolved, in words.
void FillResolution(const State& state, const ResolvedTarget& target, const std::string& node,
                    v1::ExplanationStep& step) {
  step.set_node(node);
  step.set_effective_reliability(1.0);
  for (const std::string& id : target.network->questions) {
    const QuestionState* question = state.questions.Find(id);
    if (question == nullptr || question->node != node) continue;
    const ResolutionState* resolution = question->ResolutionAt(target.input.options.at);
    if (resolution == nullptr) continue;
    step.set_name(Cat("questions/", id));
    step.set_summary(Cat("resolved ", resolution->outcome));
    if (resolution->occur_time.has_value()) {
      SetTime(*resolution->occur_time, *step.mutable_occur_time());
    }
    return;
  }
}

void FillStep(const State& state, const ResolvedTarget& target,
              const forecaster::WaterfallStep& waterfall, const LeaveOneOuts& leave_one_outs,
              v1::ExplanationStep& step) {
  if (std::isfinite(waterfall.decibans)) step.set_weight_decibans(waterfall.decibans);
  step.set_probability(waterfall.probability_after);
  switch (waterfall.kind) {
    case forecaster::StepKind::kPrior:
      step.set_kind(v1::EXPLANATION_STEP_KIND_PRIOR);
      step.set_summary("prior at the opening");
      return;
    case forecaster::StepKind::kDrift:
      step.set_kind(v1::EXPLANATION_STEP_KIND_DRIFT);
      step.set_summary("time passing without news");
      return;
    case forecaster::StepKind::kResolution:
      step.set_kind(v1::EXPLANATION_STEP_KIND_RESOLUTION);
      FillResolution(state, target, waterfall.subject, step);
      return;
    case forecaster::StepKind::kItem: {
      step.set_kind(v1::EXPLANATION_STEP_KIND_EVIDENCE);
      const EvidenceState* evidence = target.network->FindEvidence(waterfall.subject);
      if (evidence != nullptr) FillItem(target, *evidence, leave_one_outs, step);
      return;
    }
    case forecaster::StepKind::kIntervention:
    case forecaster::StepKind::kPosterior:
      return;
  }
}

}  // namespace

absl::Status ExplainPosterior(const State& state, absl::Time view_time,
                              const v1::ExplainPosteriorRequest& request,
                              v1::ExplainPosteriorResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const ResolvedTarget target,
                            ResolveTarget(state, request.target(), view_time));
  CREDENCE_ASSIGN_OR_RETURN(const std::string explained, StateToExplain(target, request.state()));
  const InferenceInput& input = target.input;
  CREDENCE_ASSIGN_OR_RETURN(
      const forecaster::Explanation explanation,
      forecaster::Explain(*input.network, input.items, input.options, target.node, explained));
  LeaveOneOuts leave_one_outs;
  for (const auto& effect : explanation.leave_one_out) leave_one_outs[effect.item_id] = &effect;
  for (const forecaster::WaterfallStep& waterfall : explanation.steps) {
    // The end is told by the response itself, and a query has no interventions.
    if (waterfall.kind == forecaster::StepKind::kPosterior) {
      if (std::isfinite(waterfall.decibans)) response.set_log_odds_decibans(waterfall.decibans);
      continue;
    }
    FillStep(state, target, waterfall, leave_one_outs, *response.add_steps());
  }
  response.set_state(explained);
  response.set_probability(explanation.posterior_probability);
  response.set_node(target.node);
  SetTime(input.options.at, *response.mutable_effective_time());
  return absl::OkStatus();
}

}  // namespace credence::server
