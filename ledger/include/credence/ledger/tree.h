#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "credence/ledger/position.h"

// The hash tree of RFC 6962, section 2.1 (Laurie, Langley, Kasper 2013), over SHA-256.
//
// Thread-safe: the functions are pure. A TreeFrontier is a value without synchronisation.
namespace credence::ledger {

using Hash = std::array<uint8_t, 32>;

// Size and root of a prefix of the log; the pair always belongs together.
struct TreeHead {
  TreeSize size;
  Hash root{};
  friend bool operator==(const TreeHead&, const TreeHead&) = default;
};

// SHA-256(bytes).
[[nodiscard]] Hash Sha256(std::string_view bytes);

// SHA-256(0x00 || entry).
[[nodiscard]] Hash LeafHash(std::string_view entry);

// SHA-256(0x01 || left || right).
[[nodiscard]] Hash NodeHash(const Hash& left, const Hash& right);

// SHA-256 of nothing: the root of the tree of no leaves.
[[nodiscard]] Hash EmptyRoot();

// Lower-case hexadecimal digits, 64 of them.
[[nodiscard]] std::string ToHex(const Hash& hash);

// The roots of the perfect subtrees of a tree that only grows: enough to append to it and to know
// its root. Memory O(log n).
class TreeFrontier {
 public:
  // A perfect subtree that an append completed: 2^height leaves from leaf index * 2^height on.
  using NodeVisitor = absl::FunctionRef<void(int height, int64_t index, const Hash& hash)>;

  TreeFrontier() = default;

  // The frontier of a tree of `size` leaves, whose perfect subtrees (one for each bit of size,
  // largest first) have the roots `subtrees`. CHECKs that their number fits.
  TreeFrontier(TreeSize size, std::vector<Hash> subtrees);

  // Appends one leaf. O(1) hashes amortised, O(log n) at most.
  void Append(const Hash& leaf_hash);

  // The same; `visit` sees the leaf (height 0) and every subtree that it completes, upwards.
  void Append(const Hash& leaf_hash, NodeVisitor visit);

  [[nodiscard]] TreeSize size() const { return size_; }

  // O(log n) hashes.
  [[nodiscard]] Hash root() const;

 private:
  TreeSize size_;
  // Largest subtree first.
  std::vector<Hash> subtrees_;
};

}  // namespace credence::ledger
