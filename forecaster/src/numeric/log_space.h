#pragma once

#include <limits>
#include <span>

// Arithmetic on logarithms of non-negative numbers; the logarithm of zero is -infinity, an ordinary
// value. No function returns NaN for such arguments.
namespace credence::forecaster {

inline constexpr double kLogZero = -std::numeric_limits<double>::infinity();

// Decibans in one nat: 10 / ln 10.
inline constexpr double kDecibansPerNat = 4.3429448190325182765;

// Whether x is the logarithm of exactly zero.
[[nodiscard]] bool IsLogZero(double x);

// ln x of x >= 0.
[[nodiscard]] double SafeLog(double x);

// ln(e^a + e^b).
[[nodiscard]] double LogAddExp(double a, double b);

// ln of the sum of e^x, summed in order; -infinity for no values.
[[nodiscard]] double LogSumExp(std::span<const double> values);

// ln(1 - e^x) for x <= 0, by the branch that keeps precision (Maechler 2012).
[[nodiscard]] double Log1mExp(double x);

// Subtracts the log-sum-exp, so that the values are logarithms of probabilities; returns what was
// subtracted. Values that are all -infinity stay so.
double NormalizeLog(std::span<double> values);

// ln(p_i / (1 - p_i)) for normalised log probabilities, the complement summed from the others so
// that it is accurate when p_i is near 1.
[[nodiscard]] double LogOddsOf(std::span<const double> log_probabilities, int index);

}  // namespace credence::forecaster
