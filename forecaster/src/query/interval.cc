#include "credence/forecaster/interval.h"

#include <algorithm>
#include <boost/math/special_functions/erf.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/forecaster/engine.h"
#include "credence/forecaster/error_reasons.h"
#include "evidence/likelihood.h"
#include "evidence/session.h"
#include "inference/model.h"
#include "numeric/log_space.h"
#include "numeric/low_discrepancy.h"
#include "numeric/math_policy.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

constexpr double kLevels[] = {0.5, 0.8, 0.95};

// A gamma distribution of so large a shape is one rate, and keeps a hazard row's form.
constexpr double kFixedRateShape = 1e9;
constexpr double kMinRate = 1e-200;

double NormalQuantile(double u) {
  return -std::numbers::sqrt2 * boost::math::erfc_inv(2.0 * u, MathPolicy());
}

double GammaQuantile(double shape, double u) {
  if (!(shape > 0.0)) return 0.0;
  // The exponential distribution, by far the most common and without iterations.
  if (!(shape < 1.0) && !(shape > 1.0)) return -std::log1p(-u);
  const double value = boost::math::gamma_p_inv(shape, u, MathPolicy());
  return std::isfinite(value) ? value : 0.0;
}

// Hands out the coordinates of one draw.
class Coordinates {
 public:
  explicit Coordinates(const std::vector<double>& point) : point_(point) {}
  double Next() { return point_[next_++]; }

 private:
  const std::vector<double>& point_;
  size_t next_ = 0;
};

// Everything uncertain in a session, and how to draw it.
class Uncertainty {
 public:
  explicit Uncertainty(const Session& session, const InferenceOptions& options)
      : session_(session), network_(session.network()), options_(options) {
    whole_ = session.Whole();
    weights_ =
        DependenceWeights(session.items(), whole_.items, options.default_cluster_correlation);
    stated_ = session.MakeQuery(whole_);
    for (int i = 0; i < Size(session.items()); ++i) FindItem(i);
    for (int node = 0; node < Size(network_.network().nodes); ++node) FindRows(node);
    contributions_ = session.Contributions(whole_);
    stated_log_ratios_ = StatedLogRatios();
    for (const int node : row_nodes_) {
      hazard_inputs_.push_back(network_.IsHazard(node) ? session.HazardInputsOf(whole_, node)
                                                       : HazardInputs());
    }
  }

  [[nodiscard]] int dimension_count() const { return dimension_count_; }
  [[nodiscard]] int64_t uncertain_count() const { return uncertain_count_; }
  [[nodiscard]] bool has_rows() const { return !row_nodes_.empty(); }
  [[nodiscard]] bool has_items() const { return !items_.empty(); }
  [[nodiscard]] const QueryFactors& stated() const { return stated_; }

  // One draw: what changes of the stated factors. The rows with the items, and with the items as
  // stated where any item is drawn.
  struct Draw {
    std::vector<std::pair<int, std::vector<double>>> tables_at_stated_items;
    std::vector<std::pair<int, std::vector<double>>> tables;
    std::vector<std::pair<int, std::vector<double>>> likelihoods;
  };

  [[nodiscard]] Draw DrawAt(const std::vector<double>& point) {
    Coordinates coordinates(point);
    Draw draw;
    std::vector<double> log_ratios = stated_log_ratios_;
    for (const int item : items_) DrawItem(item, coordinates, log_ratios, draw);
    for (size_t i = 0; i < row_nodes_.size(); ++i) {
      const int node = row_nodes_[i];
      DrawRows(node, coordinates, rows_[i]);
      draw.tables.emplace_back(node, ValuesOf(i, log_ratios));
      if (has_items()) {
        draw.tables_at_stated_items.emplace_back(node, draws_hazard_ratios_
                                                           ? ValuesOf(i, stated_log_ratios_)
                                                           : draw.tables.back().second);
      }
    }
    return draw;
  }

