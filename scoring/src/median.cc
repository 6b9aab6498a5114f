#include <algorithm>
#include <cmath>
#include <cstdint>

#include "credence/base/check.h"
#include "score_internal.h"

// Scores by days: against the median of everybody's scores of the day (Good Judgment Open), and by
// periods of 24 hours from the open time (Fatebook).
namespace credence::scoring {
namespace {

// Days in a row on which one member has one score.
struct Spell {
  std::size_t member = 0;
  DayRange days;
  double score = 0;
};

// How much each day counts, and what the sum is divided by.
struct DayWeights {
  // All days count 1 but the last, which may be a fraction.
  std::int64_t last_day = 0;
  double last_weight = 1;

  [[nodiscard]] double Of(const DayRange& days) const {
    const auto count = static_cast<double>(days.end - days.first);
    const bool holds_last = days.first <= last_day && last_day < days.end;
    return holds_last ? count - 1 + last_weight : count;
  }
};

void AddDailySpells(const Rule& rule, const ScoredQuestion& question, const SeriesView& series,
                    std::size_t member, std::vector<Spell>& spells) {
  const DayRange all_days = FullDays(question.ScoringWindow());
  for (std::size_t i = 0; i < series.steps.size(); ++i) {
    if (!series.steps[i].standing) continue;
    const DayRange days = DaysDecided(series, i, all_days);
    if (days.end <= days.first) continue;
    const double score = EvaluateKernel(rule.kernel, question, series.Probabilities(i), rule.floor);
    spells.push_back({.member = member, .days = days, .score = score});
  }
}

// The periods of 24 hours from the start of a window; the last one may be shorter.
class Periods {
 public:
  explicit Periods(const TimeWindow& window) : window_(window) {
    absl::Duration rest;
    full_count_ = absl::IDivDuration(window.length(), absl::Hours(24), &rest);
    fraction_ = absl::FDivDuration(rest, absl::Hours(24));
  }

  [[nodiscard]] std::int64_t count() const { return full_count_ + (fraction_ > 0 ? 1 : 0); }
  [[nodiscard]] TimeWindow At(std::int64_t index) const {
    const absl::Time start = window_.start + absl::Hours(24) * index;
    return {start, std::min(start + absl::Hours(24), window_.end)};
  }
  // How many of the periods end before `time`, or at it.
  [[nodiscard]] std::int64_t EndBefore(absl::Time time) const {
    if (time >= window_.end) return count();
    absl::Duration rest;
    return time <= window_.start ? 0
                                 : absl::IDivDuration(time - window_.start, absl::Hours(24), &rest);
  }
  // Less than a day in all counts as one whole period.
  [[nodiscard]] double divisor() const {
    return full_count_ == 0 ? 1 : static_cast<double>(full_count_) + fraction_;
  }
  [[nodiscard]] DayWeights weights() const {
    const bool fractional = full_count_ > 0 && fraction_ > 0;
    return {.last_day = count() - 1, .last_weight = fractional ? fraction_ : 1};
  }

