#pragma once

#include <compare>
#include <cstdint>
#include <set>
#include <span>
#include <vector>

namespace credence::forecaster {

// One step of an elimination: the variable and its neighbours at that time, rising.
struct EliminationStep {
  int variable = -1;
  std::vector<int> neighbours;
};

// The undirected graph that joins the variables of each scope, eliminated step by step: always a
// variable whose neighbours lack the fewest edges, then the one with the smallest clique table,
// then the first. The same graph always gives the same order.
class Elimination {
 public:
  Elimination(std::span<const std::vector<int>> scopes, std::span<const int> cardinality);

  [[nodiscard]] bool Done() const;

  // Eliminates the next variable. Not when Done.
  EliminationStep Next();

 private:
  // Costs compare by missing edges, then table size, then position.
  struct Cost {
    int64_t missing_edges = 0;
    double log_cells = 0.0;
    int variable = -1;
    friend auto operator<=>(const Cost&, const Cost&) = default;
  };

  [[nodiscard]] bool Adjacent(int a, int b) const;
  [[nodiscard]] Cost CostOf(int variable) const;
  void Join(int a, int b);
  void Refresh(int variable);
  // Joins the neighbours of a variable to each other; returns those whose costs change besides the
  // neighbours: the common neighbours of each new edge's ends.
  std::vector<int> Fill(const std::vector<int>& neighbours);

  std::vector<double> log_cardinality_;
  std::vector<std::vector<int>> adjacent_;  // Rising.
  std::vector<Cost> costs_;
  std::set<Cost> queue_;
};

}  // namespace credence::forecaster
