#include "inference/elimination.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "credence/base/check.h"
#include "inference/sparse_elimination.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

// More variables than this are kept in lists instead of rows of bits.
constexpr int kMaxDenseVariables = 6'000;

// Steps of work (words looked at) that a search may still take once a table is too large, and that
// all searches together may take where nothing found fits; a step takes about a nanosecond.
constexpr int64_t kWorkAfterOverflow = 2'000'000;
constexpr double kWorkWithoutFit = 12e6;
// What a search may take that its problem allows more, and for large tables by cell: a part of what
// it takes to walk them once.
constexpr double kWorkForLittle = 20e6;
constexpr double kWorkPerCell = 0.5;

// What a quick search finds to be so many times too large, no better search will make fit.
constexpr double kHopeless = 65536.0;

// Beside a variable that the front has not reached, any other goes first.
constexpr double kFar = 65536.0;

constexpr double kGone = std::numeric_limits<double>::infinity();

// How a search chooses. Chances push the order that the heuristic would take: each key is raised by
// a share of itself and by a part of a unit, both drawn.
struct Search {
  Heuristic heuristic = Heuristic::kLeastFill;
  uint64_t seed = 0;
  double share = 0.0;
  double part = 0.0;
};

// The interaction graph as a matrix of bits.
class DenseElimination {
 public:
  explicit DenseElimination(const EliminationProblem& problem)
      : problem_(problem),
        count_(Size(problem.variables)),
        words_((count_ + 63) / 64),
        whole_(static_cast<size_t>(count_) * words_),
        rows_(whole_.size()),
        log_cells_(count_),
        key_(count_) {
    std::vector<int> local(problem.cardinality.size(), -1);
    for (int i = 0; i < count_; ++i) {
      local[problem.variables[i]] = i;
      log_cells_[i] = std::log2(problem.cardinality[problem.variables[i]]);
    }
    for (int s = 0; s < problem.scopes->size(); ++s) {
      for (const int a : (*problem.scopes)[s]) {
        for (const int b : (*problem.scopes)[s]) Set(local[a], local[b]);
      }
    }
    for (int i = 0; i < count_; ++i) Row(i)[i / 64] &= ~(uint64_t{1} << (i % 64));
    whole_ = rows_;
  }

  // An order not complete where it came to more cells than `bound` altogether.
  EliminationOrder Run(const Search& search, double bound) {
    search_ = search;
    rows_ = whole_;
    work_ += std::ssize(whole_) / 2;
    reached_.assign(count_, 0);
    overflow_work_ = 0;
    return Run(bound);
  }

  // Steps of all runs so far.
  [[nodiscard]] int64_t work() const { return work_; }

 private:
  EliminationOrder Run(double bound) {
    EliminationOrder order;
    order.variables.reserve(count_);
    order.neighbours.begin.reserve(count_ + 1);
    order.neighbours.variables.reserve(static_cast<size_t>(count_) * 4);
    int last_stage = 0;
    for (const int stage : problem_.stage) last_stage = std::max(last_stage, stage);
    for (int stage = 0; stage <= last_stage; ++stage) {
      int left = 0;
      for (int i = 0; i < count_; ++i) {
        const bool now = problem_.stage.empty() || problem_.stage[problem_.variables[i]] == stage;
        key_[i] = now ? Key(i) : kGone;
        left += now ? 1 : 0;
      }
      StartTournament();
      for (; left > 0; --left) {
        const int64_t before = work_;
        Step(winner_[1], order);
        const bool too_large = order.largest_cells > problem_.cells_max;
        if (too_large) overflow_work_ += work_ - before;
        order.complete = left == 1 && stage == last_stage;
        const bool hopeless = order.largest_cells > problem_.cells_max * kHopeless ||
                              overflow_work_ > kWorkAfterOverflow || order.total_cells > bound;
        if (hopeless && !order.complete) return order;
      }
    }
    return order;
  }

  uint64_t* Row(int i) { return rows_.data() + static_cast<size_t>(i) * words_; }
  const uint64_t* Row(int i) const { return rows_.data() + static_cast<size_t>(i) * words_; }
  void Set(int a, int b) { Row(a)[b / 64] |= uint64_t{1} << (b % 64); }
  [[nodiscard]] bool Joined(int a, int b) const { return (Row(a)[b / 64] >> (b % 64) & 1U) != 0; }

  void ListNeighbours(int i, std::vector<int>& list) {
    list.clear();
    const uint64_t* row = Row(i);
    for (int w = 0; w < words_; ++w) {
      for (uint64_t bits = row[w]; bits != 0; bits &= bits - 1) {
        list.push_back(w * 64 + std::countr_zero(bits));
      }
    }
    work_ += 2 * words_ + 4 * Size(list) + 16;
  }

