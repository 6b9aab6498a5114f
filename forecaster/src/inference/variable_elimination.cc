#include "inference/variable_elimination.h"

#include <algorithm>
#include <cmath>
#include <list>
#include <utility>

#include "credence/base/check.h"
#include "inference/elimination.h"
#include "inference/kernels.h"
#include "inference/layout.h"
#include "inference/wide.h"
#include "numeric/log_space.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

// A table over variables in the order of their elimination, the first to go changing fastest. All
// numbers are Wide: these questions are asked one at a time, and the range is then no concern.
struct WorkTable {
  std::vector<int> variables;  // By falling position in the order.
  std::vector<Wide> values;
};

// What a maximisation remembers: the best state of a variable for each configuration of others.
struct Choice {
  int variable = -1;
  std::vector<int> given;
  std::vector<int> best;
};

class VariableElimination {
 public:
  VariableElimination(const EliminationInput& input, std::span<const int> stage)
      : input_(input), stage_(stage), position_(input.cardinality.size(), -1) {}

  // The table of the largest clique where it does not fit.
  std::optional<EliminationTooLarge> Plan(std::span<const int> extra_scope) {
    scopes_ = ScopesOf(*input_.factors, input_.cardinality, *input_.findings);
    Scopes with_extra = scopes_.scopes;
    with_extra.Add(extra_scope);
    std::vector<int> present;
    for (int v = 0; v < Size(input_.cardinality); ++v) {
      if (input_.findings->observed[v] < 0) present.push_back(v);
    }
    const EliminationProblem problem = {.variables = present,
                                        .scopes = &with_extra,
                                        .cardinality = input_.cardinality,
                                        .stage = stage_,
                                        .cells_max = input_.cells_max};
    order_ = FindOrder(problem);
    if (order_.largest_cells > input_.cells_max) {
      EliminationTooLarge large;
      const std::span<const int> neighbours = order_.neighbours[order_.largest_step];
      large.variables.assign(neighbours.begin(), neighbours.end());
      large.variables.push_back(order_.variables[order_.largest_step]);
      std::sort(large.variables.begin(), large.variables.end());
      large.cells = order_.largest_cells;
      return large;
    }
    for (int i = 0; i < Size(order_.variables); ++i) position_[order_.variables[i]] = i;
    return std::nullopt;
  }

  // Variables that are kept stand after all others, in the order given.
  void PlaceKept(std::span<const int> kept) {
    int at = Size(order_.variables);
    for (int i = Size(kept) - 1; i >= 0; --i) position_[kept[i]] = at++;
  }

  void Load() {
    for (int f = 0; f < Size(*input_.factors); ++f) {
      if (input_.findings->use[f] != FactorUse::kNeutral) LoadFactor(f);
    }
    const Findings& findings = *input_.findings;
    for (int v = 0; v < Size(input_.cardinality); ++v) {
      if (findings.soft[v] == 0) continue;
      WorkTable& table = tables_.emplace_back();
      table.variables = {v};
      for (int s = 0; s < input_.cardinality[v]; ++s) {
        table.values.push_back(Wide::FromLog(findings.log_likelihood[findings.begin[v] + s]));
      }
    }
  }

  // Eliminates all in order, those marked by the maximum.
  void Run(const std::vector<bool>& maximised) {
    for (const int variable : order_.variables) {
      WorkTable product = TakeProduct(variable);
      tables_.push_back(maximised[variable] ? Maximise(std::move(product), variable)
                                            : SumOut(product));
    }
  }

  // The product of all that is left, over `kept`.
  WorkTable Rest(std::span<const int> kept) {
    std::vector<int> variables(kept.begin(), kept.end());
    std::list<WorkTable> all = std::move(tables_);
    tables_.clear();
    return Product(variables, all);
  }

  // States by variable, from the last choice to the first.
  void Decode(std::vector<int>& states) const {
    for (int i = Size(choices_) - 1; i >= 0; --i) {
      const Choice& choice = choices_[i];
      int64_t cell = 0;
      for (const int variable : choice.given) {
        cell = cell * input_.cardinality[variable] + states[variable];
      }
      states[choice.variable] = choice.best[cell];
    }
  }

 private:
  void LoadFactor(int f) {
    const Factor& own = (*input_.factors)[f];
    const Factor& source = input_.findings->Values(*input_.factors, f);
    WorkTable& table = tables_.emplace_back();
    const std::span<const int> scope = scopes_.scopes[f];
    table.variables.assign(scope.begin(), scope.end());
    SortByPosition(table.variables);
    std::vector<int64_t> strides;
    for (const int variable : table.variables) {
      const auto i = std::find(scope.begin(), scope.end(), variable) - scope.begin();
      strides.push_back(scopes_.strides[scopes_.scopes.begin[f] + i]);
    }
    const std::vector<ViewDim> view = Dims(table.variables, strides);
    table.values.resize(Cells(table.variables));
    const int64_t first = FirstCell(own, input_.cardinality, input_.findings->observed);
    if (source.log_values.empty()) {
      AssignView(table.values.data(), source.values.data() + first, View(view));
      return;
    }
    std::vector<Wide> converted;
    for (const double value : source.log_values) converted.push_back(Wide::FromLog(value));
    AssignView(table.values.data(), converted.data() + first, View(view));
  }

  void SortByPosition(std::vector<int>& variables) const {
    std::sort(variables.begin(), variables.end(),
              [&](int a, int b) { return position_[a] > position_[b]; });
  }

  [[nodiscard]] size_t Cells(const std::vector<int>& variables) const {
    return static_cast<size_t>(CellCount(variables, input_.cardinality));
  }

