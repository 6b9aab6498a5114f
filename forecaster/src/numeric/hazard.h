#pragma once

#include <vector>

#include "credence/forecaster/network.h"

// Deadlines: the factors of a hazard row, in logarithms and without cancellation.
namespace credence::forecaster {

// The speed at which exposure runs, piecewise constant: multipliers[i] from from_days[i] up to
// from_days[i + 1], the last without end. from_days starts at 0 and rises.
struct ExposurePath {
  std::vector<double> from_days = {0.0};
  std::vector<double> multipliers = {1.0};
};

// Exposure gathered in (begin_days, begin_days + width_days], both >= 0: the sum over the pieces of
// the multiplier times the difference of t^weibull_shape. The width is taken as it is given, so
// that the last instant before a deadline is not lost in the rounding of the days before it.
[[nodiscard]] double Exposure(const ExposurePath& path, double weibull_shape, double begin_days,
                              double width_days);

// ln phi of the two states.
struct HazardFactor {
  double log_first = 0.0;
  double log_second = 0.0;
};

// Nothing has happened by `now_days`, and `remaining_days` are left to the deadline, both >= 0:
// (S(now) - S(deadline), S(deadline)). With nothing left phi(first) = 0.
[[nodiscard]] HazardFactor OpenFactor(const HazardRow& row, const ExposurePath& path,
                                      double now_days, double remaining_days);

// The event happened at `event_days` > 0: (density, 0), by day.
[[nodiscard]] HazardFactor EventFactor(const HazardRow& row, const ExposurePath& path,
                                       double event_days);

// The event happened somewhere in (0, until_days]: (1 - S(until), 0).
[[nodiscard]] HazardFactor HappenedFactor(const HazardRow& row, const ExposurePath& path,
                                          double until_days);

// It did not happen: (0, S(deadline)).
[[nodiscard]] HazardFactor SurvivedFactor(const HazardRow& row, const ExposurePath& path,
                                          double deadline_days);

}  // namespace credence::forecaster
