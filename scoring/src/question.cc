#include "credence/scoring/question.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"

namespace credence::scoring {
namespace {

bool IsFinite(absl::Time time) {
  return time != absl::InfiniteFuture() && time != absl::InfinitePast();
}

absl::Status CheckStates(const ScoredQuestion& question) {
  if (question.state_count < 2) {
    return InvalidField("FIELD_INVALID", "state_count", "a question has at least two states");
  }
  if (question.kind == QuestionKind::kBinary && question.state_count != 2) {
    return InvalidField("FIELD_INVALID", "state_count", "a yes/no question has two states");
  }
  if (question.kind == QuestionKind::kNumeric && question.state_count < 3) {
    return InvalidField("FIELD_INVALID", "state_count",
                        "a numeric question has at least one bin between the out-of-range ones");
  }
  return absl::OkStatus();
}

absl::Status CheckTimes(const ScoredQuestion& question) {
  if (!IsFinite(question.open_time)) {
    return InvalidField("TIME_INVALID", "open_time", "must be finite");
  }
  if (!IsFinite(question.close_time) || question.close_time <= question.open_time) {
    return InvalidField("TIME_INVALID", "close_time", "must be finite and after the open time");
  }
  if (question.resolve_time && !IsFinite(*question.resolve_time)) {
    return InvalidField("TIME_INVALID", "resolve_time", "must be finite where it is given");
  }
  if (question.spot_time && !IsFinite(*question.spot_time)) {
    return InvalidField("TIME_INVALID", "spot_time", "must be finite where it is given");
  }
  return absl::OkStatus();
}

absl::Status CheckOutcome(const ScoredQuestion& question) {
  const Outcome& outcome = question.outcome;
  if (outcome.kind() == Outcome::Kind::kFraction && question.kind != QuestionKind::kBinary) {
    return InvalidField("UNKNOWN_STATE", "outcome", "only a yes/no question settles at a fraction");
  }
  if (outcome.kind() == Outcome::Kind::kState && outcome.state() >= question.state_count) {
    return InvalidField("UNKNOWN_STATE", "outcome",
                        absl::StrCat("state ", outcome.state(), " is not one of the question's ",
                                     question.state_count));
  }
  return absl::OkStatus();
}

}  // namespace

Outcome Outcome::State(std::size_t index) { return {Kind::kState, index, 0}; }

absl::StatusOr<Outcome> Outcome::Fraction(double share_of_yes) {
  if (!(share_of_yes >= 0 && share_of_yes <= 1)) {
    return InvalidField("PROBABILITY_INVALID", "outcome",
                        absl::StrCat(share_of_yes, " is not in [0, 1]"));
  }
  return Outcome(Kind::kFraction, 0, share_of_yes);
}

Outcome Outcome::Void() { return {Kind::kVoid, 0, 0}; }
Outcome Outcome::Ambiguous() { return {Kind::kAmbiguous, 0, 0}; }
Outcome Outcome::Annulled() { return {Kind::kAnnulled, 0, 0}; }

std::size_t Outcome::state() const {
  CREDENCE_CHECK(kind_ == Kind::kState);
  return state_;
}

double Outcome::Share(std::size_t state) const {
  CREDENCE_CHECK(scored());
  if (kind_ == Kind::kState) return state == state_ ? 1.0 : 0.0;
  return state == 0 ? share_ : 1.0 - share_;
}

TimeWindow ScoredQuestion::ScoringWindow() const {
  return {open_time, resolve_time ? std::min(close_time, *resolve_time) : close_time};
}

absl::Status CheckQuestion(const ScoredQuestion& question) {
  CREDENCE_RETURN_IF_ERROR(CheckStates(question));
  CREDENCE_RETURN_IF_ERROR(CheckTimes(question));
  CREDENCE_RETURN_IF_ERROR(CheckOutcome(question));
  if (!(question.weight >= 0) || std::isinf(question.weight)) {
    return InvalidField("FIELD_INVALID", "weight", "must be finite and not negative");
  }
  if (question.open_bound_count < 0 || question.open_bound_count > 2) {
    return InvalidField("FIELD_INVALID", "open_bound_count", "must be 0, 1 or 2");
  }
  if (!(question.bin_width > 0) || std::isinf(question.bin_width)) {
    return InvalidField("FIELD_INVALID", "bin_width", "must be finite and greater than 0");
  }
  return absl::OkStatus();
}

}  // namespace credence::scoring
