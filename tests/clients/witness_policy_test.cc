#include "credence/client/verify/witness_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "credence/client/verify/failure.h"
#include "credence/client/verify/witness_client.h"
#include "merkle_model.h"
#include "note_signer.h"

namespace credence::client {
namespace {

// Witnesses a, b, ... of one name each.
class WitnessPolicyTest : public testing::Test {
 protected:
  WitnessPolicyTest() {
    for (const char name : std::string("abcdef")) {
      signers_.push_back(std::make_unique<NoteSigner>(
          absl::StrCat("example.net/", std::string(1, name)), SignatureType::kCosignature, name));
    }
  }

  std::string Line(size_t index, const std::string& url = "") const {
    const std::string name(1, static_cast<char>('a' + index));
    return absl::StrCat("witness ", name, " ", FormatVerifierKey(signers_[index]->key()), " ", url,
                        "\n");
  }
  std::string Lines(size_t count) const {
    std::string lines;
    for (size_t i = 0; i < count; ++i) lines += Line(i);
    return lines;
  }

  // Of the witnesses in `cosigned`, such as "ac".
  static bool Met(const WitnessPolicy& policy, const std::string& cosigned) {
    std::vector<bool> flags;
    for (const Witness& witness : policy.witnesses()) {
      flags.push_back(cosigned.find(witness.name) != std::string::npos);
    }
    return policy.IsMet(flags);
  }

  std::vector<std::unique_ptr<NoteSigner>> signers_;
};

TEST_F(WitnessPolicyTest, ReadsLogsWitnessesAndAddresses) {
  const NoteSigner log("example.org/log");
  const auto policy = WitnessPolicy::Parse(
      absl::StrCat("# Ours.\n\n  log ", FormatVerifierKey(log.key()), "\t https://log.example \n",
                   Line(0, "http://127.0.0.1:1/prefix"), Line(1), "quorum a\n"));
  ASSERT_TRUE(policy.ok()) << policy.status();
  ASSERT_EQ(policy->logs().size(), 1U);
  EXPECT_EQ(policy->logs()[0], log.key());
  ASSERT_EQ(policy->witnesses().size(), 2U);
  EXPECT_EQ(policy->witnesses()[0].name, "a");
  EXPECT_EQ(policy->witnesses()[0].key, signers_[0]->key());
  EXPECT_EQ(policy->witnesses()[0].url, "http://127.0.0.1:1/prefix");
  EXPECT_EQ(policy->witnesses()[1].url, "");
  EXPECT_TRUE(Met(*policy, "a"));
  EXPECT_FALSE(Met(*policy, "b"));
}

TEST_F(WitnessPolicyTest, AGroupIsMetByItsThreshold) {
  for (const auto& [threshold, needed] : std::vector<std::pair<std::string, int>>{
           {"any", 1}, {"1", 1}, {"2", 2}, {"3", 3}, {"all", 3}}) {
    const auto policy =
        WitnessPolicy::Parse(absl::StrCat(Lines(3), "group g ", threshold, " a b c\nquorum g\n"));
    ASSERT_TRUE(policy.ok()) << policy.status();
    for (const std::string& set : std::vector<std::string>{"", "a", "b", "ab", "bc", "ac", "abc"}) {
      EXPECT_EQ(Met(*policy, set), static_cast<int>(set.size()) >= needed) << threshold << set;
    }
  }
}

TEST_F(WitnessPolicyTest, GroupsOfGroupsAreMetAsTheSpecificationSays) {
  const auto policy = WitnessPolicy::Parse(absl::StrCat(
      Lines(6), "group x 2 a b c\ngroup y any d e f\ngroup both all x y\nquorum both\n"));
  ASSERT_TRUE(policy.ok()) << policy.status();
  for (int set = 0; set < 64; ++set) {
    std::string cosigned;
    int x = 0;
    int y = 0;
    for (int i = 0; i < 6; ++i) {
      if ((set >> i & 1) == 0) continue;
      cosigned.push_back(static_cast<char>('a' + i));
      ++(i < 3 ? x : y);
    }
    EXPECT_EQ(Met(*policy, cosigned), x >= 2 && y >= 1) << cosigned;
  }
}

TEST_F(WitnessPolicyTest, NoneAsksForNobody) {
  const auto policy = WitnessPolicy::Parse("quorum none\n");
  ASSERT_TRUE(policy.ok());
  EXPECT_TRUE(policy->IsMet({}));
}

TEST_F(WitnessPolicyTest, WhatIsNoPolicyIsRefusedWithItsLine) {
  const NoteSigner log("example.org/log");
  const std::string log_key = FormatVerifierKey(log.key());
  const std::string two = Lines(2);
  const std::vector<std::pair<std::string, std::string>> bad = {
      {two, "has no line"},
      {two + "quorum c\n", "line 3: c is not defined"},
      {two + "quorum a\nquorum b\n", "line 4: there is a second quorum"},
      {two + Line(0) + "quorum a\n", "line 3: a is defined twice"},
      {"witness z" + Line(0).substr(9) + Line(0) + "quorum a\n", "have the same key"},
      {two + "group g 3 a b\nquorum g\n", "line 3: the threshold"},
      {two + "group g 0 a b\nquorum g\n", "line 3: the threshold"},
      {two + "group g 01 a b\nquorum g\n", "line 3: the threshold"},
      {two + "group g 1\nquorum g\n", "line 3: must be: group"},
      {two + "group g any a a\nquorum g\n", "line 3: a is in a group already"},
      {two + "group g any a\ngroup h any a\nquorum g\n", "line 4: a is in a group already"},
      {two + "group g any h\ngroup h any a\nquorum g\n", "line 3: h is not defined"},
      {two + "group none any a\nquorum a\n", "names nothing"},
      {"witness a " + log_key + "\nquorum a\n", "is not a witness's"},
      {"log " + log_key + "\nlog " + log_key + "\nquorum none\n", "line 2:"},
      {"witness a key\nquorum a\n", "line 1: must have the form"},
      {"witness a\nquorum a\n", "line 1: must be: witness"},
      {"wittness a b\nquorum none\n", "line 1: \"wittness\""},
      {"quorum none\r\n", "line 1: holds a control character"}};
  for (const auto& [text, what] : bad) {
    const auto policy = WitnessPolicy::Parse(text);
    EXPECT_TRUE(absl::IsInvalidArgument(policy.status())) << text;
    EXPECT_NE(policy.status().message().find(what), std::string::npos) << policy.status() << "\n"
                                                                       << text;
  }
}

TEST_F(WitnessPolicyTest, AThresholdOfKeys) {
  const std::vector<VerifierKey> keys = {signers_[0]->key(), signers_[1]->key()};
  EXPECT_TRUE(WitnessPolicy::Threshold(keys, 1)->IsMet({false, true}));
  EXPECT_FALSE(WitnessPolicy::Threshold(keys, 2)->IsMet({false, true}));
  EXPECT_FALSE(WitnessPolicy::Threshold(keys, 0).ok());
  EXPECT_FALSE(WitnessPolicy::Threshold(keys, 3).ok());
  EXPECT_FALSE(WitnessPolicy::Threshold({keys[0], keys[0]}, 1).ok());
  EXPECT_FALSE(WitnessPolicy::Threshold({NoteSigner("log").key()}, 1).ok());
}

// --- Cosignatures ---

class QuorumCosignatureTest : public WitnessPolicyTest {
 protected:
  // Cosigned by witnesses by number, each at a time.
  SignedNote Cosigned(const std::vector<std::pair<size_t, int64_t>>& by) const {
    SignedNote note{text_, {log_.Sign(text_)}};
    for (const auto& [index, time] : by) {
      note.signatures.push_back(signers_[index]->Sign(text_, time));
    }
    return note;
  }
  WitnessPolicy Policy(const std::string& threshold) const {
    return WitnessPolicy::Parse(absl::StrCat(Lines(3), "group g ", threshold, " a b c\nquorum g\n"))
        .value();
  }

