#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace credence::forecaster {

// A table over some variables, row-major with the last variable fastest, in logarithms. Each factor
// is the conditional distribution of its child given the others; the child stands last.
struct Factor {
  std::vector<int> variables;
  // Empty where the values depend on the instant (hazard rows).
  std::vector<double> log_values;

  [[nodiscard]] int child() const { return variables.back(); }
};

// Product of the cardinalities as a double, which cannot overflow for any accepted network.
[[nodiscard]] double CellCount(std::span<const int> variables, std::span<const int> cardinality);

// For each variable of `outer`, by how many cells one step of it moves in the row-major table over
// `inner`; 0 for variables that `inner` does not have.
[[nodiscard]] std::vector<int64_t> StridesIn(std::span<const int> outer, std::span<const int> inner,
                                             std::span<const int> cardinality);

// Visits the cells of a row-major table in order, calling visit(cell, inner_cell).
template <typename Visit>
void ForEachCell(std::span<const int> cardinality, std::span<const int64_t> strides, Visit visit) {
  std::vector<int> states(cardinality.size(), 0);
  const int last = static_cast<int>(cardinality.size()) - 1;
  int64_t cell = 0;
  int64_t inner = 0;
  while (true) {
    if (last < 0) return visit(cell, inner);
    const int64_t step = strides[last];
    for (int s = 0; s < cardinality[last]; ++s) visit(cell++, inner + s * step);
    int k = last - 1;
    while (k >= 0) {
      inner += strides[k];
      if (++states[k] < cardinality[k]) break;
      inner -= strides[k] * cardinality[k];
      states[k] = 0;
      --k;
    }
    if (k < 0) return;
  }
}

}  // namespace credence::forecaster
