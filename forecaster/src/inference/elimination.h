#pragma once

#include <cstdint>
#include <span>
#include <vector>

// Orders in which the variables of a network are eliminated, which decide what inference costs.
namespace credence::forecaster {

// Sets of variables, one after the other in one list.
struct Scopes {
  std::vector<int> begin = {0};
  std::vector<int> variables;

  void Add(std::span<const int> scope) {
    variables.insert(variables.end(), scope.begin(), scope.end());
    Close();
  }
  // Ends the scope whose variables were appended one by one.
  void Close() { begin.push_back(static_cast<int>(variables.size())); }
  [[nodiscard]] int size() const { return static_cast<int>(begin.size()) - 1; }
  [[nodiscard]] std::span<const int> operator[](int i) const {
    return std::span(variables).subspan(begin[i], begin[i + 1] - begin[i]);
  }
};

struct EliminationOrder {
  // By step; then for each step the neighbours at that time, rising.
  std::vector<int> variables;
  Scopes neighbours;
  // Cells of the largest table over a variable and its neighbours, and of all of them.
  double largest_cells = 0.0;
  double total_cells = 0.0;
  // False where the work allowed ran out after a table beyond `cells_max`. The order then ends
  // early, and the two numbers are lower bounds for it.
  bool complete = true;
  // The step of the largest table.
  int largest_step = -1;
};

// What to eliminate first: the variable whose neighbours lack the fewest edges (Rose 1970,
// Kjaerulff 1990), or the one with the smallest table (Kjaerulff 1990), or the one whose missing
// edges join the fewest states, or the one whose table leaves the smallest one behind (Cano and
// Moral 1995), or the one with the smallest table beside what is eliminated already: a front that
// sweeps over the network, best for lattices.
enum class Heuristic { kLeastFill, kLeastWeight, kLeastWeightedFill, kLeastRest, kSweep };

struct EliminationProblem {
  // The variables to take in.
  std::span<const int> variables;
  // Only of those variables.
  const Scopes* scopes = nullptr;
  // Of all variables, by position.
  std::span<const int> cardinality;
  // For each variable when it goes: all of one stage before those of the next; -1 stays. Empty: all
  // in stage 0.
  std::span<const int> stage;
  // A table beyond this is too large. Once there is one, only a bounded effort is made to see how
  // large the whole becomes.
  double cells_max = 0.0;
  // How much longer the search may take than two passes over the tables that it finds.
  double effort = 1.0;
};

// The same problem always gives the same order. Equals go by table size (for kLeastWeight by
// degree), then by position.
[[nodiscard]] EliminationOrder Eliminate(const EliminationProblem& problem, Heuristic heuristic);

// The best of the heuristics by total cells. Others than the first, and orders that a draw pushes
// from the greedy one here and there, are tried as long as what they may save is worth their time,
// which is counted in steps, so that the same problem always gives the same order.
[[nodiscard]] EliminationOrder FindOrder(const EliminationProblem& problem);

}  // namespace credence::forecaster
