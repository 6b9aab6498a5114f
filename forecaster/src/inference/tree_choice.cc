#include "inference/tree_choice.h"

#include <algorithm>
#include <utility>

#include "inference/elimination.h"
#include "sizes.h"

namespace credence::forecaster {

namespace {

// Measured, in nanoseconds: what a clique costs beside its cells; what a table to walk costs beside
// its cells; and what a cell costs for itself and for each table that it is multiplied by or summed
// onto.
constexpr double kWorkPerClique = 100.0;
constexpr double kWorkPerTable = 40.0;
constexpr double kWorkPerCell = 1.0;
constexpr double kWorkPerCellAndTable = 0.7;

// A tree that fits the memory must still be walked: tables that are not kept may have a cell for so
// many bytes of the budget.
constexpr double kBudgetBytesPerCell = 2.0;

class TreePrice {
 public:
  TreePrice(const JunctionTree& tree, std::span<const int> cardinality, const Findings& findings,
            int64_t most_cells_kept)
      : tree_(tree),
        cardinality_(cardinality),
        findings_(findings),
        most_cells_kept_(static_cast<double>(most_cells_kept)) {}

  TreeCost Total() const {
    TreeCost cost;
    for (int c = 0; c < tree_.size(); ++c) Add(c, cost);
    return cost;
  }

 private:
  [[nodiscard]] double Extent(int variable) const {
    return findings_.observed[variable] >= 0 ? 1.0 : cardinality_[variable];
  }

  void Add(int c, TreeCost& cost) const {
    const std::span<const int> variables = tree_.cliques[c];
    double cells = 1.0;
    double rows = 1.0;
    for (int i = 0; i < Size(variables); ++i) {
      cells *= Extent(variables[i]);
      if (i < tree_.separator_size[c]) rows *= Extent(variables[i]);
    }
    const bool keeps = cells <= most_cells_kept_;
    double kept_cells = keeps ? cells : 0.0;
    double outlets = 0.0;
    const auto add_outlet = [&](double extent) {
      ++outlets;
      // A transfer as large as the table is the table.
      if (keeps && rows * extent < cells) kept_cells += rows * extent;
    };
    for (const int child : tree_.children[c]) {
      add_outlet(ExtentBesideRows(tree_, child, [this](int v) { return Extent(v); }));
    }
    for (const int v : tree_.own_marginals[c]) add_outlet(Extent(v));
    const double walks = static_cast<double>(tree_.children[c].size() + tree_.factors[c].size()) *
                         (keeps ? 1.0 : 2.0);
    cost.work += kWorkPerClique + kWorkPerTable * (walks + outlets) +
                 cells * (kWorkPerCell + kWorkPerCellAndTable * (walks + outlets));
    cost.cells += cells;
    cost.bytes += (kept_cells + 2.0 * rows) * sizeof(double);
    if (keeps) cost.bytes += outlets * rows * sizeof(int32_t);
    if (cells > cost.largest_cells) {
      cost.largest_cells = cells;
      cost.largest_clique = c;
    }
  }

  const JunctionTree& tree_;
  std::span<const int> cardinality_;
  const Findings& findings_;
  double most_cells_kept_;
};

}  // namespace

TreeCost CostOfTree(const JunctionTree& tree, std::span<const int> cardinality,
                    const Findings& findings, int64_t most_cells_kept) {
  return TreePrice(tree, cardinality, findings, most_cells_kept).Total();
}

TreeOrTooLarge FindTree(const CompiledModel& model, const Scopes& scopes, const Findings& findings,
                        const TreeSearch& search) {
  std::vector<int> present;
  present.reserve(model.cardinality.size());
  for (int v = 0; v < Size(model.cardinality); ++v) {
    if (findings.observed[v] < 0) present.push_back(v);
  }
  const auto budget = static_cast<double>(search.budget_bytes);
  const EliminationProblem problem = {.variables = present,
                                      .scopes = &scopes,
                                      .cardinality = model.cardinality,
                                      .stage = {},
                                      .cells_max = MostCells(search.budget_bytes),
                                      .effort = search.effort};
  const EliminationOrder order = FindOrder(problem);
  if (!order.complete || order.largest_cells > problem.cells_max) {
    TreeTooLarge large;
    const std::span<const int> neighbours = order.neighbours[order.largest_step];
    large.variables.assign(neighbours.begin(), neighbours.end());
    large.variables.push_back(order.variables[order.largest_step]);
    std::sort(large.variables.begin(), large.variables.end());
    large.cells = order.largest_cells;
    large.bytes = order.total_cells * sizeof(double);
    return large;
  }
  JunctionTree tree =
      BuildJunctionTree(order, scopes, model.cardinality, Size(model.network.nodes));
  const TreeCost cost = CostOfTree(tree, model.cardinality, findings, search.most_cells_kept);
  if (cost.bytes <= budget && cost.cells <= MostCells(search.budget_bytes)) return tree;
  TreeTooLarge large;
  const std::span<const int> clique = tree.cliques[cost.largest_clique];
  large.variables.assign(clique.begin(), clique.end());
  std::sort(large.variables.begin(), large.variables.end());
  large.cells = cost.largest_cells;
  // What all tables would take; that is too much to walk, even where they are not kept.
  large.bytes = cost.bytes <= budget ? cost.cells * sizeof(double) : cost.bytes;
  return large;
}

double MostCells(int64_t budget_bytes) {
  return static_cast<double>(budget_bytes) / kBudgetBytesPerCell;
}

double WorkOfSearch(int variables) { return 1000.0 + 2000.0 * variables; }

}  // namespace credence::forecaster
