#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/scoring/decomposition.h"
#include "credence/scoring/question.h"
#include "credence/scoring/rules.h"
#include "credence/scoring/series.h"

// What forecasts are like beyond their mean score: how bold, how good at which distance, and
// whether the weights of evidence behind them were borne out.
//
// Thread-safe: pure functions.
namespace credence::scoring {

// How far forecasts dare to go, whatever came of it (Murphy and Winkler 1987).
struct Sharpness {
  double mean = 0;                // of the probabilities of yes
  double standard_deviation = 0;  // about their own mean
  // Mean of p (1 - p), the half Brier score that a calibrated forecaster would expect: 0 is
  // sharpest, 1/4 says nothing.
  double expected_half_brier = 0;
  // Forecasts in bins of equal width; a bin holds its lower end, the last also 1.
  std::vector<std::size_t> histogram;
};

// INVALID_ARGUMENT as DecomposeMurphy, and FIELD_INVALID for "bin_count" outside 1 to 10,000.
[[nodiscard]] absl::StatusOr<Sharpness> MeasureSharpness(std::span<const BinaryForecast> forecasts,
                                                         std::size_t bin_count = 10);

// One question and one forecaster's series on it.
struct QuestionSeriesView {
  const ScoredQuestion* question = nullptr;
  SeriesView series;
};

// The mean score of what stood at one distance from the end.
struct HorizonScore {
  absl::Duration before_end;
  // Questions whose outcome is scored, that were open at this distance, and on which a forecast
  // stood then; the others do not count. Where there is none, the mean is NaN.
  std::size_t question_count = 0;
  double mean = 0;
};

// The rule's kernel on the forecasts in force at each distance before the end of the scoring
// window: does the score improve as the end comes near? The rule's timing does not matter, its
// comparison must be none. A distance of 0 is the last forecast.
// INVALID_ARGUMENT: as CheckQuestion under "questions[i]"; FIELD_INVALID for "rule" (a rule that
// compares with others) and "horizons[i]" (negative or infinite).
// O(questions * horizons * log steps).
[[nodiscard]] absl::StatusOr<std::vector<HorizonScore>> ScoreByHorizon(
    const Rule& rule, std::span<const QuestionSeriesView> questions,
    std::span<const absl::Duration> horizons);

// What an item of evidence earned by moving the published probabilities: 10 log10 of the ratio of
// what happened after it to before it, in decibans; of a fractional settlement the mean over the
// shares. Above 0 it moved them towards the truth (Good 1950). -infinity where it ruled out what
// happened; 0 where that had been ruled out before. Both have one entry for each state.
[[nodiscard]] double EvidenceGain(const Outcome& outcome, std::span<const double> prior,
                                  std::span<const double> posterior);

// One item of evidence on a question that was settled: what was believed before it, and what it
// was said to weigh.
struct WeightClaim {
  // Probability of yes without the item, in (0, 1).
  double prior = 0.5;
  // ln P(item | yes) / P(item | no) as it was entered, in nats; finite.
  double log_likelihood_ratio = 0;
  bool happened = false;
};

// Whether a source's likelihood ratios were borne out: the slope b of
// logit P(yes) = logit(prior) + b ln LR, by maximum likelihood. 1: as claimed; between 0 and 1:
// overclaimed; above 1: underclaimed; 0: the items told nothing; below 0: they misled. It is Cox's
// calibration slope (1958) with the prior as offset. Items from one origin count once each only
// where the caller keeps one of them.
struct WeightCalibration {
  std::size_t count = 0;
  double slope = 1;
  double slope_standard_error = 0;
  // Likelihood ratio test of slope 1, chi-squared with one degree of freedom.
  double p_value = 1;
  // Mean of ln(posterior / prior) of what happened, in decibans: what the items earned; and what
  // they would have earned on average had each claim been right.
  double gain_decibans = 0;
  double expected_gain_decibans = 0;
  // False where the items are so much in line, or so few, that the likelihood has no peak: the
  // slope is then the end of the search, -kSlopeMax or kSlopeMax.
  bool slope_is_finite = true;
};

inline constexpr double kSlopeMax = 100;

// INVALID_ARGUMENT: FIELD_REQUIRED for no claims; PROBABILITY_INVALID ("claims[i].prior"),
// FIELD_INVALID ("claims[i].log_likelihood_ratio"; "claims" where every ratio is 1). O(n) for each
// of at most 200 steps.
[[nodiscard]] absl::StatusOr<WeightCalibration> CalibrateWeights(
    std::span<const WeightClaim> claims);

}  // namespace credence::scoring
