#include "evidence/likelihood.h"

#include <algorithm>
#include <cmath>

#include "credence/base/check.h"
#include "numeric/counting.h"
#include "numeric/log_space.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

struct LogLikelihoodOf {
  const CompiledNetwork& network;
  int node;

  std::vector<double> operator()(const LikelihoodRatio& s) const { return {SafeLog(s.ratio), 0.0}; }

  std::vector<double> operator()(const Weight& s) const {
    return {s.decibans / kDecibansPerNat, 0.0};
  }

  std::vector<double> operator()(const LikelihoodPair& s) const {
    return {SafeLog(s.given_true), SafeLog(s.given_false)};
  }

  std::vector<double> operator()(const LikelihoodVector& s) const {
    std::vector<double> result;
    for (const double value : s.values) result.push_back(SafeLog(value));
    return result;
  }

  std::vector<double> operator()(const ObservedState& s) const {
    const auto state = network.FindState(node, s.state);
    CREDENCE_CHECK(state.ok());
    std::vector<double> result(network.network().nodes[node].states.size(), kLogZero);
    result[*state] = 0.0;
    return result;
  }

  std::vector<double> operator()(const NewMarginal&) const {
    CREDENCE_CHECK(false);
    return {};
  }

  std::vector<double> operator()(const Count& s) const {
    std::vector<double> result;
    for (const double p : s.success_probabilities) result.push_back(LogBinomial(s.k, s.n, p));
    return result;
  }

  std::vector<double> operator()(const ExposureCount& s) const {
    std::vector<double> result;
    for (const double rate : s.rates_per_day) {
      result.push_back(LogPoisson(s.k, rate * s.exposure_days));
    }
    return result;
  }

  std::vector<double> operator()(const StatedProbability& s) const {
    std::vector<double> result;
    for (int i = 0; i < Size(s.probabilities); ++i) {
      const double log_baseline = s.baseline ? std::log((*s.baseline)[i]) : 0.0;
      result.push_back(SafeLog(s.probabilities[i]) - log_baseline);
    }
    return result;
  }

  std::vector<double> operator()(const HazardRatio& s) const { return {std::log(s.ratio), 0.0}; }
};

}  // namespace

std::vector<double> StatementLogLikelihood(const CompiledNetwork& network, int node,
                                           const Statement& statement) {
  return std::visit(LogLikelihoodOf{network, node}, statement);
}

std::vector<double> DiscountByReliability(std::span<const double> log_likelihood,
                                          double reliability,
                                          std::optional<double> noise_likelihood) {
  CREDENCE_CHECK(reliability >= 0.0 && reliability <= 1.0);
  std::vector<double> result(log_likelihood.begin(), log_likelihood.end());
  // A fully trusted report keeps its bits; one that is pure noise says nothing, even if its chance
  // is stated as zero.
  if (!(reliability < 1.0)) return result;
  if (!(reliability > 0.0)) return std::vector<double>(result.size(), 0.0);
  const double log_noise = noise_likelihood
                               ? SafeLog(*noise_likelihood)
                               : LogSumExp(result) - std::log(static_cast<double>(result.size()));
  for (double& value : result) {
    value = LogAddExp(std::log(reliability) + value, std::log1p(-reliability) + log_noise);
  }
  return result;
}

std::vector<double> DecayByAge(std::span<const double> log_likelihood, double age_days,
                               double half_life_days) {
  CREDENCE_CHECK(age_days >= 0.0 && half_life_days > 0.0);
  double sum = 0.0;
  int possible = 0;
  for (const double value : log_likelihood) {
    if (IsLogZero(value)) continue;
    sum += value;
    ++possible;
  }
  const double mean = possible > 0 ? sum / possible : 0.0;
  const double weight = std::exp2(-age_days / half_life_days);
  std::vector<double> result;
  for (const double value : log_likelihood) {
    result.push_back(IsLogZero(value) ? kLogZero : weight * (value - mean));
  }
  return result;
}

double AgeDays(const EvidenceItem& item, absl::Time at) {
  return std::max(0.0, absl::FDivDuration(at - item.occur_time, absl::Hours(24)));
}

}  // namespace credence::forecaster
