#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/scoring/series.h"

// What scoring needs to know of a question: its states, its times, and how it ended.
//
// Thread-safe: values without shared state.
namespace credence::scoring {

enum class QuestionKind {
  kBinary,          // two states: yes (index 0), no (index 1)
  kMultipleChoice,  // states without an order
  kOrdered,         // states in a meaningful order
  kNumeric,         // bins in order; the first and the last hold what is out of range
};

// How a question ended. Void, ambiguous and annulled questions are never scored: they are neither
// 0 nor 1. A fraction (a market settled at 0.5) is an outcome of its own.
class Outcome {
 public:
  enum class Kind { kState, kFraction, kVoid, kAmbiguous, kAnnulled };

  // One state happened, by its index.
  [[nodiscard]] static Outcome State(std::size_t index);
  // A binary question settled at `share_of_yes`. INVALID_ARGUMENT (PROBABILITY_INVALID) outside [0,
  // 1].
  [[nodiscard]] static absl::StatusOr<Outcome> Fraction(double share_of_yes);
  [[nodiscard]] static Outcome Void();
  [[nodiscard]] static Outcome Ambiguous();
  [[nodiscard]] static Outcome Annulled();

  [[nodiscard]] Kind kind() const { return kind_; }
  // True for the outcomes that rules score: a state or a fraction.
  [[nodiscard]] bool scored() const { return kind_ == Kind::kState || kind_ == Kind::kFraction; }
  // The state that happened; kind() must be kState.
  [[nodiscard]] std::size_t state() const;
  // The share of the outcome that fell to `state`: 1 or 0 for a state outcome, the fraction or its
  // complement for a fractional one. scored() must hold.
  [[nodiscard]] double Share(std::size_t state) const;

 private:
  Outcome(Kind kind, std::size_t state, double share) : kind_(kind), state_(state), share_(share) {}

  Kind kind_;
  std::size_t state_;
  double share_;
};

// A resolved question.
struct ScoredQuestion {
  std::string id;
  QuestionKind kind = QuestionKind::kBinary;
  std::size_t state_count = 2;
  absl::Time open_time;
  // The scheduled close, whether or not the question resolved before it.
  absl::Time close_time;
  // When it became known; absent means not before the close.
  std::optional<absl::Time> resolve_time;
  // The instant of the spot rules; absent means close_time.
  std::optional<absl::Time> spot_time;
  Outcome outcome = Outcome::Void();
  // What the question counts in weighted sums; finite, >= 0.
  double weight = 1;
  // kNumeric only: how many of the two out-of-range bins are possible, 0 to 2 (Metaculus).
  int open_bound_count = 2;
  // kNumeric only: width of an in-range bin in the question's unit; the unit of its CRPS. > 0.
  double bin_width = 1;

  // [open_time, min(close_time, resolve_time)): the time in which a forecast could be wrong. Empty
  // where the question resolved before it opened.
  [[nodiscard]] TimeWindow ScoringWindow() const;
  // [open_time, close_time), as scheduled.
  [[nodiscard]] TimeWindow ScheduledWindow() const { return {open_time, close_time}; }
};

// INVALID_ARGUMENT naming the field: TIME_INVALID (close not after open, or infinite times),
// UNKNOWN_STATE (outcome outside the states, or a fraction on a question that is not binary), else
// FIELD_INVALID (state_count below two, not two for a binary question, or below three for a
// numeric one; weight, open_bound_count or bin_width outside their ranges).
[[nodiscard]] absl::Status CheckQuestion(const ScoredQuestion& question);

}  // namespace credence::scoring
