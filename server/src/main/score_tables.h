#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/scoring/question.h"
#include "credence/scoring/table.h"

// The two files that `credence score file` takes, read into what scoring::ScoreTable takes.
namespace credence::server {

// Resolved questions. Columns question, open_time, close_time, resolve_time, outcome, and where
// given type, options (separated by |), spot_time, weight, open_bounds (how many of a numeric
// question's two out-of-range bins are possible), bin_width, cluster and stratum (of the
// bootstrap). An outcome is `yes`, `no`, a share of yes, `void`, `ambiguous` or `annulled`; where
// options stand, it is the name of one before it is anything else, and of these only the last three
// remain.
struct ResolutionTable {
  std::string file;
  std::vector<scoring::ScoredQuestion> questions;
  // Of each question: the names of its states, empty where it has no options; its line; and whether
  // open_bounds was given.
  std::vector<std::vector<std::string>> options;
  std::vector<int> lines;
  std::vector<bool> bounds_given;
  absl::flat_hash_map<std::string, std::uint32_t> index;
  // Of each question, numbered by first appearance; empty where the column is not there. A question
  // without a cluster stands alone.
  std::vector<std::uint32_t> clusters;
  std::vector<std::uint32_t> strata;
};

// Forecasts. Columns forecaster, question, time, probability, and where given option. The
// probability `withdraw` ends the standing forecast; an empty one says that the option was not
// offered yet, like a missing row.
struct ForecastTable {
  std::string file;
  std::vector<scoring::ForecastRow> rows;
  std::vector<int> lines;
  // In the order in which they come first.
  std::vector<std::string> forecasters;
};

struct ForecastReading {
  // Leaves out forecasts on questions without a resolution instead of refusing them.
  bool skip_unresolved = false;
  // Lets forecasts made before the open count from there instead of refusing them.
  bool count_early = false;
};

// Both are INVALID_ARGUMENT naming file and line for what is malformed or cannot count: up to a
// hundred rows at once. Notes on what is out of the ordinary (unknown columns, forecasts made
// before the open, which count from there) go to `notes`.
[[nodiscard]] absl::StatusOr<ResolutionTable> ReadResolutions(const std::string& file,
                                                              std::string_view text,
                                                              std::ostream& notes);
[[nodiscard]] absl::StatusOr<ForecastTable> ReadForecasts(const std::string& file,
                                                          std::string_view text,
                                                          const ResolutionTable& resolutions,
                                                          const ForecastReading& reading,
                                                          std::ostream& notes);

// Sets open_bound_count of the numeric questions for which it was not given: an out-of-range bin is
// possible where it happened or where any forecast gives it a probability.
void InferOpenBounds(const ForecastTable& forecasts, ResolutionTable& resolutions);

// An error of scoring::ScoreTable with its paths "forecasts[i].x" and "questions[i].x" put as
// "FILE:LINE: x".
[[nodiscard]] absl::Status AtLines(const absl::Status& status, const ForecastTable& forecasts,
                                   const ResolutionTable& resolutions);

}  // namespace credence::server
