#include "inference/propagation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <type_traits>

#include "inference/range_watch.h"
#include "numeric/log_space.h"
#include "numeric/sum.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

template <typename Real>
Real Largest(const Real* values, int64_t count) {
  Real high = values[0];
  for (int64_t i = 1; i < count; ++i) {
    if (high < values[i]) high = values[i];
  }
  return high;
}

double PowerOfTwo(int64_t exponent) {
  return std::bit_cast<double>(static_cast<uint64_t>(1023 + exponent) << 52);
}

// Multiplies by the power of two that brings the largest value into [1, 2), and returns the
// exponent taken out. The values are not all 0. Wide numbers need no scaling.
int64_t TakeOutExponent(double* values, int64_t count) {
  const double high = Largest(values, count);
  const auto exponent = static_cast<int64_t>(std::bit_cast<uint64_t>(high) >> 52) - 1023;
  // Tables that run out of range are marked; these bounds only keep the factor a number.
  const int64_t taken = std::clamp<int64_t>(exponent, -1021, 1021);
  const double factor = PowerOfTwo(-taken);
  for (int64_t i = 0; i < count; ++i) values[i] *= factor;
  return taken;
}
int64_t TakeOutExponent(Wide*, int64_t) { return 0; }

template <typename Real>
bool SameValues(const Real* a, const Real* b, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    if (a[i] < b[i] || b[i] < a[i]) return false;
  }
  return true;
}

}  // namespace

template <typename Real>
Propagation<Real>::Propagation(const PropagationInput& input)
    : input_(input),
      layout_(*input.layout),
      tree_(input.layout->tree()),
      table_valid_(tree_.size(), 0),
      transfer_valid_(layout_.outlet_count(), 0),
      belief_valid_(tree_.size(), 0),
      has_zero_total_(tree_.size(), 0),
      upward_out_(tree_.size(), 0),
      sent_(tree_.size(), 0),
      sent_out_(tree_.size(), 0),
      ratio_out_(tree_.size(), 0),
      marginal_out_(input.marginal_count, 0),
      upward_rows_(tree_.size(), -1),
      exponent_(tree_.size(), 0),
      log_scale_(tree_.size(), 0.0) {
  Allocate();
  int total = 0;
  for (int v = 0; v < input_.marginal_count; ++v) {
    marginal_begin_.push_back(total);
    total += input_.cardinality[v];
  }
  marginals_.resize(total);
}

template <typename Real>
void Propagation<Real>::Allocate() {
  // Room for what may become unobserved, where that can be.
  const auto extent = [&](int v) {
    const bool one = !input_.room_for_all_states && input_.findings->observed[v] >= 0;
    return one ? 1.0 : input_.cardinality[v];
  };
  const auto most = static_cast<double>(layout_.most_cells_kept());
  int64_t cells = 0;
  int64_t rows = 0;
  int64_t transfers = 0;
  transfer_begin_.resize(layout_.outlet_count());
  for (int c = 0; c < tree_.size(); ++c) {
    table_begin_.push_back(cells);
    message_begin_.push_back(rows);
    double clique_rows = 1.0;
    double clique_cells = 1.0;
    const std::span<const int> variables = tree_.cliques[c];
    for (int i = 0; i < Size(variables); ++i) {
      clique_cells *= extent(variables[i]);
      if (i < tree_.separator_size[c]) clique_rows *= extent(variables[i]);
    }
    const auto add_transfer = [&](int outlet, double beside_rows) {
      transfer_begin_[outlet] = transfers;
      const double room = clique_rows * beside_rows;
      // One as large as the table is the table.
      if (room < clique_cells) transfers += static_cast<int64_t>(std::min(room, most));
    };
    for (const int child : tree_.children[c]) {
      add_transfer(layout_.OutletOfChild(child), ExtentBesideRows(tree_, child, extent));
    }
    for (int i = tree_.own_marginals.begin[c]; i < tree_.own_marginals.begin[c + 1]; ++i) {
      add_transfer(layout_.OutletOfMarginal(i), extent(tree_.own_marginals.variables[i]));
    }
    cells += static_cast<int64_t>(std::min(clique_cells, most));
    rows += static_cast<int64_t>(clique_rows);
  }
  // What is not written is not touched.
  tables_ = std::make_unique_for_overwrite<Real[]>(cells);
  transfers_ = std::make_unique_for_overwrite<Real[]>(transfers);
  upward_ = std::make_unique_for_overwrite<Real[]>(rows);
  separator_ = std::make_unique_for_overwrite<Real[]>(rows);
  block_.resize(Layout::kCellsPerBlock);
  walk_.emplace(input_, upward_.get(), message_begin_);
}

