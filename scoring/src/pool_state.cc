#include "pool_state.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "compensated_sum.h"
#include "credence/base/check.h"

namespace credence::scoring {
namespace {

// Divides by the sum; false where the sum is 0.
bool Normalise(std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  if (!(sum > 0)) return false;
  for (double& value : values) value /= sum;
  return true;
}

class LinearState final : public PoolState {
 public:
  explicit LinearState(std::size_t state_count) : sums_(state_count) {}

  void Add(std::span<const double> forecast, double weight) override { Shift(forecast, weight); }

  void Remove(std::span<const double> forecast, double weight) override {
    Shift(forecast, -weight);
  }

  [[nodiscard]] std::optional<std::vector<double>> Result() const override {
    std::vector<double> pooled(sums_.size());
    for (std::size_t k = 0; k < sums_.size(); ++k) pooled[k] = std::max(0.0, sums_[k].value());
    if (!Normalise(pooled)) return std::nullopt;
    return pooled;
  }

 private:
  void Shift(std::span<const double> forecast, double weight) {
    for (std::size_t k = 0; k < sums_.size(); ++k) sums_[k].Add(weight * forecast[k]);
  }

  std::vector<CompensatedSum> sums_;
};

// Sums of logs per state; probabilities of 0 are counted apart, since a log pool lets each member
// rule a state out.
class LogState final : public PoolState {
 public:
  LogState(const PoolOptions& options, std::size_t state_count)
      : options_(options), log_sums_(state_count), zero_counts_(state_count, 0) {
    log_baseline_.assign(state_count, 0.0);
    for (std::size_t k = 0; k < options.baseline.size(); ++k) {
      log_baseline_[k] = std::log(options.baseline[k]);
    }
  }

  void Add(std::span<const double> forecast, double weight) override {
    ++count_;
    weight_sum_.Add(weight);
    for (std::size_t k = 0; k < log_sums_.size(); ++k) {
      if (forecast[k] > 0) {
        log_sums_[k].Add(weight * std::log(forecast[k]));
      } else {
        ++zero_counts_[k];
      }
    }
  }

  void Remove(std::span<const double> forecast, double weight) override {
    CREDENCE_CHECK(count_ > 0);
    --count_;
    weight_sum_.Subtract(weight);
    for (std::size_t k = 0; k < log_sums_.size(); ++k) {
      if (forecast[k] > 0) {
        log_sums_[k].Subtract(weight * std::log(forecast[k]));
      } else {
        --zero_counts_[k];
      }
    }
  }

  [[nodiscard]] std::optional<std::vector<double>> Result() const override {
    CREDENCE_CHECK(count_ > 0);
    const double factor = Factor();
    std::vector<double> pooled(log_sums_.size(), -std::numeric_limits<double>::infinity());
    double log_max = -std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < pooled.size(); ++k) {
      if (zero_counts_[k] > 0) continue;
      const double log_mean = log_sums_[k].value() / weight_sum_.value();
      pooled[k] = log_baseline_[k] + factor * (log_mean - log_baseline_[k]);
      log_max = std::max(log_max, pooled[k]);
    }
    if (!std::isfinite(log_max)) return std::nullopt;
    for (double& value : pooled) value = std::exp(value - log_max);
    if (!Normalise(pooled)) return std::nullopt;
    return pooled;
  }

 private:
  [[nodiscard]] double Factor() const {
    if (options_.method != PoolMethod::kExtremisedLogarithmic) return 1;
    return options_.extremising_factor.value_or(NeymanRoughgardenFactor(count_));
  }

  PoolOptions options_;
  std::size_t count_ = 0;
  CompensatedSum weight_sum_;
  std::vector<CompensatedSum> log_sums_;
  std::vector<std::size_t> zero_counts_;
  std::vector<double> log_baseline_;
};

// Per state the (value, weight) pairs in rising order.
class MedianState final : public PoolState {
 public:
  MedianState(std::size_t state_count, bool equal_weights)
      : equal_weights_(equal_weights), sorted_(state_count) {}

  void Add(std::span<const double> forecast, double weight) override {
    for (std::size_t k = 0; k < sorted_.size(); ++k) {
      const Entry entry(forecast[k], weight);
      auto& entries = sorted_[k];
      entries.insert(std::lower_bound(entries.begin(), entries.end(), entry), entry);
    }
  }

  void Remove(std::span<const double> forecast, double weight) override {
    for (std::size_t k = 0; k < sorted_.size(); ++k) {
      const Entry entry(forecast[k], weight);
      auto& entries = sorted_[k];
      const auto found = std::lower_bound(entries.begin(), entries.end(), entry);
      CREDENCE_CHECK(found != entries.end() && !(entry < *found));
      entries.erase(found);
    }
  }

  [[nodiscard]] std::optional<std::vector<double>> Result() const override {
    std::vector<double> pooled(sorted_.size());
    for (std::size_t k = 0; k < sorted_.size(); ++k) {
      CREDENCE_CHECK(!sorted_[k].empty());
      pooled[k] = equal_weights_ ? Median(sorted_[k]) : WeightedMedian(sorted_[k]);
    }
    if (!Normalise(pooled)) return std::nullopt;
    return pooled;
  }

 private:
  using Entry = std::pair<double, double>;

  static double Median(const std::vector<Entry>& entries) {
    const std::size_t middle = entries.size() / 2;
    if (entries.size() % 2 == 1) return entries[middle].first;
    return 0.5 * (entries[middle - 1].first + entries[middle].first);
  }

  static double WeightedMedian(const std::vector<Entry>& entries) {
    double total = 0;
    for (const Entry& entry : entries) total += entry.second;
    // An even split in exact arithmetic must not be decided by rounding.
    const double tolerance = 1e-12 * total;
    double below = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      below += entries[i].second;
      if (std::abs(below - 0.5 * total) <= tolerance && i + 1 < entries.size()) {
        return 0.5 * (entries[i].first + entries[i + 1].first);
      }
      if (below > 0.5 * total) return entries[i].first;
    }
    return entries.back().first;
  }

  bool equal_weights_;
  std::vector<std::vector<Entry>> sorted_;
};

}  // namespace

std::unique_ptr<PoolState> MakePoolState(const PoolOptions& options, std::size_t state_count,
                                         bool equal_weights) {
  switch (options.method) {
    case PoolMethod::kMedian:
      return std::make_unique<MedianState>(state_count, equal_weights);
    case PoolMethod::kLinear:
      return std::make_unique<LinearState>(state_count);
    case PoolMethod::kLogarithmic:
    case PoolMethod::kExtremisedLogarithmic:
      break;
  }
  return std::make_unique<LogState>(options, state_count);
}

}  // namespace credence::scoring
