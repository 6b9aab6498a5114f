#include "inference/tables.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "credence/base/check.h"
#include "model/expression.h"
#include "numeric/log_space.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

// Compact tables of at most so many cells are expanded.
constexpr double kMaxExpandedCells = 64.0;

int AddAuxiliary(CompiledModel& model, int cardinality) {
  model.cardinality.push_back(cardinality);
  return Size(model.cardinality) - 1;
}

std::vector<int> ScopeOf(const CompiledModel& model, int node) {
  std::vector<int> scope = model.parents[node];
  scope.push_back(node);
  return scope;
}

bool IsCompact(const Table& table) {
  return std::holds_alternative<NoisyOr>(table) || std::holds_alternative<NoisyMax>(table) ||
         std::holds_alternative<Deterministic>(table);
}

NoisyMax AsNoisyMax(const NoisyOr& table) {
  NoisyMax general;
  general.leak = {table.leak, 1.0 - table.leak};
  for (const std::vector<double>& strengths : table.strengths) {
    auto& distributions = general.strengths.emplace_back();
    for (const double strength : strengths) distributions.push_back({strength, 1.0 - strength});
  }
  return general;
}

// Distribution of the more intense (smaller) of two states drawn independently. All terms are
// positive, so that nothing cancels.
std::vector<double> MostIntense(const std::vector<double>& left, const std::vector<double>& right) {
  std::vector<double> result(left.size());
  double left_tail = 0.0;   // P(left is less intense than s)
  double right_tail = 0.0;  // P(right is less intense than s)
  for (int s = Size(left) - 1; s >= 0; --s) {
    result[s] = left[s] * (right[s] + right_tail) + right[s] * left_tail;
    left_tail += left[s];
    right_tail += right[s];
  }
  return result;
}

std::vector<double> NoisyMaxRow(const NoisyMax& table, const std::vector<int>& parent_states) {
  std::vector<double> row = table.leak;
  for (int p = 0; p < Size(parent_states); ++p) {
    row = MostIntense(row, table.strengths[p][parent_states[p]]);
  }
  return row;
}

// ln P(result | so far, parent): the more intense of what was so far and what the parent adds.
std::vector<double> MaxStepTable(const std::vector<std::vector<double>>& strengths, int states) {
  std::vector<double> values;
  for (int so_far = 0; so_far < states; ++so_far) {
    std::vector<double> certain(states, 0.0);
    certain[so_far] = 1.0;
    for (const std::vector<double>& added : strengths) {
      for (const double p : MostIntense(certain, added)) values.push_back(SafeLog(p));
    }
  }
  return values;
}

void DecomposeNoisyMax(CompiledModel& model, int node, const NoisyMax& table) {
  const int states = model.cardinality[node];
  int so_far = AddAuxiliary(model, states);
  Factor leak;
  leak.variables = {so_far};
  for (const double p : table.leak) leak.log_values.push_back(SafeLog(p));
  model.factors.push_back(std::move(leak));
  const std::vector<int> parents = model.parents[node];
  for (int p = 0; p < Size(parents); ++p) {
    const bool last = p + 1 == Size(parents);
    const int result = last ? node : AddAuxiliary(model, states);
    Factor step;
    step.variables = {so_far, parents[p], result};
    step.log_values = MaxStepTable(table.strengths[p], states);
    if (last) model.defining_factor[node] = Size(model.factors);
    model.factors.push_back(std::move(step));
    so_far = result;
  }
}

// What a variable says about an operand: whether it is true in each of its states.
struct Literal {
  int variable = -1;
  std::vector<bool> true_in;
};

// Breaks an expression up into counters: each operation counts its true operands one by one, up to
// where more make no difference.
class ExpressionDecomposer {
 public:
  ExpressionDecomposer(CompiledModel& model, int node, const Expression& expression)
      : model_(model), node_(node), expression_(expression) {}

