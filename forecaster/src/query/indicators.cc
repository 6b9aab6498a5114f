#include "credence/forecaster/indicators.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <tuple>

#include "credence/base/status_macros.h"
#include "evidence/session.h"
#include "numeric/log_space.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

// Log marginals of all nodes; empty vectors where the situation is impossible.
using LogMarginals = std::vector<std::vector<double>>;

bool IsUncertain(std::span<const double> log_marginal) {
  return std::count_if(log_marginal.begin(), log_marginal.end(),
                       [](double value) { return !IsLogZero(value); }) > 1;
}

class Ranker {
 public:
  // Reads the marginals now and with the target in each of its states, which gives the joint
  // distribution of the target with every other node.
  static absl::StatusOr<Ranker> Open(Session& session, int target) {
    Ranker ranker(target);
    CREDENCE_ASSIGN_OR_RETURN(ranker.marginals_, session.LogMarginals());
    const Situation whole = session.Whole();
    for (int s = 0; s < Size(ranker.marginals_[target]); ++s) {
      LogMarginals& given = ranker.given_target_.emplace_back();
      if (IsLogZero(ranker.marginals_[target][s])) continue;
      CREDENCE_ASSIGN_OR_RETURN(const double log_weight, session.RunSupposing(whole, {target, s}));
      if (IsLogZero(log_weight)) continue;
      CREDENCE_ASSIGN_OR_RETURN(given, session.LogMarginals());
    }
    return ranker;
  }

  [[nodiscard]] const std::vector<double>& Marginal(int node) const { return marginals_[node]; }

  // ln P(target = s, node = x).
  [[nodiscard]] double LogJoint(int s, int node, int x) const {
    if (given_target_[s].empty()) return kLogZero;
    return marginals_[target_][s] + given_target_[s][node][x];
  }

  // sum P(s, x) log2(P(s, x) / (P(s) P(x))); rounding may not make it negative.
  [[nodiscard]] double MutualInformationBits(int node) const {
    double nats = 0.0;
    for (int s = 0; s < Size(given_target_); ++s) {
      for (int x = 0; x < Size(marginals_[node]); ++x) {
        const double log_joint = LogJoint(s, node, x);
        if (IsLogZero(log_joint)) continue;
        nats += std::exp(log_joint) * (given_target_[s][node][x] - marginals_[node][x]);
      }
    }
    return std::max(0.0, nats / std::numbers::ln2);
  }

  [[nodiscard]] double ExpectedBrierReduction(int node) const {
    double total = 0.0;
    for (int x = 0; x < Size(marginals_[node]); ++x) {
      const double log_x = marginals_[node][x];
      if (IsLogZero(log_x)) continue;
      double squared_move = 0.0;
      for (int s = 0; s < Size(given_target_); ++s) {
        const double after = std::exp(LogJoint(s, node, x) - log_x);
        const double move = after - std::exp(marginals_[target_][s]);
        squared_move += move * move;
      }
      total += std::exp(log_x) * squared_move;
    }
    return total;
  }

  // P(node = x) for each x, and P(target = its first state | node = x).
  void FillOutcomes(int node, IndicatorValue& value) const {
    for (int x = 0; x < Size(marginals_[node]); ++x) {
      const double log_x = marginals_[node][x];
      value.probabilities.push_back(std::exp(log_x));
      const double log_target =
          IsLogZero(log_x) ? marginals_[target_][0] : LogJoint(0, node, x) - log_x;
      value.target_probabilities.push_back(std::min(1.0, std::exp(log_target)));
    }
  }

 private:
  explicit Ranker(int target) : target_(target) {}

  int target_;
  LogMarginals marginals_;
  std::vector<LogMarginals> given_target_;
};

bool IsCandidate(const Session& session, const Ranker& ranker, int node, int target,
                 const IndicatorOptions& options) {
  if (node == target || session.IntervenedState(node) >= 0) return false;
  const NodeRole role = session.network().network().nodes[node].role;
  if (role == NodeRole::kDriver && !options.include_drivers) return false;
  const auto& resolved = session.resolved();
  const bool is_resolved = std::any_of(resolved.begin(), resolved.end(),
                                       [node](const auto& o) { return o.node == node; });
  return !is_resolved && IsUncertain(ranker.Marginal(node));
}

}  // namespace

absl::StatusOr<std::vector<IndicatorValue>> RankIndicators(
    const CompiledNetwork& network, std::span<const EvidenceItem> items,
    const InferenceOptions& options, std::string_view target_node,
    const IndicatorOptions& indicator_options) {
  CREDENCE_ASSIGN_OR_RETURN(const int target, network.FindNode(target_node));
  CREDENCE_ASSIGN_OR_RETURN(Session session, Session::Open(network, items, options));
  CREDENCE_RETURN_IF_ERROR(session.Run(session.Whole()).status());
  CREDENCE_ASSIGN_OR_RETURN(const Ranker ranker, Ranker::Open(session, target));
  std::vector<IndicatorValue> values;
  for (int node = 0; node < Size(network.network().nodes); ++node) {
    if (!IsCandidate(session, ranker, node, target, indicator_options)) continue;
    IndicatorValue& value = values.emplace_back();
    value.node = network.network().nodes[node].name;
    value.mutual_information_bits = ranker.MutualInformationBits(node);
    value.expected_brier_reduction = ranker.ExpectedBrierReduction(node);
    ranker.FillOutcomes(node, value);
  }
  std::sort(values.begin(), values.end(), [](const auto& left, const auto& right) {
    return std::tie(right.mutual_information_bits, left.node) <
           std::tie(left.mutual_information_bits, right.node);
  });
  return values;
}

}  // namespace credence::forecaster
