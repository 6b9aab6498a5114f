#include "query/tilted.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "credence/base/status_macros.h"
#include "inference/model.h"
#include "numeric/log_space.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

void Load(const QueryFactors& factors, Engine& engine) {
  for (int node = 0; node < Size(factors.tables); ++node) {
    engine.SetLogLikelihood(node, factors.log_likelihoods[node]);
    engine.SetLogTable(node, factors.tables[node]);
    engine.Intervene(node, factors.intervened_state[node]);
  }
}

std::vector<double> Exponentials(const std::vector<double>& logs) {
  std::vector<double> result;
  for (const double value : logs) result.push_back(std::exp(value));
  return result;
}

}  // namespace

TiltedPair::TiltedPair(const Session& session, int target_node, int target_state)
    : session_(&session),
      target_node_(target_node),
      target_state_(target_state),
      all_(session.network(), session.engine_options()),
      target_(session.network(), session.engine_options()) {}

absl::StatusOr<TiltedPair> TiltedPair::Open(const Session& session, int target_node,
                                            int target_state) {
  TiltedPair pair(session, target_node, target_state);
  QueryFactors factors = session.MakeQuery(session.Whole());
  Load(factors, pair.all_);
  CREDENCE_ASSIGN_OR_RETURN(pair.log_weight_, pair.all_.LogWeight());
  CREDENCE_ASSIGN_OR_RETURN(pair.all_marginals_, pair.all_.LogMarginals());
  const double log_probability = pair.all_marginals_[target_node][target_state];
  pair.probability_ = std::exp(log_probability);
  std::vector<double>& likelihood = factors.log_likelihoods[target_node];
  likelihood.resize(pair.all_marginals_[target_node].size(), 0.0);
  for (int s = 0; s < Size(likelihood); ++s) {
    if (s != target_state) likelihood[s] = kLogZero;
  }
  Load(factors, pair.target_);
  if (IsLogZero(log_probability)) return pair;
  CREDENCE_ASSIGN_OR_RETURN(pair.target_marginals_, pair.target_.LogMarginals());
  return pair;
}

absl::StatusOr<Families> TiltedPair::FamiliesOf(int node) {
  Families families;
  CREDENCE_ASSIGN_OR_RETURN(JointTable all, all_.Family(node));
  families.all = std::move(all.probabilities);
  families.target.assign(families.all.size(), 0.0);
  if (target_marginals_.empty()) return families;
  CREDENCE_ASSIGN_OR_RETURN(JointTable target, target_.Family(node));
  families.target = std::move(target.probabilities);
  return families;
}

Families TiltedPair::MarginalsOf(int node) const {
  Families families;
  families.all = Exponentials(all_marginals_[node]);
  families.target.assign(families.all.size(), 0.0);
  if (!target_marginals_.empty()) families.target = Exponentials(target_marginals_[node]);
  return families;
}

// With all entries 1, a family's weight is the derivative of the whole to its entry.
absl::StatusOr<std::vector<double>> TiltedPair::FreeSlopes(Engine& engine, int node,
                                                           int64_t cells) const {
  std::vector<double> result(static_cast<size_t>(cells), 0.0);
  engine.SetLogTable(node, result);
  const auto free_log_weight = engine.LogWeight();
  const bool possible = free_log_weight.ok() && !IsLogZero(*free_log_weight);
  absl::StatusOr<JointTable> family = JointTable();
  if (possible) family = engine.Family(node);
  engine.SetLogTable(node, {});
  CREDENCE_RETURN_IF_ERROR(free_log_weight.status());
  CREDENCE_RETURN_IF_ERROR(family.status());
  if (!possible) return result;
  for (int i = 0; i < Size(result); ++i) {
    result[i] = std::exp(SafeLog(family->probabilities[i]) + (*free_log_weight - log_weight_));
  }
  return result;
}

absl::StatusOr<Slopes> TiltedPair::TableSlopes(int node, std::span<const double> values) {
  Slopes slopes;
  const bool has_zero =
      std::any_of(values.begin(), values.end(), [](double value) { return !(value > 0.0); });
  if (has_zero || target_marginals_.empty()) {
    CREDENCE_ASSIGN_OR_RETURN(slopes.all, FreeSlopes(all_, node, Size(values)));
    CREDENCE_ASSIGN_OR_RETURN(slopes.target, FreeSlopes(target_, node, Size(values)));
    return slopes;
  }
  CREDENCE_ASSIGN_OR_RETURN(const Families families, FamiliesOf(node));
  for (int i = 0; i < Size(values); ++i) {
    slopes.all.push_back(families.all[i] / values[i]);
    slopes.target.push_back(probability_ * families.target[i] / values[i]);
  }
  return slopes;
}

double TiltedPair::ReweightedProbability(const Families& families,
                                         std::span<const double> log_ratio) const {
  double largest = kLogZero;
  for (int i = 0; i < Size(log_ratio); ++i) {
    if (families.all[i] > 0.0) largest = std::max(largest, log_ratio[i]);
  }
  if (IsLogZero(largest)) return probability_;
  double all = 0.0;
  double target = 0.0;
  for (int i = 0; i < Size(log_ratio); ++i) {
    const double ratio = std::exp(log_ratio[i] - largest);
    all += families.all[i] * ratio;
    target += families.target[i] * ratio;
  }
  return std::min(1.0, probability_ * target / all);
}

absl::StatusOr<double> TiltedPair::ProbabilityWith(std::span<const EvidenceItem> items,
                                                   const InferenceOptions& options) const {
  CREDENCE_ASSIGN_OR_RETURN(Session other, Session::Open(session_->network(), items, options));
  CREDENCE_RETURN_IF_ERROR(other.Run(other.Whole()).status());
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<double> marginal, other.LogMarginal(target_node_));
  return std::exp(marginal[target_state_]);
}

std::vector<double> RowValues(const RowTable& table) {
  std::vector<double> values;
  for (const Row& row : table.rows) {
    if (const auto* fixed = std::get_if<FixedRow>(&row)) {
      values.insert(values.end(), fixed->probabilities.begin(), fixed->probabilities.end());
      continue;
    }
    const std::vector<double>& counts = std::get<DirichletRow>(row).counts;
    double sum = 0.0;
    for (const double count : counts) sum += count;
    for (const double count : counts) values.push_back(count / sum);
  }
  return values;
}

}  // namespace credence::forecaster
