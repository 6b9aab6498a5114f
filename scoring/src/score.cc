#include "credence/scoring/score.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "score_internal.h"

namespace credence::scoring {
namespace {

constexpr std::int64_t kDaySeconds = 86'400;

// The UTC day that `time` lies in, counted from 1970-01-01.
std::int64_t FloorDay(absl::Time time) {
  const std::int64_t seconds = absl::ToUnixSeconds(time);
  const std::int64_t day = seconds / kDaySeconds;
  return seconds % kDaySeconds < 0 ? day - 1 : day;
}

// The first UTC day that starts at or after `time`.
std::int64_t CeilDay(absl::Time time) {
  const std::int64_t day = FloorDay(time);
  return absl::FromUnixSeconds(day * kDaySeconds) < time ? day + 1 : day;
}

TimeWindow HeldWithin(const SeriesView& series, std::size_t step, const TimeWindow& window) {
  return {std::max(series.steps[step].start, window.start), std::min(series.End(step), window.end)};
}

std::optional<double> StepValue(const Rule& rule, const ScoredQuestion& question,
                                const SeriesView& series, std::optional<std::size_t> step) {
  if (!step) return std::nullopt;
  return EvaluateKernel(rule.kernel, question, series.Probabilities(*step), rule.floor);
}

// Counts days rather than walking them, so that a forecast that stood for years costs one step.
std::optional<double> DailyValue(const Rule& rule, const ScoredQuestion& question,
                                 const SeriesView& series, const StepTimes& times) {
  ExtendedSum sum;
  std::int64_t day_count = 0;
  for (const StepTimes::Held& held : times.held()) {
    if (held.day_count <= 0) continue;
    sum.Add(static_cast<double>(held.day_count) *
            EvaluateKernel(rule.kernel, question, series.Probabilities(held.step), rule.floor));
    day_count += held.day_count;
  }
  if (day_count == 0) return std::nullopt;
  return sum.value() / static_cast<double>(day_count);
}

// The integral of the kernel over the standing time in the scoring window, divided by that time or
// by the scheduled one.
std::optional<double> ValueOverTime(const Rule& rule, const ScoredQuestion& question,
                                    const SeriesView& series, const StepTimes& times) {
  if (!(times.standing_seconds() > 0)) return std::nullopt;
  ExtendedSum sum;
  for (const StepTimes::Held& held : times.held()) {
    if (!(held.seconds > 0)) continue;
    sum.Add(held.seconds *
            EvaluateKernel(rule.kernel, question, series.Probabilities(held.step), rule.floor));
  }
  return sum.value() / (rule.timing == Timing::kScheduledHorizon
                            ? absl::ToDoubleSeconds(question.ScheduledWindow().length())
                            : times.standing_seconds());
}

// How much of the time that its rule looks at a score covers.
double CoverageOf(const Rule& rule, const ScoredQuestion& question, const SeriesView& series,
                  const StepTimes& times) {
  switch (rule.timing) {
    case Timing::kSpot:
      return 1;
    case Timing::kScheduledHorizon:
      return times.standing_seconds() / absl::ToDoubleSeconds(question.ScheduledWindow().length());
    case Timing::kTimeWeighted:
      return times.standing_seconds() / absl::ToDoubleSeconds(question.ScoringWindow().length());
    default:
      return Coverage(series, question.ScoringWindow());
  }
}

std::optional<Score> ScoreAlone(const Rule& rule, const ScoredQuestion& question,
                                const SeriesView& series) {
  StepTimes times;
  times.Measure(question, series);
  const std::optional<double> value = ValueAlone(rule, question, series, times);
  if (!value) return std::nullopt;
  return Score{.rule = &rule,
               .value = *value,
               .coverage = CoverageOf(rule, question, series, times),
               .weight = question.weight};
}

bool AgainstMedian(const Rule& rule) {
  return rule.comparison == Comparison::kDailyMedian ||
         rule.comparison == Comparison::kDailyMedianAllDays;
}

std::vector<std::optional<Score>> ScoreAgainstMedian(const Rule& rule,
                                                     const ScoredQuestion& question,
                                                     std::span<const SeriesView> all) {
  const std::vector<std::optional<double>> values = ValuesAgainstMedian(rule, question, all);
  std::vector<std::optional<Score>> scores(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!values[i]) continue;
    scores[i] = Score{.rule = &rule,
                      .value = *values[i],
                      .coverage = Coverage(all[i], question.ScoringWindow()),
                      .weight = question.weight};
  }
  return scores;
}

absl::Status CheckSeries(const ScoredQuestion& question, const SeriesView& series,
                         std::string_view field) {
  if (series.state_count != question.state_count) {
    return InvalidField("FIELD_INVALID", field,
                        absl::StrCat("has ", series.state_count, " states where the question has ",
                                     question.state_count));
  }
  CREDENCE_CHECK(series.probabilities.size() == series.steps.size() * series.state_count);
  return absl::OkStatus();
}

std::string RuleName(const Rule& rule) {
  return absl::StrCat(std::string(rule.id), " (version ", rule.version, ")");
}

absl::Status CheckAll(const ScoredQuestion& question, std::span<const SeriesView> all) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    const absl::Status status = CheckSeries(question, all[i], "series");
    if (!status.ok()) return WithFieldPrefix(status, absl::StrCat("all[", i, "]"));
  }
  return absl::OkStatus();
}

}  // namespace

