#include "numeric/log_space.h"

#include <algorithm>
#include <cmath>

#include "sizes.h"

namespace credence::forecaster {

bool IsLogZero(double x) { return std::isinf(x) && x < 0.0; }

double SafeLog(double x) { return x > 0.0 ? std::log(x) : kLogZero; }

double LogAddExp(double a, double b) {
  const double high = std::max(a, b);
  const double low = std::min(a, b);
  if (IsLogZero(low)) return high;
  return high + std::log1p(std::exp(low - high));
}

double LogSumExp(std::span<const double> values) {
  double high = kLogZero;
  for (const double value : values) high = std::max(high, value);
  if (IsLogZero(high)) return kLogZero;
  double sum = 0.0;
  for (const double value : values) sum += std::exp(value - high);
  return high + std::log(sum);
}

double Log1mExp(double x) {
  constexpr double kLogHalf = -0.69314718055994530942;
  if (!(x < 0.0)) return kLogZero;
  return x > kLogHalf ? std::log(-std::expm1(x)) : std::log1p(-std::exp(x));
}

double NormalizeLog(std::span<double> values) {
  const double total = LogSumExp(values);
  if (IsLogZero(total)) return total;
  for (double& value : values) value -= total;
  return total;
}

double LogOddsOf(std::span<const double> log_probabilities, int index) {
  double high = kLogZero;
  for (int i = 0; i < Size(log_probabilities); ++i) {
    if (i != index) high = std::max(high, log_probabilities[i]);
  }
  const double own = log_probabilities[index];
  if (IsLogZero(high)) return IsLogZero(own) ? 0.0 : std::numeric_limits<double>::infinity();
  double sum = 0.0;
  for (int i = 0; i < Size(log_probabilities); ++i) {
    if (i != index) sum += std::exp(log_probabilities[i] - high);
  }
  return own - (high + std::log(sum));
}

}  // namespace credence::forecaster