  void Run() {
    for (const ExpressionNode& operation : expression_.nodes) {
      literals_.push_back(ToLiteral(operation));
    }
    const Literal whole = literals_.back();
    Factor last;
    last.variables = {whole.variable, node_};
    for (const bool value : whole.true_in) {
      last.log_values.push_back(value ? 0.0 : kLogZero);
      last.log_values.push_back(value ? kLogZero : 0.0);
    }
    model_.defining_factor[node_] = Size(model_.factors);
    model_.factors.push_back(std::move(last));
  }

 private:
  Literal ToLiteral(const ExpressionNode& operation) {
    switch (operation.kind) {
      case ExpressionKind::kConstant:
        return Constant(operation.value);
      case ExpressionKind::kTest: {
        const int variable = model_.parents[node_][operation.parent];
        Literal literal = {variable, std::vector<bool>(model_.cardinality[variable])};
        for (int s = 0; s < Size(literal.true_in); ++s) {
          literal.true_in[s] = (s == operation.state) == operation.value;
        }
        return literal;
      }
      case ExpressionKind::kNot: {
        Literal literal = literals_[operation.operands[0]];
        literal.true_in.flip();
        return literal;
      }
      default:
        return CountOperands(operation);
    }
  }

  Literal Constant(bool value) {
    const int variable = AddAuxiliary(model_, 1);
    Factor factor;
    factor.variables = {variable};
    factor.log_values = {0.0};
    model_.factors.push_back(std::move(factor));
    return {variable, {value}};
  }

  // The least count from which on all greater counts give the same value.
  static int Saturation(const ExpressionNode& operation) {
    const int operand_count = Size(operation.operands);
    const int wanted = std::min(operation.count, operand_count);
    switch (operation.kind) {
      case ExpressionKind::kOr:
        return 1;
      case ExpressionKind::kAnd:
        return operand_count;
      case ExpressionKind::kAtLeast:
        return wanted;
      default:
        return std::min(wanted + 1, operand_count);
    }
  }

  // For a conjunction false operands are counted, because the first decides.
  Literal CountOperands(const ExpressionNode& operation) {
    if (operation.operands.empty()) return Constant(IsSatisfied(operation, 0));
    const bool count_false = operation.kind == ExpressionKind::kAnd;
    const int most = count_false ? 1 : Saturation(operation);
    Literal so_far;
    for (const int operand : operation.operands) {
      Literal next = literals_[operand];
      if (count_false) next.true_in.flip();
      so_far = CountStep(so_far, next, most);
    }
    for (int count = 0; count < Size(so_far.true_in); ++count) {
      const bool value = count_false ? count == 0 : IsSatisfied(operation, count);
      so_far.true_in[count] = value;
    }
    return so_far;
  }

  // A counter of 0..most after one more operand; `so_far` without variable is the empty count.
  Literal CountStep(const Literal& so_far, const Literal& operand, int most) {
    const int counter = AddAuxiliary(model_, most + 1);
    Factor step;
    if (so_far.variable >= 0) step.variables.push_back(so_far.variable);
    // A counter is new at each step, so that no operand can be the counter it is added to.
    CREDENCE_CHECK(operand.variable != so_far.variable);
    step.variables.push_back(operand.variable);
    step.variables.push_back(counter);
    const int counts_before = so_far.variable >= 0 ? model_.cardinality[so_far.variable] : 1;
    for (int before = 0; before < counts_before; ++before) {
      for (const bool value : operand.true_in) {
        const int after = std::min(before + (value ? 1 : 0), most);
        for (int count = 0; count <= most; ++count) {
          step.log_values.push_back(count == after ? 0.0 : kLogZero);
        }
      }
    }
    model_.factors.push_back(std::move(step));
    return {counter, std::vector<bool>(most + 1)};
  }

  CompiledModel& model_;
  int node_;
  const Expression& expression_;
  std::vector<Literal> literals_;
};

