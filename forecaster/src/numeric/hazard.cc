#include "numeric/hazard.h"

#include <algorithm>
#include <cmath>

#include "credence/base/check.h"
#include "numeric/log_space.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

// (begin + width)^k - begin^k without cancellation.
double PowerDifference(double begin, double width, double k) {
  if (!(k < 1.0) && !(k > 1.0)) return width;
  if (!(begin > 0.0)) return std::pow(width, k);
  return std::pow(begin, k) * std::expm1(k * std::log1p(width / begin));
}

// ln S after `exposure`: -a ln(1 + E / b).
double LogSurvival(const HazardRow& row, double exposure) {
  return -row.shape * std::log1p(exposure / row.rate_days);
}

double MultiplierAt(const ExposurePath& path, double days) {
  const auto after = std::upper_bound(path.from_days.begin(), path.from_days.end(), days);
  CREDENCE_CHECK(after != path.from_days.begin());
  return path.multipliers[after - path.from_days.begin() - 1];
}

}  // namespace

double Exposure(const ExposurePath& path, double weibull_shape, double begin_days,
                double width_days) {
  CREDENCE_CHECK(path.from_days.size() == path.multipliers.size());
  CREDENCE_CHECK(begin_days >= 0.0 && width_days >= 0.0);
  double total = 0.0;
  for (int i = 0; i < Size(path.from_days); ++i) {
    // The piece's part of the interval, counted from its beginning.
    const double enter = std::max(0.0, path.from_days[i] - begin_days);
    const bool last = i + 1 == Size(path.from_days);
    const double leave =
        last ? width_days : std::min(width_days, path.from_days[i + 1] - begin_days);
    if (!(enter < leave)) continue;
    total +=
        path.multipliers[i] * PowerDifference(begin_days + enter, leave - enter, weibull_shape);
  }
  return total;
}

HazardFactor OpenFactor(const HazardRow& row, const ExposurePath& path, double now_days,
                        double remaining_days) {
  const double so_far = Exposure(path, row.weibull_shape, 0.0, now_days);
  const double to_come = Exposure(path, row.weibull_shape, now_days, remaining_days);
  const double log_survival = LogSurvival(row, so_far);
  // S(deadline) / S(now) = exp(-x); x from the exposure to come, so that no difference of two
  // survivals is ever formed.
  const double x = row.shape * std::log1p(to_come / (row.rate_days + so_far));
  return {.log_first = log_survival + Log1mExp(-x), .log_second = log_survival - x};
}

HazardFactor EventFactor(const HazardRow& row, const ExposurePath& path, double event_days) {
  CREDENCE_CHECK(event_days > 0.0);
  const double exposure = Exposure(path, row.weibull_shape, 0.0, event_days);
  const double log_speed = std::log(MultiplierAt(path, event_days)) + std::log(row.weibull_shape) +
                           (row.weibull_shape - 1.0) * std::log(event_days);
  const double log_density = log_speed + std::log(row.shape) - std::log(row.rate_days + exposure) +
                             LogSurvival(row, exposure);
  return {.log_first = log_density, .log_second = kLogZero};
}

HazardFactor HappenedFactor(const HazardRow& row, const ExposurePath& path, double until_days) {
  const double exposure = Exposure(path, row.weibull_shape, 0.0, until_days);
  return {.log_first = Log1mExp(LogSurvival(row, exposure)), .log_second = kLogZero};
}

HazardFactor SurvivedFactor(const HazardRow& row, const ExposurePath& path, double deadline_days) {
  const double exposure = Exposure(path, row.weibull_shape, 0.0, deadline_days);
  return {.log_first = kLogZero, .log_second = LogSurvival(row, exposure)};
}

}  // namespace credence::forecaster
