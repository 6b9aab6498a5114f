#include <cmath>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "convert/time.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/forecaster/explanation.h"
#include "query/convert.h"
#include "query/inference.h"
#include "query/target.h"

namespace credence::server {
namespace {

using LeaveOneOuts = absl::flat_hash_map<std::string, const forecaster::LeaveOneOut*>;

// The item of this id as the forecaster saw it; null where there is none.
const forecaster::EvidenceItem* FindItem(const ResolvedTarget& target, const std::string& id) {
  for (const forecaster::EvidenceItem& item : target.input.items) {
    if (item.id == id) return &item;
  }
  return nullptr;
}

void FillItem(const ResolvedTarget& target, const std::string& id,
              const LeaveOneOuts& leave_one_outs, v1::ExplanationStep& step) {
  const EvidenceState* evidence = target.network->FindEvidence(id);
  const event::v1::EvidenceModel* supposed = target.FindHypothetical(id);
  const forecaster::EvidenceItem* found_item = FindItem(target, id);
  if (found_item == nullptr || (evidence == nullptr && supposed == nullptr)) return;
  const forecaster::EvidenceItem& item = *found_item;
  const event::v1::EvidenceModel& model = evidence != nullptr ? evidence->model : *supposed;
  if (evidence != nullptr) {
    step.set_name(Cat("networks/", target.network->id, "/evidence/", evidence->id));
  }
  step.set_summary(model.summary());
  SetTime(item.occur_time, *step.mutable_occur_time());
  step.set_source(model.source());
  step.set_grade(model.grade());
  step.set_cluster(item.cluster);
  step.set_node(item.node);
  const absl::StatusOr<double> reliability =
      forecaster::ResolveReliability(item, target.input.options.grades);
  step.set_effective_reliability(reliability.ok() ? *reliability : 1.0);
  const auto found = leave_one_outs.find(id);
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

// The state that the scenario forces `node` to.
std::string ForcedState(const ResolvedTarget& target, const std::string& node) {
  for (const forecaster::Intervention& forced : target.input.options.interventions) {
    if (forced.node == node) return forced.state;
  }
  return "";
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
    case forecaster::StepKind::kItem:
      step.set_kind(v1::EXPLANATION_STEP_KIND_EVIDENCE);
      FillItem(target, waterfall.subject, leave_one_outs, step);
      return;
    case forecaster::StepKind::kIntervention:
      step.set_kind(v1::EXPLANATION_STEP_KIND_INTERVENTION);
      step.set_node(waterfall.subject);
      step.set_summary(Cat("forced to ", ForcedState(target, waterfall.subject)));
      return;
    case forecaster::StepKind::kPosterior:
      return;
  }
}

}  // namespace

absl::Status ExplainPosterior(const QueryView& view, const v1::ExplainPosteriorRequest& request,
                              v1::ExplainPosteriorResponse& response) {
  const State& state = *view.state;
  CREDENCE_ASSIGN_OR_RETURN(const ResolvedTarget target, ResolveTarget(view, request.target()));
  CREDENCE_ASSIGN_OR_RETURN(const std::string explained, StateOfTarget(target, request.state()));
  const InferenceInput& input = target.input;
  CREDENCE_ASSIGN_OR_RETURN(const forecaster::Explanation explanation,
                            WithNames(state, target,
                                      forecaster::Explain(*input.network, input.items,
                                                          input.options, target.node, explained)));
  LeaveOneOuts leave_one_outs;
  for (const auto& effect : explanation.leave_one_out) leave_one_outs[effect.item_id] = &effect;
  for (const forecaster::WaterfallStep& waterfall : explanation.steps) {
    // The end is told by the response itself.
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