Expression ParseValidated(const CompiledModel& model, int node) {
  const Node& source = model.network.nodes[node];
  std::vector<ExpressionParent> parents;
  for (const int parent : model.parents[node]) {
    parents.push_back({model.network.nodes[parent].name, model.network.nodes[parent].states});
  }
  auto parsed = ParseExpression(std::get<Deterministic>(source.table).expression, parents);
  CREDENCE_CHECK(parsed.ok());
  return *std::move(parsed);
}

std::vector<double> RowProbabilities(const Row& row) {
  if (const auto* fixed = std::get_if<FixedRow>(&row)) return fixed->probabilities;
  const std::vector<double>& counts = std::get<DirichletRow>(row).counts;
  double sum = 0.0;
  for (const double count : counts) sum += count;
  std::vector<double> probabilities;
  for (const double count : counts) probabilities.push_back(count / sum);
  return probabilities;
}

// ln of the logistic function, accurate in both tails.
double LogLogistic(double x) {
  return x > 0.0 ? -std::log1p(std::exp(-x)) : x - std::log1p(std::exp(x));
}

// Logarithms of one row of a static table.
class RowSource {
 public:
  RowSource(const CompiledModel& model, int node) : table_(model.network.nodes[node].table) {
    if (std::holds_alternative<Deterministic>(table_)) expression_ = ParseValidated(model, node);
    if (const auto* noisy_or = std::get_if<NoisyOr>(&table_)) noisy_ = AsNoisyMax(*noisy_or);
    if (const auto* noisy_max = std::get_if<NoisyMax>(&table_)) noisy_ = *noisy_max;
  }

  std::vector<double> LogRow(int64_t row, const std::vector<int>& parent_states) const {
    if (const auto* logit = std::get_if<Logit>(&table_)) {
      double log_odds = logit->bias;
      for (int p = 0; p < Size(parent_states); ++p) log_odds += logit->weights[p][parent_states[p]];
      return {LogLogistic(log_odds), LogLogistic(-log_odds)};
    }
    if (expression_) {
      const bool value = Evaluate(*expression_, parent_states);
      return {value ? 0.0 : kLogZero, value ? kLogZero : 0.0};
    }
    std::vector<double> values = noisy_ ? NoisyMaxRow(*noisy_, parent_states)
                                        : RowProbabilities(std::get<RowTable>(table_).rows[row]);
    for (double& value : values) value = SafeLog(value);
    return values;
  }

 private:
  const Table& table_;
  std::optional<Expression> expression_;
  std::optional<NoisyMax> noisy_;
};

}  // namespace

void AppendFactors(CompiledModel& model, int node) {
  const Table& table = model.network.nodes[node].table;
  std::vector<int> scope = ScopeOf(model, node);
  if (IsCompact(table) && CellCount(scope, model.cardinality) > kMaxExpandedCells) {
    if (std::holds_alternative<Deterministic>(table)) {
      const Expression expression = ParseValidated(model, node);
      ExpressionDecomposer(model, node, expression).Run();
    } else if (const auto* noisy_or = std::get_if<NoisyOr>(&table)) {
      DecomposeNoisyMax(model, node, AsNoisyMax(*noisy_or));
    } else {
      DecomposeNoisyMax(model, node, std::get<NoisyMax>(table));
    }
    return;
  }
  model.defining_factor[node] = Size(model.factors);
  model.factors.push_back({.variables = std::move(scope), .log_values = {}});
}

std::vector<double> ExpandTable(const CompiledModel& model, int node) {
  CREDENCE_CHECK(!model.is_hazard[node]);
  const RowSource source(model, node);
  const std::vector<int>& parents = model.parents[node];
  std::vector<int> states(parents.size(), 0);
  std::vector<double> values;
  for (int64_t row = 0;; ++row) {
    const std::vector<double> log_row = source.LogRow(row, states);
    values.insert(values.end(), log_row.begin(), log_row.end());
    int p = Size(parents) - 1;
    while (p >= 0 && ++states[p] == model.cardinality[parents[p]]) states[p--] = 0;
    if (p < 0) return values;
  }
}

}  // namespace credence::forecaster
