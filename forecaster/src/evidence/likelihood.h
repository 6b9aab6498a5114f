#pragma once

#include <optional>
#include <span>
#include <vector>

#include "absl/time/time.h"
#include "credence/forecaster/evidence.h"

// The steps from a statement to a log-likelihood vector, each apart.
namespace credence::forecaster {

// ln of the likelihoods the statement gives, on its own scale. The item is valid for the network;
// not for NewMarginal, whose likelihoods depend on the other items. A HazardRatio gives those of
// the likelihood ratio of the same value.
[[nodiscard]] std::vector<double> StatementLogLikelihood(const CompiledNetwork& network, int node,
                                                         const Statement& statement);

// ln(r l + (1 - r) b), b = mean(l) unless given; 0 <= r <= 1. At r = 0 nothing is said.
[[nodiscard]] std::vector<double> DiscountByReliability(std::span<const double> log_likelihood,
                                                        double reliability,
                                                        std::optional<double> noise_likelihood);

// 2^(-age / half life) times the centred logarithms; zero likelihoods stay zero. age_days >= 0.
[[nodiscard]] std::vector<double> DecayByAge(std::span<const double> log_likelihood,
                                             double age_days, double half_life_days);

// Days from the item's occur time to `at`, at least 0.
[[nodiscard]] double AgeDays(const EvidenceItem& item, absl::Time at);

}  // namespace credence::forecaster
