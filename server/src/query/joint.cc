#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/forecaster/query.h"
#include "query/convert.h"
#include "query/inference.h"
#include "query/target.h"

// Questions about several nodes together, and about the evidence as a whole.
namespace credence::server {
namespace {

constexpr size_t kJointNodesMax = 20;
constexpr double kJointCellsMax = 65'536;

absl::StatusOr<forecaster::Query> OpenQuery(const State& state, const ResolvedTarget& target) {
  const InferenceInput& input = target.input;
  return WithNames(state, target,
                   forecaster::Query::Open(*input.network, input.items, input.options));
}

// The target's node, where it is one, and then those of the request.
std::vector<std::string> JointNodes(const ResolvedTarget& target,
                                    const v1::QueryJointRequest& request) {
  std::vector<std::string> nodes(request.nodes().begin(), request.nodes().end());
  if (!target.node.empty()) nodes.insert(nodes.begin(), target.node);
  return nodes;
}

// The path of a node of the joint in the request.
std::string JointPath(const ResolvedTarget& target, size_t index) {
  if (target.node.empty()) return Cat("nodes[", index, "]");
  return index == 0 ? std::string("target.name") : Cat("nodes[", index - 1, "]");
}

absl::Status CheckJoint(const ResolvedTarget& target, const std::vector<std::string>& nodes) {
  if (nodes.empty()) {
    return InvalidField("FIELD_REQUIRED", "nodes", "must name a node where the target is none");
  }
  if (nodes.size() > kJointNodesMax) {
    return InvalidField("SIZE_LIMIT", "nodes", Cat("must be at most ", kJointNodesMax));
  }
  double cells = 1.0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const absl::StatusOr<int> index = target.compiled().FindNode(nodes[i]);
    if (!index.ok()) {
      return InvalidField("UNKNOWN_NODE", JointPath(target, i), FromAbsl(index.status().message()));
    }
    const auto begin = nodes.begin();
    const auto here = begin + static_cast<std::ptrdiff_t>(i);
    if (std::find(begin, here, nodes[i]) != here) {
      return InvalidField("NAME_DUPLICATE", JointPath(target, i),
                          "names a node that stands before it");
    }
    const auto& node = target.compiled().network().nodes[static_cast<size_t>(*index)];
    cells *= static_cast<double>(node.states.size());
  }
  if (cells <= kJointCellsMax) return absl::OkStatus();
  return InvalidField(
      "SIZE_LIMIT", "nodes",
      Cat("have ", cells, " combinations of states; at most ", kJointCellsMax, " are given"));
}

// Every combination in row-major order, the last node's state changing fastest.
void FillJoint(const forecaster::CompiledNetwork& network, const forecaster::JointPosterior& joint,
               v1::QueryJointResponse& response) {
  std::vector<const std::vector<std::string>*> states;
  for (const std::string& name : joint.nodes) {
    response.add_nodes(name);
    states.push_back(&network.network().nodes[static_cast<size_t>(*network.FindNode(name))].states);
  }
  std::vector<size_t> digits(states.size(), 0);
  for (const double probability : joint.probabilities) {
    v1::JointProbability& cell = *response.add_probabilities();
    for (size_t i = 0; i < states.size(); ++i) cell.add_states((*states[i])[digits[i]]);
    cell.set_probability(probability);
    for (size_t i = states.size(); i-- > 0;) {
      if (++digits[i] < states[i]->size()) break;
      digits[i] = 0;
    }
  }
}

}  // namespace

absl::Status QueryJoint(const QueryView& view, const v1::QueryJointRequest& request,
                        v1::QueryJointResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const ResolvedTarget target, ResolveTarget(view, request.target()));
  const std::vector<std::string> nodes = JointNodes(target, request);
  CREDENCE_RETURN_IF_ERROR(CheckJoint(target, nodes));
  CREDENCE_ASSIGN_OR_RETURN(forecaster::Query query, OpenQuery(*view.state, target));
  CREDENCE_ASSIGN_OR_RETURN(const forecaster::JointPosterior joint,
                            WithNames(*view.state, target, query.Joint(nodes)));
  FillJoint(target.compiled(), joint, response);
  SetTime(target.input.options.at, *response.mutable_effective_time());
  return absl::OkStatus();
}

absl::Status FindMostProbableExplanation(const QueryView& view,
                                         const v1::FindMostProbableExplanationRequest& request,
                                         v1::FindMostProbableExplanationResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const ResolvedTarget target, ResolveTarget(view, request.target()));
  CREDENCE_ASSIGN_OR_RETURN(forecaster::Query query, OpenQuery(*view.state, target));
  CREDENCE_ASSIGN_OR_RETURN(const forecaster::MostProbableExplanation explanation,
                            WithNames(*view.state, target, query.MostProbable()));
  const auto& nodes = target.compiled().network().nodes;
  for (size_t i = 0; i < nodes.size(); ++i) {
    v1::NodeState& state = *response.add_states();
    state.set_node(nodes[i].name);
    state.set_state(explanation.states[i]);
  }
  response.set_log_probability(explanation.log_probability);
  response.set_probability(std::exp(explanation.log_probability));
  SetTime(target.input.options.at, *response.mutable_effective_time());
  return absl::OkStatus();
}

absl::Status AssessEvidence(const QueryView& view, const v1::AssessEvidenceRequest& request,
                            v1::AssessEvidenceResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const ResolvedTarget target, ResolveTarget(view, request.target()));
  CREDENCE_ASSIGN_OR_RETURN(forecaster::Query query, OpenQuery(*view.state, target));
  CREDENCE_ASSIGN_OR_RETURN(const forecaster::QueryCost cost, query.EstimateCost());
  CREDENCE_ASSIGN_OR_RETURN(const double log_weight,
                            WithNames(*view.state, target, query.LogWeight()));
  CREDENCE_ASSIGN_OR_RETURN(const double conflict,
                            WithNames(*view.state, target, query.Conflict()));
  response.set_log_evidence(log_weight);
  response.set_conflict(conflict);
  for (const std::string& id : query.ItemsInForce()) {
    const bool recorded = target.network->FindEvidence(id) != nullptr;
    response.add_items(recorded ? Cat("networks/", target.network->id, "/evidence/", id) : id);
  }
  response.mutable_cost()->set_cells(cost.total_cells);
  response.mutable_cost()->set_largest_table_cells(cost.largest_clique_cells);
  response.mutable_cost()->set_bytes(cost.bytes);
  response.mutable_cost()->set_table_count(cost.clique_count);
  SetTime(target.input.options.at, *response.mutable_effective_time());
  return absl::OkStatus();
}

}  // namespace credence::server
