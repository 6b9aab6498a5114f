#include "inference/elimination.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "credence/base/check.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

// Counting the missing edges of a variable with more neighbours than this costs more than a good
// order is worth; such a variable counts as lacking all of them and waits for its neighbours to go.
constexpr int kMaxDegreeCounted = 64;

void InsertSorted(std::vector<int>& values, int value) {
  values.insert(std::lower_bound(values.begin(), values.end(), value), value);
}

void EraseSorted(std::vector<int>& values, int value) {
  const auto found = std::lower_bound(values.begin(), values.end(), value);
  CREDENCE_CHECK(found != values.end() && *found == value);
  values.erase(found);
}

}  // namespace

Elimination::Elimination(std::span<const std::vector<int>> scopes, std::span<const int> cardinality)
    : adjacent_(cardinality.size()), costs_(cardinality.size()) {
  for (const int count : cardinality) log_cardinality_.push_back(std::log(count));
  for (const std::vector<int>& scope : scopes) {
    for (const int a : scope) {
      for (const int b : scope) {
        if (a != b) adjacent_[a].push_back(b);
      }
    }
  }
  for (int variable = 0; variable < Size(adjacent_); ++variable) {
    std::vector<int>& neighbours = adjacent_[variable];
    std::sort(neighbours.begin(), neighbours.end());
    neighbours.erase(std::unique(neighbours.begin(), neighbours.end()), neighbours.end());
  }
  for (int variable = 0; variable < Size(adjacent_); ++variable) {
    costs_[variable] = CostOf(variable);
    queue_.insert(costs_[variable]);
  }
}

bool Elimination::Done() const { return queue_.empty(); }

EliminationStep Elimination::Next() {
  CREDENCE_CHECK(!queue_.empty());
  EliminationStep step;
  step.variable = queue_.begin()->variable;
  queue_.erase(queue_.begin());
  step.neighbours = std::move(adjacent_[step.variable]);
  adjacent_[step.variable].clear();
  for (const int neighbour : step.neighbours) EraseSorted(adjacent_[neighbour], step.variable);
  std::vector<int> changed = Fill(step.neighbours);
  changed.insert(changed.end(), step.neighbours.begin(), step.neighbours.end());
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  for (const int variable : changed) Refresh(variable);
  return step;
}

bool Elimination::Adjacent(int a, int b) const {
  return std::binary_search(adjacent_[a].begin(), adjacent_[a].end(), b);
}

Elimination::Cost Elimination::CostOf(int variable) const {
  const std::vector<int>& neighbours = adjacent_[variable];
  Cost cost = {.missing_edges = 0, .log_cells = log_cardinality_[variable], .variable = variable};
  for (const int neighbour : neighbours) cost.log_cells += log_cardinality_[neighbour];
  if (Size(neighbours) > kMaxDegreeCounted) {
    const auto degree = static_cast<int64_t>(neighbours.size());
    cost.missing_edges = degree * (degree - 1) / 2;
    return cost;
  }
  for (int i = 0; i < Size(neighbours); ++i) {
    for (int j = i + 1; j < Size(neighbours); ++j) {
      if (!Adjacent(neighbours[i], neighbours[j])) ++cost.missing_edges;
    }
  }
  return cost;
}

void Elimination::Join(int a, int b) {
  InsertSorted(adjacent_[a], b);
  InsertSorted(adjacent_[b], a);
}

void Elimination::Refresh(int variable) {
  queue_.erase(costs_[variable]);
  costs_[variable] = CostOf(variable);
  queue_.insert(costs_[variable]);
}

std::vector<int> Elimination::Fill(const std::vector<int>& neighbours) {
  std::vector<int> changed;
  for (int i = 0; i < Size(neighbours); ++i) {
    for (int j = i + 1; j < Size(neighbours); ++j) {
      const int a = neighbours[i];
      const int b = neighbours[j];
      if (Adjacent(a, b)) continue;
      std::set_intersection(adjacent_[a].begin(), adjacent_[a].end(), adjacent_[b].begin(),
                            adjacent_[b].end(), std::back_inserter(changed));
      Join(a, b);
    }
  }
  return changed;
}

}  // namespace credence::forecaster