template <typename Real>
void Propagation<Real>::Invalidate(int clique) {
  table_valid_[clique] = 0;
  any_invalid_ = true;
}

template <typename Real>
Real* Propagation<Real>::Zeros(std::vector<Real>& scratch, int64_t count) {
  if (std::ssize(scratch) < count) scratch.resize(count);
  std::fill_n(scratch.data(), count, As<Real>(0.0));
  return scratch.data();
}

template <typename Real>
void Propagation<Real>::ComputeUpward(int clique) {
  const int64_t rows = layout_.rows(clique);
  const int64_t width = layout_.width(clique);
  const int64_t cells = layout_.block_cells(clique);
  Real* message = Zeros(message_, rows);
  walk_->Start(clique, {});
  const bool keeps = layout_.Keeps(clique);
  Real* table = tables_.get() + table_begin_[clique];
  for (int64_t block = 0; block < layout_.blocks(clique); ++block) {
    Real* begin = keeps ? table + block * cells : block_.data();
    walk_->Next(begin);
    if (cells >= width) {
      SumRows(begin, cells / width, width, message + block * (cells / width));
    } else {
      message[block / (width / cells)] += SumRun(begin, cells);
    }
  }
  for (const int child : tree_.children[clique]) transfer_valid_[layout_.OutletOfChild(child)] = 0;
  for (int i = tree_.own_marginals.begin[clique]; i < tree_.own_marginals.begin[clique + 1]; ++i) {
    transfer_valid_[layout_.OutletOfMarginal(i)] = 0;
  }
  StoreUpward(clique, rows, message);
}

template <typename Real>
void Propagation<Real>::StoreUpward(int clique, int64_t rows, Real* message) {
  const bool zero = IsZero(Largest(message, rows));
  has_zero_total_[clique] = zero ? 1 : 0;
  exponent_[clique] = zero ? 0 : TakeOutExponent(message, rows);
  log_scale_[clique] = 0.0;
  if (rows == 1 && !zero) {
    // Nothing above depends on a single number, so that it becomes 1 and changes nothing there.
    log_scale_[clique] = LogOf(message[0]);
    message[0] = As<Real>(1.0);
  }
  Real* stored = upward_.get() + message_begin_[clique];
  const bool same = upward_rows_[clique] == rows && SameValues(stored, message, rows);
  if (same) return;
  std::copy_n(message, rows, stored);
  upward_rows_[clique] = rows;
  if (tree_.parent[clique] >= 0) Invalidate(tree_.parent[clique]);
}

template <typename Real>
void Propagation<Real>::Collect() {
  if (!any_invalid_) return;
  all_distributed_ = false;
  RangeWatch<Real> watch;
  for (int c = 0; c < tree_.size(); ++c) {
    if (table_valid_[c] != 0) continue;
    ComputeUpward(c);
    table_valid_[c] = 1;
    InvalidateBelief(c);
    const bool left = watch.Left();
    out_of_range_count_ += (left ? 1 : 0) - (upward_out_[c] != 0 ? 1 : 0);
    upward_out_[c] = left ? 1 : 0;
  }
  any_invalid_ = false;
}

template <typename Real>
double Propagation<Real>::LogTotal() const {
  int64_t exponent = 0;
  CompensatedSum logs;
  for (int c = 0; c < tree_.size(); ++c) {
    if (has_zero_total_[c] != 0) return kLogZero;
    exponent += exponent_[c];
    if (!(std::abs(log_scale_[c]) > 0.0)) continue;
    logs.Add(log_scale_[c]);
  }
  logs.Add(static_cast<double>(exponent) * std::numbers::ln2);
  return logs.Total();
}

template <typename Real>
bool Propagation<Real>::IsPossible() const {
  return std::none_of(has_zero_total_.begin(), has_zero_total_.end(),
                      [](uint8_t zero) { return zero != 0; });
}

template <typename Real>
void Propagation<Real>::InvalidateBelief(int clique) {
  belief_valid_[clique] = 0;
  for (const int child : tree_.children[clique]) sent_[child] = 0;
}

