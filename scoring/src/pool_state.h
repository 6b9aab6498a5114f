#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "credence/scoring/pool.h"

namespace credence::scoring {

// The forecasts that stand at one instant, kept so that one may come or go cheaply. Inputs were
// checked by the caller: vectors of the right size, weights > 0.
class PoolState {
 public:
  virtual ~PoolState() = default;

  virtual void Add(std::span<const double> forecast, double weight) = 0;
  // The same forecast and weight must have been added before.
  virtual void Remove(std::span<const double> forecast, double weight) = 0;
  // The pool of what stands; absent where it contradicts itself (no state is left possible). At
  // least one forecast stands.
  [[nodiscard]] virtual std::optional<std::vector<double>> Result() const = 0;
};

// `equal_weights` promises that every weight will be the same.
[[nodiscard]] std::unique_ptr<PoolState> MakePoolState(const PoolOptions& options,
                                                       std::size_t state_count, bool equal_weights);

}  // namespace credence::scoring
