#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "inference/layout.h"
#include "inference/potential.h"

namespace credence::forecaster {

// Messages over a junction tree (Jensen, Lauritzen and Olesen 1990), each kept as long as what it
// was computed from stays: a change costs what it reaches. Every number is a function of the
// findings alone, not of what was computed before, down to the last bit.
//
// Upward a clique sends its table summed onto the separator. Downward it receives what the rest
// says of the separator, its rows, and passes it on by transfers: its table summed onto the rows
// and what they are passed to. Tables and transfers stay while nothing below changes, so that a
// change elsewhere costs a small matrix times a vector in each clique. Of a clique too large to be
// kept, the table is worked out again instead.
//
// Upward messages are scaled by powers of two, whose exponents are carried apart; downward ones sum
// to about 1. With Real = double what left the range of normal doubles is marked, and is not to be
// used; with Real = Wide that cannot happen.
//
// Not thread-safe. A full pass is linear in the cells of the tree.
template <typename Real>
class Propagation {
 public:
  explicit Propagation(const PropagationInput& input);

  // The clique's factors, likelihoods or layout changed.
  void Invalidate(int clique);

  // Brings the upward messages up to date.
  void Collect();

  // After Collect. Whether some upward message may not be used.
  [[nodiscard]] bool OutOfRange() const { return out_of_range_count_ > 0; }
  // ln of the total weight of factors and relative likelihoods, -infinity when impossible.
  [[nodiscard]] double LogTotal() const;
  [[nodiscard]] bool IsPossible() const;

  // After Collect of what is possible: brings all marginals up to date, or as little as the
  // marginal of one unobserved variable or the rows of one clique take.
  void Distribute();
  void DistributeTo(int clique);
  void DistributeToVariable(int variable);

  // After the distribution: whether what the variable was read from may not be used; and whether
  // that holds of any variable.
  [[nodiscard]] bool VariableOutOfRange(int variable) const;
  [[nodiscard]] bool AnyOutOfRange() const { return marked_count_ > 0; }
  // The same of the rows of a clique.
  [[nodiscard]] bool OutOfRange(int clique) const;
  // Proportional to the probabilities of an unobserved variable's states; distributed to it.
  [[nodiscard]] std::span<const Real> Marginal(int variable) const {
    return std::span(marginals_).subspan(marginal_begin_[variable], input_.cardinality[variable]);
  }

  // Proportional to the belief of a factor's clique without the factor, summed onto the factor's
  // table: what each of its values is multiplied by. 0 where the findings rule a cell out.
  // Distributed to the clique. Empty where a number left its range.
  [[nodiscard]] std::vector<Real> WithoutFactor(int factor);

 private:
  void Allocate();
  [[nodiscard]] bool HasImpossibleRows(int clique) const;
  // What the rest of the tree says of the rows of a clique, nothing below it taken in.
  [[nodiscard]] std::vector<Real> FromAbove(int clique);
  // The clique's potential, each row multiplied, summed onto what `view` says, block by block.
  void AddPotentialOnto(int clique, LeftOut left_out, const Real* row_factors,
                        const BlockView& view, Real* sums);
  // Scratch memory of so many zeros.
  static Real* Zeros(std::vector<Real>& scratch, int64_t count);

  // Table and upward message in one walk.
  void ComputeUpward(int clique);
  void StoreUpward(int clique, int64_t rows, Real* message);
  // What of a clique's belief is wanted: all, or the message to one child, or one variable.
  struct Wanted {
    bool all = true;
    int child = -1;
    int variable = -1;
  };
  void Spread(int clique, const Wanted& wanted);
  void SpreadKept(int clique, const Wanted& wanted);
  void SpreadLarge(int clique, const Wanted& wanted);
  const Real* Transfer(int clique, int outlet);
  bool TakeToOutlet(int clique, int index, Real* out);
  void InvalidateBelief(int clique);
  void Mark(std::vector<uint8_t>& marks, int index, bool out);
  void DistributePath(int clique);
  // The factors by which the rows of the table are multiplied to be the belief.
  void ComputeRatio(int clique);
  void StoreDown(int child, Real* message);
  [[nodiscard]] bool Wants(const Wanted& wanted, int variable) const;
  void ReadFromSeparator(int variable);
  void AddOntoVariable(int clique, int index, int64_t block, const Real* belief);

  PropagationInput input_;
  const Layout& layout_;
  const JunctionTree& tree_;

  // Per clique: where its table and messages lie; per outlet its transfer.
  std::vector<int64_t> table_begin_;
  std::vector<int64_t> message_begin_;
  std::vector<int64_t> transfer_begin_;
  std::unique_ptr<Real[]> tables_;     // Factors, likelihoods and upward messages of children.
  std::unique_ptr<Real[]> transfers_;  // The tables summed; those as large as the table are it.
  std::unique_ptr<Real[]> upward_;     // To the parent.
  std::unique_ptr<Real[]> separator_;  // The parent's belief on the separator.
  std::optional<PotentialWalk<Real>> walk_;  // Made when the tables are.

  std::vector<uint8_t> table_valid_;
  std::vector<uint8_t> transfer_valid_;  // Per outlet.
  std::vector<uint8_t> belief_valid_;    // All that is read from the clique is up to date.
  std::vector<uint8_t> has_zero_total_;
  std::vector<uint8_t> upward_out_;
  // Whether the message to the clique from its parent is that of the parent's belief as it is.
  std::vector<uint8_t> sent_;
  std::vector<uint8_t> sent_out_;
  std::vector<uint8_t> ratio_out_;
  std::vector<uint8_t> marginal_out_;  // Per variable.
  int out_of_range_count_ = 0;
  int marked_count_ = 0;  // Of the three above.
  bool any_invalid_ = true;
  bool all_distributed_ = false;
  std::vector<int64_t> upward_rows_;  // Size of the upward message last computed, -1 for none.
  std::vector<int64_t> exponent_;     // Power of two taken out of the upward message.
  std::vector<double> log_scale_;     // ln of what is left where it became 1.

  std::vector<int> marginal_begin_;
  std::vector<Real> marginals_;

  // Scratch.
  std::vector<int> path_;
  std::vector<int> receivers_;
  std::vector<Real> block_;
  std::vector<Real> ratio_;
  std::vector<Real> message_;
};

extern template class Propagation<double>;
extern template class Propagation<Wide>;

}  // namespace credence::forecaster
