#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

// The boolean expressions of deterministic tables; the grammar is in network.h.
namespace credence::forecaster {

enum class ExpressionKind { kConstant, kTest, kNot, kAnd, kOr, kExactly, kAtLeast, kAtMost };

// One operation; operands are positions in the same expression, always before the operation.
struct ExpressionNode {
  ExpressionKind kind = ExpressionKind::kConstant;
  bool value = false;  // kConstant: the value. kTest: whether equality is asked for.
  int parent = -1;     // kTest: position among the parents, and the state compared with.
  int state = -1;
  int count = 0;  // kExactly, kAtLeast, kAtMost.
  std::vector<int> operands;
};

// In evaluation order; the last is the whole.
struct Expression {
  std::vector<ExpressionNode> nodes;
};

struct ExpressionParent {
  std::string_view name;
  std::span<const std::string> states;
};

// INVALID_ARGUMENT with "at character N: what was expected", N counted from 1.
[[nodiscard]] absl::StatusOr<Expression> ParseExpression(std::string_view text,
                                                         std::span<const ExpressionParent> parents);

// The value for one state of each parent. Linear in the expression.
[[nodiscard]] bool Evaluate(const Expression& expression, std::span<const int> parent_states);

// Whether `true_count` true operands satisfy the operation, one of kAnd, kOr and the three
// counts,.
[[nodiscard]] bool IsSatisfied(const ExpressionNode& node, int true_count);

}  // namespace credence::forecaster
