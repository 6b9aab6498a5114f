#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

// The registry of scoring rules. A rule id says everything that changes a number; scores of
// different ids are different quantities and are never averaged together.
//
// Each rule is put together from three choices, so that a new id is one more row of the table:
// a kernel (what one probability vector is worth against an outcome), a timing (which of the
// vectors that stood over time count, and how much) and a comparison (alone, or with whom).
//
// Thread-safe: immutable tables and pure functions.
namespace credence::scoring {

enum class Orientation { kLowerIsBetter, kHigherIsBetter };

// What one probability vector f is worth when the outcome has share o_k in state k (o is 1 for
// the state that happened; binary questions may settle at a fraction). F and O are cumulative
// sums of f and o in state order.
enum class Kernel {
  kBrierHalf,          // half of kBrierFull; for K = 2 this is (p - o)^2; range [0, 1] (Brier 1950)
  kBrierFull,          // sum_k (f_k - o_k)^2; range [0, 2] (Brier 1950)
  kBrierOrdered,       // mean over k < K of 2 (F_k - O_k)^2 (Jose, Nau, Winkler 2009)
  kLog,                // -sum_k o_k ln f_k, in nats; range [0, infinity] (Good 1952)
  kRankedLog,          // sum of kLog over the K - 1 cuts (Todter, Ahrens 2012)
  kSpherical,          // sum_k o_k f_k / ||f||; range [0, 1] (Roby 1965)
  kRankedProbability,  // sum_{k < K} (F_k - O_k)^2 (Epstein 1969)
  kRankedProbabilityNormalized,  // kRankedProbability / (K - 1)
  kCrpsBins,                     // kRankedProbability times the bin width (Matheson, Winkler 1976)
  kMetaculusBaseline,            // 100 ln(f_j K) / ln K; numeric: 50 ln(f_j / base_j) (Metaculus)
  kMetaculusPeer,      // 100 (ln f_j - mean of the others' ln f_j); numeric: half (Metaculus)
  kMetaculusRelative,  // log2(f_j / that of the crowd) (Metaculus)
  kEvidenceGain,       // EvidenceGain of diagnosis.h: of sources, not of forecasts
};

// Which of the vectors that stood over time count.
enum class Timing {
  kLast,              // the one in force at the end of the scoring window
  kDaily,             // for each full UTC day in the window, the one in force at the day's end
  kTimeWeighted,      // all of them, by how long each stood, over the time that any stood
  kScheduledHorizon,  // as kTimeWeighted, but over the whole scheduled time: absence earns 0
  kActualHorizon,     // the same over the whole scoring window
  kSpot,              // the one in force at the spot time
  kFatebookDays,      // the mean of each 24 hours from the open time, over the whole window
};

// With what a score is compared before it counts.
enum class Comparison {
  kNone,
  kPeers,               // the others who stand at the same instant
  kDailyMedian,         // the median over everybody's scores of the day
  kDailyMedianAllDays,  // the same, over all days of the window: absence earns 0
  kCrowd,               // the crowd's pooled forecast at the same instant
};

struct Rule {
  std::string_view id;
  // Goes up when a correction changes numbers under the same id.
  int version = 1;
  Kernel kernel;
  Timing timing;
  Orientation orientation;
  Comparison comparison = Comparison::kNone;
  // Probabilities below it are taken as it, in the log kernels; 0 is none.
  double floor = 0;
  // In ASCII: f the forecast, o the outcome's shares, j the state that happened, F and O cumulative
  // sums over states in order.
  std::string_view formula;
  std::string_view range;
  // One paragraph in plain words: everything that changes a number.
  std::string_view convention;
  std::string_view source;
  // What is easily mistaken for it, or by it.
  std::string_view traps;
  // A case and the score it must give; tests compute each.
  std::string_view check;

  // True where the score needs the other forecasters' series on the same question.
  [[nodiscard]] bool needs_others() const { return comparison != Comparison::kNone; }
};

// Every rule, in the order in which lists show them.
[[nodiscard]] std::span<const Rule> AllRules();

// The rule of this id, valid for ever. INVALID_ARGUMENT (UNKNOWN_RULE) naming the nearest id.
[[nodiscard]] absl::StatusOr<const Rule*> FindRule(std::string_view id);

// The reference page of all rules, in Markdown: docs/reference/scoring-rules.md.
[[nodiscard]] std::string RulesPage();

}  // namespace credence::scoring
