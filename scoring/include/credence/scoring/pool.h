#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "credence/scoring/series.h"

// Pools: one probability vector, or one step series, from those of several forecasters.
//
// Thread-safe: pure functions.
namespace credence::scoring {

enum class PoolMethod {
  // Per state the weighted median (the mean of the two middle values where the weight splits
  // evenly), then renormalised over the states.
  kMedian,
  // Weighted arithmetic mean (the linear opinion pool, Stone 1961).
  kLinear,
  // Normalised weighted geometric mean; for two states the geometric mean of the odds
  // (Genest and Zidek 1986).
  kLogarithmic,
  // kLogarithmic with every log ratio to `baseline` multiplied by `extremising_factor`
  // (Satopaa et al. 2014; Neyman and Roughgarden 2022).
  kExtremisedLogarithmic,
};

struct PoolOptions {
  PoolMethod method = PoolMethod::kMedian;
  // kExtremisedLogarithmic: finite, > 0. Absent means NeymanRoughgardenFactor of the number of
  // forecasts pooled.
  std::optional<double> extremising_factor;
  // kExtremisedLogarithmic: what is moved away from, one positive entry per state. Empty means
  // the uniform vector (log odds 0).
  std::vector<double> baseline;
};

// n (sqrt(3 n^2 - 3 n + 1) - 2) / (n^2 - n - 1): the factor that is best in the worst case for n
// forecasts (Neyman and Roughgarden 2022). 1 for n = 1, tends to sqrt(3). forecast_count >= 1.
[[nodiscard]] double NeymanRoughgardenFactor(std::size_t forecast_count);

// The pool of `forecasts` (each a probability vector of the same size). `weights` is empty for
// equal weights, or holds one finite weight >= 0 for each, at least one > 0; only their ratios
// count.
// INVALID_ARGUMENT naming the field: FIELD_REQUIRED (nothing to pool), PROBABILITY_INVALID, else
// FIELD_INVALID. FAILED_PRECONDITION (WRONG_STATE): the forecasts contradict each other, where
// every state is given probability 0 by someone under a logarithmic pool, or the per-state medians
// are all 0. O(forecasts * states * log forecasts).
[[nodiscard]] absl::StatusOr<std::vector<double>> Pool(
    std::span<const std::span<const double>> forecasts, std::span<const double> weights,
    const PoolOptions& options);

// The pool over time: a step at each instant at which any member changes, from the forecasts that
// stand there; withdrawn while none stands or while they contradict each other (as
// above). Simultaneous changes make one step. `weights` is per member, as for Pool; members of
// weight 0 make no step. Errors as for Pool.
// With c changes, n members and K states: O(c log c + c K) for the mean pools, O(c K (log n + n))
// with a small constant for the median.
[[nodiscard]] absl::StatusOr<ForecastSeries> PoolSeries(std::span<const SeriesView> members,
                                                        std::span<const double> weights,
                                                        const PoolOptions& options);

}  // namespace credence::scoring
