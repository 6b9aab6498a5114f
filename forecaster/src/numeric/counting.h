#pragma once

#include <cstdint>

// Log-likelihoods of counts. -infinity where the count is impossible, never NaN.
namespace credence::forecaster {

// ln P(k successes in n trials), 0 <= k <= n, 0 <= success_probability <= 1 (Bernoulli 1713).
[[nodiscard]] double LogBinomial(int64_t k, int64_t n, double success_probability);

// ln P(k events), k >= 0, expectation >= 0 (Poisson 1837).
[[nodiscard]] double LogPoisson(int64_t k, double expectation);

}  // namespace credence::forecaster
