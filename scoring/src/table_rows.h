#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "credence/base/error.h"
#include "credence/scoring/series.h"
#include "credence/scoring/table.h"

namespace credence::scoring {

// Wrong rows, gathered so that one error names many of them.
class RowViolations {
 public:
  void Add(std::string_view reason, std::size_t row, std::string_view field,
           std::string_view description);
  [[nodiscard]] bool full() const { return detail_.fields.size() >= kRowViolationsMax; }
  [[nodiscard]] absl::Status ToStatus() const;

 private:
  ErrorDetail detail_;
};

// Checks each row by itself: indexes, time, probability.
void CheckRows(const ScoreTableInput& input, RowViolations& violations);

// Puts indexes of rows in the order of forecaster, time and place.
void SortRows(std::span<const ForecastRow> all, std::span<std::uint32_t> rows);

// The rows of one question, put together into one series for each forecaster in contiguous memory
// that is used again for the next question.
class QuestionSeries {
 public:
  // `rows` are indexes into input.rows of good rows of one question.
  void Build(const ScoreTableInput& input, const ScoredQuestion& question,
             std::span<std::uint32_t> rows, RowViolations& violations);

  // One for each forecaster with a row, by forecaster; valid until the next Build.
  [[nodiscard]] std::span<const SeriesView> series() const { return views_; }
  [[nodiscard]] std::span<const std::uint32_t> forecasters() const { return forecasters_; }

 private:
  void AddStep(absl::Time start, bool standing);
  std::size_t AddOptions(std::span<const std::uint32_t> rows, std::size_t first,
                         RowViolations& violations);
  void MakeViews();

  std::span<const ForecastRow> all_rows_;
  QuestionKind kind_ = QuestionKind::kBinary;
  std::size_t state_count_ = 0;
  std::vector<std::uint32_t> forecasters_;
  std::vector<std::size_t> step_offsets_;
  std::vector<Step> steps_;
  std::vector<double> probabilities_;
  std::vector<SeriesView> views_;
};

}  // namespace credence::scoring
