#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/scoring/decomposition.h"
#include "credence/scoring/question.h"
#include "credence/scoring/rules.h"
#include "credence/scoring/score.h"

// Scores of whole tables: many forecasters on many questions under several rules, without a
// server. The caller reads the files and numbers the names; here is no I/O.
//
// Thread-safe: pure functions and immutable results.
namespace credence::scoring {

// One row of a table of forecasts. A yes/no forecast is one row; a forecast over options is the
// rows of one forecaster, question and time, one for each option, where an option without a row
// has probability 0.
struct ForecastRow {
  static constexpr std::int32_t kYesNo = -1;

  absl::Time time;
  // Of yes, or of the option; ignored where `withdrawn`.
  double probability = 0;
  // Index into the table's questions.
  std::uint32_t question = 0;
  // Below the table's forecaster_count.
  std::uint32_t forecaster = 0;
  // Index of the state, or kYesNo.
  std::int32_t option = kYesNo;
  // Ends the standing forecast at `time`.
  bool withdrawn = false;
};

// What is scored. Everything is borrowed for the duration of the call.
struct ScoreTableInput {
  std::span<const ScoredQuestion> questions;
  std::size_t forecaster_count = 0;
  // In any order. Of several forecasts by one forecaster on one question at one time the last
  // row counts. Fewer than 2^32 rows.
  std::span<const ForecastRow> rows;
  std::span<const Rule* const> rules;
  // Adds Murphy and CORP decompositions of the half Brier scores of the last standing forecasts
  // on yes/no questions that were settled one way or the other.
  bool calibration = false;
  // Refuses rows outside [open_time, close_time). Otherwise earlier ones are carried in and later
  // ones do not count.
  bool refuse_times_outside_window = false;
};

struct ForecasterCalibration {
  MurphyDecomposition murphy;
  CorpDecomposition corp;
};

struct ForecasterSummary {
  // Questions on which at least one rule gave a score.
  std::size_t question_count = 0;
  // Mean over these of the share of the scoring window with a standing forecast.
  double mean_coverage = 0;
  // One for each rule of the input; absent where it scored none of the questions.
  std::vector<std::optional<ScoreSummary>> summaries;
  // Absent unless asked for, and where no question qualifies.
  std::optional<ForecasterCalibration> calibration;
};

// One forecaster on one question whose outcome is scored.
struct TableEntry {
  std::uint32_t question = 0;
  std::uint32_t forecaster = 0;
  // Share of the scoring window with a standing forecast.
  double coverage = 0;
};

class ScoredTable {
 public:
  // By question, then by forecaster. Valid while the table lives.
  [[nodiscard]] std::span<const TableEntry> entries() const { return entries_; }
  // The score of an entry under the rule of this index in the input; +-infinity where the rule
  // says so, absent where it gives none.
  [[nodiscard]] std::optional<double> Value(std::size_t entry, std::size_t rule) const;
  // The entries of one forecaster, as indexes into entries(), by question.
  [[nodiscard]] std::span<const std::uint32_t> EntriesOf(std::size_t forecaster) const;
  // By forecaster index.
  [[nodiscard]] std::span<const ForecasterSummary> forecasters() const { return forecasters_; }
  // The last standing forecasts of one forecaster on yes/no questions that were settled one way or
  // the other, by question: what its calibration was computed from. Empty unless calibration was
  // asked for.
  [[nodiscard]] std::vector<BinaryForecast> SettledForecasts(std::size_t forecaster) const;
  // Questions that were void, ambiguous or annulled, and so not scored.
  [[nodiscard]] std::size_t unscored_question_count() const { return unscored_question_count_; }

 private:
  friend class TableScorer;

  std::size_t rule_count_ = 0;
  std::vector<TableEntry> entries_;
  // entries x rules; NaN stands for absent.
  std::vector<double> values_;
  std::vector<std::uint32_t> entries_by_forecaster_;
  std::vector<std::size_t> forecaster_offsets_;
  std::vector<ForecasterSummary> forecasters_;
  // By entry; its probability is NaN where it is not one of calibration. Empty unless asked for.
  std::vector<BinaryForecast> settled_;
  std::size_t unscored_question_count_ = 0;
};

// How many wrong rows one error names at most.
inline constexpr std::size_t kRowViolationsMax = 100;

// Scores every forecaster on every question under every rule. All or nothing: INVALID_ARGUMENT
// names a wrong question ("questions[i].id" and so on, as CheckQuestion) or the first
// kRowViolationsMax wrong rows ("forecasts[i].option" and so on), with the reason of the first:
// UNKNOWN_STATE (an option that is not one of the question's states, or none on a question that is
// not yes/no), PROBABILITY_INVALID (range; sum, at the first row of the forecast), TIME_INVALID,
// FIELD_INVALID (question or forecaster out of range).
//
// O(rows log rows) and, beside the rows, about 60 bytes for each entry and 8 for each entry and
// rule. Results do not depend on the order of rows, except among equal times.
[[nodiscard]] absl::StatusOr<ScoredTable> ScoreTable(const ScoreTableInput& input);

}  // namespace credence::scoring
