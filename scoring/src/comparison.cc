#include "credence/scoring/comparison.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "compensated_sum.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "math_policy.h"

namespace credence::scoring {
namespace {

absl::Status WrongState(std::string message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, std::move(message),
                   {.reason = "WRONG_STATE", .fields = {}, .subjects = {}, .metadata = {}});
}

absl::Status CheckDifferences(std::span<const double> differences, std::size_t horizon) {
  if (differences.size() < 2) {
    return InvalidField("FIELD_REQUIRED", "differences", "must be at least two");
  }
  for (std::size_t i = 0; i < differences.size(); ++i) {
    if (!std::isfinite(differences[i])) {
      return InvalidField("FIELD_INVALID", absl::StrCat("differences[", i, "]"),
                          "must be a finite number");
    }
  }
  if (horizon < 1 || horizon >= differences.size()) {
    return InvalidField("FIELD_INVALID", "horizon",
                        absl::StrCat("must be from 1 to ", differences.size() - 1));
  }
  return absl::OkStatus();
}

double Mean(std::span<const double> values) {
  CompensatedSum sum;
  for (const double value : values) sum.Add(value);
  return sum.value() / static_cast<double>(values.size());
}

// Sample autocovariances of lags 0 to count - 1, each divided by n.
std::vector<double> Autocovariances(std::span<const double> differences, double mean,
                                    std::size_t count) {
  std::vector<double> covariances;
  for (std::size_t lag = 0; lag < count; ++lag) {
    CompensatedSum sum;
    for (std::size_t t = lag; t < differences.size(); ++t) {
      sum.Add((differences[t] - mean) * (differences[t - lag] - mean));
    }
    covariances.push_back(sum.value() / static_cast<double>(differences.size()));
  }
  return covariances;
}

// The exponential covariance scale * ratio^lag.
struct ExponentialCovariance {
  double scale = 0;
  double ratio = 0;
  double residual = 0;
};

// The best scale for a ratio, by least squares, and what is left.
ExponentialCovariance FitScale(const std::vector<double>& covariances, double ratio) {
  double power = 1;
  double cross = 0;
  double square = 0;
  for (const double covariance : covariances) {
    cross += power * covariance;
    square += power * power;
    power *= ratio;
  }
  ExponentialCovariance fit{.scale = std::max(0.0, cross / square), .ratio = ratio};
  power = 1;
  for (const double covariance : covariances) {
    const double difference = fit.scale * power - covariance;
    fit.residual += difference * difference;
    power *= ratio;
  }
  return fit;
}

// A grid finds the valley, golden sections its bottom; a ratio of 0 is a candidate of its own, as
// it is where differences do not follow each other.
ExponentialCovariance FitExponential(const std::vector<double>& covariances) {
  constexpr int kGrid = 400;
  constexpr double kRatioMax = 0.9999;
  ExponentialCovariance best = FitScale(covariances, 0);
  int best_index = 0;
  for (int i = 1; i <= kGrid; ++i) {
    const ExponentialCovariance fit = FitScale(covariances, kRatioMax * i / kGrid);
    if (fit.residual < best.residual) {
      best = fit;
      best_index = i;
    }
  }
  double low = kRatioMax * std::max(0, best_index - 1) / kGrid;
  double high = kRatioMax * std::min(kGrid, best_index + 1) / kGrid;
  constexpr double kGolden = 0.6180339887498949;
  for (int step = 0; step < 80; ++step) {
    const double left = high - kGolden * (high - low);
    const double right = low + kGolden * (high - low);
    if (FitScale(covariances, left).residual <= FitScale(covariances, right).residual) {
      high = right;
    } else {
      low = left;
    }
  }
  const ExponentialCovariance refined = FitScale(covariances, (low + high) / 2);
  return refined.residual < best.residual ? refined : best;
}

// The variance of the mean times n: the sum of the covariances over all lags, both ways.
double LongRunVariance(std::span<const double> differences, double mean,
                       const DieboldMarianoOptions& options) {
  const std::size_t count = differences.size();
  if (options.variance == DieboldMarianoVariance::kTruncated) {
    const std::vector<double> covariances = Autocovariances(differences, mean, options.horizon);
    return 2 * std::accumulate(covariances.begin() + 1, covariances.end(), 0.0) +
           covariances.front();
  }
  const std::size_t lag_count = std::max((count - 1) / 2, options.horizon);
  const ExponentialCovariance fit =
      FitExponential(Autocovariances(differences, mean, std::max<std::size_t>(1, lag_count)));
  double sum = fit.scale;
  double power = 1;
  for (std::size_t lag = 1; lag < count; ++lag) {
    power *= fit.ratio;
    sum += 2 * fit.scale * power;
  }
  return sum;
}

template <typename Distribution>
void SetProbabilities(const Distribution& distribution, DieboldMarianoResult& result) {
  result.p_lower = boost::math::cdf(distribution, result.statistic);
  result.p_higher = boost::math::cdf(boost::math::complement(distribution, result.statistic));
  result.p_two_sided = std::min(1.0, 2 * std::min(result.p_lower, result.p_higher));
}

}  // namespace

