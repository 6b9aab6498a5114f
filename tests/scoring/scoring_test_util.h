#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "credence/base/error.h"
#include "credence/scoring/score.h"

// The small language of the scoring tests: times in days and hours from a Monday's midnight, yes/no
// series written as lists of changes, and scores that must exist.
namespace credence::scoring {

inline absl::Time At(double days) {
  return absl::FromUnixSeconds(1'609'718'400) + absl::Hours(24) * days;  // 2021-01-04T00:00:00Z
}

inline ForecastPoint Yes(double days, double probability) {
  return {.time = At(days), .probabilities = {probability, 1 - probability}, .withdrawn = false};
}

inline ForecastPoint States(double days, std::vector<double> probabilities) {
  return {.time = At(days), .probabilities = std::move(probabilities), .withdrawn = false};
}

inline ForecastPoint Withdraw(double days) {
  return {.time = At(days), .probabilities = {}, .withdrawn = true};
}

inline ForecastSeries Series(const std::vector<ForecastPoint>& points,
                             std::size_t state_count = 2) {
  auto series = ForecastSeries::Create(state_count, points);
  EXPECT_TRUE(series.ok()) << series.status();
  return *std::move(series);
}

// Open for ten days from day 0, not resolved early.
inline ScoredQuestion BinaryQuestion(Outcome outcome) {
  ScoredQuestion question;
  question.open_time = At(0);
  question.close_time = At(10);
  question.outcome = outcome;
  return question;
}

inline ScoredQuestion CategoryQuestion(QuestionKind kind, std::size_t state_count,
                                       std::size_t state) {
  ScoredQuestion question = BinaryQuestion(Outcome::State(state));
  question.kind = kind;
  question.state_count = state_count;
  return question;
}

inline Outcome HappenedYes() { return Outcome::State(0); }
inline Outcome HappenedNo() { return Outcome::State(1); }

inline const Rule& RuleOf(std::string_view id) {
  const auto rule = FindRule(id);
  EXPECT_TRUE(rule.ok()) << rule.status();
  return **rule;
}

inline std::optional<Score> ScoreOf(std::string_view rule, const ScoredQuestion& question,
                                    const ForecastSeries& series) {
  const std::vector<SeriesView> all = {series.view()};
  const auto score = ScoreSeries(RuleOf(rule), question, all[0], all);
  EXPECT_TRUE(score.ok()) << score.status();
  return score.ok() ? *score : std::nullopt;
}

// The value of a score that must exist.
inline double ValueOf(std::string_view rule, const ScoredQuestion& question,
                      const ForecastSeries& series) {
  const std::optional<Score> score = ScoreOf(rule, question, series);
  EXPECT_TRUE(score.has_value()) << rule;
  return score ? score->value : -12345;
}

inline std::vector<SeriesView> Views(const std::vector<ForecastSeries>& series) {
  std::vector<SeriesView> views;
  views.reserve(series.size());
  for (const ForecastSeries& one : series) views.push_back(one.view());
  return views;
}

inline std::string ReasonOf(const absl::Status& status) { return GetErrorDetail(status).reason; }

// A probability vector drawn uniformly from the simplex, never touching its edge.
inline std::vector<double> RandomProbabilities(std::mt19937_64& generator, std::size_t count) {
  std::exponential_distribution<double> exponential(1);
  std::vector<double> values(count);
  double sum = 0;
  for (double& value : values) sum += value = exponential(generator) + 1e-3;
  for (double& value : values) value /= sum;
  return values;
}

}  // namespace credence::scoring
