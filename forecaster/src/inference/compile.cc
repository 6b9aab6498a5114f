#include <algorithm>
#include <utility>

#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/forecaster/engine.h"
#include "credence/forecaster/error_reasons.h"
#include "credence/forecaster/network.h"
#include "inference/budget.h"
#include "inference/kernels.h"
#include "inference/model.h"
#include "inference/range_watch.h"
#include "inference/tables.h"
#include "inference/tree_choice.h"
#include "model/names.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

// Factors of larger cliques are multiplied when they are needed: that costs little beside walking
// the clique, and its memory is not taken twice.
constexpr int64_t kMostCellsMultipliedAhead = 1 << 16;

bool HasHazardRow(const Node& node) {
  const auto* table = std::get_if<RowTable>(&node.table);
  if (table == nullptr) return false;
  for (const Row& row : table->rows) {
    if (std::holds_alternative<HazardRow>(row)) return true;
  }
  return false;
}

void IndexNodes(CompiledModel& model) {
  for (int i = 0; i < Size(model.network.nodes); ++i) {
    const Node& node = model.network.nodes[i];
    model.node_index.emplace(node.name, i);
    model.cardinality.push_back(Size(node.states));
    model.is_hazard.push_back(HasHazardRow(node));
  }
  for (const Node& node : model.network.nodes) {
    std::vector<int>& parents = model.parents.emplace_back();
    for (const std::string& parent : node.parents) parents.push_back(model.node_index.at(parent));
  }
}

// Each variable after those that its factor has beside it.
void FindSamplingOrder(CompiledModel& model) {
  const int variables = Size(model.cardinality);
  std::vector<const Factor*> factor_of(variables, nullptr);
  for (const Factor& factor : model.factors) factor_of[factor.child()] = &factor;
  std::vector<int> waiting(variables, 0);
  std::vector<std::vector<int>> followers(variables);
  for (int v = 0; v < variables; ++v) {
    for (const int before : factor_of[v]->variables) {
      if (before == v) continue;
      ++waiting[v];
      followers[before].push_back(v);
    }
  }
  std::vector<int>& order = model.sampling_order;
  for (int v = 0; v < variables; ++v) {
    if (waiting[v] == 0) order.push_back(v);
  }
  for (int i = 0; i < Size(order); ++i) {
    for (const int next : followers[order[i]]) {
      if (--waiting[next] == 0) order.push_back(next);
    }
  }
  CREDENCE_CHECK(Size(order) == variables);
}

Scopes AllScopes(const CompiledModel& model) {
  Scopes scopes;
  for (const Factor& factor : model.factors) scopes.Add(factor.variables);
  return scopes;
}

// For each variable the sets that have it.
Scopes Inverted(const Scopes& scopes, int variables) {
  std::vector<std::vector<int>> lists(variables);
  for (int s = 0; s < scopes.size(); ++s) {
    for (const int v : scopes[s]) lists[v].push_back(s);
  }
  Scopes result;
  for (const std::vector<int>& list : lists) result.Add(list);
  return result;
}

void MakeNoFindings(CompiledModel& model) {
  Findings& findings = model.no_findings;
  findings.observed.assign(model.cardinality.size(), -1);
  findings.soft.assign(model.cardinality.size(), 0);
  int total = 0;
  for (const int states : model.cardinality) {
    findings.begin.push_back(total);
    total += states;
  }
  findings.likelihood.assign(total, 1.0);
  findings.log_likelihood.assign(total, 0.0);
  findings.use.assign(model.factors.size(), FactorUse::kOwn);
  findings.replaced.resize(model.factors.size());
}

// A table that does not fit alone is refused before it is built, or the square of its edges.
absl::Status CheckScopes(const CompiledModel& model, int64_t budget_bytes) {
  for (const Factor& factor : model.factors) {
    const double cells = CellCount(factor.variables, model.cardinality);
    const double bytes = cells * sizeof(double);
    if (bytes > static_cast<double>(budget_bytes)) {
      return BudgetExceeded(model, {.variables = factor.variables, .cells = cells, .bytes = bytes},
                            budget_bytes);
    }
  }
  return absl::OkStatus();
}

void FillTables(CompiledModel& model) {
  for (int node = 0; node < Size(model.network.nodes); ++node) {
    const int f = model.defining_factor[node];
    if (model.is_hazard[node]) {
      model.no_findings.use[f] = FactorUse::kNeutral;
    } else if (model.factors[f].values.empty()) {
      ExpandTable(model, node, model.factors[f]);
    }
  }
}

CompiledCost CostOf(const CompiledModel& model) {
  CompiledCost cost;
  const TreeCost tree = CostOfTree(*model.tree, model.cardinality, model.no_findings,
                                   EngineOptions().most_cells_kept);
  cost.clique_count = model.tree->size();
  cost.largest_clique_cells = static_cast<int64_t>(tree.largest_cells);
  cost.total_cells = static_cast<int64_t>(tree.cells);
  cost.working_bytes = static_cast<int64_t>(tree.bytes);
  return cost;
}

