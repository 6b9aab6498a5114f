#pragma once

#include <compare>
#include <cstdint>

// Where an entry stands in the log, and how long the log is: two things that off-by-one errors
// like to mix, hence two types.
namespace credence::ledger {

// Index of an entry, from 0, without gaps.
struct Position {
  int64_t value = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

// Number of entries of a log or of a prefix of it; also the position after its last entry.
struct TreeSize {
  int64_t value = 0;
  friend auto operator<=>(const TreeSize&, const TreeSize&) = default;
};

// The size of the shortest prefix that holds `position`.
constexpr TreeSize SizeThrough(Position position) { return TreeSize{position.value + 1}; }

// The position that the next entry after a prefix of `size` has.
constexpr Position PositionAfter(TreeSize size) { return Position{size.value}; }

// Whether the entry at `position` lies in the prefix of `size`.
constexpr bool Contains(TreeSize size, Position position) {
  return position.value >= 0 && position.value < size.value;
}

}  // namespace credence::ledger