  // Twice the number of edges that the neighbours listed lack.
  [[nodiscard]] int64_t MissingTwice(int i, const std::vector<int>& list) {
    const int degree = Size(list);
    int64_t missing = 0;
    if (degree <= 8) {
      for (int a = 0; a < degree; ++a) {
        for (int b = a + 1; b < degree; ++b) missing += Joined(list[a], list[b]) ? 0 : 2;
      }
      work_ += degree * degree;
      return missing;
    }
    const uint64_t* row = Row(i);
    for (const int a : list) {
      const uint64_t* other = Row(a);
      for (int w = 0; w < words_; ++w) {
        const uint64_t bits = row[w] & ~other[w];
        if (bits != 0) missing += std::popcount(bits);
      }
    }
    work_ += static_cast<int64_t>(degree) * words_ * 2;
    return missing - degree;  // Each is not its own neighbour.
  }

  // What decides, plus a small share of what breaks ties.
  double Key(int i) {
    constexpr double kTie = 1.0 / 65536.0;
    ListNeighbours(i, list_);
    double rest = 0.0;
    for (const int a : list_) rest += log_cells_[a];
    const double log_cells = rest + log_cells_[i];
    double key = 0.0;
    double tie = log_cells;
    switch (search_.heuristic) {
      case Heuristic::kLeastFill:
        key = static_cast<double>(MissingTwice(i, list_));
        break;
      case Heuristic::kLeastWeight:
        key = log_cells;
        tie = Size(list_);
        break;
      case Heuristic::kLeastWeightedFill:
        key = WeightedFill(list_);
        break;
      case Heuristic::kLeastRest:
        key = rest;
        break;
      case Heuristic::kSweep:
        key = log_cells + (reached_[i] != 0 ? 0.0 : kFar);
        break;
    }
    if (search_.seed == 0) return key + tie * kTie;
    const double draw = Draw(i);
    // What costs nothing is not pushed away: to take it first is always right for the fill.
    return key > 0.0 ? key * (1.0 + search_.share * draw) + search_.part * draw : tie * kTie;
  }

  // In [0, 1), by variable and degree (SplitMix64, Steele, Lea and Flood 2014).
  [[nodiscard]] double Draw(int i) const {
    uint64_t x = search_.seed * 0x9E3779B97F4A7C15U +
                 static_cast<uint64_t>(i) * 0xBF58476D1CE4E5B9U + list_.size();
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
    return static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-53;
  }

  double WeightedFill(const std::vector<int>& list) {
    double sum = 0.0;
    for (int a = 0; a < Size(list); ++a) {
      for (int b = a + 1; b < Size(list); ++b) {
        if (!Joined(list[a], list[b])) sum += log_cells_[list[a]] * log_cells_[list[b]];
      }
    }
    work_ += static_cast<int64_t>(list.size()) * Size(list);
    return sum;
  }

  // The leaves of a tournament are the variables, each node above the cheaper of its two.
  void StartTournament() {
    leaves_ = static_cast<int>(std::bit_ceil(static_cast<unsigned>(count_)));
    winner_.assign(2 * leaves_, count_ - 1);
    for (int i = 0; i < count_; ++i) winner_[leaves_ + i] = i;
    for (int k = leaves_ - 1; k > 0; --k) Play(k);
  }
  void Play(int k) {
    const int left = winner_[2 * k];
    const int right = winner_[2 * k + 1];
    winner_[k] = key_[right] < key_[left] ? right : left;
  }
  void SetKey(int i, double key) {
    key_[i] = key;
    for (int k = (leaves_ + i) / 2; k > 0; k /= 2) Play(k);
  }

  void Step(int i, EliminationOrder& order) {
    ListNeighbours(i, neighbours_);
    double log_cells = log_cells_[i];
    order.variables.push_back(problem_.variables[i]);
    for (const int a : neighbours_) {
      log_cells += log_cells_[a];
      order.neighbours.variables.push_back(problem_.variables[a]);
    }
    order.neighbours.Close();
    const double cells = std::exp2(log_cells);
    order.total_cells += cells;
    if (cells > order.largest_cells) {
      order.largest_cells = cells;
      order.largest_step = Size(order.variables) - 1;
    }
    Remove(i);
  }

