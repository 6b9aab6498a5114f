#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "credence/forecaster/posterior.h"

// Posteriors by enumerating every configuration of a small network, straight from the definitions
// and in long double, sharing no code with the library. Deterministic tables are not supported:
// a test states the same table by rows.
namespace credence::forecaster::testing {

struct BruteForceResult {
  long double weight = 0.0L;
  std::map<std::string, std::vector<double>> marginals;
};

[[nodiscard]] BruteForceResult BruteForce(const Network& network,
                                          std::span<const EvidenceItem> items,
                                          const InferenceOptions& options);

}  // namespace credence::forecaster::testing
