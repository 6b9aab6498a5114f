#include "brute_force.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

namespace credence::forecaster::testing {
namespace {

using Real = long double;
using Vector = std::vector<Real>;

Real Days(absl::Time from, absl::Time to) {
  return static_cast<Real>(absl::ToInt64Nanoseconds(to - from)) / (86'400.0L * 1e9L);
}

class Enumeration {
 public:
  Enumeration(const Network& network, std::span<const EvidenceItem> items,
              const InferenceOptions& options)
      : network_(network), options_(options) {
    for (const EvidenceItem& item : items) {
      const bool withheld = std::count(options.withheld.begin(), options.withheld.end(), item.id);
      if (item.effective_time <= options.at && item.occur_time < options.occur_time_limit &&
          !withheld) {
        items_.push_back(item);
      }
    }
    std::sort(items_.begin(), items_.end(), [](const auto& a, const auto& b) {
      return std::tuple(a.effective_time, a.occur_time, a.id) <
             std::tuple(b.effective_time, b.occur_time, b.id);
    });
    for (size_t i = 0; i < network.nodes.size(); ++i) index_[network.nodes[i].name] = i;
  }

  BruteForceResult Run() {
    for (const EvidenceItem& item : items_) likelihoods_.push_back(ItemLikelihood(item));
    BruteForceResult result;
    std::vector<Vector> sums;
    for (const Node& node : network_.nodes) sums.emplace_back(node.states.size(), 0.0L);
    std::vector<size_t> states(network_.nodes.size(), 0);
    while (true) {
      const Real weight = WeightOf(states);
      result.weight += weight;
      for (size_t i = 0; i < states.size(); ++i) sums[i][states[i]] += weight;
      size_t k = 0;
      while (k < states.size() && ++states[k] == network_.nodes[k].states.size()) states[k++] = 0;
      if (k == states.size()) break;
    }
    for (size_t i = 0; i < sums.size(); ++i) {
      for (const Real sum : sums[i]) {
        result.marginals[network_.nodes[i].name].push_back(
            static_cast<double>(sum / result.weight));
      }
    }
    return result;
  }

 private:
  size_t StateIndex(size_t node, const std::string& state) const {
    const auto& states = network_.nodes[node].states;
    return std::find(states.begin(), states.end(), state) - states.begin();
  }

  Real Reliability(const EvidenceItem& item) const {
    if (item.reliability) return *item.reliability;
    if (!item.grade) return 1.0L;
    return static_cast<Real>(options_.grades.source[item.grade->source - 'A']) *
           options_.grades.information[item.grade->information - '1'];
  }

  // The likelihoods before anything is discounted.
  Vector Stated(const EvidenceItem& item) const {
    const size_t node = index_.at(item.node);
    const size_t count = network_.nodes[node].states.size();
    Vector result(count, 1.0L);
    if (const auto* s = std::get_if<LikelihoodRatio>(&item.statement)) result[0] = s->ratio;
    if (const auto* s = std::get_if<Weight>(&item.statement)) {
      result[0] = std::pow(10.0L, static_cast<Real>(s->decibans) / 10.0L);
    }
    if (const auto* s = std::get_if<LikelihoodPair>(&item.statement)) {
      result = {s->given_true, s->given_false};
    }
    if (const auto* s = std::get_if<LikelihoodVector>(&item.statement)) {
      result.assign(s->values.begin(), s->values.end());
    }
    if (const auto* s = std::get_if<ObservedState>(&item.statement)) {
      result.assign(count, 0.0L);
      result[StateIndex(node, s->state)] = 1.0L;
    }
    if (const auto* s = std::get_if<Count>(&item.statement)) {
      for (size_t i = 0; i < count; ++i) result[i] = Binomial(*s, s->success_probabilities[i]);
    }
    if (const auto* s = std::get_if<ExposureCount>(&item.statement)) {
      for (size_t i = 0; i < count; ++i) result[i] = Poisson(*s, s->rates_per_day[i]);
    }
    if (const auto* s = std::get_if<StatedProbability>(&item.statement)) {
      for (size_t i = 0; i < count; ++i) {
        result[i] = static_cast<Real>(s->probabilities[i]) /
                    (s->baseline ? static_cast<Real>((*s->baseline)[i]) : 1.0L / count);
      }
    }
    if (const auto* s = std::get_if<HazardRatio>(&item.statement)) result[0] = s->ratio;
    if (const auto* s = std::get_if<NewMarginal>(&item.statement)) return Jeffrey(item, *s);
    return result;
  }

  static Real Binomial(const Count& s, Real p) {
    Real result = 1.0L;
    for (int64_t i = 0; i < s.k; ++i) {
      result *= p * static_cast<Real>(s.n - i) / static_cast<Real>(i + 1);
    }
    for (int64_t i = 0; i < s.n - s.k; ++i) result *= 1.0L - p;
    return result;
  }

  static Real Poisson(const ExposureCount& s, Real rate) {
    Real result = std::exp(-rate * s.exposure_days);
    for (int64_t i = 0; i < s.k; ++i) {
      result *= rate * s.exposure_days / static_cast<Real>(i + 1);
    }
    return result;
  }

  // Target over the marginal just before the item, at its effective time.
  Vector Jeffrey(const EvidenceItem& item, const NewMarginal& s) const {
    std::vector<EvidenceItem> before;
    for (const EvidenceItem& other : items_) {
      if (other.id == item.id) break;
      before.push_back(other);
    }
    InferenceOptions options = options_;
    options.at = item.effective_time;
    const auto current = Enumeration(network_, before, options).Run().marginals.at(item.node);
    Vector result;
    for (size_t i = 0; i < current.size(); ++i) {
      result.push_back(static_cast<Real>(s.probabilities[i]) / current[i]);
    }
    return result;
  }

  Vector Discounted(const EvidenceItem& item) const {
    Vector result = Stated(item);
    const Real r = Reliability(item);
    Real mean = 0.0L;
    for (const Real value : result) mean += value / static_cast<Real>(result.size());
    const Real noise = item.noise_likelihood ? static_cast<Real>(*item.noise_likelihood) : mean;
    for (Real& value : result) value = r * value + (1.0L - r) * noise;
    if (!item.half_life_days) return result;
    const Real age = std::max(0.0L, Days(item.occur_time, options_.at));
    Real log_mean = 0.0L;
    for (const Real value : result) log_mean += std::log(value) / static_cast<Real>(result.size());
    for (Real& value : result) {
      value = std::exp(std::exp2(-age / *item.half_life_days) * (std::log(value) - log_mean));
    }
    return result;
  }

  Real DependenceExponent(const EvidenceItem& item) const {
    if (item.cluster.empty()) return 1.0L;
    int count = 0;
    std::optional<double> rho;
    for (const EvidenceItem& other : items_) {
      const bool same_kind = std::holds_alternative<HazardRatio>(other.statement) ==
                             std::holds_alternative<HazardRatio>(item.statement);
      if (other.cluster != item.cluster || other.node != item.node || !same_kind) continue;
      ++count;
      if (other.cluster_correlation) {
        rho = std::max(rho.value_or(0.0), *other.cluster_correlation);
      }
    }
    return 1.0L / (1.0L + (count - 1) * static_cast<Real>(
                                            rho.value_or(options_.default_cluster_correlation)));
  }

  Vector ItemLikelihood(const EvidenceItem& item) const {
    Vector result = Discounted(item);
    for (Real& value : result) value = std::pow(value, DependenceExponent(item));
    return result;
  }

  // Exposure by cutting time at every change of speed.
  Real ExposureUntil(size_t node, Real until, Real k) const {
    const absl::Time start = Start(node);
    std::vector<std::pair<Real, Real>> changes;
    std::vector<Real> cuts = {0.0L, until};
    for (size_t i = 0; i < items_.size(); ++i) {
      const bool applies = std::holds_alternative<HazardRatio>(items_[i].statement) &&
                           items_[i].node == network_.nodes[node].name;
      if (!applies) continue;
      const Real from = std::max(0.0L, Days(start, items_[i].occur_time));
      changes.emplace_back(from, likelihoods_[i][0] / likelihoods_[i][1]);
      cuts.push_back(std::min(from, until));
    }
    std::sort(cuts.begin(), cuts.end());
    Real total = 0.0L;
    for (size_t i = 0; i + 1 < cuts.size(); ++i) {
      Real speed = 1.0L;
      for (const auto& [from, ratio] : changes) {
        if (from <= cuts[i]) speed *= ratio;
      }
      total += speed * (std::pow(cuts[i + 1], k) - std::pow(cuts[i], k));
    }
    return total;
  }

  absl::Time Start(size_t node) const {
    return network_.nodes[node].start_time.value_or(network_.open_time);
  }

  Real Survival(const HazardRow& row, size_t node, Real until) const {
    const Real exposure = ExposureUntil(node, until, row.weibull_shape);
    return std::pow(row.rate_days / (row.rate_days + exposure), static_cast<Real>(row.shape));
  }

  Real HazardFactor(const HazardRow& row, size_t node, size_t state) const {
    const absl::Time start = Start(node);
    const absl::Time deadline = network_.nodes[node].deadline.value_or(network_.deadline);
    const Real now = Days(start, std::clamp(options_.at, start, deadline));
    const Real end = Days(start, deadline);
    const Observation* resolution = ResolutionOf(network_.nodes[node].name);
    if (resolution == nullptr) {
      const Real survival_end = Survival(row, node, end);
      return state == 0 ? Survival(row, node, now) - survival_end : survival_end;
    }
    if (resolution->state == network_.nodes[node].states[1]) {
      return state == 0 ? 0.0L : Survival(row, node, end);
    }
    if (state == 1) return 0.0L;
    if (!resolution->event_time) return 1.0L - Survival(row, node, now > 0.0L ? now : end);
    // Density as a central difference of the survival.
    const Real u = Days(start, *resolution->event_time);
    const Real h = 1e-5L;
    return (Survival(row, node, u - h) - Survival(row, node, u + h)) / (2.0L * h);
  }

  const Observation* ResolutionOf(const std::string& node) const {
    for (const Observation& observation : options_.resolved) {
      if (observation.node == node && observation.effective_time <= options_.at) {
        return &observation;
      }
    }
    return nullptr;
  }

  Real TableEntry(size_t node, const std::vector<size_t>& states) const {
    const Node& source = network_.nodes[node];
    std::vector<size_t> parents;
    size_t row = 0;
    for (const std::string& parent : source.parents) {
      const size_t p = index_.at(parent);
      parents.push_back(states[p]);
      row = row * network_.nodes[p].states.size() + states[p];
    }
    const size_t state = states[node];
    if (const auto* table = std::get_if<RowTable>(&source.table)) {
      return RowEntry(table->rows[row], node, state);
    }
    if (const auto* table = std::get_if<NoisyOr>(&source.table)) {
      Real no = 1.0L - table->leak;
      for (size_t p = 0; p < parents.size(); ++p) no *= 1.0L - table->strengths[p][parents[p]];
      return state == 0 ? 1.0L - no : no;
    }
    if (const auto* table = std::get_if<NoisyMax>(&source.table)) {
      return AtMost(*table, parents, state) -
             (state + 1 < source.states.size() ? AtMost(*table, parents, state + 1) : 0.0L);
    }
    const auto& logit = std::get<Logit>(source.table);
    Real log_odds = logit.bias;
    for (size_t p = 0; p < parents.size(); ++p) log_odds += logit.weights[p][parents[p]];
    return 1.0L / (1.0L + std::exp(state == 0 ? -log_odds : log_odds));
  }

  // P(no cause is more intense than the state).
  static Real AtMost(const NoisyMax& table, const std::vector<size_t>& parents, size_t state) {
    const auto tail = [&](const std::vector<double>& distribution) {
      Real sum = 0.0L;
      for (size_t s = state; s < distribution.size(); ++s) sum += distribution[s];
      return sum;
    };
    Real product = tail(table.leak);
    for (size_t p = 0; p < parents.size(); ++p) product *= tail(table.strengths[p][parents[p]]);
    return product;
  }

  Real RowEntry(const Row& row, size_t node, size_t state) const {
    if (const auto* hazard = std::get_if<HazardRow>(&row)) {
      return HazardFactor(*hazard, node, state);
    }
    if (const auto* dirichlet = std::get_if<DirichletRow>(&row)) {
      Real sum = 0.0L;
      for (const double count : dirichlet->counts) sum += count;
      return dirichlet->counts[state] / sum;
    }
    return std::get<FixedRow>(row).probabilities[state];
  }

  Real WeightOf(const std::vector<size_t>& states) const {
    Real weight = 1.0L;
    for (size_t node = 0; node < states.size(); ++node) weight *= NodeWeight(node, states);
    for (size_t i = 0; i < items_.size(); ++i) {
      if (std::holds_alternative<HazardRatio>(items_[i].statement)) continue;
      weight *= likelihoods_[i][states[index_.at(items_[i].node)]];
    }
    return weight;
  }

  Real NodeWeight(size_t node, const std::vector<size_t>& states) const {
    const std::string& name = network_.nodes[node].name;
    for (const Intervention& intervention : options_.interventions) {
      if (intervention.node != name) continue;
      return StateIndex(node, intervention.state) == states[node] ? 1.0L : 0.0L;
    }
    Real weight = TableEntry(node, states);
    const Observation* resolution = ResolutionOf(name);
    if (resolution != nullptr && StateIndex(node, resolution->state) != states[node]) weight = 0.0L;
    return weight;
  }

  const Network& network_;
  const InferenceOptions& options_;
  std::vector<EvidenceItem> items_;
  std::vector<Vector> likelihoods_;
  std::map<std::string, size_t> index_;
};

}  // namespace

BruteForceResult BruteForce(const Network& network, std::span<const EvidenceItem> items,
                            const InferenceOptions& options) {
  return Enumeration(network, items, options).Run();
}

}  // namespace credence::forecaster::testing
