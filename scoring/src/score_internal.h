#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "compensated_sum.h"
#include "credence/scoring/question.h"
#include "credence/scoring/rules.h"
#include "credence/scoring/score.h"
#include "credence/scoring/series.h"

// The parts of scoring behind the checks: questions and series were found good by the caller.
namespace credence::scoring {

// sum_k o_k ln f_k in nats; -infinity where a positive share met probability 0.
// An entry that is NaN counts as 0, and one below `floor` as the floor.
[[nodiscard]] double OutcomeLogLikelihood(const Outcome& outcome,
                                          std::span<const double> probabilities, double floor = 0);

// The same as Metaculus takes it: where the forecast does not state what happened (NaN), the last
// option, Other, stands for it.
[[nodiscard]] double MetaculusLogLikelihood(const Outcome& outcome,
                                            std::span<const double> probabilities);

// False where the rule has no meaning for the question's kind (order, bins).
[[nodiscard]] bool RuleApplies(const Rule& rule, const ScoredQuestion& question);

// The step in force at the end of the scoring window, where one stands.
[[nodiscard]] std::optional<std::size_t> LastStandingStep(const ScoredQuestion& question,
                                                          const SeriesView& series);

// The step that counts at the question's spot time, standing or not.
[[nodiscard]] std::optional<std::size_t> SpotStep(const ScoredQuestion& question,
                                                  const SeriesView& series);

// When the steps of one series count on one question: what all rules that need no others ask for,
// worked out once for all of them. Its memory is used again by the next Measure.
class StepTimes {
 public:
  // One step that stands for some time within the scoring window.
  struct Held {
    std::size_t step = 0;
    double seconds = 0;
    // Full UTC days whose end it decides.
    std::int64_t day_count = 0;
  };

  void Measure(const ScoredQuestion& question, const SeriesView& series);

  [[nodiscard]] std::span<const Held> held() const { return held_; }
  // As LastStandingStep, and the same at the spot time.
  [[nodiscard]] std::optional<std::size_t> last() const { return last_; }
  [[nodiscard]] std::optional<std::size_t> spot() const { return spot_; }
  [[nodiscard]] double standing_seconds() const { return standing_seconds_; }

 private:
  std::vector<Held> held_;
  std::optional<std::size_t> last_;
  std::optional<std::size_t> spot_;
  double standing_seconds_ = 0;
};

// The value of one series, measured by `times`, under a rule that needs no others and applies to
// the question.
[[nodiscard]] std::optional<double> ValueAlone(const Rule& rule, const ScoredQuestion& question,
                                               const SeriesView& series, const StepTimes& times);

// The values of all series under a rule that compares them with the day's median.
[[nodiscard]] std::vector<std::optional<double>> ValuesAgainstMedian(
    const Rule& rule, const ScoredQuestion& question, std::span<const SeriesView> all);

// Fatebook's absolute score of one series.
[[nodiscard]] std::optional<double> FatebookValue(const Rule& rule, const ScoredQuestion& question,
                                                  const SeriesView& series);

// The scores of all series under a rule that compares them with the crowd's pool.
[[nodiscard]] std::vector<std::optional<Score>> ScoreAgainstCrowd(const Rule& rule,
                                                                  const ScoredQuestion& question,
                                                                  std::span<const SeriesView> all);

// The values of all series under a rule that needs the others.
[[nodiscard]] std::vector<std::optional<double>> ValuesTogether(const Rule& rule,
                                                                const ScoredQuestion& question,
                                                                std::span<const SeriesView> all);

// The same with their coverage and weight.
[[nodiscard]] std::vector<std::optional<Score>> ScoreTogether(const Rule& rule,
                                                              const ScoredQuestion& question,
                                                              std::span<const SeriesView> all);

// The full UTC days inside the scoring window, counted from 1970-01-01: [first, end).
struct DayRange {
  std::int64_t first = 0;
  std::int64_t end = 0;
};
[[nodiscard]] DayRange FullDays(const TimeWindow& window);

// The full days of `days` whose end the step decides.
[[nodiscard]] DayRange DaysDecided(const SeriesView& series, std::size_t step,
                                   const DayRange& days);

// The scores of all series under a peer rule.
[[nodiscard]] std::vector<std::optional<Score>> ScorePeers(const Rule& rule,
                                                           const ScoredQuestion& question,
                                                           std::span<const SeriesView> all);

// A sum of values that may be infinite; where both infinities meet, minus infinity wins.
class ExtendedSum {
 public:
  void Add(double value);
  [[nodiscard]] double value() const;

 private:
  CompensatedSum finite_;
  bool has_plus_infinity_ = false;
  bool has_minus_infinity_ = false;
};

// Scores of one rule, put together one by one.
class RunningSummary {
 public:
  void Add(double value, double coverage, double weight);
  [[nodiscard]] std::size_t count() const { return count_; }
  // Of at least one score.
  [[nodiscard]] ScoreSummary Summary(const Rule& rule) const;

 private:
  std::size_t count_ = 0;
  ExtendedSum sum_;
  ExtendedSum weighted_sum_;
  CompensatedSum coverage_;
};

}  // namespace credence::scoring
