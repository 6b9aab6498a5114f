#include "inference/layout.h"

#include <algorithm>
#include <limits>

#include "sizes.h"

namespace credence::forecaster {

TreeScopes ScopesOf(const std::vector<Factor>& factors, std::span<const int> cardinality,
                    const Findings& findings) {
  TreeScopes result;
  result.scopes.begin.reserve(factors.size() + 1);
  std::vector<int64_t> steps;
  for (int f = 0; f < Size(factors); ++f) {
    const std::vector<int>& variables = factors[f].variables;
    if (findings.use[f] != FactorUse::kNeutral) {
      steps.resize(variables.size());
      int64_t step = 1;
      for (int i = Size(variables) - 1; i >= 0; --i) {
        steps[i] = step;
        step *= cardinality[variables[i]];
      }
      for (int i = 0; i < Size(variables); ++i) {
        if (findings.observed[variables[i]] >= 0) continue;
        result.scopes.variables.push_back(variables[i]);
        result.strides.push_back(steps[i]);
      }
    }
    result.scopes.Close();
  }
  return result;
}

int64_t FirstCell(const Factor& factor, std::span<const int> cardinality,
                  std::span<const int> observed) {
  int64_t first = 0;
  for (const int variable : factor.variables) {
    first = first * cardinality[variable] + std::max(observed[variable], 0);
  }
  return first;
}

Layout::Layout(const JunctionTree& tree, const TreeScopes& scopes, std::span<const int> cardinality,
               const Findings& findings, int64_t most_cells_kept)
    : tree_(tree),
      scopes_(scopes),
      cardinality_(cardinality),
      findings_(findings),
      most_cells_kept_(std::min<int64_t>(most_cells_kept, std::numeric_limits<int32_t>::max())),
      factor_count_(scopes.scopes.size()),
      rows_(tree.size()),
      width_(tree.size()),
      block_cells_(tree.size(), 1),
      outlets_(tree.size() + tree.own_marginals.variables.size()),
      marginal_place_(tree.marginal_source.size()) {
  const int views = factor_count_ + 2 * tree.size() + outlet_count();
  view_begin_.reserve(views);
  view_size_.assign(views, 0);
  view_outer_.assign(views, 0);
  int total = 0;
  const auto add = [&](int clique) {
    view_begin_.push_back(total);
    if (clique >= 0) total += Size(tree.cliques[clique]);
  };
  for (int f = 0; f < factor_count_; ++f) add(tree.factor_clique[f]);
  for (int c = 0; c < tree.size(); ++c) add(tree.parent[c]);
  for (int c = 0; c < tree.size(); ++c) add(c);
  int64_t rows = 0;
  const auto add_outlet = [&](int clique) {
    add(clique);
    order_begin_.push_back(rows);
    if (clique < 0) return;
    const double most =
        CellCount(tree.cliques[clique].first(tree.separator_size[clique]), cardinality);
    rows += static_cast<int64_t>(std::min(most, static_cast<double>(most_cells_kept_)));
  };
  for (int c = 0; c < tree.size(); ++c) add_outlet(tree.parent[c]);
  for (int c = 0; c < tree.size(); ++c) {
    for (size_t i = 0; i < tree.own_marginals[c].size(); ++i) add_outlet(c);
  }
  dims_.resize(total);
  // What is not written is not touched.
  order_ = std::make_unique_for_overwrite<int32_t[]>(rows);
  for (int o = 0; o < outlet_count(); ++o) outlets_[o].order = order_.get() + order_begin_[o];
  for (int c = 0; c < tree.size(); ++c) Update(c);
}

void Layout::SetView(int view, int split) {
  ViewDim* dims = dims_.data() + view_begin_[view];
  int count = 0;
  int outer = 0;
  for (int i = 0; i < Size(extents_); ++i) {
    if (i == split) outer = count;
    if (extents_[i] == 1) continue;
    const bool merges =
        i >= split && count > outer && dims[count - 1].stride == strides_[i] * extents_[i];
    if (merges) {
      dims[count - 1] = {dims[count - 1].extent * extents_[i], strides_[i]};
    } else {
      dims[count++] = {extents_[i], strides_[i]};
    }
  }
  view_size_[view] = count;
  view_outer_[view] = outer;
}

void Layout::Update(int clique) {
  const std::span<const int> variables = tree_.cliques[clique];
  const int count = Size(variables);
  extents_.resize(count);
  rows_[clique] = 1;
  width_[clique] = 1;
  for (int i = 0; i < count; ++i) {
    extents_[i] = Extent(variables[i]);
    (i < tree_.separator_size[clique] ? rows_ : width_)[clique] *= extents_[i];
  }
  int split = count;
  block_cells_[clique] = 1;
  while (split > 0 && block_cells_[clique] * extents_[split - 1] <= kCellsPerBlock) {
    block_cells_[clique] *= extents_[--split];
  }
  for (const int f : tree_.factors[clique]) {
    strides_.assign(count, 0);
    for (int i = scopes_.scopes.begin[f]; i < scopes_.scopes.begin[f + 1]; ++i) {
      strides_[tree_.factor_place[i]] = scopes_.strides[i];
    }
    SetView(f, split);
  }
  for (const int child : tree_.children[clique]) {
    strides_.assign(count, 0);
    int64_t step = 1;
    for (int i = tree_.separator_size[child] - 1; i >= 0; --i) {
      const int place = tree_.place_in_parent[tree_.cliques.begin[child] + i];
      strides_[place] = step;
      step *= extents_[place];
    }
    SetView(factor_count_ + child, split);
  }
  strides_.resize(count);
  int64_t step = 1;
  for (int i = count - 1; i >= 0; --i) {
    strides_[i] = step;
    step *= cardinality_[variables[i]];
  }
  SetView(factor_count_ + tree_.size() + clique, split);
  if (Keeps(clique)) UpdateOutlets(clique, split);
  for (const int v : tree_.separator_marginals[clique]) {
    const int index =
        static_cast<int>(std::find(variables.begin(), variables.end(), v) - variables.begin());
    marginal_place_[v] = PlaceOf(clique, index);
    marginal_place_[v].inner /= width_[clique];
  }
}

void Layout::UpdateOutlets(int clique, int split) {
  const std::span<const int> variables = tree_.cliques[clique];
  const int rows = tree_.separator_size[clique];
  // The places of an outlet's variables, with their steps in the outlet; 0 where it has none.
  for (const int child : tree_.children[clique]) {
    strides_.assign(variables.size(), 0);
    int64_t step = 1;
    for (int i = tree_.separator_size[child] - 1; i >= 0; --i) {
      const int place = tree_.place_in_parent[tree_.cliques.begin[child] + i];
      strides_[place] = step;
      step *= extents_[place];
    }
    UpdateOutlet(clique, split, OutletOfChild(child));
  }
  for (int i = tree_.own_marginals.begin[clique]; i < tree_.own_marginals.begin[clique + 1]; ++i) {
    strides_.assign(variables.size(), 0);
    const int variable = tree_.own_marginals.variables[i];
    strides_[std::find(variables.begin() + rows, variables.end(), variable) - variables.begin()] =
        1;
    UpdateOutlet(clique, split, OutletOfMarginal(i));
  }
}

// Of the clique's variables the rows' and the outlet's stay in the transfer, in the same order, so
// that the outlet's other variables change fastest, as they do in the outlet.
void Layout::UpdateOutlet(int clique, int split, int index) {
  const int row_variables = tree_.separator_size[clique];
  Outlet& outlet = outlets_[index];
  outlet.extent = 1;
  for (int i = Size(extents_) - 1; i >= row_variables; --i) {
    const bool stays = strides_[i] > 0 && extents_[i] > 1;
    strides_[i] = stays ? outlet.extent : 0;
    if (stays) outlet.extent *= extents_[i];
  }
  // The rows in the order of the variables that the outlet has, then of those that it has not.
  int32_t* order = order_.get() + order_begin_[index];
  order[0] = 0;
  int64_t count = 1;
  const auto list = [&](bool shared) {
    int64_t step = 1;
    int64_t inner = 1;
    for (int i = row_variables - 1; i >= 0; --i) {
      const int64_t extent = extents_[i];
      if ((strides_[i] > 0) == shared) inner *= extent;
      steps_[i] = step;
      step *= extent;
    }
    for (int i = 0; i < row_variables; ++i) {
      const int64_t extent = extents_[i];
      if ((strides_[i] > 0) != shared || extent == 1) continue;
      // Spread from the back, so that nothing is written over before it is read.
      for (int64_t r = count; r-- > 0;) {
        for (int64_t e = extent; e-- > 0;) {
          order[r * extent + e] = order[r] + static_cast<int32_t>(e * steps_[i]);
        }
      }
      count *= extent;
    }
    return inner;
  };
  steps_.resize(row_variables);
  outlet.groups = list(true);
  outlet.rows = list(false);
  int64_t step = outlet.extent;
  for (int i = row_variables - 1; i >= 0; --i) {
    strides_[i] = step;
    step *= extents_[i];
  }
  SetView(factor_count_ + 2 * tree_.size() + index, split);
}

int64_t Layout::WholeFirstCell(int c) const {
  int64_t first = 0;
  for (const int variable : tree_.cliques[c]) {
    first = first * cardinality_[variable] + std::max(findings_.observed[variable], 0);
  }
  return first;
}

int Layout::OuterDimension(int clique, int index) const {
  const std::span<const int> variables = tree_.cliques[clique];
  if (PlaceOf(clique, index).inner < block_cells(clique)) return -1;
  return static_cast<int>(std::count_if(variables.begin(), variables.begin() + index,
                                        [&](int v) { return Extent(v) > 1; }));
}

Layout::Place Layout::PlaceOf(int clique, int index) const {
  const std::span<const int> variables = tree_.cliques[clique];
  Place place;
  for (int i = 0; i < Size(variables); ++i) {
    if (i < index) place.outer *= Extent(variables[i]);
    if (i > index) place.inner *= Extent(variables[i]);
  }
  return place;
}

}  // namespace credence::forecaster
