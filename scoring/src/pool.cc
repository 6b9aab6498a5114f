#include "credence/scoring/pool.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "pool_state.h"

namespace credence::scoring {
namespace {

absl::Status CheckWeights(std::span<const double> weights, std::size_t member_count) {
  if (weights.empty()) return absl::OkStatus();
  if (weights.size() != member_count) {
    return InvalidField("FIELD_INVALID", "weights",
                        absl::StrCat("has ", weights.size(), " entries for ", member_count,
                                     " members; leave it empty for equal weights"));
  }
  bool any_positive = false;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] >= 0) || std::isinf(weights[i])) {
      return InvalidField("FIELD_INVALID", absl::StrCat("weights[", i, "]"),
                          "must be finite and not negative");
    }
    any_positive = any_positive || weights[i] > 0;
  }
  if (!any_positive) return InvalidField("FIELD_INVALID", "weights", "are all 0");
  return absl::OkStatus();
}

absl::Status CheckOptions(const PoolOptions& options, std::size_t state_count) {
  if (options.method != PoolMethod::kExtremisedLogarithmic) return absl::OkStatus();
  if (options.extremising_factor) {
    const double factor = *options.extremising_factor;
    if (!(factor > 0) || std::isinf(factor)) {
      return InvalidField("FIELD_INVALID", "extremising_factor",
                          "must be finite and greater than 0");
    }
  }
  if (options.baseline.empty()) return absl::OkStatus();
  if (options.baseline.size() != state_count) {
    return InvalidField(
        "FIELD_INVALID", "baseline",
        absl::StrCat("has ", options.baseline.size(), " entries for ", state_count, " states"));
  }
  for (const double entry : options.baseline) {
    if (!(entry > 0) || std::isinf(entry)) {
      return InvalidField("FIELD_INVALID", "baseline", "must be finite and greater than 0");
    }
  }
  return absl::OkStatus();
}

double WeightOf(std::span<const double> weights, std::size_t member) {
  return weights.empty() ? 1.0 : weights[member];
}

struct Change {
  absl::Time time;
  std::size_t member;
  std::size_t step;
};

std::vector<Change> AllChanges(std::span<const SeriesView> members,
                               std::span<const double> weights) {
  std::vector<Change> changes;
  for (std::size_t member = 0; member < members.size(); ++member) {
    if (!(WeightOf(weights, member) > 0)) continue;
    for (std::size_t step = 0; step < members[member].steps.size(); ++step) {
      changes.push_back({members[member].steps[step].start, member, step});
    }
  }
  std::stable_sort(changes.begin(), changes.end(),
                   [](const Change& a, const Change& b) { return a.time < b.time; });
  return changes;
}

absl::StatusOr<std::size_t> CommonStateCount(std::span<const SeriesView> members) {
  if (members.empty()) return InvalidField("FIELD_REQUIRED", "members", "there is nothing to pool");
  const std::size_t state_count = members.front().state_count;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i].state_count != state_count || state_count < 2) {
      return InvalidField("FIELD_INVALID", absl::StrCat("members[", i, "]"),
                          "must have at least two states, as many as the others");
    }
  }
  return state_count;
}

// Follows the members through time and writes the pool at each change.
class PoolWriter {
 public:
  PoolWriter(std::span<const SeriesView> members, std::span<const double> weights,
             const PoolOptions& options, std::size_t state_count)
      : members_(members),
        weights_(weights),
        state_(MakePoolState(options, state_count, weights.empty())),
        standing_(members.size()),
        series_(state_count) {}

  void Apply(const Change& change) {
    const SeriesView& member = members_[change.member];
    const double weight = WeightOf(weights_, change.member);
    std::optional<std::size_t>& current = standing_[change.member];
    if (current) {
      state_->Remove(member.Probabilities(*current), weight);
      --standing_count_;
      current.reset();
    }
    if (!member.steps[change.step].standing) return;
    state_->Add(member.Probabilities(change.step), weight);
    ++standing_count_;
    current = change.step;
  }

  void Write(absl::Time time) {
    if (standing_count_ > 0) {
      if (const std::optional<std::vector<double>> pooled = state_->Result()) {
        series_.Append(time, *pooled);
        return;
      }
    }
    series_.AppendWithdrawal(time);
  }

  [[nodiscard]] ForecastSeries Finish() && { return std::move(series_); }

 private:
  std::span<const SeriesView> members_;
  std::span<const double> weights_;
  std::unique_ptr<PoolState> state_;
  std::vector<std::optional<std::size_t>> standing_;
  std::size_t standing_count_ = 0;
  ForecastSeries series_;
};

}  // namespace

double NeymanRoughgardenFactor(std::size_t forecast_count) {
  CREDENCE_CHECK(forecast_count >= 1);
  const auto n = static_cast<double>(forecast_count);
  return n * (std::sqrt(3 * n * n - 3 * n + 1) - 2) / (n * n - n - 1);
}

absl::StatusOr<std::vector<double>> Pool(std::span<const std::span<const double>> forecasts,
                                         std::span<const double> weights,
                                         const PoolOptions& options) {
  if (forecasts.empty()) {
    return InvalidField("FIELD_REQUIRED", "forecasts", "there is nothing to pool");
  }
  const std::size_t state_count = forecasts.front().size();
  if (state_count < 2) {
    return InvalidField("FIELD_INVALID", "forecasts[0]", "a question has at least two states");
  }
  CREDENCE_RETURN_IF_ERROR(CheckOptions(options, state_count));
  CREDENCE_RETURN_IF_ERROR(CheckWeights(weights, forecasts.size()));
  const std::unique_ptr<PoolState> state = MakePoolState(options, state_count, weights.empty());
  for (std::size_t i = 0; i < forecasts.size(); ++i) {
    CREDENCE_RETURN_IF_ERROR(
        CheckProbabilities(forecasts[i], state_count, absl::StrCat("forecasts[", i, "]")));
    const double weight = WeightOf(weights, i);
    if (weight > 0) state->Add(forecasts[i], weight);
  }
  std::optional<std::vector<double>> pooled = state->Result();
  if (!pooled) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     "the forecasts leave no state possible between them",
                     {.reason = "WRONG_STATE", .fields = {}, .subjects = {}, .metadata = {}});
  }
  return *std::move(pooled);
}

absl::StatusOr<ForecastSeries> PoolSeries(std::span<const SeriesView> members,
                                          std::span<const double> weights,
                                          const PoolOptions& options) {
  CREDENCE_ASSIGN_OR_RETURN(const std::size_t state_count, CommonStateCount(members));
  CREDENCE_RETURN_IF_ERROR(CheckOptions(options, state_count));
  CREDENCE_RETURN_IF_ERROR(CheckWeights(weights, members.size()));
  const std::vector<Change> changes = AllChanges(members, weights);
  PoolWriter writer(members, weights, options, state_count);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    writer.Apply(changes[i]);
    const bool is_last_of_instant =
        i + 1 == changes.size() || changes[i].time < changes[i + 1].time;
    if (is_last_of_instant) writer.Write(changes[i].time);
  }
  return std::move(writer).Finish();
}

}  // namespace credence::scoring
