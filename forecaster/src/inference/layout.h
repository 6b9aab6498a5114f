#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "inference/factor.h"
#include "inference/findings.h"
#include "inference/junction_tree.h"
#include "inference/kernels.h"
#include "sizes.h"

namespace credence::forecaster {

// The factors as a junction tree sees them: the variables each still has, and the steps of those in
// its own table.
struct TreeScopes {
  Scopes scopes;
  std::vector<int64_t> strides;  // Parallel to scopes.variables.
};

// Scopes of the factors over the variables that are not observed; those of neutral factors are
// empty.
[[nodiscard]] TreeScopes ScopesOf(const std::vector<Factor>& factors,
                                  std::span<const int> cardinality, const Findings& findings);

// Where a factor's values for the observed states begin.
[[nodiscard]] int64_t FirstCell(const Factor& factor, std::span<const int> cardinality,
                                std::span<const int> observed);

// A smaller table along one clique's, block by block.
struct BlockView {
  // The outer variables' dimensions, none merged, and the way through one block.
  View outer;
  View inner;

  // Where the block begins in the smaller table.
  [[nodiscard]] int64_t Offset(int64_t block) const {
    int64_t offset = 0;
    for (size_t d = outer.size(); d-- > 0;) {
      offset += block % outer[d].extent * outer[d].stride;
      block /= outer[d].extent;
    }
    return offset;
  }
};

// How the tables of a junction tree lie, given which variables are observed: an observed variable
// takes no room. Tables of cliques are row-major over their variables; those of separators over the
// first of these. A large clique is walked in blocks, each of the same last variables, so that what
// is done to a block finds it in the nearest cache.
class Layout {
 public:
  // 32 KiB of doubles: what most processors keep nearest.
  static constexpr int64_t kCellsPerBlock = 4096;

  // Keeps references to all but `cardinality`'s owner must outlive it too. Lays out every clique. A
  // table of more than `most_cells_kept` cells is worked out whenever it is needed, block by block.
  Layout(const JunctionTree& tree, const TreeScopes& scopes, std::span<const int> cardinality,
         const Findings& findings, int64_t most_cells_kept);

  // Lays out a clique anew after a variable of its own came to be observed or ceased to be.
  void Update(int clique);

  [[nodiscard]] int64_t cells(int c) const { return rows_[c] * width_[c]; }
  // Cells of the separator to the parent, and of each of its rows in the clique.
  [[nodiscard]] int64_t rows(int c) const { return rows_[c]; }
  [[nodiscard]] int64_t width(int c) const { return width_[c]; }

  [[nodiscard]] int64_t block_cells(int c) const { return block_cells_[c]; }
  [[nodiscard]] int64_t blocks(int c) const { return cells(c) / block_cells_[c]; }

  // A factor in its clique, the separator of a clique in its parent, and the clique's table laid
  // out without observations in the one with them.
  [[nodiscard]] BlockView FactorView(int factor) const { return ViewAt(factor); }
  [[nodiscard]] BlockView SeparatorView(int c) const { return ViewAt(factor_count_ + c); }
  [[nodiscard]] BlockView WholeView(int c) const {
    return ViewAt(factor_count_ + tree_.size() + c);
  }
  [[nodiscard]] int64_t WholeFirstCell(int c) const;

  // Whether the clique's table is kept.
  [[nodiscard]] bool Keeps(int c) const { return cells(c) <= most_cells_kept_; }
  [[nodiscard]] int64_t most_cells_kept() const { return most_cells_kept_; }

  // An outlet is what a clique's belief is summed onto: the separator to a child, or one of the
  // variables whose marginals are read from the clique. A transfer is the clique's table summed
  // onto the rows and the outlet's other variables; it takes the belief of the rows to the outlet.
  [[nodiscard]] int OutletOfChild(int child) const { return child; }
  [[nodiscard]] int OutletOfMarginal(int i) const { return tree_.size() + i; }
  [[nodiscard]] int outlet_count() const { return Size(outlets_); }
  [[nodiscard]] BlockView TransferView(int outlet) const {
    return ViewAt(factor_count_ + 2 * tree_.size() + outlet);
  }
  // Only of cliques that are kept. Each row of the clique is followed in the transfer by `extent`
  // cells, the outlet's other variables' configurations. The outlet has `groups` times so many
  // cells, each group the sum of `rows` rows of the transfer; `order` lists them group by group.
  struct Outlet {
    int64_t extent = 1;
    int64_t groups = 1;
    int64_t rows = 1;
    const int32_t* order = nullptr;
  };
  [[nodiscard]] const Outlet& outlet(int outlet) const { return outlets_[outlet]; }

  // A variable of the clique that is not observed, in its table.
  struct Place {
    int64_t inner = 1;
    int64_t outer = 1;
  };
  [[nodiscard]] Place PlaceOf(int clique, int index) const;
  // Of a variable whose marginal is read from a separator, in that separator's table.
  [[nodiscard]] const Place& MarginalPlace(int variable) const { return marginal_place_[variable]; }
  // Which of the outer dimensions the variable is, -1 for one inside of the blocks.
  [[nodiscard]] int OuterDimension(int clique, int index) const;

  [[nodiscard]] const JunctionTree& tree() const { return tree_; }

 private:
  [[nodiscard]] BlockView ViewAt(int view) const {
    const View dims = std::span(dims_).subspan(view_begin_[view], view_size_[view]);
    return {.outer = dims.first(view_outer_[view]), .inner = dims.subspan(view_outer_[view])};
  }
  [[nodiscard]] int64_t Extent(int variable) const {
    return findings_.observed[variable] >= 0 ? 1 : cardinality_[variable];
  }
  // The first `split` variables are the outer ones.
  void SetView(int view, int split);
  void UpdateOutlets(int clique, int split);
  void UpdateOutlet(int clique, int split, int index);

  const JunctionTree& tree_;
  const TreeScopes& scopes_;
  std::span<const int> cardinality_;
  const Findings& findings_;
  int64_t most_cells_kept_;
  int factor_count_;
  std::vector<int64_t> rows_;
  std::vector<int64_t> width_;
  std::vector<ViewDim> dims_;
  std::vector<int> view_begin_;
  std::vector<int> view_size_;
  std::vector<int> view_outer_;
  std::vector<int64_t> block_cells_;
  std::vector<Outlet> outlets_;
  std::unique_ptr<int32_t[]> order_;  // Of all outlets, each from its place on.
  std::vector<int64_t> order_begin_;
  std::vector<Place> marginal_place_;
  std::vector<int64_t> extents_;  // Scratch.
  std::vector<int64_t> strides_;  // Scratch.
  std::vector<int64_t> steps_;    // Scratch.
};

}  // namespace credence::forecaster
