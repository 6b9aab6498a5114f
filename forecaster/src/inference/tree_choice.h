#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "inference/model.h"

// What a junction tree costs, and whether evidence makes another one worth its building.
namespace credence::forecaster {

struct TreeCost {
  double largest_cells = 0.0;
  int largest_clique = -1;
  double cells = 0.0;
  // Of tables, messages and scratch memory.
  double bytes = 0.0;
  // Time of two passes, in units of about a nanosecond.
  double work = 0.0;
};

// With observed variables taking no room, and tables of more than `most_cells_kept` cells none.
[[nodiscard]] TreeCost CostOfTree(const JunctionTree& tree, std::span<const int> cardinality,
                                  const Findings& findings, int64_t most_cells_kept);

// What stands in the way of a tree: the largest table, and all together as far as it is known.
struct TreeTooLarge {
  std::vector<int> variables;
  double cells = 0.0;
  double bytes = 0.0;
};

using TreeOrTooLarge = std::variant<JunctionTree, TreeTooLarge>;

struct TreeSearch {
  int64_t budget_bytes = 0;
  int64_t most_cells_kept = 0;
  // EliminationProblem::effort.
  double effort = 1.0;
};

// A tree over the unobserved variables for factors with these scopes.
[[nodiscard]] TreeOrTooLarge FindTree(const CompiledModel& model, const Scopes& scopes,
                                      const Findings& findings, const TreeSearch& search);

// How many cells the tables may have altogether, those not kept included.
[[nodiscard]] double MostCells(int64_t budget_bytes);

// Time to find a tree over so many variables, in the units of TreeCost::work.
[[nodiscard]] double WorkOfSearch(int variables);

}  // namespace credence::forecaster