bool Score::finite() const { return std::isfinite(value); }

std::optional<double> Score::FiniteValue() const {
  return finite() ? std::optional<double>(value) : std::nullopt;
}

void ExtendedSum::Add(double value) {
  CREDENCE_CHECK(!std::isnan(value));
  if (std::isfinite(value)) {
    finite_.Add(value);
  } else if (value > 0) {
    has_plus_infinity_ = true;
  } else {
    has_minus_infinity_ = true;
  }
}

double ExtendedSum::value() const {
  if (has_minus_infinity_) return -std::numeric_limits<double>::infinity();
  if (has_plus_infinity_) return std::numeric_limits<double>::infinity();
  return finite_.value();
}

void RunningSummary::Add(double value, double coverage, double weight) {
  ++count_;
  sum_.Add(value);
  // A weight of 0 takes even an infinite score out.
  if (weight > 0) weighted_sum_.Add(weight * value);
  coverage_.Add(coverage);
}

ScoreSummary RunningSummary::Summary(const Rule& rule) const {
  CREDENCE_CHECK(count_ > 0);
  const auto count = static_cast<double>(count_);
  return {.rule = &rule,
          .count = count_,
          .mean = sum_.value() / count,
          .weighted_sum = weighted_sum_.value(),
          .mean_coverage = coverage_.value() / count};
}

DayRange FullDays(const TimeWindow& window) {
  if (window.empty()) return {};
  return {.first = CeilDay(window.start), .end = FloorDay(window.end)};
}

DayRange DaysDecided(const SeriesView& series, std::size_t step, const DayRange& days) {
  // The midnights in (start, end] are the ends of the days that a step decides.
  return {.first = std::max(FloorDay(series.steps[step].start), days.first),
          .end = std::min(FloorDay(series.End(step)), days.end)};
}

std::optional<std::size_t> LastStandingStep(const ScoredQuestion& question,
                                            const SeriesView& series) {
  const TimeWindow window = question.ScoringWindow();
  if (window.empty()) return std::nullopt;
  const std::optional<std::size_t> step = series.StepBefore(window.end);
  if (!step || !series.steps[*step].standing) return std::nullopt;
  return step;
}

std::optional<std::size_t> SpotStep(const ScoredQuestion& question, const SeriesView& series) {
  const absl::Time spot = question.spot_time.value_or(question.close_time);
  // What was said after the answer was known is hindsight.
  return series.StepAt(question.resolve_time ? std::min(spot, *question.resolve_time) : spot);
}

std::vector<std::optional<double>> ValuesTogether(const Rule& rule, const ScoredQuestion& question,
                                                  std::span<const SeriesView> all) {
  if (AgainstMedian(rule)) return ValuesAgainstMedian(rule, question, all);
  std::vector<std::optional<double>> values;
  values.reserve(all.size());
  for (const std::optional<Score>& score : ScoreTogether(rule, question, all)) {
    values.push_back(score ? std::optional(score->value) : std::nullopt);
  }
  return values;
}

std::vector<std::optional<Score>> ScoreTogether(const Rule& rule, const ScoredQuestion& question,
                                                std::span<const SeriesView> all) {
  switch (rule.comparison) {
    case Comparison::kPeers:
      return ScorePeers(rule, question, all);
    case Comparison::kCrowd:
      return ScoreAgainstCrowd(rule, question, all);
    case Comparison::kDailyMedian:
    case Comparison::kDailyMedianAllDays:
      return ScoreAgainstMedian(rule, question, all);
    case Comparison::kNone:
      break;
  }
  CREDENCE_CHECK(rule.needs_others());
  return {};
}