template <typename Real>
void Propagation<Real>::Mark(std::vector<uint8_t>& marks, int index, bool out) {
  marked_count_ += (out ? 1 : 0) - marks[index];
  marks[index] = out ? 1 : 0;
}

template <typename Real>
void Propagation<Real>::Distribute() {
  if (all_distributed_) return;
  for (int c = tree_.size() - 1; c >= 0; --c) {
    if (belief_valid_[c] == 0) Spread(c, {});
  }
  all_distributed_ = true;
}

// Brings the message to the clique up to date, and those on the way to it.
template <typename Real>
void Propagation<Real>::DistributePath(int clique) {
  path_.clear();
  for (int c = clique; c >= 0; c = tree_.parent[c]) path_.push_back(c);
  for (int i = Size(path_) - 1; i > 0; --i) {
    const int child = path_[i - 1];
    if (sent_[child] == 0) Spread(path_[i], {.all = false, .child = child});
  }
}

template <typename Real>
void Propagation<Real>::DistributeTo(int clique) {
  if (!all_distributed_) DistributePath(clique);
}

template <typename Real>
void Propagation<Real>::DistributeToVariable(int variable) {
  if (all_distributed_) return;
  const int clique = tree_.home[variable];
  DistributePath(clique);
  if (belief_valid_[clique] != 0) return;
  Spread(clique, {.all = false, .child = tree_.marginal_source[variable], .variable = variable});
}

template <typename Real>
bool Propagation<Real>::OutOfRange(int clique) const {
  if (marked_count_ == 0) return false;
  for (int c = clique; tree_.parent[c] >= 0; c = tree_.parent[c]) {
    if (sent_out_[c] != 0 || ratio_out_[tree_.parent[c]] != 0) return true;
  }
  return false;
}

template <typename Real>
bool Propagation<Real>::VariableOutOfRange(int variable) const {
  if (marked_count_ == 0) return false;
  const int home = tree_.home[variable];
  const int source = tree_.marginal_source[variable];
  return ratio_out_[home] != 0 || OutOfRange(home) ||
         (source >= 0 ? sent_out_[source] : marginal_out_[variable]) != 0;
}

template <typename Real>
void Propagation<Real>::ComputeRatio(int clique) {
  const int64_t rows = layout_.rows(clique);
  if (std::ssize(ratio_) < rows) ratio_.resize(rows);
  // The table is that of the upward message before its exponent was taken out.
  const Real scale = As<Real>(PowerOfTwo(-exponent_[clique]));
  if (rows == 1) {
    ratio_[0] = scale;
    return;
  }
  const Real* above = separator_.get() + message_begin_[clique];
  const Real* below = upward_.get() + message_begin_[clique];
  for (int64_t r = 0; r < rows; ++r) {
    // What is impossible below stays so.
    const Real ratio = above[r] / below[r] * scale;
    ratio_[r] = IsZero(below[r]) ? As<Real>(0.0) : ratio;
  }
}

template <typename Real>
bool Propagation<Real>::Wants(const Wanted& wanted, int variable) const {
  return input_.findings->observed[variable] < 0 && (wanted.all || wanted.variable == variable);
}

template <typename Real>
void Propagation<Real>::Spread(int clique, const Wanted& wanted) {
  RangeWatch<Real> watch;
  ComputeRatio(clique);
  Mark(ratio_out_, clique, watch.Left());
  layout_.Keeps(clique) ? SpreadKept(clique, wanted) : SpreadLarge(clique, wanted);
  for (const int child : tree_.children[clique]) {
    for (const int v : tree_.separator_marginals[child]) {
      if (Wants(wanted, v)) ReadFromSeparator(v);
    }
  }
  if (wanted.all) belief_valid_[clique] = 1;
}

template <typename Real>
const Real* Propagation<Real>::Transfer(int clique, int outlet) {
  const Real* table = tables_.get() + table_begin_[clique];
  const int64_t cells = layout_.rows(clique) * layout_.outlet(outlet).extent;
  if (cells == layout_.cells(clique)) return table;
  Real* sums = transfers_.get() + transfer_begin_[outlet];
  if (transfer_valid_[outlet] != 0) return sums;
  std::fill_n(sums, cells, As<Real>(0.0));
  const BlockView view = layout_.TransferView(outlet);
  for (int64_t block = 0; block < layout_.blocks(clique); ++block) {
    AddOnto(sums + view.Offset(block), table + block * layout_.block_cells(clique), view.inner);
  }
  transfer_valid_[outlet] = 1;
  return sums;
}