 private:
  TimeWindow window_;
  std::int64_t full_count_ = 0;
  double fraction_ = 0;
};

// The average probability of yes in one period; absent where nothing stood in it. What stood last
// counts for the time in which nothing did.
std::optional<double> AverageWithin(const SeriesView& series, const TimeWindow& period) {
  const double length = absl::ToDoubleSeconds(period.length());
  double weight_sum = 0;
  double sum = 0;
  std::optional<double> last;
  std::size_t i = series.StepAt(period.start).value_or(0);
  for (; i < series.steps.size() && series.steps[i].start < period.end; ++i) {
    const TimeWindow held{std::max(series.steps[i].start, period.start),
                          std::min(series.End(i), period.end)};
    if (!series.steps[i].standing || held.empty()) continue;
    last = series.Probabilities(i)[0];
    const double weight = absl::ToDoubleSeconds(held.length()) / length;
    weight_sum += weight;
    sum += weight * *last;
  }
  if (!last) return std::nullopt;
  return sum + (1 - weight_sum) * *last;
}

void AddPeriodSpell(const Rule& rule, const ScoredQuestion& question, double average,
                    std::size_t member, const DayRange& days, std::vector<Spell>& spells) {
  const double probability = std::clamp(average, 0.0, 1.0);
  const double probabilities[] = {probability, 1 - probability};
  spells.push_back({.member = member,
                    .days = days,
                    .score = EvaluateKernel(rule.kernel, question, probabilities, rule.floor)});
}

void AddPeriodSpells(const Rule& rule, const ScoredQuestion& question, const SeriesView& series,
                     std::size_t member, std::vector<Spell>& spells) {
  const Periods periods(question.ScoringWindow());
  for (std::int64_t day = 0; day < periods.count();) {
    // What stands through several periods is averaged once; what was never said costs nothing.
    const std::optional<std::size_t> step = series.StepAt(periods.At(day).start);
    const std::size_t next = step ? *step + 1 : 0;
    const absl::Time change =
        next < series.steps.size() ? series.steps[next].start : absl::InfiniteFuture();
    const DayRange still{.first = day, .end = periods.EndBefore(change)};
    if (still.end > day) {
      if (step && series.steps[*step].standing) {
        AddPeriodSpell(rule, question, series.Probabilities(*step)[0], member, still, spells);
      }
      day = still.end;
      continue;
    }
    const std::optional<double> average = AverageWithin(series, periods.At(day));
    if (average) {
      AddPeriodSpell(rule, question, *average, member, {.first = day, .end = day + 1}, spells);
    }
    ++day;
  }
}

// The median of all scores that stand, stretch by stretch: the days are cut where anybody's spell
// begins or ends, so that within each stretch all scores stand still. The scores are kept in order,
// so that a change costs a search and a shift rather than a selection.
class MedianHistory {
 public:
  MedianHistory(const std::vector<Spell>& spells, const DayWeights& weights) {
    std::vector<Change> changes;
    changes.reserve(2 * spells.size());
    for (const Spell& spell : spells) {
      changes.push_back({spell.days.first, spell.score, true});
      changes.push_back({spell.days.end, spell.score, false});
    }
    std::sort(changes.begin(), changes.end(),
              [](const Change& a, const Change& b) { return a.day < b.day; });
    std::vector<double> standing;
    for (std::size_t i = 0; i < changes.size();) {
      const std::int64_t day = changes[i].day;
      // A score may go before it has come, where one spell follows another with the same: what
      // comes is taken first.
      const std::size_t first = i;
      for (; i < changes.size() && changes[i].day == day; ++i) {
        if (changes[i].begins) Insert(standing, changes[i].score);
      }
      for (std::size_t c = first; c < i; ++c) {
        if (!changes[c].begins) Erase(standing, changes[c].score);
      }
      starts_.push_back(day);
      const std::int64_t end = i < changes.size() ? changes[i].day : day;
      weights_.push_back(weights.Of({day, end}));
      medians_.push_back(standing.empty() ? 0 : Middle(standing));
    }
  }

  // Adds weight * (score - median) over the days of a spell.
  void AddDifferences(const Spell& spell, CompensatedSum& sum) const {
    // Short runs are added up plainly, which is quick, and their sums with care.
    constexpr std::size_t kRunMax = 32;
    std::size_t i = IndexOf(spell.days.first);
    const std::size_t end = IndexOf(spell.days.end);
    while (i < end) {
      const std::size_t run_end = std::min(end, i + kRunMax);
      // Four sums side by side do not wait for each other.
      double lanes[4] = {};
      for (; i + 4 <= run_end; i += 4) {
        for (std::size_t k = 0; k < 4; ++k) {
          lanes[k] += weights_[i + k] * (spell.score - medians_[i + k]);
        }
      }
      for (; i < run_end; ++i) lanes[0] += weights_[i] * (spell.score - medians_[i]);
      sum.Add((lanes[0] + lanes[1]) + (lanes[2] + lanes[3]));
    }
  }