 private:
  [[nodiscard]] const Node& NodeAt(int node) const { return network_.network().nodes[node]; }

  void FindItem(int i) {
    const PreparedItem& item = session_.items()[i];
    if (!(item.item->spread_decibans.value_or(0.0) > 0.0)) return;
    items_.push_back(i);
    dimension_count_ += NumbersOf(item);
    ++uncertain_count_;
    // The table of a node whose hazard ratio is drawn must be made anew with every draw.
    if (!item.is_hazard_ratio) return;
    draws_hazard_ratios_ = true;
    AddRowNode(item.node);
  }

  static int NumbersOf(const PreparedItem& item) {
    const int states = Size(item.stated_log_likelihood);
    return states == 2 ? 1 : states;
  }

  void FindRows(int node) {
    const auto* table = std::get_if<RowTable>(&NodeAt(node).table);
    if (table == nullptr || session_.IntervenedState(node) >= 0) return;
    bool any = false;
    for (const Row& row : table->rows) {
      if (const auto* dirichlet = std::get_if<DirichletRow>(&row)) {
        dimension_count_ += Size(dirichlet->counts);
      } else if (std::holds_alternative<HazardRow>(row)) {
        dimension_count_ += 1;
      } else {
        continue;
      }
      any = true;
      ++uncertain_count_;
    }
    if (any) AddRowNode(node);
  }

  void AddRowNode(int node) {
    const bool known = std::find(row_nodes_.begin(), row_nodes_.end(), node) != row_nodes_.end();
    if (known || session_.IntervenedState(node) >= 0) return;
    row_nodes_.push_back(node);
    rows_.push_back(std::get<RowTable>(NodeAt(node).table));
  }

  [[nodiscard]] std::vector<double> StatedLogRatios() const {
    std::vector<double> result;
    for (const PreparedItem& item : session_.items()) {
      result.push_back(item.is_hazard_ratio ? item.log_likelihood[0] - item.log_likelihood[1] : 0);
    }
    return result;
  }

  void DrawItem(int i, Coordinates& coordinates, std::vector<double>& log_ratios,
                Draw& draw) const {
    const PreparedItem& item = session_.items()[i];
    const double spread = *item.item->spread_decibans / kDecibansPerNat;
    std::vector<double> stated = item.stated_log_likelihood;
    if (NumbersOf(item) == 1) {
      stated[0] += spread * NormalQuantile(coordinates.Next());
    } else {
      // So that the ratio of any two has the spread.
      for (double& value : stated) {
        value += spread / std::numbers::sqrt2 * NormalQuantile(coordinates.Next());
      }
    }
    std::vector<double> drawn =
        DiscountByReliability(stated, item.reliability, item.item->noise_likelihood);
    if (item.is_hazard_ratio) {
      log_ratios[i] = drawn[0] - drawn[1];
      return;
    }
    if (item.item->half_life_days) {
      drawn = DecayByAge(drawn, AgeDays(*item.item, options_.at), *item.item->half_life_days);
    }
    auto& total = LikelihoodIn(draw, item.node);
    for (int s = 0; s < Size(drawn); ++s) {
      if (IsLogZero(contributions_[i][s])) continue;
      total[s] += weights_[i] * drawn[s] - contributions_[i][s];
    }
  }

  // The drawn likelihood of a node, at first as stated.
  std::vector<double>& LikelihoodIn(Draw& draw, int node) const {
    for (auto& [known, values] : draw.likelihoods) {
      if (known == node) return values;
    }
    return draw.likelihoods.emplace_back(node, stated_.log_likelihoods[node]).second;
  }