template <typename Real>
bool Propagation<Real>::TakeToOutlet(int clique, int index, Real* out) {
  const Layout::Outlet& outlet = layout_.outlet(index);
  return AddScaledRows(Transfer(clique, index), ratio_.data(), outlet.order, outlet.groups,
                       outlet.rows, outlet.extent, out);
}

template <typename Real>
void Propagation<Real>::SpreadKept(int clique, const Wanted& wanted) {
  RangeWatch<Real> watch;
  for (const int child : tree_.children[clique]) {
    if (sent_[child] != 0 || !(wanted.all || wanted.child == child)) continue;
    if (layout_.rows(child) > 1) {
      Real* message = separator_.get() + message_begin_[child];
      // What is not up to date may be of another shape, or never have been written.
      const bool fresh = belief_valid_[child] == 0;
      if (fresh) std::fill_n(message, layout_.rows(child), As<Real>(0.0));
      const bool changed = TakeToOutlet(clique, layout_.OutletOfChild(child), message);
      if (changed || fresh) InvalidateBelief(child);
    }
    sent_[child] = 1;
    Mark(sent_out_, child, watch.Left());
  }
  for (int i = tree_.own_marginals.begin[clique]; i < tree_.own_marginals.begin[clique + 1]; ++i) {
    const int v = tree_.own_marginals.variables[i];
    if (!Wants(wanted, v)) continue;
    TakeToOutlet(clique, layout_.OutletOfMarginal(i), marginals_.data() + marginal_begin_[v]);
    Mark(marginal_out_, v, watch.Left());
  }
}

// The belief is the table with its rows multiplied by what the parent knows; it is walked block by
// block and never kept. All of it is walked whatever is wanted, so that whether it leaves its range
// does not depend on that.
template <typename Real>
void Propagation<Real>::SpreadLarge(int clique, const Wanted& wanted) {
  RangeWatch<Real> watch;
  receivers_.clear();
  int64_t message_cells = 0;
  for (const int child : tree_.children[clique]) {
    if (sent_[child] != 0 || !(wanted.all || wanted.child == child)) continue;
    receivers_.push_back(child);
    message_cells += layout_.rows(child);
  }
  Real* messages = Zeros(message_, message_cells);
  const std::span<const int> variables = tree_.cliques[clique];
  const std::span<const int> own = tree_.own_marginals[clique];
  for (const int v : own) {
    if (Wants(wanted, v)) {
      std::fill_n(marginals_.data() + marginal_begin_[v], input_.cardinality[v], As<Real>(0.0));
    }
  }
  const int64_t width = layout_.width(clique);
  const int64_t cells = layout_.block_cells(clique);
  walk_->Start(clique, {});
  for (int64_t block = 0; block < layout_.blocks(clique); ++block) {
    Real* belief = block_.data();
    walk_->Next(belief);
    ScaleRows(belief, ratio_.data() + block * cells / width, std::max<int64_t>(cells / width, 1),
              std::min(width, cells), belief);
    Real* message = messages;
    for (const int child : receivers_) {
      const BlockView view = layout_.SeparatorView(child);
      if (layout_.rows(child) > 1) AddOnto(message + view.Offset(block), belief, view.inner);
      message += layout_.rows(child);
    }
    for (const int v : own) {
      if (!Wants(wanted, v)) continue;
      const auto index =
          static_cast<int>(std::find(variables.begin(), variables.end(), v) - variables.begin());
      AddOntoVariable(clique, index, block, belief);
    }
  }
  // Sums of doubles do not underflow; only the multiplications before them can have.
  const bool out = watch.Left();
  Real* message = messages;
  for (const int child : receivers_) {
    if (layout_.rows(child) > 1) StoreDown(child, message);
    sent_[child] = 1;
    Mark(sent_out_, child, out);
    message += layout_.rows(child);
  }
  for (const int v : own) {
    if (Wants(wanted, v)) Mark(marginal_out_, v, out);
  }
}