void StepTimes::Measure(const ScoredQuestion& question, const SeriesView& series) {
  held_.clear();
  const TimeWindow window = question.ScoringWindow();
  const DayRange days = FullDays(window);
  CompensatedSum standing_seconds;
  for (std::size_t i = 0; i < series.steps.size(); ++i) {
    if (!series.steps[i].standing) continue;
    const TimeWindow held = HeldWithin(series, i, window);
    const DayRange decided = DaysDecided(series, i, days);
    const std::int64_t day_count = std::max(decided.end - decided.first, std::int64_t{0});
    if (held.empty() && day_count == 0) continue;
    const double seconds = absl::ToDoubleSeconds(held.length());
    standing_seconds.Add(seconds);
    held_.push_back({.step = i, .seconds = seconds, .day_count = day_count});
  }
  standing_seconds_ = standing_seconds.value();
  last_ = LastStandingStep(question, series);
  spot_ = SpotStep(question, series);
  if (spot_ && !series.steps[*spot_].standing) spot_.reset();
}

std::optional<double> ValueAlone(const Rule& rule, const ScoredQuestion& question,
                                 const SeriesView& series, const StepTimes& times) {
  CREDENCE_CHECK(!rule.needs_others());
  switch (rule.timing) {
    case Timing::kLast:
      return StepValue(rule, question, series, times.last());
    case Timing::kSpot:
      return StepValue(rule, question, series, times.spot());
    case Timing::kDaily:
      return DailyValue(rule, question, series, times);
    case Timing::kFatebookDays:
      return FatebookValue(rule, question, series);
    case Timing::kTimeWeighted:
    case Timing::kScheduledHorizon:
      return ValueOverTime(rule, question, series, times);
    case Timing::kActualHorizon:
      break;
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<Score>> ScoreSeries(const Rule& rule, const ScoredQuestion& question,
                                                 const SeriesView& series,
                                                 std::span<const SeriesView> all) {
  CREDENCE_RETURN_IF_ERROR(CheckQuestion(question));
  CREDENCE_RETURN_IF_ERROR(CheckSeries(question, series, "series"));
  const bool scorable =
      question.outcome.scored() && RuleApplies(rule, question) && !series.steps.empty();
  if (!scorable) return std::optional<Score>();
  if (!rule.needs_others()) return ScoreAlone(rule, question, series);
  CREDENCE_RETURN_IF_ERROR(CheckAll(question, all));
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].steps.data() == series.steps.data()) return ScoreTogether(rule, question, all)[i];
  }
  return InvalidField("FIELD_INVALID", "all", "does not hold the series that is scored");
}

absl::StatusOr<std::vector<std::optional<Score>>> ScoreAll(const Rule& rule,
                                                           const ScoredQuestion& question,
                                                           std::span<const SeriesView> all) {
  CREDENCE_RETURN_IF_ERROR(CheckQuestion(question));
  CREDENCE_RETURN_IF_ERROR(CheckAll(question, all));
  std::vector<std::optional<Score>> scores(all.size());
  if (!question.outcome.scored() || !RuleApplies(rule, question)) return scores;
  if (rule.needs_others()) return ScoreTogether(rule, question, all);
  for (std::size_t i = 0; i < all.size(); ++i) scores[i] = ScoreAlone(rule, question, all[i]);
  return scores;
}

absl::StatusOr<ScoreSummary> SummarizeScores(std::span<const Score> scores) {
  if (scores.empty()) {
    return InvalidField("FIELD_REQUIRED", "scores", "nothing to put together");
  }
  const Rule* rule = scores.front().rule;
  CREDENCE_CHECK(rule != nullptr);
  RunningSummary summary;
  for (const Score& score : scores) {
    CREDENCE_CHECK(score.rule != nullptr);
    if (score.rule->id != rule->id || score.rule->version != rule->version) {
      return InvalidField("FIELD_INVALID", "scores",
                          absl::StrCat(RuleName(*rule), " and ", RuleName(*score.rule),
                                       " are different quantities"));
    }
    summary.Add(score.value, score.coverage, score.weight);
  }
  return summary.Summary(*rule);
}

}  // namespace credence::scoring
