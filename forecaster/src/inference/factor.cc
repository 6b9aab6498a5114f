#include "inference/factor.h"

#include <algorithm>

#include "sizes.h"

namespace credence::forecaster {

double CellCount(std::span<const int> variables, std::span<const int> cardinality) {
  double cells = 1.0;
  for (const int variable : variables) cells *= cardinality[variable];
  return cells;
}

std::vector<int64_t> StridesIn(std::span<const int> outer, std::span<const int> inner,
                               std::span<const int> cardinality) {
  std::vector<int64_t> strides(outer.size(), 0);
  int64_t step = 1;
  for (int i = Size(inner) - 1; i >= 0; --i) {
    const auto found = std::find(outer.begin(), outer.end(), inner[i]);
    if (found != outer.end()) strides[found - outer.begin()] = step;
    step *= cardinality[inner[i]];
  }
  return strides;
}

}  // namespace credence::forecaster