template <typename Real>
void Propagation<Real>::AddOntoVariable(int clique, int index, int64_t block, const Real* belief) {
  const int v = tree_.cliques[clique][index];
  Real* marginal = marginals_.data() + marginal_begin_[v];
  const int64_t cells = layout_.block_cells(clique);
  const int64_t states = input_.cardinality[v];
  const int64_t inner = layout_.PlaceOf(clique, index).inner;
  if (inner >= cells) {
    marginal[block / (inner / cells) % states] += SumRun(belief, cells);
    return;
  }
  const ViewDim dims[] = {{cells / (inner * states), 0}, {states, 1}, {inner, 0}};
  AddOnto(marginal, belief, View(dims));
}

template <typename Real>
void Propagation<Real>::StoreDown(int child, Real* message) {
  const int64_t rows = layout_.rows(child);
  Real* stored = separator_.get() + message_begin_[child];
  // What is not up to date may be of another shape.
  if (belief_valid_[child] != 0 && SameValues(stored, message, rows)) return;
  std::copy_n(message, rows, stored);
  InvalidateBelief(child);
}

template <typename Real>
void Propagation<Real>::ReadFromSeparator(int variable) {
  const auto [inner, outer] = layout_.MarginalPlace(variable);
  const int64_t states = input_.cardinality[variable];
  Real* marginal = marginals_.data() + marginal_begin_[variable];
  const Real* from = separator_.get() + message_begin_[tree_.marginal_source[variable]];
  for (int64_t s = 0; s < states; ++s) marginal[s] = SumRun(from + s * inner, inner);
  for (int64_t o = 1; o < outer; ++o) {
    from += states * inner;
    for (int64_t s = 0; s < states; ++s) marginal[s] += SumRun(from + s * inner, inner);
  }
}

template <typename Real>
bool Propagation<Real>::HasImpossibleRows(int clique) const {
  const Real* below = upward_.get() + message_begin_[clique];
  return std::any_of(below, below + layout_.rows(clique),
                     [](const Real& value) { return IsZero(value); });
}

template <typename Real>
void Propagation<Real>::AddPotentialOnto(int clique, LeftOut left_out, const Real* row_factors,
                                         const BlockView& view, Real* sums) {
  const int64_t width = layout_.width(clique);
  const int64_t cells = layout_.block_cells(clique);
  walk_->Start(clique, left_out);
  for (int64_t block = 0; block < layout_.blocks(clique); ++block) {
    walk_->Next(block_.data());
    ScaleRows(block_.data(), row_factors + block * cells / width,
              std::max<int64_t>(cells / width, 1), std::min(width, cells), block_.data());
    AddOnto(sums + view.Offset(block), block_.data(), view.inner);
  }
}

template <typename Real>
std::vector<Real> Propagation<Real>::FromAbove(int clique) {
  std::vector<int> path;
  for (int c = clique; c >= 0; c = tree_.parent[c]) path.push_back(c);
  std::vector<Real> message = {As<Real>(1.0)};
  for (int i = Size(path) - 1; i > 0; --i) {
    const int child = path[i - 1];
    std::vector<Real> next(layout_.rows(child), As<Real>(0.0));
    AddPotentialOnto(path[i], {.factor = -1, .child = child}, message.data(),
                     layout_.SeparatorView(child), next.data());
    TakeOutExponent(next.data(), Size(next));
    message = std::move(next);
  }
  return message;
}

template <typename Real>
std::vector<Real> Propagation<Real>::WithoutFactor(int factor) {
  RangeWatch<Real> watch;
  const int clique = tree_.factor_clique[factor];
  const Factor& own = (*input_.factors)[factor];
  std::vector<Real> result(static_cast<size_t>(CellCount(own.variables, input_.cardinality)),
                           As<Real>(0.0));
  bool impossible_rows = false;
  for (int c = clique; c >= 0; c = tree_.parent[c]) {
    impossible_rows = impossible_rows || HasImpossibleRows(c);
  }
  std::vector<Real> above;
  if (impossible_rows) {
    // Rows that are impossible with the factor may be possible without it, and what was divided
    // out of them is lost.
    above = FromAbove(clique);
  } else {
    ComputeRatio(clique);
    above.assign(ratio_.begin(), ratio_.begin() + layout_.rows(clique));
  }
  AddPotentialOnto(clique, {.factor = factor, .child = -1}, above.data(),
                   layout_.FactorView(factor),
                   result.data() + FirstCell(own, input_.cardinality, input_.findings->observed));
  if (watch.Left()) result.clear();
  return result;
}

template class Propagation<double>;
template class Propagation<Wide>;

}  // namespace credence::forecaster
