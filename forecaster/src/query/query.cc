#include "credence/forecaster/query.h"

#include <algorithm>
#include <set>
#include <utility>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/forecaster/error_reasons.h"
#include "evidence/session.h"
#include "query/reading.h"
#include "sizes.h"

namespace credence::forecaster {

struct Query::State {
  explicit State(Session its_session)
      : session(std::move(its_session)), engine(session.network(), session.engine_options()) {}

  // Finds a contradiction first, so that it names items.
  absl::Status Check() {
    if (checked) return absl::OkStatus();
    CREDENCE_ASSIGN_OR_RETURN(log_weight, session.Run(session.Whole()));
    checked = true;
    return absl::OkStatus();
  }

  absl::StatusOr<JointPosterior> Named(absl::StatusOr<JointTable> joint) const {
    CREDENCE_RETURN_IF_ERROR(joint.status());
    JointPosterior named;
    for (const int node : joint->nodes) {
      named.nodes.push_back(session.network().network().nodes[node].name);
    }
    named.probabilities = std::move(joint->probabilities);
    return named;
  }

  Session session;
  Engine engine;
  bool checked = false;
  double log_weight = 0.0;
};

Query::Query(std::unique_ptr<State> state) : state_(std::move(state)) {}
Query::~Query() = default;
Query::Query(Query&&) noexcept = default;
Query& Query::operator=(Query&&) noexcept = default;

absl::StatusOr<Query> Query::Open(const CompiledNetwork& network,
                                  std::span<const EvidenceItem> items,
                                  const InferenceOptions& options) {
  CREDENCE_ASSIGN_OR_RETURN(Session session, Session::Open(network, items, options));
  Query query(std::make_unique<State>(std::move(session)));
  query.LoadInto(query.state_->engine);
  return query;
}

absl::StatusOr<double> Query::LogWeight() {
  CREDENCE_RETURN_IF_ERROR(state_->Check());
  return state_->log_weight;
}

absl::StatusOr<NodePosterior> Query::Marginal(std::string_view node) {
  const CompiledNetwork& network = state_->session.network();
  CREDENCE_ASSIGN_OR_RETURN(const int index, network.FindNode(node));
  CREDENCE_RETURN_IF_ERROR(state_->Check());
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<double> marginal, state_->engine.LogMarginal(index));
  return ReadNode(network, index, marginal);
}

absl::StatusOr<std::vector<NodePosterior>> Query::Marginals() {
  CREDENCE_RETURN_IF_ERROR(state_->Check());
  CREDENCE_ASSIGN_OR_RETURN(const auto marginals, state_->engine.LogMarginals());
  std::vector<NodePosterior> result;
  for (int node = 0; node < Size(marginals); ++node) {
    result.push_back(ReadNode(state_->session.network(), node, marginals[node]));
  }
  return result;
}

absl::StatusOr<JointPosterior> Query::Joint(std::span<const std::string> nodes) {
  if (nodes.empty()) {
    return InvalidField(reasons::kSizeLimit, "nodes", "must name at least one node");
  }
  std::vector<int> indices;
  std::set<int> seen;
  for (int i = 0; i < Size(nodes); ++i) {
    CREDENCE_ASSIGN_OR_RETURN(const int index, state_->session.network().FindNode(nodes[i]));
    if (!seen.insert(index).second) {
      return InvalidField(reasons::kNameDuplicate, Cat("nodes[", i, "]"),
                          "names a node that stands before it");
    }
    indices.push_back(index);
  }
  CREDENCE_RETURN_IF_ERROR(state_->Check());
  return state_->Named(state_->engine.Joint(indices));
}

absl::StatusOr<JointPosterior> Query::Family(std::string_view node) {
  CREDENCE_ASSIGN_OR_RETURN(const int index, state_->session.network().FindNode(node));
  CREDENCE_RETURN_IF_ERROR(state_->Check());
  return state_->Named(state_->engine.Family(index));
}

absl::StatusOr<MostProbableExplanation> Query::MostProbable() {
  CREDENCE_RETURN_IF_ERROR(state_->Check());
  CREDENCE_ASSIGN_OR_RETURN(const MostProbableConfiguration found, state_->engine.MostProbable());
  MostProbableExplanation explanation;
  const std::vector<Node>& nodes = state_->session.network().network().nodes;
  for (int node = 0; node < Size(nodes); ++node) {
    explanation.states.push_back(nodes[node].states[found.states[node]]);
  }
  explanation.log_probability = std::min(0.0, found.log_weight - state_->log_weight);
  return explanation;
}

absl::StatusOr<double> Query::Conflict() {
  CREDENCE_RETURN_IF_ERROR(state_->Check());
  return forecaster::Conflict(state_->session, state_->session.Whole(), state_->log_weight);
}

absl::StatusOr<QueryCost> Query::EstimateCost() { return state_->engine.EstimateCost(); }

std::vector<std::string> Query::ItemsInForce() const {
  std::vector<std::string> ids;
  for (const PreparedItem& item : state_->session.items()) ids.push_back(item.item->id);
  return ids;
}

void Query::LoadInto(Engine& engine) const {
  state_->session.MakeQuery(state_->session.Whole()).LoadInto(engine);
}

}  // namespace credence::forecaster