// The product of the factors of each clique that has more than one. What hazards say is not known
// before the instant is, and a product out of the range of doubles is left to the question.
void MakeCliqueTables(CompiledModel& model) {
  const JunctionTree& tree = *model.tree;
  const Layout layout(tree, model.tree_scopes, model.cardinality, model.no_findings,
                      EngineOptions().most_cells_kept);
  model.clique_tables.resize(tree.size());
  RangeWatch<double> watch;
  for (int c = 0; c < tree.size(); ++c) {
    const std::span<const int> factors = tree.factors[c];
    const bool plain = std::all_of(factors.begin(), factors.end(), [&](int f) {
      return model.no_findings.use[f] == FactorUse::kOwn && model.factors[f].log_values.empty();
    });
    if (!plain || factors.size() < 2 || layout.cells(c) > kMostCellsMultipliedAhead) continue;
    std::vector<double>& table = model.clique_tables[c];
    table.resize(layout.cells(c));
    for (int i = 0; i < Size(factors); ++i) {
      const double* values = model.factors[factors[i]].values.data();
      const BlockView view = layout.FactorView(factors[i]);
      for (int64_t block = 0; block < layout.blocks(c); ++block) {
        double* cells = table.data() + block * layout.block_cells(c);
        const double* from = values + view.Offset(block);
        i == 0 ? AssignView(cells, from, view.inner) : MultiplyView(cells, from, view.inner);
      }
    }
    if (watch.Left()) table.clear();
  }
}

absl::Status BuildTree(CompiledModel& model, const CompileOptions& options) {
  const int64_t budget_bytes = options.memory_budget_bytes;
  // Hazard tables are part of the tree, whatever they will say.
  Findings all = model.no_findings;
  all.use.assign(model.factors.size(), FactorUse::kOwn);
  model.tree_scopes = ScopesOf(model.factors, model.cardinality, all);
  TreeOrTooLarge built = FindTree(model, model.tree_scopes.scopes, all,
                                  // This tree is searched for once and used for every question.
                                  {.budget_bytes = budget_bytes,
                                   .most_cells_kept = EngineOptions().most_cells_kept,
                                   .effort = options.without_tree ? 0.25 : 32.0});
  if (const auto* too_large = std::get_if<TreeTooLarge>(&built)) {
    return BudgetExceeded(
        model,
        {.variables = too_large->variables, .cells = too_large->cells, .bytes = too_large->bytes},
        budget_bytes);
  }
  model.tree = std::get<JunctionTree>(std::move(built));
  return absl::OkStatus();
}

absl::Status LookUpError(std::string_view reason, std::string message) {
  return MakeError(absl::StatusCode::kNotFound, std::move(message),
                   {.reason = std::string(reason), .fields = {}, .subjects = {}, .metadata = {}});
}

}  // namespace

CompiledNetwork::CompiledNetwork(std::unique_ptr<const CompiledModel> model)
    : model_(std::move(model)) {}

CompiledNetwork::~CompiledNetwork() = default;

absl::StatusOr<std::shared_ptr<const CompiledNetwork>> CompiledNetwork::Compile(
    Network network, const CompileOptions& options) {
  CREDENCE_RETURN_IF_ERROR(Validate(network));
  auto model = std::make_unique<CompiledModel>();
  model->network = std::move(network);
  IndexNodes(*model);
  model->defining_factor.assign(model->network.nodes.size(), -1);
  for (int i = 0; i < Size(model->network.nodes); ++i) AppendFactors(*model, i);
  CREDENCE_RETURN_IF_ERROR(CheckScopes(*model, options.memory_budget_bytes));
  MakeNoFindings(*model);
  model->budget_bytes = options.memory_budget_bytes;
  model->tree_status = BuildTree(*model, options);
  if (!options.without_tree) CREDENCE_RETURN_IF_ERROR(model->tree_status);
  FillTables(*model);
  model->factors_of = Inverted(AllScopes(*model), Size(model->cardinality));
  FindSamplingOrder(*model);
  if (model->tree) {
    model->cliques_of = Inverted(model->tree->cliques, Size(model->cardinality));
    model->cost = CostOf(*model);
    MakeCliqueTables(*model);
  }
  return std::shared_ptr<const CompiledNetwork>(new CompiledNetwork(std::move(model)));
}

const Network& CompiledNetwork::network() const { return model_->network; }

const CompiledCost& CompiledNetwork::cost() const { return model_->cost; }

absl::StatusOr<int> CompiledNetwork::FindNode(std::string_view name) const {
  const auto found = model_->node_index.find(ToAbsl(name));
  if (found != model_->node_index.end()) return found->second;
  std::vector<std::string_view> candidates;
  for (const Node& node : model_->network.nodes) candidates.push_back(node.name);
  return LookUpError(reasons::kNodeNotFound,
                     Cat("network ", Quoted(model_->network.name), " has no node ", Quoted(name),
                         Suggestion(name, candidates)));
}

absl::StatusOr<int> CompiledNetwork::FindState(int node, std::string_view state) const {
  CREDENCE_CHECK(node >= 0 && node < Size(model_->network.nodes));
  const std::vector<std::string>& states = model_->network.nodes[node].states;
  for (int s = 0; s < Size(states); ++s) {
    if (states[s] == state) return s;
  }
  const std::vector<std::string_view> candidates(states.begin(), states.end());
  return LookUpError(reasons::kStateNotFound,
                     Cat("node ", Quoted(model_->network.nodes[node].name), " has no state ",
                         Quoted(state), Suggestion(state, candidates)));
}

bool CompiledNetwork::IsHazard(int node) const { return model_->is_hazard[node]; }

absl::Time CompiledNetwork::StartTime(int node) const {
  return model_->network.nodes[node].start_time.value_or(model_->network.open_time);
}

absl::Time CompiledNetwork::Deadline(int node) const {
  return model_->network.nodes[node].deadline.value_or(model_->network.deadline);
}

}  // namespace credence::forecaster
