#include "table_rows.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "credence/base/check.h"

namespace credence::scoring {
namespace {

void CheckOption(const ScoredQuestion& question, const ForecastRow& row, std::size_t index,
                 RowViolations& violations) {
  if (row.withdrawn) return;
  if (row.option == ForecastRow::kYesNo) {
    if (question.kind != QuestionKind::kBinary) {
      violations.Add("UNKNOWN_STATE", index, "option", "must name one of the question's options");
    }
    return;
  }
  if (row.option < 0 || static_cast<std::size_t>(row.option) >= question.state_count) {
    violations.Add("UNKNOWN_STATE", index, "option", "is not one of the question's options");
  }
}

void CheckTime(const ScoreTableInput& input, const ScoredQuestion& question, const ForecastRow& row,
               std::size_t index, RowViolations& violations) {
  if (row.time == absl::InfiniteFuture() || row.time == absl::InfinitePast()) {
    violations.Add("TIME_INVALID", index, "time", "must be finite");
    return;
  }
  if (!input.refuse_times_outside_window) return;
  if (row.time < question.open_time || row.time >= question.close_time) {
    violations.Add("TIME_INVALID", index, "time", "is outside the question's open time");
  }
}

void CheckRow(const ScoreTableInput& input, std::size_t index, RowViolations& violations) {
  const ForecastRow& row = input.rows[index];
  if (row.forecaster >= input.forecaster_count) {
    violations.Add("FIELD_INVALID", index, "forecaster", "is not in the table");
  }
  // Written so that NaN is refused.
  if (!row.withdrawn && !(row.probability >= 0 && row.probability <= 1)) {
    violations.Add("PROBABILITY_INVALID", index, "probability",
                   absl::StrCat(row.probability, " is not in [0, 1]"));
  }
  if (row.question >= input.questions.size()) {
    violations.Add("FIELD_INVALID", index, "question", "is not in the table");
    return;
  }
  const ScoredQuestion& question = input.questions[row.question];
  CheckOption(question, row, index, violations);
  CheckTime(input, question, row, index, violations);
}

}  // namespace

void RowViolations::Add(std::string_view reason, std::size_t row, std::string_view field,
                        std::string_view description) {
  if (full()) return;
  if (detail_.fields.empty()) detail_.reason = std::string(reason);
  std::string path = absl::StrCat("forecasts[", row, "]");
  if (!field.empty()) path.append(".").append(field);
  detail_.fields.push_back({std::move(path), std::string(description)});
}

absl::Status RowViolations::ToStatus() const {
  if (detail_.fields.empty()) return absl::OkStatus();
  const FieldViolation& first = detail_.fields.front();
  std::string message = absl::StrCat(first.field, ": ", first.description);
  if (detail_.fields.size() > 1) {
    absl::StrAppend(&message, " (and ", full() ? "at least " : "", detail_.fields.size() - 1,
                    " more)");
  }
  return MakeError(absl::StatusCode::kInvalidArgument, message, detail_);
}

void CheckRows(const ScoreTableInput& input, RowViolations& violations) {
  for (std::size_t i = 0; i < input.rows.size() && !violations.full(); ++i) {
    CheckRow(input, i, violations);
  }
}

void SortRows(std::span<const ForecastRow> all, std::span<std::uint32_t> rows) {
  const auto before = [all](std::uint32_t a, std::uint32_t b) {
    const ForecastRow& row_a = all[a];
    const ForecastRow& row_b = all[b];
    if (row_a.forecaster != row_b.forecaster) return row_a.forecaster < row_b.forecaster;
    if (row_a.time != row_b.time) return row_a.time < row_b.time;
    return a < b;
  };
  // Files are often in order already.
  if (!std::is_sorted(rows.begin(), rows.end(), before)) {
    std::sort(rows.begin(), rows.end(), before);
  }
}

void QuestionSeries::Build(const ScoreTableInput& input, const ScoredQuestion& question,
                           std::span<std::uint32_t> rows, RowViolations& violations) {
  all_rows_ = input.rows;
  kind_ = question.kind;
  state_count_ = question.state_count;
  forecasters_.clear();
  step_offsets_.clear();
  steps_.clear();
  probabilities_.clear();
  SortRows(all_rows_, rows);
  for (std::size_t i = 0; i < rows.size();) {
    const ForecastRow& row = all_rows_[rows[i]];
    if (forecasters_.empty() || forecasters_.back() != row.forecaster) {
      forecasters_.push_back(row.forecaster);
      step_offsets_.push_back(steps_.size());
    }
    if (!row.withdrawn && row.option != ForecastRow::kYesNo) {
      i = AddOptions(rows, i, violations);
      continue;
    }
    AddStep(row.time, !row.withdrawn);
    if (!row.withdrawn) {
      probabilities_[probabilities_.size() - 2] = row.probability;
      probabilities_[probabilities_.size() - 1] = 1 - row.probability;
    }
    ++i;
  }
  MakeViews();
}

void QuestionSeries::AddStep(absl::Time start, bool standing) {
  steps_.push_back({.start = start, .standing = standing});
  probabilities_.resize(probabilities_.size() + state_count_, 0.0);
}

// Takes the option rows of one forecast, from `first` on; returns the index after them.
std::size_t QuestionSeries::AddOptions(std::span<const std::uint32_t> rows, std::size_t first,
                                       RowViolations& violations) {
  const ForecastRow& first_row = all_rows_[rows[first]];
  AddStep(first_row.time, true);
  const std::size_t offset = probabilities_.size() - state_count_;
  // Elsewhere what is not stated has been given nothing; options of a multiple choice may have come
  // later than the forecast.
  if (kind_ == QuestionKind::kMultipleChoice) {
    std::fill(probabilities_.begin() + static_cast<std::ptrdiff_t>(offset), probabilities_.end(),
              std::numeric_limits<double>::quiet_NaN());
  }
  std::size_t i = first;
  for (; i < rows.size(); ++i) {
    const ForecastRow& row = all_rows_[rows[i]];
    const bool same_forecast = row.forecaster == first_row.forecaster &&
                               row.time == first_row.time && !row.withdrawn &&
                               row.option != ForecastRow::kYesNo;
    if (!same_forecast) break;
    const auto option = static_cast<std::size_t>(row.option);
    CREDENCE_CHECK(option < state_count_);
    // Given twice at one time, an option has what was said last, as a yes/no forecast has.
    probabilities_[offset + option] = row.probability;
  }
  double sum = 0;
  for (std::size_t k = offset; k < probabilities_.size(); ++k) {
    if (!std::isnan(probabilities_[k])) sum += probabilities_[k];
  }
  if (std::abs(sum - 1) > SumTolerance(state_count_)) {
    violations.Add("PROBABILITY_INVALID", rows[first], "",
                   absl::StrCat("the options of this forecast sum to ", sum, ", not to 1"));
  }
  return i;
}

// Only once the memory has stopped moving.
void QuestionSeries::MakeViews() {
  views_.clear();
  for (std::size_t m = 0; m < forecasters_.size(); ++m) {
    const std::size_t begin = step_offsets_[m];
    const std::size_t end = m + 1 < step_offsets_.size() ? step_offsets_[m + 1] : steps_.size();
    views_.push_back(
        {.state_count = state_count_,
         .steps = std::span<const Step>(steps_).subspan(begin, end - begin),
         .probabilities = std::span<const double>(probabilities_)
                              .subspan(begin * state_count_, (end - begin) * state_count_)});
  }
}

}  // namespace credence::scoring
