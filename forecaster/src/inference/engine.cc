#include "credence/forecaster/engine.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/forecaster/error_reasons.h"
#include "inference/budget.h"
#include "inference/evidence_state.h"
#include "inference/sampling.h"
#include "inference/tree_state.h"
#include "inference/variable_elimination.h"
#include "numeric/log_space.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

std::vector<double> OneState(int states, int state) {
  std::vector<double> values(states, kLogZero);
  values[state] = 0.0;
  return values;
}

}  // namespace

struct Engine::State {
  State(const CompiledNetwork& its_network, const EngineOptions& its_options)
      : network(its_network),
        model(its_network.model()),
        options(its_options),
        evidence(model),
        tree(model, evidence, options) {
    size_t states = 0;
    for (int node = 0; node < Size(model.network.nodes); ++node) states += Cardinality(node);
    marginals.resize(states);
  }

  [[nodiscard]] int Cardinality(int node) const { return model.cardinality[node]; }

  [[nodiscard]] absl::Status Impossible() const {
    ErrorDetail detail;
    detail.reason = std::string(reasons::kContradictoryEvidence);
    for (int node = 0; node < Size(model.network.nodes); ++node) {
      const bool said = !evidence.log_likelihood(node).empty() || evidence.intervened(node) >= 0;
      if (said) detail.subjects.push_back(model.network.nodes[node].name);
    }
    return MakeError(absl::StatusCode::kFailedPrecondition, "the evidence is impossible", detail);
  }

  [[nodiscard]] absl::Status MayGoOn() const {
    return options.may_go_on ? options.may_go_on() : absl::OkStatus();
  }

  // The evidence is possible, and the upward messages are up to date.
  absl::Status Prepare() {
    CREDENCE_RETURN_IF_ERROR(MayGoOn());
    CREDENCE_RETURN_IF_ERROR(tree.Refresh());
    CREDENCE_ASSIGN_OR_RETURN(const bool possible, tree.IsPossible());
    return possible ? absl::OkStatus() : Impossible();
  }

  [[nodiscard]] EliminationInput ForElimination() const {
    return {.factors = &model.factors,
            .cardinality = model.cardinality,
            .findings = &evidence.findings(),
            .cells_max = static_cast<double>(options.memory_budget_bytes) / sizeof(Wide)};
  }

  [[nodiscard]] absl::Status TooLargeToEliminate(const EliminationTooLarge& large) const {
    return BudgetExceeded(
        model,
        {.variables = large.variables, .cells = large.cells, .bytes = large.cells * sizeof(Wide)},
        options.memory_budget_bytes);
  }

  const CompiledNetwork& network;
  const CompiledModel& model;
  EngineOptions options;
  EvidenceState evidence;
  TreeState tree;
  std::vector<double> marginals;
};

Engine::Engine(const CompiledNetwork& network, const EngineOptions& options)
    : state_(std::make_unique<State>(network, options)) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

const CompiledNetwork& Engine::network() const { return state_->network; }

void Engine::SetLogLikelihood(int node, std::span<const double> log_likelihood) {
  state_->evidence.SetLogLikelihood(node, log_likelihood);
}

void Engine::Observe(int node, int state) {
  SetLogLikelihood(node, OneState(state_->Cardinality(node), state));
}

void Engine::Intervene(int node, int state) { state_->evidence.Intervene(node, state); }

void Engine::SetLogTable(int node, std::span<const double> log_values) {
  state_->evidence.SetLogTable(node, log_values);
}

absl::StatusOr<double> Engine::LogWeight() {
  CREDENCE_RETURN_IF_ERROR(state_->MayGoOn());
  CREDENCE_RETURN_IF_ERROR(state_->tree.Refresh());
  return state_->tree.LogWeight();
}

absl::StatusOr<std::vector<double>> Engine::LogMarginal(int node) {
  CREDENCE_RETURN_IF_ERROR(state_->Prepare());
  const int observed = state_->evidence.findings().observed[node];
  if (observed >= 0) return OneState(state_->Cardinality(node), observed);
  return state_->tree.LogMarginal(node);
}

absl::StatusOr<std::vector<std::vector<double>>> Engine::LogMarginals() {
  CREDENCE_RETURN_IF_ERROR(state_->Prepare());
  state_->tree.DistributeAll();
  std::vector<std::vector<double>> marginals;
  for (int node = 0; node < Size(state_->model.network.nodes); ++node) {
    const int observed = state_->evidence.findings().observed[node];
    if (observed >= 0) {
      marginals.push_back(OneState(state_->Cardinality(node), observed));
    } else {
      CREDENCE_ASSIGN_OR_RETURN(std::vector<double> marginal, state_->tree.LogMarginal(node));
      marginals.push_back(std::move(marginal));
    }
  }
  return marginals;
}

absl::StatusOr<std::span<const double>> Engine::Marginals() {
  CREDENCE_RETURN_IF_ERROR(state_->Prepare());
  CREDENCE_RETURN_IF_ERROR(state_->tree.PutMarginals(state_->marginals));
  return std::span<const double>(state_->marginals);
}