  // Draws the uncertain rows of a node into `drawn`.
  void DrawRows(int node, Coordinates& coordinates, RowTable& drawn) const {
    const RowTable& stated = std::get<RowTable>(NodeAt(node).table);
    for (size_t i = 0; i < stated.rows.size(); ++i) {
      if (const auto* dirichlet = std::get_if<DirichletRow>(&stated.rows[i])) {
        drawn.rows[i] = FixedRow{DrawDirichlet(dirichlet->counts, coordinates)};
      } else if (const auto* hazard = std::get_if<HazardRow>(&stated.rows[i])) {
        const double rate = std::max(
            kMinRate, GammaQuantile(hazard->shape, coordinates.Next()) / hazard->rate_days);
        auto& row = std::get<HazardRow>(drawn.rows[i]);
        row.shape = kFixedRateShape;
        row.rate_days = kFixedRateShape / rate;
      }
    }
  }

  // Gamma variables over their sum. Where counts are so small that all underflow, all is put on the
  // largest count, which is where such a distribution has its mass.
  static std::vector<double> DrawDirichlet(const std::vector<double>& counts,
                                           Coordinates& coordinates) {
    std::vector<double> drawn;
    double sum = 0.0;
    for (const double count : counts) {
      drawn.push_back(GammaQuantile(count, coordinates.Next()));
      sum += drawn.back();
    }
    if (!(sum > 0.0)) {
      const auto largest = std::max_element(counts.begin(), counts.end());
      drawn[static_cast<size_t>(largest - counts.begin())] = sum = 1.0;
    }
    for (double& value : drawn) value /= sum;
    return drawn;
  }

  static std::vector<double> LogValues(const RowTable& rows) {
    std::vector<double> values;
    for (const Row& row : rows.rows) {
      for (const double p : std::get<FixedRow>(row).probabilities) values.push_back(SafeLog(p));
    }
    return values;
  }

  // The values of the drawn table of row_nodes_[i].
  [[nodiscard]] std::vector<double> ValuesOf(size_t i, std::span<const double> log_ratios) const {
    const int node = row_nodes_[i];
    if (!network_.IsHazard(node)) return LogValues(rows_[i]);
    if (!draws_hazard_ratios_) return HazardTable(network_, node, hazard_inputs_[i], rows_[i]);
    return HazardTable(network_, node, session_.HazardInputsOf(whole_, node, log_ratios), rows_[i]);
  }

  const Session& session_;
  const CompiledNetwork& network_;
  const InferenceOptions& options_;
  Situation whole_;
  std::vector<double> weights_;
  QueryFactors stated_;
  std::vector<std::vector<double>> contributions_;
  std::vector<int> items_;
  // Nodes whose table is drawn, and the tables of the present draw.
  std::vector<int> row_nodes_;
  std::vector<RowTable> rows_;
  std::vector<double> stated_log_ratios_;
  // What the drawn rates are evaluated with, as long as no hazard ratio is drawn.
  std::vector<HazardInputs> hazard_inputs_;
  bool draws_hazard_ratios_ = false;
  int dimension_count_ = 0;
  int64_t uncertain_count_ = 0;
};

struct Target {
  int node = -1;
  int state = -1;
};

// The values of the targets in every draw, and the draws' weights.
struct Sample {
  std::vector<double> log_weights;
  std::vector<std::vector<double>> values;
};

class Sampler {
 public:
  Sampler(const Session& session, Uncertainty& uncertainty)
      : uncertainty_(uncertainty), engine_(session.network(), session.engine_options()) {
    const QueryFactors& factors = uncertainty.stated();
    for (int node = 0; node < Size(factors.tables); ++node) {
      engine_.SetLogLikelihood(node, factors.log_likelihoods[node]);
      engine_.SetLogTable(node, factors.tables[node]);
      engine_.Intervene(node, factors.intervened_state[node]);
    }
  }

  absl::StatusOr<double> CellsPerDraw() {
    CREDENCE_ASSIGN_OR_RETURN(const QueryCost cost, engine_.EstimateCost());
    return cost.total_cells;
  }