  const NoteSigner log_{"example.org/log"};
  const std::string text_ = FormatCheckpoint({"example.org/log", 7, MerkleModel(7).Root(7), {}});
};

TEST_F(QuorumCosignatureTest, TheQuorumsTimeIsThatOfTheWitnessThatCompletesIt) {
  const SignedNote note = Cosigned({{2, 300}, {0, 100}, {1, 200}});
  EXPECT_EQ(CheckCosignatures(note, Policy("1"))->not_after, 100);
  EXPECT_EQ(CheckCosignatures(note, Policy("2"))->not_after, 200);
  EXPECT_EQ(CheckCosignatures(note, Policy("3"))->not_after, 300);
  const auto report = CheckCosignatures(note, Policy("1"));
  ASSERT_EQ(report->witnesses.size(), 3U);
  EXPECT_EQ(report->witnesses[1].witness, "b");
  EXPECT_EQ(report->witnesses[1].time, 200);
  const auto nobody = CheckCosignatures(note, WitnessPolicy::Parse("quorum none\n").value());
  EXPECT_FALSE(nobody->not_after.has_value());
}

TEST_F(QuorumCosignatureTest, FewerThanAQuorumAreRefusedByName) {
  const absl::Status status = CheckCosignatures(Cosigned({{1, 5}}), Policy("2")).status();
  EXPECT_TRUE(IsVerificationFailure(status));
  EXPECT_NE(status.message().find("of 3, only b did"), std::string::npos) << status;
  EXPECT_TRUE(IsVerificationFailure(CheckCosignatures(Cosigned({}), Policy("1")).status()));
  // Two by one witness are one witness; the earlier counts.
  EXPECT_TRUE(
      IsVerificationFailure(CheckCosignatures(Cosigned({{1, 5}, {1, 6}}), Policy("2")).status()));
  EXPECT_EQ(CheckCosignatures(Cosigned({{1, 6}, {1, 5}}), Policy("1"))->not_after, 5);
}

TEST_F(QuorumCosignatureTest, OthersAreLeftAsideAndForgedOnesRefuse) {
  EXPECT_EQ(CheckCosignatures(Cosigned({{5, 1}, {0, 9}}), Policy("1"))->not_after, 9);
  SignedNote forged = Cosigned({{0, 9}, {1, 8}});
  forged.signatures.back().bytes.back() =
      static_cast<char>(forged.signatures.back().bytes.back() ^ 1);
  EXPECT_TRUE(IsVerificationFailure(CheckCosignatures(forged, Policy("1")).status()));
  SignedNote short_one = Cosigned({{0, 9}});
  short_one.signatures.back().bytes.resize(64);
  EXPECT_TRUE(IsVerificationFailure(CheckCosignatures(short_one, Policy("1")).status()));
}

// --- Requests ---

TEST(AddCheckpointTest, HasTheFormOfTheSpecification) {
  MerkleModel model(9);
  const AddCheckpointRequest request{5, model.ConsistencyPath(5, 9), "the note\n"};
  std::string expected = "old 5\n";
  for (const Hash& hash : request.proof) expected += ToBase64(BytesOf(hash)) + "\n";
  expected += "\nthe note\n";
  EXPECT_EQ(FormatAddCheckpoint(request), expected);
  const auto parsed = ParseAddCheckpoint(expected);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->old_size, 5);
  EXPECT_EQ(parsed->proof, request.proof);
  EXPECT_EQ(parsed->note, request.note);
}

}  // namespace
}  // namespace credence::client