std::optional<double> PerfectScore(const Rule& rule) {
  if (rule.comparison != Comparison::kNone) return std::nullopt;
  if (rule.orientation == Orientation::kLowerIsBetter) return 0;
  if (rule.kernel == Kernel::kSpherical) return 1;
  return std::nullopt;
}

absl::StatusOr<double> SkillScore(double mean_score, double reference_mean_score,
                                  double perfect_score) {
  const double way = perfect_score - reference_mean_score;
  const double skill = (mean_score - reference_mean_score) / way;
  if (!std::isfinite(skill)) {
    return WrongState(absl::StrCat("no skill of ", mean_score, " against a reference of ",
                                   reference_mean_score, " where ", perfect_score, " is perfect"));
  }
  return skill;
}

absl::StatusOr<DieboldMarianoResult> DieboldMariano(std::span<const double> differences,
                                                    const DieboldMarianoOptions& options) {
  CREDENCE_RETURN_IF_ERROR(CheckDifferences(differences, options.horizon));
  const auto count = static_cast<double>(differences.size());
  DieboldMarianoResult result;
  result.mean_difference = Mean(differences);
  const double variance = LongRunVariance(differences, result.mean_difference, options);
  // What rounding leaves of differences that are all alike is no variance.
  double largest = 0;
  for (const double difference : differences) largest = std::max(largest, std::abs(difference));
  if (!(variance > 1e-28 * largest * largest)) {
    return WrongState(
        absl::StrCat("the estimated variance of the differences is ", variance, ", not positive"));
  }
  result.statistic = result.mean_difference / std::sqrt(variance / count);
  const bool correct =
      options.small_sample && options.variance == DieboldMarianoVariance::kTruncated;
  if (correct) {
    const auto horizon = static_cast<double>(options.horizon);
    result.statistic *=
        std::sqrt((count + 1 - 2 * horizon + horizon * (horizon - 1) / count) / count);
  }
  if (options.small_sample) {
    SetProbabilities(boost::math::students_t_distribution<double, MathPolicy>(count - 1), result);
  } else {
    SetProbabilities(boost::math::normal_distribution<double, MathPolicy>(), result);
  }
  return result;
}

absl::StatusOr<std::vector<double>> AdjustForFalseDiscovery(std::span<const double> p_values,
                                                            FalseDiscoveryControl control) {
  for (std::size_t i = 0; i < p_values.size(); ++i) {
    if (!(p_values[i] >= 0 && p_values[i] <= 1)) {
      return InvalidField("FIELD_INVALID", absl::StrCat("p_values[", i, "]"),
                          absl::StrCat(p_values[i], " is not in [0, 1]"));
    }
  }
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&p_values](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
  const auto count = static_cast<double>(p_values.size());
  double factor = 1;
  if (control == FalseDiscoveryControl::kBenjaminiYekutieli) {
    factor = 0;
    for (std::size_t i = 1; i <= p_values.size(); ++i) factor += 1 / static_cast<double>(i);
  }
  std::vector<double> adjusted(p_values.size());
  double smallest = 1;
  for (std::size_t i = order.size(); i-- > 0;) {
    smallest = std::min(smallest, factor * count / static_cast<double>(i + 1) * p_values[order[i]]);
    adjusted[order[i]] = smallest;
  }
  return adjusted;
}

}  // namespace credence::scoring