  absl::StatusOr<Sample> Run(std::span<const Target> targets, const IntervalOptions& options) {
    Sample sample;
    sample.values.resize(targets.size());
    LowDiscrepancySequence sequence(uncertainty_.dimension_count(), options.seed);
    for (int64_t i = 0; i < options.draw_count; ++i) {
      const Uncertainty::Draw draw = uncertainty_.DrawAt(sequence.Next());
      double log_weight = 0.0;
      if (uncertainty_.has_items()) {
        CREDENCE_ASSIGN_OR_RETURN(log_weight, WeighAtStatedItems(draw));
        if (IsLogZero(log_weight)) continue;
      }
      Set(draw.tables, draw.likelihoods);
      CREDENCE_ASSIGN_OR_RETURN(const double possible, engine_.LogWeight());
      if (IsLogZero(possible)) continue;
      if (!uncertainty_.has_items()) log_weight = possible;
      for (int t = 0; t < Size(targets); ++t) {
        CREDENCE_ASSIGN_OR_RETURN(const auto marginal, engine_.LogMarginal(targets[t].node));
        sample.values[t].push_back(std::exp(marginal[targets[t].state]));
      }
      sample.log_weights.push_back(log_weight);
    }
    return sample;
  }

 private:
  using Changes = std::vector<std::pair<int, std::vector<double>>>;

  void Set(const Changes& tables, const Changes& likelihoods) {
    for (const auto& [node, values] : tables) engine_.SetLogTable(node, values);
    for (const auto& [node, values] : likelihoods) engine_.SetLogLikelihood(node, values);
  }

  // ln P(evidence) under the drawn rows and the items as stated; equal for all where no row is
  // uncertain.
  absl::StatusOr<double> WeighAtStatedItems(const Uncertainty::Draw& draw) {
    if (!uncertainty_.has_rows()) return 0.0;
    Changes stated;
    for (const auto& [node, drawn] : draw.likelihoods) {
      stated.emplace_back(node, uncertainty_.stated().log_likelihoods[node]);
    }
    Set(draw.tables_at_stated_items, stated);
    return engine_.LogWeight();
  }

  Uncertainty& uncertainty_;
  Engine engine_;
};

// Weighted quantiles, linear between the middles of the steps of the distribution (Hazen 1914).
class WeightedValues {
 public:
  WeightedValues(const std::vector<double>& values, const std::vector<double>& weights) {
    std::vector<int> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](int a, int b) { return std::pair(values[a], a) < std::pair(values[b], b); });
    double before = 0.0;
    for (const int i : order) {
      values_.push_back(values[i]);
      middles_.push_back(before + 0.5 * weights[i]);
      before += weights[i];
    }
  }

  [[nodiscard]] double Quantile(double q) const {
    const auto above = std::lower_bound(middles_.begin(), middles_.end(), q);
    if (above == middles_.begin()) return values_.front();
    if (above == middles_.end()) return values_.back();
    const auto i = static_cast<size_t>(above - middles_.begin());
    const double width = middles_[i] - middles_[i - 1];
    const double part = width > 0.0 ? (q - middles_[i - 1]) / width : 1.0;
    return values_[i - 1] + part * (values_[i] - values_[i - 1]);
  }

 private:
  std::vector<double> values_;
  std::vector<double> middles_;
};

// Weights that sum to 1, and what they are worth.
std::vector<double> NormalizedWeights(std::vector<double> log_weights, double* effective_count) {
  NormalizeLog(log_weights);
  double squares = 0.0;
  for (double& weight : log_weights) {
    weight = std::exp(weight);
    squares += weight * weight;
  }
  *effective_count = squares > 0.0 ? 1.0 / squares : 0.0;
  return log_weights;
}

