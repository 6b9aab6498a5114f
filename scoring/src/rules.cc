#include "credence/scoring/rules.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "credence/base/check.h"
#include "credence/base/error.h"

namespace credence::scoring {
namespace {

constexpr Orientation kLower = Orientation::kLowerIsBetter;
constexpr Orientation kHigher = Orientation::kHigherIsBetter;

constexpr std::array kRules = {
    Rule{
        .id = "brier.half.last",
        .kernel = Kernel::kBrierHalf,
        .timing = Timing::kLast,
        .orientation = kLower,
        .convention =
            "Half Brier score of the forecast in force at the end of the scoring window, which "
            "runs "
            "from the open time (included) to the earlier of scheduled close and resolution "
            "(excluded). For yes/no questions it is (p - o)^2, from 0 to 1; with more than two "
            "states it is half the full Brier score. A fractional settlement takes the place of o. "
            "A forecast withdrawn before the end leaves no score.",
        .source = "Brier 1950, halved as ForecastBench, Manifold and Metaculus quote it",
    },
    Rule{
        .id = "brier.full.last",
        .kernel = Kernel::kBrierFull,
        .timing = Timing::kLast,
        .orientation = kLower,
        .convention =
            "Full Brier score of the forecast in force at the end of the scoring window (as "
            "brier.half.last): the sum over all states of the squared difference between "
            "probability and outcome, from 0 to 2. For yes/no questions it is twice the half "
            "score.",
        .source = "Brier 1950, as Good Judgment Open and Fatebook quote it",
    },
    Rule{
        .id = "brier.half.daily",
        .kernel = Kernel::kBrierHalf,
        .timing = Timing::kDaily,
        .orientation = kLower,
        .convention =
            "Mean half Brier score over full UTC days. A day counts when it lies wholly inside the "
            "scoring window and a forecast stands at its end; that forecast is the day's, carried "
            "forward from earlier days where nothing changed. Days before the first forecast and "
            "after a withdrawal do not count. Partial first and last days do not count.",
        .source = "Good Judgment Open's daily averaging (full days only), with the half score",
    },
    Rule{
        .id = "brier.full.daily",
        .kernel = Kernel::kBrierFull,
        .timing = Timing::kDaily,
        .orientation = kLower,
        .convention =
            "Mean full Brier score over full UTC days, the days as in brier.half.daily, from 0 to "
            "2.",
        .source = "Good Judgment Open and Cultivate Forecasts: daily average, full days only",
    },
    Rule{
        .id = "brier.half.timeweighted",
        .kernel = Kernel::kBrierHalf,
        .timing = Timing::kTimeWeighted,
        .orientation = kLower,
        .convention =
            "Half Brier score of every forecast that stood inside the scoring window, weighted by "
            "how long it stood there: the integral of the score over the covered time divided by "
            "the covered time. A forecast made before the open counts from the open on. Uncovered "
            "time does not count; the coverage stands beside the score.",
        .source = "Brier 1950; exact integral of a step function",
    },
    Rule{
        .id = "log.last",
        .kernel = Kernel::kLog,
        .timing = Timing::kLast,
        .orientation = kLower,
        .convention =
            "Minus the natural logarithm, in nats, of the probability that the forecast in force "
            "at "
            "the end of the scoring window gave to what happened; for a fractional settlement the "
            "mean over the shares. No floor: probability 0 for what happened scores infinity, "
            "which is reported as infinite and never as a number.",
        .source = "Good 1952",
    },
    Rule{
        .id = "log.timeweighted",
        .kernel = Kernel::kLog,
        .timing = Timing::kTimeWeighted,
        .orientation = kLower,
        .convention =
            "Log score in nats as in log.last, of every forecast that stood inside the scoring "
            "window, weighted by how long it stood there, over the covered time. No floor: one "
            "moment at probability 0 for what happened scores infinity.",
        .source = "Good 1952; exact integral of a step function",
    },
    Rule{
        .id = "brier.ordered.daily",
        .kernel = Kernel::kBrierOrdered,
        .timing = Timing::kDaily,
        .orientation = kLower,
        .convention =
            "Mean over full UTC days (the days as in brier.half.daily) of the ordered Brier score: "
            "each of the K - 1 cuts between neighbouring states makes a yes/no question, and the "
            "full Brier scores of these are averaged. Equals 2 / (K - 1) times the ranked "
            "probability score. Only for states in order; for two states it is the full Brier "
            "score.",
        .source = "Good Judgment Open and Cultivate Forecasts; Jose, Nau and Winkler 2009",
    },
    Rule{
        .id = "spherical.last",
        .kernel = Kernel::kSpherical,
        .timing = Timing::kLast,
        .orientation = kHigher,
        .convention =
            "The probability that the forecast in force at the end of the scoring window gave to "
            "what happened, divided by the Euclidean length of its probability vector: a reward "
            "from 0 to 1. For a fractional settlement the mean over the shares.",
        .source = "Roby 1965",
    },
    Rule{
        .id = "metaculus.baseline",
        .kernel = Kernel::kMetaculusBaseline,
        .timing = Timing::kScheduledHorizon,
        .orientation = kHigher,
        .convention =
            "100 ln(p K) / ln K for the probability p of what happened among K states; for numeric "
            "questions 50 ln(p / base), where base is 0.05 for an out-of-range bin and otherwise "
            "(1 "
            "- 0.05 times the number of open bounds) / (number of bins in range). Each forecast "
            "counts for the share of the scheduled time (open to scheduled close) during which it "
            "stood before the question closed or resolved; uncovered time earns 0. Probability 0 "
            "for what happened scores minus infinity.",
        .source = "Metaculus, scoring of accuracy against a uniform baseline",
    },
    Rule{
        .id = "metaculus.peer",
        .kernel = Kernel::kMetaculusPeer,
        .timing = Timing::kScheduledHorizon,
        .orientation = kHigher,
        .needs_others = true,
        .convention =
            "100 times the difference between the log of the probability given to what happened "
            "and "
            "the mean of the same logs over all others whose forecasts stand at that instant, "
            "halved for numeric questions. Integrated over every change of any forecaster and "
            "divided by the scheduled time (open to scheduled close); time without a forecast of "
            "one's own, or while nobody else's stands, earns 0, and the latter counts as covered. "
            "Others who gave 0 to what happened make it infinite; having done so oneself makes it "
            "minus infinity.",
        .source = "Metaculus peer score, N / (N - 1) ln(p / geometric mean of all N)",
    },
    Rule{
        .id = "metaculus.spot_baseline",
        .kernel = Kernel::kMetaculusBaseline,
        .timing = Timing::kSpot,
        .orientation = kHigher,
        .convention =
            "The formula of metaculus.baseline for the forecast in force at the spot time (start "
            "<= "
            "spot < end), whole, with no weighting by time. Where the question resolved before the "
            "spot time, the forecast in force just before the resolution.",
        .source = "Metaculus spot baseline score",
    },
    Rule{
        .id = "metaculus.spot_peer",
        .kernel = Kernel::kMetaculusPeer,
        .timing = Timing::kSpot,
        .orientation = kHigher,
        .needs_others = true,
        .convention =
            "The formula of metaculus.peer among the forecasts in force at the spot time (the "
            "instant as in metaculus.spot_baseline), whole, with no weighting by time. Alone, one "
            "scores 0.",
        .source = "Metaculus spot peer score",
    },
    Rule{
        .id = "rps.last",
        .kernel = Kernel::kRankedProbability,
        .timing = Timing::kLast,
        .orientation = kLower,
        .convention =
            "Ranked probability score of the forecast in force at the end of the scoring window: "
            "the sum over the K - 1 cuts between neighbouring states of the squared difference "
            "between the cumulative probability and the cumulative outcome, from 0 to K - 1; not "
            "divided by K - 1. Only for states in order, or two states.",
        .source = "Epstein 1969; Murphy 1971",
    },
    Rule{
        .id = "crps.last",
        .kernel = Kernel::kCrpsBins,
        .timing = Timing::kLast,
        .orientation = kLower,
        .convention =
            "Continuous ranked probability score of the binned forecast in force at the end of the "
            "scoring window, in the question's unit: the integral of the squared difference "
            "between "
            "the forecast's distribution function and the outcome's step, with each bin's mass at "
            "its centre and the out-of-range bins one width beyond the range. Bins have one width, "
            "1 unless stated, so that the unit is then the bin. Only for numeric questions.",
        .source = "Matheson and Winkler 1976",
    },
};

// Levenshtein distance, for suggestions only.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string_view NearestId(std::string_view id) {
  std::string_view nearest;
  std::size_t distance_min = std::numeric_limits<std::size_t>::max();
  for (const Rule& rule : kRules) {
    const std::size_t distance = EditDistance(id, rule.id);
    if (distance < distance_min) {
      distance_min = distance;
      nearest = rule.id;
    }
  }
  return nearest;
}

}  // namespace

std::span<const Rule> AllRules() { return kRules; }

absl::StatusOr<const Rule*> FindRule(std::string_view id) {
  for (const Rule& rule : kRules) {
    if (rule.id == id) return &rule;
  }
  // Ids come from clients; the distance is only worth its cost for what might be a slip.
  constexpr std::size_t kSuggestLengthMax = 64;
  const std::string shown(id.substr(0, kSuggestLengthMax));
  const std::string nearest(NearestId(shown));
  CREDENCE_CHECK(!nearest.empty());
  const std::string message =
      absl::StrCat("no scoring rule \"", shown, "\"; did you mean \"", nearest, "\"?");
  return MakeError(absl::StatusCode::kInvalidArgument, message,
                   {.reason = "UNKNOWN_RULE",
                    .fields = {{.field = "rule", .description = message}},
                    .subjects = {},
                    .metadata = {{"rule", shown}, {"nearest", nearest}}});
}

}  // namespace credence::scoring
