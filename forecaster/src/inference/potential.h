#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "inference/factor.h"
#include "inference/findings.h"
#include "inference/layout.h"

namespace credence::forecaster {

// The product of each clique's own factors, laid out without observations; empty where it has not
// been made.
using CliqueTables = std::vector<std::vector<double>>;

// All that a propagation reads. Everything outlives it.
struct PropagationInput {
  const std::vector<Factor>* factors = nullptr;
  std::span<const int> cardinality;
  const Findings* findings = nullptr;
  const Layout* layout = nullptr;
  // Null where there are none.
  const CliqueTables* clique_tables = nullptr;
  // Marginals are kept of the variables below this.
  int marginal_count = 0;
  // Room to leave for each clique: as without observations, or as laid out now.
  bool room_for_all_states = false;
};

// What to leave out of a clique's potential; -1 for nothing.
struct LeftOut {
  int factor = -1;
  int child = -1;
};

// Works out the product of a clique's factors, likelihoods and messages from children, block after
// block. What the slower variables alone decide is multiplied once for many blocks.
//
// Not thread-safe. Keeps references to its arguments.
template <typename Real>
class PotentialWalk {
 public:
  // `upward` has the messages, that of clique c from message_begin[c] on.
  PotentialWalk(const PropagationInput& input, const Real* upward,
                const std::vector<int64_t>& message_begin);

  // Begins with a clique.
  void Start(int clique, LeftOut left_out);
  // Writes the next block; called layout.blocks(clique) times.
  void Next(Real* block);

  // The values of a factor as numbers to compute with.
  const Real* FactorValues(int factor);

 private:
  // One table to multiply by, with what changes from block to block.
  struct Multiplier {
    const Real* values = nullptr;
    BlockView view;
    // For a likelihood, the outer dimension that is its variable, -1 where it is inside of the
    // blocks; the view then has no outer part.
    int outer_dimension = -1;
    int64_t states = 1;
    ViewDim dims[3] = {};
    // It stays the same as long as this many of the outer dimensions do.
    int depth = 0;
  };
  void AddFactors(int clique, int left_out);
  void AddLikelihoods(int clique);
  void SortByDepth();
  void Multiply(int begin, int end, const Real* start, Real* table) const;

  const PropagationInput& input_;
  const Layout& layout_;
  const JunctionTree& tree_;
  const Real* upward_;
  const std::vector<int64_t>& message_begin_;

  int64_t block_cells_ = 1;
  View outer_;
  std::vector<int64_t> outer_state_;
  // The outermost dimension that moved with the last block.
  int moved_ = 0;
  std::vector<Multiplier> multipliers_;
  // Where each run of multipliers of one depth ends, and their product with those before, but for
  // the last run.
  std::vector<int> group_end_;
  std::vector<std::unique_ptr<Real[]>> products_;
  std::vector<std::vector<Real>> wide_likelihoods_;  // By variable.
  std::vector<std::vector<Real>> converted_;         // Factors beyond doubles.
};

extern template class PotentialWalk<double>;
extern template class PotentialWalk<Wide>;

}  // namespace credence::forecaster