  [[nodiscard]] std::vector<ViewDim> Dims(const std::vector<int>& variables,
                                          const std::vector<int64_t>& strides) const {
    std::vector<ViewDim> dims;
    for (int i = 0; i < Size(variables); ++i) {
      const int64_t extent = input_.cardinality[variables[i]];
      if (!dims.empty() && dims.back().stride == strides[i] * extent) {
        dims.back() = {dims.back().extent * extent, strides[i]};
      } else {
        dims.push_back({extent, strides[i]});
      }
    }
    return dims;
  }

  // How `inner` lies in a table over `outer`.
  [[nodiscard]] std::vector<ViewDim> ViewOf(const std::vector<int>& inner,
                                            const std::vector<int>& outer) const {
    std::vector<int64_t> strides(outer.size(), 0);
    int64_t step = 1;
    for (int i = Size(inner) - 1; i >= 0; --i) {
      const auto at = std::find(outer.begin(), outer.end(), inner[i]);
      CREDENCE_CHECK(at != outer.end());
      strides[at - outer.begin()] = step;
      step *= input_.cardinality[inner[i]];
    }
    return Dims(outer, strides);
  }

  WorkTable TakeProduct(int variable) {
    std::list<WorkTable> taken;
    std::vector<int> variables = {variable};
    for (auto table = tables_.begin(); table != tables_.end();) {
      const auto next = std::next(table);
      const bool has = std::find(table->variables.begin(), table->variables.end(), variable) !=
                       table->variables.end();
      if (has) {
        variables.insert(variables.end(), table->variables.begin(), table->variables.end());
        taken.splice(taken.end(), tables_, table);
      }
      table = next;
    }
    SortByPosition(variables);
    variables.erase(std::unique(variables.begin(), variables.end()), variables.end());
    CREDENCE_CHECK(variables.back() == variable);
    return Product(variables, taken);
  }

  WorkTable Product(const std::vector<int>& variables, const std::list<WorkTable>& factors) const {
    WorkTable product;
    product.variables = variables;
    product.values.assign(Cells(variables), As<Wide>(1.0));
    for (const WorkTable& factor : factors) {
      const std::vector<ViewDim> view = ViewOf(factor.variables, variables);
      MultiplyView(product.values.data(), factor.values.data(), View(view));
    }
    return product;
  }

  // The last variable changes fastest, so that its states lie side by side.
  WorkTable SumOut(const WorkTable& product) const {
    WorkTable result;
    result.variables.assign(product.variables.begin(), product.variables.end() - 1);
    result.values.resize(Cells(result.variables));
    SumRows(product.values.data(), static_cast<int64_t>(result.values.size()),
            input_.cardinality[product.variables.back()], result.values.data());
    return result;
  }

  WorkTable Maximise(WorkTable product, int variable) {
    WorkTable result;
    Choice& choice = choices_.emplace_back();
    choice.variable = variable;
    result.variables.assign(product.variables.begin(), product.variables.end() - 1);
    choice.given = result.variables;
    const int states = input_.cardinality[variable];
    for (size_t row = 0; row < Cells(result.variables); ++row) {
      const Wide* values = product.values.data() + row * states;
      int best = 0;
      for (int s = 1; s < states; ++s) {
        if (values[best] < values[s]) best = s;
      }
      choice.best.push_back(best);
      result.values.push_back(values[best]);
    }
    return result;
  }

  const EliminationInput& input_;
  std::span<const int> stage_;
  TreeScopes scopes_;
  EliminationOrder order_;
  std::vector<int> position_;
  std::list<WorkTable> tables_;
  std::vector<Choice> choices_;
};

}  // namespace

JointResult EliminateAllBut(const EliminationInput& input, std::span<const int> kept) {
  std::vector<int> stage(input.cardinality.size(), 0);
  std::vector<int> free;
  for (const int v : kept) {
    stage[v] = -1;
    if (input.findings->observed[v] < 0) free.push_back(v);
  }
  JointResult result;
  VariableElimination elimination(input, stage);
  result.too_large = elimination.Plan(free);
  if (result.too_large) return result;
  elimination.PlaceKept(free);
  elimination.Load();
  elimination.Run(std::vector<bool>(input.cardinality.size(), false));
  const WorkTable rest = elimination.Rest(free);
  // Spread over all of the variables asked for.
  int64_t cells = 1;
  int64_t first = 0;
  std::vector<ViewDim> dims;
  for (const int v : kept) {
    const int64_t states = input.cardinality[v];
    for (ViewDim& dim : dims) dim.stride *= states;
    cells *= states;
    first = first * states + std::max(input.findings->observed[v], 0);
    if (input.findings->observed[v] < 0) dims.push_back({states, 1});
  }
  result.log_weights.assign(cells, kLogZero);
  ForEachCell(View(dims),
              [&](int64_t i, int64_t j) { result.log_weights[first + j] = LogOf(rest.values[i]); });
  return result;
}

MostProbableResult MaximiseOver(const EliminationInput& input, const std::vector<bool>& maximised) {
  std::vector<int> stage(input.cardinality.size(), 0);
  // Where there is nothing to sum out first, one stage does.
  bool one_stage = true;
  for (int v = 0; v < Size(stage); ++v) {
    stage[v] = maximised[v] ? 1 : 0;
    one_stage = one_stage && maximised[v];
  }
  MostProbableResult result;
  VariableElimination elimination(input, one_stage ? std::span<const int>() : stage);
  result.too_large = elimination.Plan({});
  if (result.too_large) return result;
  elimination.Load();
  elimination.Run(maximised);
  result.log_weight = LogOf(elimination.Rest({}).values[0]);
  result.states = input.findings->observed;
  if (!IsLogZero(result.log_weight)) elimination.Decode(result.states);
  for (int v = 0; v < Size(stage); ++v) {
    if (!maximised[v]) result.states[v] = -1;
  }
  return result;
}

}  // namespace credence::forecaster
