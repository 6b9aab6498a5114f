#pragma once

#include <span>
#include <string_view>

// The registry of what is computed beside the rules: scores of numbers that are stated otherwise
// than by bins, decompositions, comparisons, and what leaderboards make of scores. Named and
// versioned like the rules, so that a number can be cited by the name of its definition.
//
// Thread-safe: immutable tables.
namespace credence::scoring {

struct Measure {
  std::string_view id;
  // Goes up when a correction changes numbers under the same id.
  int version = 1;
  std::string_view formula;
  std::string_view range;
  // One paragraph in plain words: everything that changes a number.
  std::string_view convention;
  std::string_view source;
  // What is easily mistaken for it.
  std::string_view traps;
  // A case and the value it must give; tests compute each.
  std::string_view check;
};

// Every measure, in the order in which the reference page shows them.
[[nodiscard]] std::span<const Measure> AllMeasures();

}  // namespace credence::scoring
