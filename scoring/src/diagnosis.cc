#include "credence/scoring/diagnosis.h"

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "compensated_sum.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/scoring/score.h"
#include "math_policy.h"
#include "score_internal.h"

namespace credence::scoring {
namespace {

constexpr double kDecibansPerNat = 4.3429448190325182765;  // 10 / ln 10

// ln(1 + e^x) without overflow.
double Softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

double Logistic(double x) { return 1 / (1 + std::exp(-x)); }

absl::Status CheckClaims(std::span<const WeightClaim> claims) {
  if (claims.empty()) return InvalidField("FIELD_REQUIRED", "claims", "there are none");
  bool any_weight = false;
  for (std::size_t i = 0; i < claims.size(); ++i) {
    if (!(claims[i].prior > 0 && claims[i].prior < 1)) {
      return InvalidField("PROBABILITY_INVALID", absl::StrCat("claims[", i, "].prior"),
                          absl::StrCat(claims[i].prior, " is not between 0 and 1"));
    }
    if (!std::isfinite(claims[i].log_likelihood_ratio)) {
      return InvalidField("FIELD_INVALID", absl::StrCat("claims[", i, "].log_likelihood_ratio"),
                          "must be a finite number");
    }
    any_weight = any_weight || std::abs(claims[i].log_likelihood_ratio) > 0;
  }
  if (any_weight) return absl::OkStatus();
  return InvalidField("FIELD_INVALID", "claims", "all claim a likelihood ratio of 1");
}

// The log likelihood of the outcomes under a slope, its derivative and its curvature (positive).
struct SlopeLikelihood {
  double value = 0;
  double derivative = 0;
  double curvature = 0;
};

SlopeLikelihood LikelihoodAt(std::span<const WeightClaim> claims, double slope) {
  CompensatedSum value;
  CompensatedSum derivative;
  CompensatedSum curvature;
  for (const WeightClaim& claim : claims) {
    const double weight = claim.log_likelihood_ratio;
    const double logit = std::log(claim.prior) - std::log1p(-claim.prior) + slope * weight;
    value.Add(claim.happened ? -Softplus(-logit) : -Softplus(logit));
    derivative.Add(weight * ((claim.happened ? 1 : 0) - Logistic(logit)));
    curvature.Add(weight * weight * Logistic(logit) * Logistic(-logit));
  }
  return {value.value(), derivative.value(), curvature.value()};
}

// The likelihood is concave in the slope, so that the sign of its derivative brackets the peak.
double FindSlope(std::span<const WeightClaim> claims, bool& is_finite) {
  double low = -kSlopeMax;
  double high = kSlopeMax;
  is_finite = false;
  if (LikelihoodAt(claims, high).derivative >= 0) return high;
  if (LikelihoodAt(claims, low).derivative <= 0) return low;
  is_finite = true;
  for (int step = 0; step < 90; ++step) {
    const double middle = (low + high) / 2;
    (LikelihoodAt(claims, middle).derivative > 0 ? low : high) = middle;
  }
  return (low + high) / 2;
}

void AddGains(std::span<const WeightClaim> claims, WeightCalibration& result) {
  CompensatedSum gain;
  CompensatedSum expected;
  for (const WeightClaim& claim : claims) {
    const double prior_logit = std::log(claim.prior) - std::log1p(-claim.prior);
    const double logit = prior_logit + claim.log_likelihood_ratio;
    const double gain_yes = Softplus(-prior_logit) - Softplus(-logit);
    const double gain_no = Softplus(prior_logit) - Softplus(logit);
    gain.Add(claim.happened ? gain_yes : gain_no);
    expected.Add(Logistic(logit) * gain_yes + Logistic(-logit) * gain_no);
  }
  const auto count = static_cast<double>(claims.size());
  result.gain_decibans = kDecibansPerNat * gain.value() / count;
  result.expected_gain_decibans = kDecibansPerNat * expected.value() / count;
}

// What the rule's kernel says of the forecast in force at a distance before the end.
std::optional<double> ValueBeforeEnd(const Rule& rule, const QuestionSeriesView& one,
                                     absl::Duration before_end) {
  const TimeWindow window = one.question->ScoringWindow();
  const absl::Time time = window.end - before_end;
  if (window.empty() || time <= window.start) return std::nullopt;
  // What stood just before the instant, as the window's own end is excluded.
  const std::optional<std::size_t> step = one.series.StepBefore(time);
  if (!step || !one.series.steps[*step].standing) return std::nullopt;
  return EvaluateKernel(rule.kernel, *one.question, one.series.Probabilities(*step), rule.floor);
}

absl::Status CheckHorizons(const Rule& rule, std::span<const QuestionSeriesView> questions,
                           std::span<const absl::Duration> horizons) {
  if (rule.needs_others()) {
    return InvalidField("FIELD_INVALID", "rule",
                        absl::StrCat(std::string(rule.id), " compares with other forecasters"));
  }
  for (std::size_t i = 0; i < horizons.size(); ++i) {
    if (horizons[i] < absl::ZeroDuration() || horizons[i] == absl::InfiniteDuration()) {
      return InvalidField("FIELD_INVALID", absl::StrCat("horizons[", i, "]"),
                          "must be finite and not negative");
    }
  }
  for (std::size_t i = 0; i < questions.size(); ++i) {
    CREDENCE_CHECK(questions[i].question != nullptr);
    CREDENCE_CHECK(questions[i].series.state_count == questions[i].question->state_count);
    const absl::Status status = CheckQuestion(*questions[i].question);
    if (!status.ok()) return WithFieldPrefix(status, absl::StrCat("questions[", i, "]"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Sharpness> MeasureSharpness(std::span<const BinaryForecast> forecasts,
                                           std::size_t bin_count) {
  // Its checks are the same.
  CREDENCE_RETURN_IF_ERROR(DecomposeMurphy(forecasts).status());
  constexpr std::size_t kBinsMax = 10'000;
  if (bin_count < 1 || bin_count > kBinsMax) {
    return InvalidField("FIELD_INVALID", "bin_count", absl::StrCat("must be from 1 to ", kBinsMax));
  }
  const auto count = static_cast<double>(forecasts.size());
  Sharpness sharpness;
  sharpness.histogram.assign(bin_count, 0);
  CompensatedSum sum;
  CompensatedSum spread;
  for (const BinaryForecast& forecast : forecasts) {
    const double p = forecast.probability;
    sum.Add(p);
    spread.Add(p * (1 - p));
    const auto bin = static_cast<std::size_t>(p * static_cast<double>(bin_count));
    ++sharpness.histogram[std::min(bin, bin_count - 1)];
  }
  sharpness.mean = sum.value() / count;
  sharpness.expected_half_brier = spread.value() / count;
  CompensatedSum squares;
  for (const BinaryForecast& forecast : forecasts) {
    const double departure = forecast.probability - sharpness.mean;
    squares.Add(departure * departure);
  }
  sharpness.standard_deviation = std::sqrt(squares.value() / count);
  return sharpness;
}

absl::StatusOr<std::vector<HorizonScore>> ScoreByHorizon(
    const Rule& rule, std::span<const QuestionSeriesView> questions,
    std::span<const absl::Duration> horizons) {
  CREDENCE_RETURN_IF_ERROR(CheckHorizons(rule, questions, horizons));
  std::vector<HorizonScore> scores;
  for (const absl::Duration before_end : horizons) {
    ExtendedSum sum;
    HorizonScore score{.before_end = before_end};
    for (const QuestionSeriesView& one : questions) {
      if (!one.question->outcome.scored() || !RuleApplies(rule, *one.question)) continue;
      const std::optional<double> value = ValueBeforeEnd(rule, one, before_end);
      if (!value) continue;
      sum.Add(*value);
      ++score.question_count;
    }
    score.mean = score.question_count > 0 ? sum.value() / static_cast<double>(score.question_count)
                                          : std::numeric_limits<double>::quiet_NaN();
    scores.push_back(score);
  }
  return scores;
}

double EvidenceGain(const Outcome& outcome, std::span<const double> prior,
                    std::span<const double> posterior) {
  CREDENCE_CHECK(prior.size() == posterior.size());
  double gain = 0;
  for (std::size_t k = 0; k < prior.size(); ++k) {
    // What was ruled out before cannot be ruled out again, and a share of nothing says nothing.
    if (!(outcome.Share(k) > 0) || !(prior[k] > 0)) continue;
    gain += outcome.Share(k) * 10 * std::log10(posterior[k] / prior[k]);
  }
  return gain;
}

absl::StatusOr<WeightCalibration> CalibrateWeights(std::span<const WeightClaim> claims) {
  CREDENCE_RETURN_IF_ERROR(CheckClaims(claims));
  WeightCalibration result;
  result.count = claims.size();
  result.slope = FindSlope(claims, result.slope_is_finite);
  const SlopeLikelihood at_peak = LikelihoodAt(claims, result.slope);
  if (result.slope_is_finite && at_peak.curvature > 0) {
    result.slope_standard_error = 1 / std::sqrt(at_peak.curvature);
  }
  const double statistic = 2 * (at_peak.value - LikelihoodAt(claims, 1).value);
  const boost::math::chi_squared_distribution<double, MathPolicy> one_degree(1);
  result.p_value = boost::math::cdf(boost::math::complement(one_degree, std::max(0.0, statistic)));
  AddGains(claims, result);
  return result;
}

}  // namespace credence::scoring
