#include "credence/ledger/tree.h"

#include <openssl/evp.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "credence/base/check.h"

namespace credence::ledger {
namespace {

constexpr std::string_view kLeafPrefix("\x00", 1);
constexpr uint8_t kNodePrefix = 0x01;

// One digest context a thread: in OpenSSL 3 looking the algorithm up costs more than hashing a
// small entry does (measured: 520 ns against 190 ns for 65 bytes).
class Hasher {
 public:
  Hasher() : algorithm_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
    CREDENCE_CHECK(algorithm_ != nullptr);
    CREDENCE_CHECK(context_ != nullptr);
  }
  ~Hasher() {
    EVP_MD_CTX_free(context_);
    EVP_MD_free(algorithm_);
  }
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  // SHA-256(prefix || bytes).
  Hash Digest(std::string_view prefix, std::string_view bytes) {
    Hash hash;
    unsigned int size = 0;
    CREDENCE_CHECK(EVP_DigestInit_ex2(context_, algorithm_, nullptr) == 1);
    if (!prefix.empty()) {
      CREDENCE_CHECK(EVP_DigestUpdate(context_, prefix.data(), prefix.size()) == 1);
    }
    CREDENCE_CHECK(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1);
    CREDENCE_CHECK(EVP_DigestFinal_ex(context_, hash.data(), &size) == 1);
    CREDENCE_CHECK(size == hash.size());
    return hash;
  }

 private:
  EVP_MD* algorithm_;
  EVP_MD_CTX* context_;
};

Hash Digest(std::string_view prefix, std::string_view bytes) {
  thread_local Hasher hasher;
  return hasher.Digest(prefix, bytes);
}

}  // namespace

Hash Sha256(std::string_view bytes) { return Digest({}, bytes); }

Hash LeafHash(std::string_view entry) { return Digest(kLeafPrefix, entry); }

Hash NodeHash(const Hash& left, const Hash& right) {
  std::array<char, 1 + 2 * sizeof(Hash)> bytes;
  bytes[0] = kNodePrefix;
  std::memcpy(bytes.data() + 1, left.data(), left.size());
  std::memcpy(bytes.data() + 1 + left.size(), right.data(), right.size());
  return Digest({}, std::string_view(bytes.data(), bytes.size()));
}

Hash EmptyRoot() { return Sha256({}); }

std::string ToHex(const Hash& hash) {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(hash.data()), hash.size()));
}

TreeFrontier::TreeFrontier(TreeSize size, std::vector<Hash> subtrees)
    : size_(size), subtrees_(std::move(subtrees)) {
  CREDENCE_CHECK(size.value >= 0);
  CREDENCE_CHECK(std::popcount(static_cast<uint64_t>(size.value)) ==
                 static_cast<int>(subtrees_.size()));
}

void TreeFrontier::Append(const Hash& leaf_hash) {
  Append(leaf_hash, [](int, int64_t, const Hash&) {});
}

void TreeFrontier::Append(const Hash& leaf_hash, NodeVisitor visit) {
  Hash hash = leaf_hash;
  int height = 0;
  visit(height, size_.value, hash);
  // Each one bit at the low end of the size is a subtree that the new leaf pairs up with.
  for (int64_t rest = size_.value; (rest & 1) != 0; rest >>= 1) {
    hash = NodeHash(subtrees_.back(), hash);
    subtrees_.pop_back();
    ++height;
    visit(height, size_.value >> height, hash);
  }
  subtrees_.push_back(hash);
  ++size_.value;
}

Hash TreeFrontier::root() const {
  if (subtrees_.empty()) return EmptyRoot();
  Hash hash = subtrees_.back();
  for (size_t i = subtrees_.size() - 1; i > 0; --i) hash = NodeHash(subtrees_[i - 1], hash);
  return hash;
}

}  // namespace credence::ledger
