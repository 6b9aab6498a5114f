#pragma once

#include <span>
#include <vector>

#include "inference/elimination.h"

// From an elimination order to a junction tree: maximal cliques, the tree that elimination leaves,
// small neighbouring cliques joined, and each component rooted in its middle.
namespace credence::forecaster {

// Immutable. Cliques stand children before parents.
struct JunctionTree {
  // The variables of each clique: first those it shares with its parent, in the parent's order,
  // then those that are in no clique above it.
  Scopes cliques;
  // How many each clique shares with its parent.
  std::vector<int> separator_size;
  // For each entry of cliques.variables that is shared, its place among the parent's variables.
  std::vector<int> place_in_parent;
  // -1 for a root.
  std::vector<int> parent;
  Scopes children;
  // The factors of each clique, by position in the list given; each is in one, but for those
  // without variables.
  Scopes factors;
  // For each variable the factor has, its place in the clique; parallel to the scopes given.
  std::vector<int> factor_place;
  // The clique of each factor, -1 for one without variables.
  std::vector<int> factor_clique;
  // The topmost clique of each variable, -1 for one that the tree does not have.
  std::vector<int> home;
  // The clique in which a likelihood of the variable is cheapest to multiply in, -1 likewise.
  std::vector<int> likelihood_clique;
  // For each variable whose marginal is wanted, the child of its home whose separator has it and is
  // the smallest; -1 where none has it.
  std::vector<int> marginal_source;
  // Those of each clique that no separator has: they are read from the clique itself.
  Scopes own_marginals;
  // Those that are read from the separator between each clique and its parent.
  Scopes separator_marginals;

  [[nodiscard]] int size() const { return cliques.size(); }
};

// Configurations of the variables that the separator to a child has and the rows of its parent have
// not; extent(variable) says of how many states a variable is.
template <typename Extent>
[[nodiscard]] double ExtentBesideRows(const JunctionTree& tree, int child, Extent extent) {
  const int rows = tree.separator_size[tree.parent[child]];
  double product = 1.0;
  for (int i = 0; i < tree.separator_size[child]; ++i) {
    const int at = tree.cliques.begin[child] + i;
    if (tree.place_in_parent[at] >= rows) product *= extent(tree.cliques.variables[at]);
  }
  return product;
}

// `scopes` are those of the factors, over the variables of the order. Sizes are of all variables;
// marginals are wanted of those below `marginal_count`.
[[nodiscard]] JunctionTree BuildJunctionTree(const EliminationOrder& order, const Scopes& scopes,
                                             std::span<const int> cardinality, int marginal_count);

}  // namespace credence::forecaster
