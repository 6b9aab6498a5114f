#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/container/inlined_vector.h"
#include "credence/base/check.h"
#include "credence/scoring/score.h"
#include "score_internal.h"

namespace credence::scoring {
namespace {

// An entry that is not a number belongs to an option that the forecast does not state; beyond the
// Metaculus rules it has been given nothing.
double Stated(double probability) { return std::isnan(probability) ? 0.0 : probability; }

double BrierFull(const Outcome& outcome, std::span<const double> probabilities) {
  double sum = 0;
  for (std::size_t k = 0; k < probabilities.size(); ++k) {
    const double difference = Stated(probabilities[k]) - outcome.Share(k);
    sum += difference * difference;
  }
  return sum;
}

double RankedProbability(const Outcome& outcome, std::span<const double> probabilities) {
  double sum = 0;
  double cumulative_difference = 0;
  for (std::size_t k = 0; k + 1 < probabilities.size(); ++k) {
    cumulative_difference += Stated(probabilities[k]) - outcome.Share(k);
    sum += cumulative_difference * cumulative_difference;
  }
  return sum;
}

// Both sides of each cut are summed from their own end, so that neither is a difference.
double RankedLog(const Outcome& outcome, std::span<const double> probabilities) {
  absl::InlinedVector<double, 8> above(probabilities.size(), 0.0);
  for (std::size_t k = probabilities.size() - 1; k > 0; --k) {
    above[k - 1] = above[k] + Stated(probabilities[k]);
  }
  double sum = 0;
  double below = 0;
  double share_below = 0;
  for (std::size_t k = 0; k + 1 < probabilities.size(); ++k) {
    below += Stated(probabilities[k]);
    share_below += outcome.Share(k);
    if (share_below > 0) sum -= share_below * std::log(std::min(1.0, below));
    if (share_below < 1) sum -= (1 - share_below) * std::log(std::min(1.0, above[k]));
  }
  return sum;
}

double Spherical(const Outcome& outcome, std::span<const double> probabilities) {
  double square_sum = 0;
  double expected = 0;
  for (std::size_t k = 0; k < probabilities.size(); ++k) {
    const double probability = Stated(probabilities[k]);
    square_sum += probability * probability;
    expected += outcome.Share(k) * probability;
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
  const double log_likelihood = MetaculusLogLikelihood(question.outcome, probabilities);
  if (question.kind == QuestionKind::kNumeric) {
    return 50 * (log_likelihood - std::log(NumericBaseline(question, question.outcome.state())));
  }
  // Options come and go while a question is open; a forecast is measured by those it was offered.
  const auto stated = std::count_if(probabilities.begin(), probabilities.end(),
                                    [](double probability) { return !std::isnan(probability); });
  const double log_count = std::log(stated >= 2 ? static_cast<double>(stated)
                                                : static_cast<double>(question.state_count));
  return 100 * (log_likelihood + log_count) / log_count;
}

}  // namespace

double OutcomeLogLikelihood(const Outcome& outcome, std::span<const double> probabilities,
                            double floor) {
  if (outcome.kind() == Outcome::Kind::kState) {
    return std::log(std::max(floor, Stated(probabilities[outcome.state()])));
  }
  double sum = 0;
  for (std::size_t k = 0; k < probabilities.size(); ++k) {
    // A share of nothing times the log of 0 is nothing.
    if (!(outcome.Share(k) > 0)) continue;
    sum += outcome.Share(k) * std::log(std::max(floor, Stated(probabilities[k])));
  }
  return sum;
}

double MetaculusLogLikelihood(const Outcome& outcome, std::span<const double> probabilities) {
  const bool other_stands_in =
      outcome.kind() == Outcome::Kind::kState && std::isnan(probabilities[outcome.state()]);
  if (other_stands_in) return std::log(Stated(probabilities.back()));
  return OutcomeLogLikelihood(outcome, probabilities);
}

double EvaluateKernel(Kernel kernel, const ScoredQuestion& question,
                      std::span<const double> probabilities, double floor) {
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
      return 0.0 - OutcomeLogLikelihood(outcome, probabilities, floor);
    case Kernel::kRankedLog:
      return RankedLog(outcome, probabilities);
    case Kernel::kSpherical:
      return Spherical(outcome, probabilities);
    case Kernel::kRankedProbability:
      return RankedProbability(outcome, probabilities);
    case Kernel::kRankedProbabilityNormalized:
      return RankedProbability(outcome, probabilities) /
             static_cast<double>(question.state_count - 1);
    case Kernel::kCrpsBins:
      return question.bin_width * RankedProbability(outcome, probabilities);
    case Kernel::kMetaculusBaseline:
      return MetaculusBaseline(question, probabilities);
    case Kernel::kMetaculusPeer:
    case Kernel::kMetaculusRelative:
    case Kernel::kEvidenceGain:
      break;
  }
  // A kernel that needs more than one forecast has no value here.
  CREDENCE_CHECK(kernel != Kernel::kMetaculusPeer && kernel != Kernel::kMetaculusRelative &&
                 kernel != Kernel::kEvidenceGain);
  return std::numeric_limits<double>::infinity();
}

bool RuleApplies(const Rule& rule, const ScoredQuestion& question) {
  if (rule.timing == Timing::kFatebookDays || rule.comparison == Comparison::kCrowd) {
    return question.kind == QuestionKind::kBinary;
  }
  switch (rule.kernel) {
    case Kernel::kBrierOrdered:
    case Kernel::kRankedLog:
    case Kernel::kRankedProbability:
    case Kernel::kRankedProbabilityNormalized:
      return question.state_count == 2 || question.kind == QuestionKind::kOrdered ||
             question.kind == QuestionKind::kNumeric;
    case Kernel::kCrpsBins:
      return question.kind == QuestionKind::kNumeric;
    case Kernel::kEvidenceGain:
      return false;
    default:
      return true;
  }
}

}  // namespace credence::scoring