 private:
  struct Change {
    std::int64_t day = 0;
    double score = 0;
    bool begins = false;
  };

  static void Insert(std::vector<double>& sorted, double score) {
    sorted.insert(std::upper_bound(sorted.begin(), sorted.end(), score), score);
  }
  static void Erase(std::vector<double>& sorted, double score) {
    const auto found = std::lower_bound(sorted.begin(), sorted.end(), score);
    CREDENCE_CHECK(found != sorted.end());
    sorted.erase(found);
  }
  static double Middle(const std::vector<double>& sorted) {
    const std::size_t half = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }
  [[nodiscard]] std::size_t IndexOf(std::int64_t day) const {
    const auto found = std::lower_bound(starts_.begin(), starts_.end(), day);
    CREDENCE_CHECK(found != starts_.end() && *found == day);
    return static_cast<std::size_t>(found - starts_.begin());
  }

  // By stretch, the last of which is empty.
  std::vector<std::int64_t> starts_;
  std::vector<double> weights_;
  std::vector<double> medians_;
};

std::size_t MembersWithDays(const std::vector<Spell>& spells) {
  // Spells come member by member.
  std::size_t count = 0;
  for (std::size_t i = 0; i < spells.size(); ++i) {
    if (i == 0 || spells[i].member != spells[i - 1].member) ++count;
  }
  return count;
}

}  // namespace

std::vector<std::optional<double>> ValuesAgainstMedian(const Rule& rule,
                                                       const ScoredQuestion& question,
                                                       std::span<const SeriesView> all) {
  std::vector<std::optional<double>> values(all.size());
  const TimeWindow window = question.ScoringWindow();
  if (window.empty()) return values;
  const bool by_periods = rule.timing == Timing::kFatebookDays;
  CREDENCE_CHECK(by_periods || rule.timing == Timing::kDaily);
  std::vector<Spell> spells;
  for (std::size_t m = 0; m < all.size(); ++m) {
    (by_periods ? AddPeriodSpells : AddDailySpells)(rule, question, all[m], m, spells);
  }
  // One alone has nobody to be compared with.
  if (MembersWithDays(spells) < 2) return values;
  const Periods periods(window);
  const DayRange full_days = FullDays(window);
  const DayWeights weights =
      by_periods ? periods.weights() : DayWeights{.last_day = full_days.end - 1, .last_weight = 1};
  const MedianHistory medians(spells, weights);
  std::vector<CompensatedSum> sums(all.size());
  std::vector<double> own_days(all.size(), 0.0);
  for (const Spell& spell : spells) {
    medians.AddDifferences(spell, sums[spell.member]);
    own_days[spell.member] += weights.Of(spell.days);
  }
  const auto all_days = static_cast<double>(full_days.end - full_days.first);
  for (std::size_t m = 0; m < all.size(); ++m) {
    if (!(own_days[m] > 0)) continue;
    double divisor = rule.comparison == Comparison::kDailyMedianAllDays ? all_days : own_days[m];
    if (by_periods) divisor = periods.divisor();
    values[m] = sums[m].value() / divisor;
  }
  return values;
}

std::optional<double> FatebookValue(const Rule& rule, const ScoredQuestion& question,
                                    const SeriesView& series) {
  const TimeWindow window = question.ScoringWindow();
  if (window.empty()) return std::nullopt;
  std::vector<Spell> spells;
  AddPeriodSpells(rule, question, series, 0, spells);
  if (spells.empty()) return std::nullopt;
  const Periods periods(window);
  const DayWeights weights = periods.weights();
  CompensatedSum sum;
  for (const Spell& spell : spells) sum.Add(weights.Of(spell.days) * spell.score);
  return sum.value() / periods.divisor();
}

}  // namespace credence::scoring
