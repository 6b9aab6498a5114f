#include "inference/sampling.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "credence/base/status_macros.h"
#include "inference/wide.h"
#include "numeric/log_space.h"
#include "numeric/low_discrepancy.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

class Sampler {
 public:
  Sampler(const CompiledModel& model, const Findings& findings, uint64_t seed)
      : model_(model),
        findings_(findings),
        random_(Mix64(seed)),
        states_(model.cardinality.size(), 0) {
    factor_of_.resize(model.cardinality.size(), -1);
    for (int f = 0; f < Size(model.factors); ++f) factor_of_[model.factors[f].child()] = f;
  }

  // Draws all variables; returns the weight of the sample.
  Wide Draw() {
    Wide weight = As<Wide>(1.0);
    for (const int v : model_.sampling_order) {
      DrawVariable(v, weight);
      if (IsZero(weight)) break;
      if (findings_.soft[v] != 0) {
        weight *= Wide::FromLog(findings_.log_likelihood[findings_.begin[v] + states_[v]]);
      }
    }
    return weight;
  }

  [[nodiscard]] int state(int variable) const { return states_[variable]; }

 private:
  // In [0, 1), the same on every platform.
  double Uniform() {
    random_ += 0x9E3779B97F4A7C15;
    return static_cast<double>(Mix64(random_) >> 11) * 0x1p-53;
  }

  void DrawVariable(int v, Wide& weight) {
    const int f = factor_of_[v];
    const int observed = findings_.observed[v];
    const int count = model_.cardinality[v];
    if (findings_.use[f] == FactorUse::kNeutral) {
      // A table that says nothing counts 1 for each state.
      states_[v] = observed >= 0 ? observed : static_cast<int>(Uniform() * count);
      if (observed < 0) weight *= As<Wide>(count);
      return;
    }
    const Factor& values = findings_.Values(model_.factors, f);
    int64_t row = 0;
    for (const int other : model_.factors[f].variables) {
      if (other != v) row = row * model_.cardinality[other] + states_[other];
    }
    ReadRow(values, row * count, count);
    if (observed >= 0) {
      states_[v] = observed;
      weight *= Wide::FromLog(row_logs_[observed]);
      return;
    }
    const double log_sum = LogSumExp(row_logs_);
    if (IsLogZero(log_sum)) {
      weight = Wide();
      return;
    }
    // Rows of a distribution sum to 1 but for rounding.
    if (values.log_values.empty()) {
      weight *= As<Wide>(row_sum_);
    } else {
      weight *= Wide::FromLog(log_sum);
    }
    Choose(v, count, log_sum);
  }

  void ReadRow(const Factor& values, int64_t begin, int count) {
    row_logs_.clear();
    row_sum_ = 0.0;
    for (int s = 0; s < count; ++s) {
      const bool logs = !values.log_values.empty();
      row_logs_.push_back(logs ? values.log_values[begin + s] : SafeLog(values.values[begin + s]));
      if (!logs) row_sum_ += values.values[begin + s];
    }
  }

  void Choose(int v, int count, double log_sum) {
    double left = Uniform();
    int chosen = -1;
    for (int s = 0; s < count; ++s) {
      const double p = std::exp(row_logs_[s] - log_sum);
      if (!(p > 0.0)) continue;
      chosen = s;
      left -= p;
      if (left < 0.0) break;
    }
    states_[v] = chosen;
  }

  const CompiledModel& model_;
  const Findings& findings_;
  // State of SplitMix64.
  uint64_t random_;
  std::vector<int> factor_of_;
  std::vector<int> states_;
  std::vector<double> row_logs_;
  double row_sum_ = 0.0;
};

// Sums of weights and of their squares, relative to the largest weight so far.
class Tally {
 public:
  Tally(const CompiledModel& model) : model_(model) {
    int total = 0;
    for (int node = 0; node < Size(model.network.nodes); ++node) {
      begin_.push_back(total);
      total += model.cardinality[node];
    }
    weights_.assign(total, 0.0);
    squares_.assign(total, 0.0);
  }

  void Add(const Sampler& sampler, const Wide& weight) {
    const double log_weight = LogOf(weight);
    if (IsLogZero(log_weight)) return;
    if (log_weight > log_high_) Rescale(log_weight);
    const double w = std::exp(log_weight - log_high_);
    weight_ += w;
    square_ += w * w;
    for (int node = 0; node < Size(begin_); ++node) {
      weights_[begin_[node] + sampler.state(node)] += w;
      squares_[begin_[node] + sampler.state(node)] += w * w;
    }
  }

  [[nodiscard]] ApproximateAnswer Answer(int64_t samples) const {
    ApproximateAnswer answer;
    answer.samples = samples;
    if (!(weight_ > 0.0)) return answer;
    const auto count = static_cast<double>(samples);
    for (int node = 0; node < Size(begin_); ++node) {
      std::vector<double>& probabilities = answer.probabilities.emplace_back();
      std::vector<double>& errors = answer.standard_errors.emplace_back();
      for (int s = 0; s < model_.cardinality[node]; ++s) {
        const double p = weights_[begin_[node] + s] / weight_;
        const double inside = squares_[begin_[node] + s];
        const double spread = inside * (1.0 - p) * (1.0 - p) + (square_ - inside) * p * p;
        probabilities.push_back(p);
        errors.push_back(std::sqrt(std::max(0.0, spread)) / weight_);
      }
    }
    answer.log_weight = log_high_ + std::log(weight_ / count);
    answer.effective_samples = weight_ * weight_ / square_;
    const double relative = 1.0 / answer.effective_samples - 1.0 / count;
    answer.log_weight_standard_error = std::sqrt(std::max(0.0, relative) * count / (count - 1.0));
    return answer;
  }

 private:
  void Rescale(double log_high) {
    const double factor = IsLogZero(log_high_) ? 0.0 : std::exp(log_high_ - log_high);
    for (double& value : weights_) value *= factor;
    for (double& value : squares_) value *= factor * factor;
    weight_ *= factor;
    square_ *= factor * factor;
    log_high_ = log_high;
  }

  const CompiledModel& model_;
  std::vector<int> begin_;
  std::vector<double> weights_;
  std::vector<double> squares_;
  double weight_ = 0.0;
  double square_ = 0.0;
  double log_high_ = kLogZero;
};

}  // namespace

absl::StatusOr<ApproximateAnswer> SampleByLikelihood(const CompiledModel& model,
                                                     const Findings& findings,
                                                     const ApproximateOptions& options,
                                                     absl::FunctionRef<absl::Status()> may_go_on) {
  constexpr int64_t kSamplesUnasked = 1'024;
  Sampler sampler(model, findings, options.seed);
  Tally tally(model);
  for (int64_t i = 0; i < options.samples; ++i) {
    if (i % kSamplesUnasked == 0) CREDENCE_RETURN_IF_ERROR(may_go_on());
    const Wide weight = sampler.Draw();
    if (!IsZero(weight)) tally.Add(sampler, weight);
  }
  return tally.Answer(options.samples);
}

}  // namespace credence::forecaster
