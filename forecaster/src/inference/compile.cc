#include <cmath>
#include <utility>

#include "absl/strings/str_join.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/forecaster/error_reasons.h"
#include "credence/forecaster/network.h"
#include "inference/model.h"
#include "inference/tables.h"
#include "model/names.h"
#include "sizes.h"
#include "text.h"

namespace credence::forecaster {
namespace {

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

std::string VariableName(const CompiledModel& model, int variable) {
  const int nodes = Size(model.network.nodes);
  return variable < nodes ? model.network.nodes[variable].name
                          : Cat("(auxiliary ", variable - nodes, ")");
}

absl::Status BudgetExceeded(const CompiledModel& model, const TreeTooLarge& too_large,
                            int64_t budget_bytes) {
  constexpr int kMaxShown = 32;
  std::vector<std::string> names;
  for (int i = 0; i < std::min(kMaxShown, Size(too_large.clique)); ++i) {
    names.push_back(VariableName(model, too_large.clique[i]));
  }
  const int hidden = Size(too_large.clique) - Size(names);
  if (hidden > 0) names.push_back(Cat("and ", hidden, " more"));
  const std::string clique = absl::StrJoin(names, ", ");
  return MakeError(
      absl::StatusCode::kResourceExhausted,
      Cat("exact inference in network ", Quoted(model.network.name), " needs at least ",
          too_large.bytes, " bytes, over the budget of ", budget_bytes, "; the clique of ", clique,
          " has ", too_large.cells, " cells"),
      {.reason = std::string(reasons::kInferenceBudgetExceeded),
       .fields = {},
       .subjects = {},
       .metadata = {{"network", model.network.name},
                    {"clique", clique},
                    {"cells", Cat(too_large.cells)},
                    {"bytes", Cat(too_large.bytes)},
                    {"budget_bytes", Cat(budget_bytes)}}});
}

void FillStaticTables(CompiledModel& model) {
  for (int node = 0; node < Size(model.network.nodes); ++node) {
    Factor& factor = model.factors[model.defining_factor[node]];
    if (factor.log_values.empty() && !model.is_hazard[node]) {
      factor.log_values = ExpandTable(model, node);
    }
  }
  model.static_tables.assign(model.tree.total_cells, 0.0);
  for (int f = 0; f < Size(model.factors); ++f) {
    const Factor& factor = model.factors[f];
    if (factor.log_values.empty()) continue;
    const Clique& clique = model.tree.cliques[model.tree.factor_clique[f]];
    double* table = model.static_tables.data() + clique.offset;
    ForEachCell(clique.cardinality, model.tree.factor_strides[f],
                [&](int64_t cell, int64_t inner) { table[cell] += factor.log_values[inner]; });
  }
}

CompiledCost CostOf(const JunctionTree& tree) {
  CompiledCost cost;
  cost.clique_count = Size(tree.cliques);
  cost.largest_clique_cells = tree.largest_clique_cells;
  cost.total_cells = tree.total_cells;
  cost.working_bytes =
      (tree.total_cells + 3 * tree.total_separator_cells) * static_cast<int64_t>(sizeof(double));
  return cost;
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
  TreeOrTooLarge built = BuildJunctionTree(model->factors, model->cardinality,
                                           static_cast<double>(options.memory_budget_bytes));
  if (const auto* too_large = std::get_if<TreeTooLarge>(&built)) {
    return BudgetExceeded(*model, *too_large, options.memory_budget_bytes);
  }
  model->tree = std::get<JunctionTree>(std::move(built));
  model->cost = CostOf(model->tree);
  FillStaticTables(*model);
  return std::shared_ptr<const CompiledNetwork>(new CompiledNetwork(std::move(model)));
}

const Network& CompiledNetwork::network() const { return model_->network; }

const CompiledCost& CompiledNetwork::cost() const { return model_->cost; }

absl::StatusOr<int> CompiledNetwork::FindNode(std::string_view name) const {
  const auto found = model_->node_index.find(std::string(name));
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
