#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "credence/scoring/rules.h"

// Comparing two mean scores, and many pairs at once.
//
// Thread-safe: pure functions.
namespace credence::scoring {

// How much of the way from the reference's mean score to the perfect one a forecaster went:
// (S - S_ref) / (S_perfect - S_ref). 1 is perfect, 0 no better than the reference, below 0 worse.
// For losses with best value 0 it is 1 - S / S_ref, the Brier skill score of Murphy 1973; what
// ForecastBench prints in its column "BSS" is the plain difference S_ref - S.
// FAILED_PRECONDITION (WRONG_STATE) where the reference is perfect already or a score is infinite.
[[nodiscard]] absl::StatusOr<double> SkillScore(double mean_score, double reference_mean_score,
                                                double perfect_score = 0);

// The score of the perfect forecast, where the rule has one that does not depend on the question.
[[nodiscard]] std::optional<double> PerfectScore(const Rule& rule);

enum class DieboldMarianoVariance {
  // g_0 + 2 (g_1 + ... + g_{h-1}) from the sample's autocovariances (Diebold and Mariano 1995).
  kTruncated,
  // The same sum over all lags of an exponential covariance s r^k that is fitted by least squares
  // to the first max(floor((n - 1) / 2), h) autocovariances, s >= 0, 0 <= r < 1 (Hering and Genton
  // 2011): never negative.
  kExponential,
};

struct DieboldMarianoOptions {
  // Forecasts are made this many steps ahead, so that differences closer than it overlap.
  std::size_t horizon = 1;  // 1 to one less than the differences
  DieboldMarianoVariance variance = DieboldMarianoVariance::kTruncated;
  // The small-sample factor sqrt((n + 1 - 2 h + h (h - 1) / n) / n) and Student's t with n - 1
  // degrees of freedom (Harvey, Leybourne and Newbold 1997); else the normal distribution.
  bool small_sample = true;
};

struct DieboldMarianoResult {
  double mean_difference = 0;
  double statistic = 0;
  // Of a statistic at least as far from 0, on either side; as low; as high.
  double p_two_sided = 1;
  double p_lower = 1;
  double p_higher = 1;
};

// Tests whether two series of scores have the same mean, from their differences in the order of
// time. With kExponential the small-sample factor does not apply and only the distribution does.
// INVALID_ARGUMENT: FIELD_REQUIRED (fewer than two differences), FIELD_INVALID ("differences[i]",
// not finite; "horizon"). FAILED_PRECONDITION (WRONG_STATE) where the estimated variance is not
// positive, as for differences that are all alike. O(n h); O(n^2) for kExponential.
[[nodiscard]] absl::StatusOr<DieboldMarianoResult> DieboldMariano(
    std::span<const double> differences, const DieboldMarianoOptions& options);

enum class FalseDiscoveryControl {
  // Independent or positively dependent tests (Benjamini and Hochberg 1995).
  kBenjaminiHochberg,
  // Any dependence: stricter by the factor sum_{i <= m} 1 / i (Benjamini and Yekutieli 2001).
  kBenjaminiYekutieli,
};

// Adjusted p-values in the order given: calling significant what stays below q keeps the expected
// share of false ones among them below q. INVALID_ARGUMENT (FIELD_INVALID, "p_values[i]") outside
// [0, 1]. O(n log n).
[[nodiscard]] absl::StatusOr<std::vector<double>> AdjustForFalseDiscovery(
    std::span<const double> p_values, FalseDiscoveryControl control);

}  // namespace credence::scoring
