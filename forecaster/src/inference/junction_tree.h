#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "inference/factor.h"

// From the scopes of factors to a junction tree: moral graph, elimination by least fill (Rose 1970,
// Kjaerulff 1990), maximal cliques, and the tree that elimination leaves.
namespace credence::forecaster {

struct Clique {
  // Rising.
  std::vector<int> variables;
  std::vector<int> cardinality;
  // Position of the parent clique, always later; -1 for a root.
  int parent = -1;
  // What the clique shares with its parent, rising. Empty for a root.
  std::vector<int> separator;
  // Steps through the separator table along this clique's and the parent's variables.
  std::vector<int64_t> separator_strides;
  std::vector<int64_t> parent_separator_strides;
  int64_t cells = 0;
  int64_t separator_cells = 0;
  // Where the tables lie in the flat arrays of all cliques and of all separators.
  int64_t offset = 0;
  int64_t separator_offset = 0;
};

struct JunctionTree {
  // Children before parents.
  std::vector<Clique> cliques;
  // For each variable, a clique that has it.
  std::vector<int> home;
  // For each factor, the clique that has all its variables, and the steps through the factor's
  // table along the clique's variables.
  std::vector<int> factor_clique;
  std::vector<std::vector<int64_t>> factor_strides;
  int64_t total_cells = 0;
  int64_t total_separator_cells = 0;
  int64_t largest_clique_cells = 0;
};

// What stops a triangulation: the first clique whose table does not fit, or all of them together.
struct TreeTooLarge {
  std::vector<int> clique;
  double cells = 0.0;
  double bytes = 0.0;
};

using TreeOrTooLarge = std::variant<JunctionTree, TreeTooLarge>;

// Bytes that one cell of a clique or separator table costs: the static table, the working table and
// the scratch of a marginalisation.
inline constexpr double kBytesPerCell = 3.0 * sizeof(double);

[[nodiscard]] TreeOrTooLarge BuildJunctionTree(const std::vector<Factor>& factors,
                                               const std::vector<int>& cardinality,
                                               double memory_budget_bytes);

}  // namespace credence::forecaster
