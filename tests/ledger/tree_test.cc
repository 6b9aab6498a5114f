#include "credence/ledger/tree.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "ledger_fixture.h"
#include "tile_tree.h"

namespace credence::ledger {
namespace {

std::string Start(const Hash& hash) { return ToHex(hash).substr(0, 8); }

std::vector<Hash> NumberedLeaves(int64_t count) {
  std::vector<Hash> leaves;
  for (int64_t i = 0; i < count; ++i) leaves.push_back(LeafHash(absl::StrCat("leaf ", i)));
  return leaves;
}

TEST(TreeTest, EightLeavesOfTheStandardHaveItsRoots) {
  const std::vector<std::string> leaves = {"",
                                           "00",
                                           "10",
                                           "2021",
                                           "3031",
                                           "40414243",
                                           "5051525354555657",
                                           "606162636465666768696a6b6c6d6e6f"};
  const std::vector<std::string> roots = {"e3b0c442", "6e340b9c", "fac54203",
                                          "aeb6bcfe", "d37ee418", "4e3bbb1f",
                                          "76e67dad", "ddb89be4", "5dc9da79"};
  TreeFrontier frontier;
  EXPECT_EQ(Start(frontier.root()), roots[0]);
  for (size_t i = 0; i < leaves.size(); ++i) {
    frontier.Append(LeafHash(absl::HexStringToBytes(leaves[i])));
    EXPECT_EQ(Start(frontier.root()), roots[i + 1]) << "size " << i + 1;
  }
}

TEST(TreeTest, LeavesAndNodesAreHashedApart) {
  EXPECT_EQ(Start(LeafHash("L123456")), "395aa064");
  // The published vector hashes the strings "N123" and "N456" as they are, hence by hand.
  EXPECT_EQ(Start(Sha256("\x01N123N456")), "aa217fe8");
  const Hash a = LeafHash("a");
  const Hash b = LeafHash("b");
  std::string bytes(1, '\x01');
  bytes.append(a.begin(), a.end());
  bytes.append(b.begin(), b.end());
  EXPECT_EQ(NodeHash(a, b), Sha256(bytes));
  EXPECT_NE(NodeHash(a, b), NodeHash(b, a));
  EXPECT_NE(LeafHash(""), EmptyRoot());
}

TEST(TreeTest, FrontierAgreesWithTheDefinitionUpToSixHundredLeaves) {
  const std::vector<Hash> leaves = NumberedLeaves(600);
  TreeFrontier frontier;
  for (size_t n = 0; n < leaves.size(); ++n) {
    ASSERT_EQ(frontier.root(), NaiveRoot({leaves.begin(), leaves.begin() + static_cast<long>(n)}))
        << "size " << n;
    frontier.Append(leaves[n]);
  }
}

TEST(TreeTest, SeventyThousandLeavesFillTheTilesOfTheSpecification) {
  TileTree tree;
  std::vector<FullTile> filled;
  TreeFrontier frontier;
  for (int64_t i = 0; i < 70'000; ++i) {
    const Hash leaf = LeafHash(absl::StrCat(i));
    tree.Append(leaf, filled);
    frontier.Append(leaf);
  }
  std::vector<int64_t> full_count(3);
  for (const FullTile& tile : filled) {
    EXPECT_EQ(tile.index, full_count[static_cast<size_t>(tile.level)]++);
  }
  EXPECT_EQ(full_count, (std::vector<int64_t>{273, 1, 0}));
  const TreeSize size{70'000};
  EXPECT_EQ(LevelCount(size), 3);
  EXPECT_EQ(LevelWidth(size, 0) % kTileWidth, 112);
  EXPECT_EQ(LevelWidth(size, 1) % kTileWidth, 17);
  EXPECT_EQ(LevelWidth(size, 2) % kTileWidth, 1);
  EXPECT_EQ(tree.Snapshot().head, (TreeHead{size, frontier.root()}));
}

TEST(TreeTest, TileTreeRecoveredAtAnySizeGrowsAsIfNeverStopped) {
  const std::vector<Hash> leaves = NumberedLeaves(66'100);
  for (const int64_t size : {0, 1, 255, 256, 257, 511, 512, 65'535, 65'536, 65'537, 66'000}) {
    TileTree grown;
    std::vector<FullTile> filled;
    for (int64_t i = 0; i < size; ++i) grown.Append(leaves[static_cast<size_t>(i)], filled);
    const TreeSnapshot before = grown.Snapshot();
    absl::StatusOr<TileTree> recovered = TileTree::Recover(
        TreeSize{size},
        [&](int level, int64_t, int64_t) -> absl::StatusOr<std::shared_ptr<const TileHashes>> {
          return before.rows[static_cast<size_t>(level)];
        });
    ASSERT_TRUE(recovered.ok());
    EXPECT_EQ(recovered->Snapshot().head, before.head);
    for (size_t i = static_cast<size_t>(size); i < leaves.size() && i < size_t(size) + 300; ++i) {
      grown.Append(leaves[i], filled);
      recovered->Append(leaves[i], filled);
      ASSERT_EQ(recovered->Snapshot().head, grown.Snapshot().head) << "size " << i + 1;
    }
  }
}

TEST(TreeTest, PerfectRootAgreesWithTheDefinition) {
  for (const int64_t count : {1, 2, 4, 64, 256}) {
    const std::vector<Hash> leaves = NumberedLeaves(count);
    EXPECT_EQ(PerfectRoot(leaves), NaiveRoot(leaves));
  }
}

}  // namespace
}  // namespace credence::ledger
