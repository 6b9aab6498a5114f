#include "credence/scoring/table.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "score_internal.h"
#include "table_rows.h"

namespace credence::scoring {
namespace {

// Row indexes by question, in input order: bucket q is [offsets[q], offsets[q + 1]).
struct RowBuckets {
  std::vector<std::size_t> offsets;
  std::vector<std::uint32_t> rows;

  [[nodiscard]] std::span<std::uint32_t> Of(std::size_t question) {
    return std::span(rows).subspan(offsets[question], offsets[question + 1] - offsets[question]);
  }
};

RowBuckets BucketByQuestion(const ScoreTableInput& input) {
  RowBuckets buckets;
  buckets.offsets.assign(input.questions.size() + 1, 0);
  for (const ForecastRow& row : input.rows) ++buckets.offsets[row.question + 1];
  for (std::size_t q = 1; q < buckets.offsets.size(); ++q) {
    buckets.offsets[q] += buckets.offsets[q - 1];
  }
  std::vector<std::size_t> next(buckets.offsets.begin(), buckets.offsets.end() - 1);
  buckets.rows.resize(input.rows.size());
  for (std::size_t i = 0; i < input.rows.size(); ++i) {
    buckets.rows[next[input.rows[i].question]++] = static_cast<std::uint32_t>(i);
  }
  return buckets;
}

absl::Status CheckQuestions(std::span<const ScoredQuestion> questions) {
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const absl::Status status = CheckQuestion(questions[i]);
    if (!status.ok()) return WithFieldPrefix(status, absl::StrCat("questions[", i, "]"));
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<double> ScoredTable::Value(std::size_t entry, std::size_t rule) const {
  CREDENCE_CHECK(entry < entries_.size());
  CREDENCE_CHECK(rule < rule_count_);
  const double value = values_[entry * rule_count_ + rule];
  return std::isnan(value) ? std::nullopt : std::optional<double>(value);
}

std::span<const std::uint32_t> ScoredTable::EntriesOf(std::size_t forecaster) const {
  CREDENCE_CHECK(forecaster + 1 < forecaster_offsets_.size());
  return std::span<const std::uint32_t>(entries_by_forecaster_)
      .subspan(forecaster_offsets_[forecaster],
               forecaster_offsets_[forecaster + 1] - forecaster_offsets_[forecaster]);
}

std::vector<BinaryForecast> ScoredTable::SettledForecasts(std::size_t forecaster) const {
  std::vector<BinaryForecast> forecasts;
  if (settled_.empty()) return forecasts;
  for (const std::uint32_t entry : EntriesOf(forecaster)) {
    if (!std::isnan(settled_[entry].probability)) forecasts.push_back(settled_[entry]);
  }
  return forecasts;
}

// Fills a table in three passes: scores by question, an index by forecaster, and the summaries.
class TableScorer {
 public:
  explicit TableScorer(const ScoreTableInput& input) : input_(input) {
    table_.rule_count_ = input.rules.size();
  }

  absl::StatusOr<ScoredTable> Run() && {
    CREDENCE_RETURN_IF_ERROR(CheckQuestions(input_.questions));
    RowViolations violations;
    CheckRows(input_, violations);
    CREDENCE_RETURN_IF_ERROR(violations.ToStatus());
    RowBuckets buckets = BucketByQuestion(input_);
    ReserveEntries(buckets);
    QuestionSeries series;
    for (std::size_t q = 0; q < input_.questions.size() && !violations.full(); ++q) {
      series.Build(input_, input_.questions[q], buckets.Of(q), violations);
      ScoreQuestion(q, series);
    }
    CREDENCE_RETURN_IF_ERROR(violations.ToStatus());
    IndexByForecaster();
    for (std::size_t f = 0; f < input_.forecaster_count; ++f) Summarize(f);
    return std::move(table_);
  }

 private:
  // Growing by doubling would copy hundreds of megabytes of scores, and hold them twice.
  void ReserveEntries(RowBuckets& buckets) {
    std::size_t entry_count = 0;
    for (std::size_t q = 0; q < input_.questions.size(); ++q) {
      if (!input_.questions[q].outcome.scored()) continue;
      const std::span<std::uint32_t> rows = buckets.Of(q);
      SortRows(input_.rows, rows);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const bool first =
            i == 0 || input_.rows[rows[i]].forecaster != input_.rows[rows[i - 1]].forecaster;
        if (first) ++entry_count;
      }
    }
    table_.entries_.reserve(entry_count);
    table_.values_.reserve(entry_count * table_.rule_count_);
    if (input_.calibration) table_.settled_.reserve(entry_count);
  }

  void ScoreQuestion(std::size_t question_index, const QuestionSeries& series) {
    const ScoredQuestion& question = input_.questions[question_index];
    if (!question.outcome.scored()) {
      ++table_.unscored_question_count_;
      return;
    }
    const std::size_t first = table_.entries_.size();
    for (std::size_t m = 0; m < series.series().size(); ++m) {
      AddEntry(question_index, series.forecasters()[m], series.series()[m]);
    }
    table_.values_.resize(table_.entries_.size() * table_.rule_count_,
                          std::numeric_limits<double>::quiet_NaN());
    ScoreEachAlone(question, series.series(), first);
    for (std::size_t r = 0; r < input_.rules.size(); ++r) {
      const Rule& rule = *input_.rules[r];
      if (!rule.needs_others() || !RuleApplies(rule, question)) continue;
      const auto values = ValuesTogether(rule, question, series.series());
      for (std::size_t m = 0; m < values.size(); ++m) {
        if (values[m]) SetValue(first + m, r, *values[m]);
      }
    }
  }

  void AddEntry(std::size_t question_index, std::uint32_t forecaster, const SeriesView& series) {
    const ScoredQuestion& question = input_.questions[question_index];
    table_.entries_.push_back({.question = static_cast<std::uint32_t>(question_index),
                               .forecaster = forecaster,
                               .coverage = Coverage(series, question.ScoringWindow())});
    if (!input_.calibration) return;
    BinaryForecast last{std::numeric_limits<double>::quiet_NaN(), false};
    const bool settled =
        question.kind == QuestionKind::kBinary && question.outcome.kind() == Outcome::Kind::kState;
    if (settled) {
      const std::optional<std::size_t> step = LastStandingStep(question, series);
      if (step) last = {series.Probabilities(*step)[0], question.outcome.state() == 0};
    }
    table_.settled_.push_back(last);
  }

  // Series by series, so that each is measured once for all rules.
  void ScoreEachAlone(const ScoredQuestion& question, std::span<const SeriesView> all,
                      std::size_t first_entry) {
    alone_.clear();
    for (std::size_t r = 0; r < input_.rules.size(); ++r) {
      const Rule& rule = *input_.rules[r];
      if (!rule.needs_others() && RuleApplies(rule, question)) alone_.push_back(r);
    }
    if (alone_.empty()) return;
    for (std::size_t m = 0; m < all.size(); ++m) {
      times_.Measure(question, all[m]);
      for (const std::size_t r : alone_) {
        const auto value = ValueAlone(*input_.rules[r], question, all[m], times_);
        if (value) SetValue(first_entry + m, r, *value);
      }
    }
  }

  void SetValue(std::size_t entry, std::size_t rule, double value) {
    table_.values_[entry * table_.rule_count_ + rule] = value;
  }

  // A counting sort, which keeps the entries of each forecaster in the order of questions.
  void IndexByForecaster() {
    CREDENCE_CHECK(table_.entries_.size() <= std::numeric_limits<std::uint32_t>::max());
    std::vector<std::size_t>& offsets = table_.forecaster_offsets_;
    offsets.assign(input_.forecaster_count + 1, 0);
    for (const TableEntry& entry : table_.entries_) ++offsets[entry.forecaster + 1];
    for (std::size_t f = 1; f < offsets.size(); ++f) offsets[f] += offsets[f - 1];
    std::vector<std::size_t> next(offsets.begin(), offsets.end() - 1);
    table_.entries_by_forecaster_.resize(table_.entries_.size());
    for (std::size_t i = 0; i < table_.entries_.size(); ++i) {
      table_.entries_by_forecaster_[next[table_.entries_[i].forecaster]++] =
          static_cast<std::uint32_t>(i);
    }
  }

  // Entry by entry, since the scores of one entry lie together and those of one rule far apart.
  void Summarize(std::size_t forecaster) {
    ForecasterSummary summary;
    CompensatedSum coverage;
    running_.assign(table_.rule_count_, {});
    for (const std::uint32_t index : table_.EntriesOf(forecaster)) {
      const TableEntry& entry = table_.entries_[index];
      const double weight = input_.questions[entry.question].weight;
      bool has_score = false;
      for (std::size_t r = 0; r < table_.rule_count_; ++r) {
        const double value = table_.values_[index * table_.rule_count_ + r];
        if (std::isnan(value)) continue;
        has_score = true;
        running_[r].Add(value, entry.coverage, weight);
      }
      if (!has_score) continue;
      ++summary.question_count;
      coverage.Add(entry.coverage);
    }
    if (summary.question_count > 0) {
      summary.mean_coverage = coverage.value() / static_cast<double>(summary.question_count);
    }
    for (std::size_t r = 0; r < table_.rule_count_; ++r) {
      summary.summaries.push_back(running_[r].count() == 0
                                      ? std::nullopt
                                      : std::optional(running_[r].Summary(*input_.rules[r])));
    }
    if (input_.calibration) summary.calibration = Calibrate(forecaster);
    table_.forecasters_.push_back(std::move(summary));
  }

  [[nodiscard]] std::optional<ForecasterCalibration> Calibrate(std::size_t forecaster) {
    const std::vector<BinaryForecast> forecasts = table_.SettledForecasts(forecaster);
    if (forecasts.empty()) return std::nullopt;
    const auto murphy = DecomposeMurphy(forecasts);
    const auto corp = DecomposeCorp(forecasts, BinaryLoss::kHalfBrier);
    CREDENCE_CHECK(murphy.ok());
    CREDENCE_CHECK(corp.ok());
    return ForecasterCalibration{.murphy = *murphy, .corp = *corp};
  }

  const ScoreTableInput& input_;
  ScoredTable table_;
  // Used again from question to question and from forecaster to forecaster.
  StepTimes times_;
  std::vector<std::size_t> alone_;
  std::vector<RunningSummary> running_;
};

absl::StatusOr<ScoredTable> ScoreTable(const ScoreTableInput& input) {
  if (input.rows.size() > std::numeric_limits<std::uint32_t>::max()) {
    return InvalidField("FIELD_TOO_LARGE", "forecasts", "must be fewer than 2^32 rows");
  }
  for (const Rule* rule : input.rules) CREDENCE_CHECK(rule != nullptr);
  return TableScorer(input).Run();
}

}  // namespace credence::scoring
