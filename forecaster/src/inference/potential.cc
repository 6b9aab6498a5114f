#include "inference/potential.h"

#include <algorithm>
#include <type_traits>

#include "sizes.h"

namespace credence::forecaster {

template <typename Real>
PotentialWalk<Real>::PotentialWalk(const PropagationInput& input, const Real* upward,
                                   const std::vector<int64_t>& message_begin)
    : input_(input),
      layout_(*input.layout),
      tree_(input.layout->tree()),
      upward_(upward),
      message_begin_(message_begin),
      wide_likelihoods_(std::is_same_v<Real, double> ? 0 : input.cardinality.size()) {}

template <typename Real>
const Real* PotentialWalk<Real>::FactorValues(int factor) {
  const Factor& values = input_.findings->Values(*input_.factors, factor);
  if constexpr (std::is_same_v<Real, double>) {
    return values.values.data();
  } else {
    if (converted_.empty()) converted_.resize(input_.factors->size());
    std::vector<Real>& converted = converted_[factor];
    if (converted.empty()) {
      if (values.log_values.empty()) {
        for (const double value : values.values) converted.push_back(As<Real>(value));
      } else {
        for (const double value : values.log_values) converted.push_back(Wide::FromLog(value));
      }
    }
    return converted.data();
  }
}

template <typename Real>
void PotentialWalk<Real>::AddFactors(int clique, int left_out) {
  const Findings& findings = *input_.findings;
  const std::span<const int> factors = tree_.factors[clique];
  if constexpr (std::is_same_v<Real, double>) {
    const bool ahead = left_out < 0 && input_.clique_tables != nullptr &&
                       !(*input_.clique_tables)[clique].empty() &&
                       std::all_of(factors.begin(), factors.end(),
                                   [&](int f) { return findings.use[f] == FactorUse::kOwn; });
    if (ahead) {
      Multiplier& whole = multipliers_.emplace_back();
      whole.values = (*input_.clique_tables)[clique].data() + layout_.WholeFirstCell(clique);
      whole.view = layout_.WholeView(clique);
      return;
    }
  }
  for (const int f : factors) {
    if (f == left_out || findings.use[f] == FactorUse::kNeutral) continue;
    Multiplier& multiplier = multipliers_.emplace_back();
    multiplier.values =
        FactorValues(f) + FirstCell((*input_.factors)[f], input_.cardinality, findings.observed);
    multiplier.view = layout_.FactorView(f);
  }
}

template <typename Real>
void PotentialWalk<Real>::AddLikelihoods(int clique) {
  const Findings& findings = *input_.findings;
  const std::span<const int> variables = tree_.cliques[clique];
  for (int i = 0; i < Size(variables); ++i) {
    const int variable = variables[i];
    if (findings.soft[variable] == 0 || tree_.likelihood_clique[variable] != clique) continue;
    Multiplier& multiplier = multipliers_.emplace_back();
    multiplier.states = input_.cardinality[variable];
    if constexpr (std::is_same_v<Real, double>) {
      multiplier.values = findings.likelihood.data() + findings.begin[variable];
    } else {
      std::vector<Real>& values = wide_likelihoods_[variable];
      values.clear();
      for (int64_t s = 0; s < multiplier.states; ++s) {
        values.push_back(Wide::FromLog(findings.log_likelihood[findings.begin[variable] + s]));
      }
      multiplier.values = values.data();
    }
    multiplier.outer_dimension = layout_.OuterDimension(clique, i);
    if (multiplier.outer_dimension >= 0) {
      multiplier.depth = multiplier.outer_dimension + 1;
      continue;
    }
    const int64_t inner = layout_.PlaceOf(clique, i).inner;
    multiplier.dims[0] = {block_cells_ / (inner * multiplier.states), 0};
    multiplier.dims[1] = {multiplier.states, 1};
    multiplier.dims[2] = {inner, 0};
  }
}

template <typename Real>
void PotentialWalk<Real>::Start(int clique, LeftOut left_out) {
  block_cells_ = layout_.block_cells(clique);
  outer_ = layout_.WholeView(clique).outer;
  multipliers_.clear();
  AddFactors(clique, left_out.factor);
  AddLikelihoods(clique);
  for (const int child : tree_.children[clique]) {
    if (child == left_out.child) continue;
    Multiplier& multiplier = multipliers_.emplace_back();
    multiplier.values = upward_ + message_begin_[child];
    multiplier.view = layout_.SeparatorView(child);
  }
  group_end_.clear();
  moved_ = 0;
  if (outer_.empty()) {
    group_end_.push_back(Size(multipliers_));
    return;
  }
  outer_state_.assign(outer_.size(), 0);
  SortByDepth();
}

template <typename Real>
void PotentialWalk<Real>::SortByDepth() {
  for (Multiplier& multiplier : multipliers_) {
    const View outer = multiplier.view.outer;
    for (int d = 0; d < Size(outer); ++d) {
      if (outer[d].stride != 0) multiplier.depth = d + 1;
    }
  }
  std::stable_sort(multipliers_.begin(), multipliers_.end(),
                   [](const Multiplier& a, const Multiplier& b) { return a.depth < b.depth; });
  for (int i = 1; i < Size(multipliers_); ++i) {
    if (multipliers_[i].depth != multipliers_[i - 1].depth) group_end_.push_back(i);
  }
  group_end_.push_back(Size(multipliers_));
  while (products_.size() < group_end_.size()) {
    products_.push_back(std::make_unique<Real[]>(Layout::kCellsPerBlock));
  }
}

// table = start, where there is one, times the multipliers from `begin` on.
template <typename Real>
void PotentialWalk<Real>::Multiply(int begin, int end, const Real* start, Real* table) const {
  bool first = start == nullptr;
  for (int i = begin; i < end; ++i) {
    const Multiplier& multiplier = multipliers_[i];
    const Real* values = multiplier.values;
    const ViewDim whole[] = {{block_cells_, 0}};
    View inner = multiplier.view.inner;
    if (multiplier.states == 1) {
      for (int d = 0; d < multiplier.depth; ++d) {
        values += outer_state_[d] * multiplier.view.outer[d].stride;
      }
    } else if (multiplier.outer_dimension >= 0) {
      values += outer_state_[multiplier.outer_dimension];
      inner = View(whole);
    } else {
      inner = View(multiplier.dims);
    }
    if (first) {
      AssignView(table, values, inner);
    } else if (start != nullptr) {
      MultiplyViewFrom(table, start, values, inner);
    } else {
      MultiplyView(table, values, inner);
    }
    first = false;
    start = nullptr;
  }
  if (first) std::fill_n(table, block_cells_, As<Real>(1.0));
}

template <typename Real>
void PotentialWalk<Real>::Next(Real* block) {
  const int groups = Size(group_end_);
  int begin = 0;
  const Real* product = nullptr;
  for (int g = 0; g < groups; ++g) {
    Real* out = g + 1 == groups ? block : products_[g].get();
    // A product that no moved dimension enters is still the one wanted.
    const bool stands = g + 1 < groups && moved_ > 0 && multipliers_[begin].depth <= moved_;
    if (!stands) Multiply(begin, group_end_[g], product, out);
    product = out;
    begin = group_end_[g];
  }
  if (outer_.empty()) return;
  moved_ = Size(outer_);
  while (moved_ > 0) {
    --moved_;
    if (++outer_state_[moved_] < outer_[moved_].extent) return;
    outer_state_[moved_] = 0;
  }
}

template class PotentialWalk<double>;
template class PotentialWalk<Wide>;

}  // namespace credence::forecaster