  void Remove(int i) {
    const bool by_fill = search_.heuristic == Heuristic::kLeastFill ||
                         search_.heuristic == Heuristic::kLeastWeightedFill;
    const bool fills = !by_fill || !(key_[i] < 1.0);
    SetKey(i, kGone);
    for (const int a : neighbours_) reached_[a] = 1;
    const uint64_t* own = Row(i);
    if (fills) {
      for (const int a : neighbours_) {
        uint64_t* row = Row(a);
        for (int w = 0; w < words_; ++w) row[w] |= own[w];
        row[a / 64] &= ~(uint64_t{1} << (a % 64));
      }
      work_ += static_cast<int64_t>(neighbours_.size()) * words_;
    }
    for (const int a : neighbours_) Row(a)[i / 64] &= ~(uint64_t{1} << (i % 64));
    if (fills && by_fill) {
      // Variables that see both ends of a new edge change too.
      touched_.assign(words_, 0);
      for (const int a : neighbours_) {
        const uint64_t* row = Row(a);
        for (int w = 0; w < words_; ++w) touched_[w] |= row[w];
        touched_[a / 64] |= uint64_t{1} << (a % 64);
      }
      for (int w = 0; w < words_; ++w) {
        for (uint64_t bits = touched_[w]; bits != 0; bits &= bits - 1) {
          Rekey(w * 64 + std::countr_zero(bits));
        }
      }
    } else {
      for (const int a : neighbours_) Rekey(a);
    }
  }

  void Rekey(int i) {
    if (std::isinf(key_[i])) return;
    SetKey(i, Key(i));
  }

  const EliminationProblem& problem_;
  Search search_;
  int count_;
  int words_;
  std::vector<uint64_t> whole_;  // As it is before anything is eliminated.
  std::vector<uint64_t> rows_;
  std::vector<uint8_t> reached_;  // Whether a neighbour has been eliminated.
  std::vector<double> log_cells_;
  std::vector<double> key_;
  std::vector<int> list_;
  std::vector<int> neighbours_;
  std::vector<uint64_t> touched_;
  int leaves_ = 1;
  std::vector<int> winner_;
  int64_t work_ = 0;
  int64_t overflow_work_ = 0;
};

// The searches in turn: each heuristic as it is, then pushed a little, more and much.
Search SearchAt(int i) {
  constexpr Heuristic kHeuristics[] = {Heuristic::kLeastFill, Heuristic::kLeastWeight,
                                       Heuristic::kLeastWeightedFill, Heuristic::kSweep,
                                       Heuristic::kLeastRest};
  constexpr int kCount = 5;
  Search search;
  search.heuristic = kHeuristics[i % kCount];
  const int round = i / kCount;
  if (round == 0) return search;
  search.seed = static_cast<uint64_t>(i);
  constexpr double kShares[] = {0.0, 0.05, 0.15, 0.4};
  search.share = kShares[round % 4];
  search.part = round % 4 == 0 ? 1.0 : 0.25;
  return search;
}

}  // namespace

EliminationOrder Eliminate(const EliminationProblem& problem, Heuristic heuristic) {
  const bool dense = Size(problem.variables) <= kMaxDenseVariables;
  // The lists know one stage and one heuristic only.
  if (!dense && problem.stage.empty()) return EliminateSparse(problem);
  return DenseElimination(problem).Run({.heuristic = heuristic},
                                       std::numeric_limits<double>::infinity());
}

EliminationOrder FindOrder(const EliminationProblem& problem) {
  constexpr int kMostSearches = 400;
  constexpr int kFewVariables = 200;
  constexpr int kManyVariables = 2'000;
  // Two passes over a cell, in steps of a search.
  constexpr double kStepsPerCell = 4.0;
  const int variables = Size(problem.variables);
  if (variables > kMaxDenseVariables) return Eliminate(problem, Heuristic::kLeastFill);
  DenseElimination elimination(problem);
  const double no_bound = std::numeric_limits<double>::infinity();
  // The quickest heuristic tells what is out of reach.
  EliminationOrder best;
  if (variables > kFewVariables) {
    best = elimination.Run({.heuristic = Heuristic::kLeastWeight}, no_bound);
    // The next best opinion, where it is not too long in coming.
    if (!best.complete && variables <= kManyVariables) {
      EliminationOrder other = elimination.Run({.heuristic = Heuristic::kSweep}, no_bound);
      if (other.complete || other.largest_cells < best.largest_cells) best = std::move(other);
    }
    if (!best.complete && variables <= kManyVariables) {
      EliminationOrder other = elimination.Run({.heuristic = Heuristic::kLeastFill}, no_bound);
      if (other.complete || other.largest_cells < best.largest_cells) best = std::move(other);
    }
    if (!best.complete) return best;
  } else {
    best = elimination.Run(SearchAt(0), no_bound);
  }
  const int64_t one = elimination.work();
  for (int i = variables > kFewVariables ? 0 : 1; i < kMostSearches; ++i) {
    const double worth = best.largest_cells > problem.cells_max
                             ? kWorkWithoutFit
                             : std::min(problem.effort * kStepsPerCell * best.total_cells,
                                        std::max(kWorkForLittle, kWorkPerCell * best.total_cells));
    // The two best opinions on small tables are always heard.
    if (i > 0 && static_cast<double>(elimination.work() + one) > worth) break;
    EliminationOrder other =
        elimination.Run(SearchAt(i), best.complete ? best.total_cells : no_bound);
    if (other.complete) best = std::move(other);
  }
  return best;
}

}  // namespace credence::forecaster
