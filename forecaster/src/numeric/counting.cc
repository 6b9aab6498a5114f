#include "numeric/counting.h"

#include <boost/math/special_functions/gamma.hpp>
#include <cmath>

#include "credence/base/check.h"
#include "numeric/log_space.h"
#include "numeric/math_policy.h"

namespace credence::forecaster {
namespace {

double LogFactorial(double n) { return boost::math::lgamma(n + 1.0, MathPolicy()); }

// k ln x with 0 ln 0 = 0.
double CountTimesLog(double k, double log_x) { return k > 0.0 ? k * log_x : 0.0; }

}  // namespace

double LogBinomial(int64_t k, int64_t n, double success_probability) {
  CREDENCE_CHECK(k >= 0 && k <= n);
  const auto successes = static_cast<double>(k);
  const auto failures = static_cast<double>(n - k);
  const double log_failure =
      success_probability < 1.0 ? std::log1p(-success_probability) : kLogZero;
  const double log_choices =
      LogFactorial(successes + failures) - LogFactorial(successes) - LogFactorial(failures);
  return log_choices + CountTimesLog(successes, SafeLog(success_probability)) +
         CountTimesLog(failures, log_failure);
}

double LogPoisson(int64_t k, double expectation) {
  CREDENCE_CHECK(k >= 0);
  const auto events = static_cast<double>(k);
  return CountTimesLog(events, SafeLog(expectation)) - expectation - LogFactorial(events);
}

}  // namespace credence::forecaster