StateInterval Summarize(const TargetState& target, const std::vector<double>& values,
                        const std::vector<double>& weights) {
  StateInterval result;
  result.node = target.node;
  result.state = target.state;
  for (int i = 0; i < Size(values); ++i) result.mean += weights[i] * values[i];
  const WeightedValues sorted(values, weights);
  result.median = sorted.Quantile(0.5);
  for (const double level : kLevels) {
    result.intervals.push_back({.level = level,
                                .low = sorted.Quantile(0.5 - level / 2.0),
                                .high = sorted.Quantile(0.5 + level / 2.0)});
  }
  return result;
}

absl::Status CheckOptions(const IntervalOptions& options) {
  if (options.draw_count >= 16 && options.draw_count <= 65'536) return absl::OkStatus();
  return InvalidField(reasons::kNumberInvalid, "draw_count", "must be from 16 to 65536");
}

}  // namespace

uint64_t IntervalSeed(std::string_view name, int64_t position) {
  // FNV-1a over the bytes (Fowler, Noll and Vo 1991), then mixed.
  uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  }
  return Mix64(hash ^ Mix64(static_cast<uint64_t>(position)));
}

int64_t CountUncertainNumbers(const CompiledNetwork& network, std::span<const EvidenceItem> items) {
  int64_t count = 0;
  for (const EvidenceItem& item : items) {
    if (!(item.spread_decibans.value_or(0.0) > 0.0)) continue;
    const absl::StatusOr<int> node = network.FindNode(item.node);
    if (node.ok()) count += Size(network.network().nodes[*node].states);
  }
  for (const Node& node : network.network().nodes) {
    const auto* table = std::get_if<RowTable>(&node.table);
    if (table == nullptr) continue;
    for (const Row& row : table->rows) {
      if (const auto* dirichlet = std::get_if<DirichletRow>(&row)) {
        count += Size(dirichlet->counts);
      } else if (std::holds_alternative<HazardRow>(row)) {
        ++count;
      }
    }
  }
  return count;
}

absl::StatusOr<Intervals> ComputeIntervals(const CompiledNetwork& network,
                                           std::span<const EvidenceItem> items,
                                           const InferenceOptions& options,
                                           std::span<const TargetState> targets,
                                           const IntervalOptions& interval_options) {
  CREDENCE_RETURN_IF_ERROR(CheckOptions(interval_options));
  std::vector<Target> found;
  for (const TargetState& target : targets) {
    CREDENCE_ASSIGN_OR_RETURN(const int node, network.FindNode(target.node));
    CREDENCE_ASSIGN_OR_RETURN(const int state, network.FindState(node, target.state));
    found.push_back({node, state});
  }
  CREDENCE_ASSIGN_OR_RETURN(Session session, Session::Open(network, items, options));
  CREDENCE_RETURN_IF_ERROR(session.Run(session.Whole()).status());
  Uncertainty uncertainty(session, options);
  Intervals result;
  result.uncertain_count = uncertainty.uncertain_count();
  Sample sample;
  if (result.uncertain_count == 0) {
    sample.log_weights = {0.0};
    for (const Target& target : found) {
      CREDENCE_ASSIGN_OR_RETURN(const auto marginal, session.LogMarginal(target.node));
      sample.values.push_back({std::exp(marginal[target.state])});
    }
  } else {
    Sampler sampler(session, uncertainty);
    CREDENCE_ASSIGN_OR_RETURN(const double cells, sampler.CellsPerDraw());
    if (cells * static_cast<double>(interval_options.draw_count) > interval_options.cells_max) {
      return result;
    }
    CREDENCE_ASSIGN_OR_RETURN(sample, sampler.Run(found, interval_options));
  }
  if (sample.log_weights.empty()) {
    return absl::InternalError("the evidence is impossible in every draw");
  }
  const std::vector<double> weights =
      NormalizedWeights(std::move(sample.log_weights), &result.effective_draw_count);
  for (int t = 0; t < Size(targets); ++t) {
    result.states.push_back(Summarize(targets[t], sample.values[t], weights));
  }
  return result;
}

}  // namespace credence::forecaster
