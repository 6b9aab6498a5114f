#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "credence/forecaster/posterior.h"

// How far a posterior itself is uncertain, because the numbers behind it are: credible intervals
// from the spread that is declared on likelihoods (EvidenceItem::spread_decibans), on Dirichlet
// rows and on the gamma-distributed rates of hazard rows.
//
// Each draw takes one value of everything uncertain, and the posterior under it. A likelihood's
// spread is normal in decibans around what is stated, and says nothing about the world; the
// parameters of rows were learned from the world, so that a draw of them counts by how probable it
// makes the evidence (at the likelihoods as stated). The draws are a Sobol sequence (Sobol 1967,
// directions of Joe and Kuo 2008) shifted by a seed modulo one (Cranley and Patterson 1976), so
// that the same question at the same position always has the same interval.
//
// Thread safety: pure functions.
namespace credence::forecaster {

struct IntervalOptions {
  // Decides the shift. Two questions, or one question at two positions, should have two seeds;
  // see IntervalSeed.
  uint64_t seed = 0;
  // Draws, 16 to 65,536; a power of two spreads best.
  int64_t draw_count = 1024;
  // Where draws times cells of all tables exceed this, nothing is drawn and no interval is given.
  double cells_max = std::numeric_limits<double>::infinity();
};

// Numbers that ComputeIntervals draws: those of likelihoods with a spread, and of Dirichlet and
// hazard rows. 0 where nothing is uncertain. An upper bound where evidence is not in force or a
// node is under intervention. Linear in items and rows.
[[nodiscard]] int64_t CountUncertainNumbers(const CompiledNetwork& network,
                                            std::span<const EvidenceItem> items);

// A central interval: as much probability lies below it as above.
struct CredibleInterval {
  // 0.5, 0.8 or 0.95.
  double level = 0.0;
  double low = 0.0;
  double high = 0.0;
};

// The spread of the probability of one state of one node.
struct StateInterval {
  std::string node;
  std::string state;
  // Of the draws. The mean is near the posterior, and equal to it where only rows are uncertain, up
  // to the error of the sample.
  double mean = 0.0;
  double median = 0.0;
  // For 50, 80 and 95 %, narrow to wide. A point where nothing that bears on it is uncertain.
  std::vector<CredibleInterval> intervals;
};

struct Intervals {
  // Empty where the draws would cost more than cells_max.
  std::vector<StateInterval> states;
  // What was drawn: likelihoods with a spread, and rows. 0 when nothing is uncertain.
  int64_t uncertain_count = 0;
  // (sum w)^2 / sum w^2 of the draws' weights (Kish 1965): how many equal draws they are worth.
  double effective_draw_count = 0.0;
};

struct TargetState {
  std::string node;
  std::string state;
};

// A seed from a question's (or node's) name and a position.
[[nodiscard]] uint64_t IntervalSeed(std::string_view name, int64_t position);

// Of each target, in the order given. Errors: those of ComputePosterior; NOT_FOUND for a target;
// INVALID_ARGUMENT (NUMBER_INVALID) for a draw count out of range. Costs two propagations a draw.
[[nodiscard]] absl::StatusOr<Intervals> ComputeIntervals(const CompiledNetwork& network,
                                                         std::span<const EvidenceItem> items,
                                                         const InferenceOptions& options,
                                                         std::span<const TargetState> targets,
                                                         const IntervalOptions& interval_options);

}  // namespace credence::forecaster
