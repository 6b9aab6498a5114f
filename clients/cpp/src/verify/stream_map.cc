#include "credence/client/verify/stream_map.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "credence/base/check.h"
#include "credence/base/strings.h"
#include "credence/client/verify/failure.h"

namespace credence::client {
namespace {

constexpr size_t kDepthMax = 256;
constexpr uint8_t kLeafPrefix = 0x02;
constexpr uint8_t kNodePrefix = 0x03;

size_t BitOf(const Hash& key, size_t depth) {
  return static_cast<size_t>(key[depth / 8] >> (7 - depth % 8) & 1);
}

uint8_t* PutInt64(int64_t value, uint8_t* out) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    *out++ = static_cast<uint8_t>(static_cast<uint64_t>(value) >> shift);
  }
  return out;
}

}  // namespace

Hash StreamMapKey(std::string_view stream) { return Sha256(stream); }

Hash StreamMapLeaf(const Hash& key, const StreamHead& head) {
  std::array<uint8_t, 1 + sizeof(Hash) + 16> bytes{};
  bytes[0] = kLeafPrefix;
  uint8_t* const out = std::copy(key.begin(), key.end(), bytes.begin() + 1);
  PutInt64(head.position, PutInt64(head.version, out));
  return Sha256({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Hash StreamMapNode(const Hash& left, const Hash& right) {
  return PairHash(kNodePrefix, left, right);
}

absl::StatusOr<std::optional<StreamHead>> VerifyStreamMapPath(std::string_view stream,
                                                              const StreamMapPath& path,
                                                              const Hash& root) {
  const Hash key = StreamMapKey(stream);
  const size_t depth = path.siblings.size();
  if (depth > kDepthMax) return VerificationFailed("a path of the stream map is too long");
  Hash hash{};
  if (path.end.has_value()) {
    for (size_t i = 0; i < depth; ++i) {
      if (BitOf(path.end->key, i) != BitOf(key, i)) {
        return VerificationFailed("a path of the stream map ends at a key that is not on it");
      }
    }
    hash = StreamMapLeaf(path.end->key, path.end->head);
  }
  // One head, or none, beside nothing would be joined with what is above it.
  if (depth > 0 && path.siblings.back() == Hash{}) {
    return VerificationFailed("a path of the stream map is longer than the map is deep");
  }
  for (size_t i = depth; i > 0; --i) {
    const Hash& sibling = path.siblings[i - 1];
    hash = BitOf(key, i - 1) == 1 ? StreamMapNode(sibling, hash) : StreamMapNode(hash, sibling);
  }
  if (hash != root) {
    return VerificationFailed(Cat("the path of stream ", stream, " leads to the map root ",
                                  ToHex(hash), ", not to ", ToHex(root)));
  }
  if (!path.end.has_value() || path.end->key != key) return std::optional<StreamHead>();
  return path.end->head;
}

StreamMap::Index StreamMap::Add(const Hash& key, const StreamHead& head) {
  CREDENCE_CHECK(leaves_.size() < static_cast<size_t>(std::numeric_limits<Child>::max()) - 1);
  const auto index = static_cast<Index>(leaves_.size());
  const Child leaf = -static_cast<Child>(index) - 1;
  leaves_.push_back({key, head, 0, true, {}});
  // Where the reference to what stands at `depth` is kept: of node `parent`, or of the root.
  Child parent = 0;
  size_t side = 0;
  const auto slot = [&]() -> Child& {
    return parent == 0 ? root_ : nodes_[static_cast<size_t>(parent - 1)].children[side];
  };
  size_t depth = 0;
  while (slot() > 0) {
    parent = slot();
    nodes_[static_cast<size_t>(parent - 1)].stale = true;
    side = BitOf(key, depth++);
  }
  // A leaf in the way goes down with the new one until their keys part.
  while (slot() < 0) {
    CREDENCE_CHECK(depth < kDepthMax);
    const Child other = slot();
    const Hash& other_key = leaves_[static_cast<size_t>(-other - 1)].key;
    nodes_.emplace_back().parent = parent;
    const auto node = static_cast<Child>(nodes_.size());
    leaves_[static_cast<size_t>(-other - 1)].parent = node;
    slot() = node;
    nodes_.back().children[BitOf(other_key, depth)] = other;
    parent = node;
    side = BitOf(key, depth++);
  }
  slot() = leaf;
  leaves_[index].parent = parent;
  return index;
}

void StreamMap::Set(Index stream, const StreamHead& head) {
  Leaf& leaf = leaves_[stream];
  leaf.head = head;
  if (!leaf.stale) moved_.push_back(stream);
  leaf.stale = true;
}

void StreamMap::MarkPath(const Leaf& leaf) {
  for (Child child = leaf.parent; child > 0;) {
    Node& node = nodes_[static_cast<size_t>(child - 1)];
    if (node.stale) return;
    node.stale = true;
    child = node.parent;
  }
}

const Hash& StreamMap::HashOf(Child child) {
  static constexpr Hash kEmpty{};
  if (child == 0) return kEmpty;
  if (child > 0) return nodes_[static_cast<size_t>(child - 1)].hash;
  Leaf& leaf = leaves_[static_cast<size_t>(-child - 1)];
  if (leaf.stale) leaf.hash = StreamMapLeaf(leaf.key, leaf.head);
  leaf.stale = false;
  return leaf.hash;
}

Hash StreamMap::Root() {
  for (const Index stream : moved_) MarkPath(leaves_[stream]);
  moved_.clear();
  // Stale nodes, each after its children: what is stale is connected with the root.
  std::vector<Child> stack;
  std::vector<Child> order;
  const auto visit = [&](Child child) {
    if (child > 0 && nodes_[static_cast<size_t>(child - 1)].stale) stack.push_back(child);
  };
  visit(root_);
  while (!stack.empty()) {
    const Child child = stack.back();
    stack.pop_back();
    order.push_back(child);
    for (const Child below : nodes_[static_cast<size_t>(child - 1)].children) visit(below);
  }
  for (auto child = order.rbegin(); child != order.rend(); ++child) {
    Node& node = nodes_[static_cast<size_t>(*child - 1)];
    node.hash = StreamMapNode(HashOf(node.children[0]), HashOf(node.children[1]));
    node.stale = false;
  }
  return HashOf(root_);
}

}  // namespace credence::client
