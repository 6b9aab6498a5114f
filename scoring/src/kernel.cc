#include <cmath>
#include <limits>

#include "credence/base/check.h"
#include "credence/scoring/score.h"
#include "score_internal.h"

namespace credence::scoring {
namespace {

double BrierFull(const Outcome& outcome, std::span<const double> probabilities) {
  double sum = 0;
  for (std::size_t k = 0; k < probabilities.size(); ++k) {
    const double difference = probabilities[k] - outcome.Share(k);
    sum += difference * difference;
  }
  return sum;
}

double RankedProbability(const Outcome& outcome, std::span<const double> probabilities) {
  double sum = 0;
  double cumulative_difference = 0;
  for (std::size_t k = 0; k + 1 < probabilities.size(); ++k) {
    cumulative_difference += probabilities[k] - outcome.Share(k);
    sum += cumulative_difference * cumulative_difference;
  }
  return sum;
}

double Spherical(const Outcome& outcome, std::span<const double> probabilities) {
  double square_sum = 0;
  double expected = 0;
  for (std::size_t k = 0; k < probabilities.size(); ++k) {
    square_sum += probabilities[k] * probabilities[k];
    expected += outcome.Share(k) * probabilities[k];
  }
  return expected / std::sqrt(square_sum);
}

// The mass of a numeric bin under Metaculus' baseline distribution.
double NumericBaseline(const ScoredQuestion& question, std::size_t bin) {
  constexpr double kOutOfRangeMass = 0.05;
  if (bin == 0 || bin + 1 == question.state_count) return kOutOfRangeMass;
  return (1 - kOutOfRangeMass * question.open_bound_count) /
         static_cast<double>(question.state_count - 2);
}

double MetaculusBaseline(const ScoredQuestion& question, std::span<const double> probabilities) {
  const double log_likelihood = OutcomeLogLikelihood(question.outcome, probabilities);
  if (question.kind == QuestionKind::kNumeric) {
    return 50 * (log_likelihood - std::log(NumericBaseline(question, question.outcome.state())));
  }
  const double log_count = std::log(static_cast<double>(question.state_count));
  return 100 * (log_likelihood + log_count) / log_count;
}

}  // namespace

double OutcomeLogLikelihood(const Outcome& outcome, std::span<const double> probabilities) {
  if (outcome.kind() == Outcome::Kind::kState) return std::log(probabilities[outcome.state()]);
  double sum = 0;
  for (std::size_t k = 0; k < probabilities.size(); ++k) {
    // A share of nothing times the log of 0 is nothing.
    if (outcome.Share(k) > 0) sum += outcome.Share(k) * std::log(probabilities[k]);
  }
  return sum;
}

double EvaluateKernel(Kernel kernel, const ScoredQuestion& question,
                      std::span<const double> probabilities) {
  CREDENCE_CHECK(probabilities.size() == question.state_count);
  const Outcome& outcome = question.outcome;
  switch (kernel) {
    case Kernel::kBrierHalf:
      return 0.5 * BrierFull(outcome, probabilities);
    case Kernel::kBrierFull:
      return BrierFull(outcome, probabilities);
    case Kernel::kBrierOrdered:
      return 2 * RankedProbability(outcome, probabilities) /
             static_cast<double>(question.state_count - 1);
    case Kernel::kLog:
      // Taken from 0 rather than negated, so that a sure success scores 0 and not -0.
      return 0.0 - OutcomeLogLikelihood(outcome, probabilities);
    case Kernel::kSpherical:
      return Spherical(outcome, probabilities);
    case Kernel::kRankedProbability:
      return RankedProbability(outcome, probabilities);
    case Kernel::kCrpsBins:
      return question.bin_width * RankedProbability(outcome, probabilities);
    case Kernel::kMetaculusBaseline:
      return MetaculusBaseline(question, probabilities);
    case Kernel::kMetaculusPeer:
      break;
  }
  // A kernel that needs the others has no value of its own.
  CREDENCE_CHECK(kernel != Kernel::kMetaculusPeer);
  return std::numeric_limits<double>::infinity();
}

bool RuleApplies(const Rule& rule, const ScoredQuestion& question) {
  switch (rule.kernel) {
    case Kernel::kBrierOrdered:
    case Kernel::kRankedProbability:
      return question.state_count == 2 || question.kind == QuestionKind::kOrdered ||
             question.kind == QuestionKind::kNumeric;
    case Kernel::kCrpsBins:
      return question.kind == QuestionKind::kNumeric;
    default:
      return true;
  }
}

}  // namespace credence::scoring