absl::StatusOr<JointTable> Engine::Joint(std::span<const int> nodes) {
  CREDENCE_CHECK(!nodes.empty());
  CREDENCE_RETURN_IF_ERROR(state_->MayGoOn());
  const EliminationInput input = state_->ForElimination();
  const double cells = CellCount(nodes, state_->model.cardinality);
  if (cells > input.cells_max) {
    EliminationTooLarge large;
    large.variables.assign(nodes.begin(), nodes.end());
    large.cells = cells;
    return state_->TooLargeToEliminate(large);
  }
  if (state_->evidence.Impossible()) return state_->Impossible();
  JointResult result = EliminateAllBut(input, nodes);
  if (result.too_large) return state_->TooLargeToEliminate(*result.too_large);
  if (IsLogZero(NormalizeLog(result.log_weights))) return state_->Impossible();
  JointTable joint;
  joint.nodes.assign(nodes.begin(), nodes.end());
  for (const double value : result.log_weights) joint.probabilities.push_back(std::exp(value));
  return joint;
}

absl::StatusOr<JointTable> Engine::Family(int node) {
  const int f = state_->model.defining_factor[node];
  std::vector<int> nodes = state_->model.parents[node];
  nodes.push_back(node);
  const Findings& findings = state_->evidence.findings();
  const bool one_table =
      findings.use[f] != FactorUse::kNeutral && state_->model.factors[f].variables == nodes;
  if (!one_table) return Joint(nodes);
  CREDENCE_RETURN_IF_ERROR(state_->Prepare());
  CREDENCE_ASSIGN_OR_RETURN(JointTable family, state_->tree.Family(f));
  family.nodes = std::move(nodes);
  return family;
}

absl::StatusOr<std::vector<double>> Engine::TableDerivatives(int node) {
  const int factor = state_->model.defining_factor[node];
  const Node& named = state_->model.network.nodes[node];
  if (state_->model.factors[factor].variables.size() != named.parents.size() + 1 ||
      !(std::holds_alternative<RowTable>(named.table) ||
        std::holds_alternative<Logit>(named.table))) {
    return InvalidField(reasons::kRowKind, "node",
                        Cat("the table of node ", named.name, " is not given by rows"));
  }
  CREDENCE_RETURN_IF_ERROR(state_->Prepare());
  if (state_->evidence.findings().use[factor] == FactorUse::kNeutral) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     Cat("the table of node ", named.name, " counts for nothing"),
                     {.reason = std::string(reasons::kStatementUnsuitable),
                      .fields = {},
                      .subjects = {named.name},
                      .metadata = {}});
  }
  CREDENCE_ASSIGN_OR_RETURN(std::vector<double> derivatives, state_->tree.LogDerivatives(factor));
  const double log_scale = state_->evidence.table_log_scale(node);
  for (double& value : derivatives) value = std::exp(value - log_scale);
  return derivatives;
}

absl::StatusOr<MostProbableConfiguration> Engine::MostProbable() {
  CREDENCE_RETURN_IF_ERROR(state_->MayGoOn());
  const CompiledModel& model = state_->model;
  if (state_->evidence.Impossible()) return state_->Impossible();
  std::vector<bool> maximised(model.cardinality.size(), false);
  std::fill_n(maximised.begin(), model.network.nodes.size(), true);
  // What others determine has one state that counts, so that its maximum is its sum.
  for (const int v : model.functions) maximised[v] = true;
  MostProbableResult result = MaximiseOver(state_->ForElimination(), maximised);
  if (result.too_large) return state_->TooLargeToEliminate(*result.too_large);
  if (IsLogZero(result.log_weight)) return state_->Impossible();
  CREDENCE_ASSIGN_OR_RETURN(const double log_all, LogWeight());
  MostProbableConfiguration best;
  result.states.resize(model.network.nodes.size());
  best.states = std::move(result.states);
  best.log_weight = result.log_weight + state_->evidence.LogScale();
  best.probability = std::exp(best.log_weight - log_all);
  return best;
}

absl::StatusOr<ApproximateAnswer> Engine::Approximate(const ApproximateOptions& options) {
  if (options.samples < 2) {
    return InvalidField(reasons::kNumberInvalid, "samples", "must be at least 2");
  }
  if (state_->evidence.Impossible()) return state_->Impossible();
  CREDENCE_ASSIGN_OR_RETURN(ApproximateAnswer answer,
                            SampleByLikelihood(state_->model, state_->evidence.findings(), options,
                                               [this] { return state_->MayGoOn(); }));
  if (!(answer.effective_samples > 0.0)) {
    return MakeError(
        absl::StatusCode::kResourceExhausted,
        Cat("none of ", options.samples,
            " samples agrees with the evidence, which is improbable or impossible"),
        {.reason = std::string(reasons::kInferenceBudgetExceeded),
         .fields = {},
         .subjects = {},
         .metadata = {{"network", state_->model.network.name}, {"samples", Cat(options.samples)}}});
  }
  answer.log_weight += state_->evidence.LogScale();
  return answer;
}

absl::StatusOr<QueryCost> Engine::EstimateCost() {
  CREDENCE_RETURN_IF_ERROR(state_->tree.Refresh());
  const TreeCost tree = state_->tree.Cost();
  QueryCost cost;
  cost.largest_clique_cells = tree.largest_cells;
  cost.total_cells = tree.cells;
  cost.bytes = tree.bytes;
  cost.clique_count = state_->tree.tree().size();
  cost.keeps_tree = state_->tree.kept();
  if (tree.largest_clique >= 0) {
    for (const int v : state_->tree.tree().cliques[tree.largest_clique]) {
      const bool counts =
          v < Size(state_->model.network.nodes) && state_->evidence.findings().observed[v] < 0;
      if (counts) cost.largest_clique.push_back(v);
    }
    std::sort(cost.largest_clique.begin(), cost.largest_clique.end());
  }
  return cost;
}

}  // namespace credence::forecaster
