#include "inference/junction_tree.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "credence/base/check.h"
#include "inference/elimination.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

struct EliminationOrder {
  std::vector<EliminationStep> steps;
  std::vector<int> position;  // Of each variable among the steps.
};

std::vector<int> CliqueOf(const EliminationStep& step) {
  std::vector<int> variables = step.neighbours;
  variables.insert(std::lower_bound(variables.begin(), variables.end(), step.variable),
                   step.variable);
  return variables;
}

// The step whose clique holds the neighbours that remain: that of the one eliminated first; -1
// where none remains.
int ParentStep(const EliminationOrder& order, int step) {
  int parent = -1;
  for (const int neighbour : order.steps[step].neighbours) {
    const int at = order.position[neighbour];
    if (parent < 0 || at < parent) parent = at;
  }
  return parent;
}

// A step whose clique is all of what a child step leaves to it is no maximal clique; it joins the
// child's. Returns for each step the first step of its cluster, which has the cluster's variables.
std::vector<int> ClusterSteps(const EliminationOrder& order) {
  std::vector<int> cluster(order.steps.size());
  for (int i = 0; i < Size(cluster); ++i) cluster[i] = i;
  for (int i = 0; i < Size(cluster); ++i) {
    const int parent = ParentStep(order, i);
    if (parent < 0 || cluster[parent] != parent) continue;
    if (order.steps[i].neighbours.size() == order.steps[parent].neighbours.size() + 1) {
      cluster[parent] = cluster[i];
    }
  }
  return cluster;
}

void FinishTables(JunctionTree& tree, const std::vector<int>& cardinality) {
  for (Clique& clique : tree.cliques) {
    for (const int variable : clique.variables) clique.cardinality.push_back(cardinality[variable]);
    clique.cells = static_cast<int64_t>(CellCount(clique.variables, cardinality));
    clique.offset = tree.total_cells;
    tree.total_cells += clique.cells;
    tree.largest_clique_cells = std::max(tree.largest_clique_cells, clique.cells);
    if (clique.parent < 0) continue;
    clique.separator_cells = static_cast<int64_t>(CellCount(clique.separator, cardinality));
    clique.separator_offset = tree.total_separator_cells;
    tree.total_separator_cells += clique.separator_cells;
    clique.separator_strides = StridesIn(clique.variables, clique.separator, cardinality);
    clique.parent_separator_strides =
        StridesIn(tree.cliques[clique.parent].variables, clique.separator, cardinality);
  }
}

JunctionTree AssembleTree(const EliminationOrder& order, const std::vector<int>& cardinality) {
  const std::vector<int> cluster = ClusterSteps(order);
  std::vector<int> last_step(cluster.size(), -1);
  for (int i = 0; i < Size(cluster); ++i) last_step[cluster[i]] = i;
  // Cliques in the order of their last steps, which puts children before parents.
  JunctionTree tree;
  std::vector<int> clique_of_cluster(cluster.size(), -1);
  for (int i = 0; i < Size(cluster); ++i) {
    if (last_step[cluster[i]] != i) continue;
    clique_of_cluster[cluster[i]] = Size(tree.cliques);
    tree.cliques.emplace_back().variables = CliqueOf(order.steps[cluster[i]]);
    tree.cliques.back().separator = order.steps[i].neighbours;
  }
  tree.home.resize(cluster.size());
  for (int i = 0; i < Size(cluster); ++i) {
    const int clique = clique_of_cluster[cluster[i]];
    tree.home[order.steps[i].variable] = clique;
    const int parent = ParentStep(order, i);
    if (last_step[cluster[i]] != i || parent < 0) continue;
    tree.cliques[clique].parent = clique_of_cluster[cluster[parent]];
    CREDENCE_CHECK(tree.cliques[clique].parent > clique);
  }
  FinishTables(tree, cardinality);
  return tree;
}

void AssignFactors(JunctionTree& tree, const std::vector<Factor>& factors,
                   const EliminationOrder& order, const std::vector<int>& cardinality) {
  for (const Factor& factor : factors) {
    int first = factor.variables[0];
    for (const int variable : factor.variables) {
      if (order.position[variable] < order.position[first]) first = variable;
    }
    const Clique& clique = tree.cliques[tree.home[first]];
    CREDENCE_CHECK(std::all_of(factor.variables.begin(), factor.variables.end(), [&](int variable) {
      return std::binary_search(clique.variables.begin(), clique.variables.end(), variable);
    }));
    tree.factor_clique.push_back(tree.home[first]);
    tree.factor_strides.push_back(StridesIn(clique.variables, factor.variables, cardinality));
  }
}

// What a table over the variables would take, if that is over the budget.
std::optional<TreeTooLarge> OverBudget(const std::vector<int>& variables,
                                       const std::vector<int>& cardinality, double budget_bytes) {
  const double cells = CellCount(variables, cardinality);
  if (cells * kBytesPerCell <= budget_bytes) return std::nullopt;
  return TreeTooLarge{.clique = variables, .cells = cells, .bytes = cells * kBytesPerCell};
}

}  // namespace

TreeOrTooLarge BuildJunctionTree(const std::vector<Factor>& factors,
                                 const std::vector<int>& cardinality, double memory_budget_bytes) {
  std::vector<std::vector<int>> scopes;
  for (const Factor& factor : factors) {
    // A scope that does not fit alone is refused before its square of edges is built.
    auto over = OverBudget(factor.variables, cardinality, memory_budget_bytes);
    if (over) return *std::move(over);
    scopes.push_back(factor.variables);
  }
  EliminationOrder order;
  order.position.resize(cardinality.size());
  Elimination elimination(scopes, cardinality);
  while (!elimination.Done()) {
    order.steps.push_back(elimination.Next());
    order.position[order.steps.back().variable] = Size(order.steps) - 1;
    auto over = OverBudget(CliqueOf(order.steps.back()), cardinality, memory_budget_bytes);
    if (over) return *std::move(over);
  }
  JunctionTree tree = AssembleTree(order, cardinality);
  const double total_bytes =
      static_cast<double>(tree.total_cells + tree.total_separator_cells) * kBytesPerCell;
  if (total_bytes > memory_budget_bytes) {
    const auto largest =
        std::max_element(tree.cliques.begin(), tree.cliques.end(),
                         [](const Clique& a, const Clique& b) { return a.cells < b.cells; });
    return TreeTooLarge{.clique = largest->variables,
                        .cells = static_cast<double>(largest->cells),
                        .bytes = total_bytes};
  }
  AssignFactors(tree, factors, order, cardinality);
  return tree;
}

}  // namespace credence::forecaster
