#include <gtest/gtest.h>

#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "credence/forecaster/engine.h"
#include "credence/forecaster/formats.h"
#include "fixtures.h"

// Networks read from files against exact rational arithmetic: the decimals of the file are taken as
// the fractions that they are, rows that miss one are divided by their sum, and everything is
// enumerated without rounding.
namespace credence::forecaster::testing {
namespace {

using Rational = boost::multiprecision::cpp_rational;

constexpr int kDigits = 7;
constexpr int64_t kUnit = 10'000'000;

// A node whose rows hold whole numbers of the last digit, as the file writes them.
struct DecimalNode {
  int states = 2;
  std::vector<int> parents;
  std::vector<std::vector<int64_t>> rows;
};

using DecimalNetwork = std::vector<DecimalNode>;

// Rows of random weights, some of which are 0; each sums to one but for at most `most_missed` of
// the last digit.
DecimalNetwork RandomNetwork(std::mt19937_64& random, int64_t most_missed) {
  std::uniform_int_distribution<int64_t> missed(-most_missed, most_missed);
  DecimalNetwork network(7);
  for (int i = 0; i < 7; ++i) {
    DecimalNode& node = network[i];
    node.states = 2 + static_cast<int>(random() % 2);
    int64_t row_count = 1;
    for (int parent = std::max(0, i - 3); parent < i; ++parent) {
      if (random() % 3 == 0) continue;
      node.parents.push_back(parent);
      row_count *= network[parent].states;
    }
    for (int64_t r = 0; r < row_count; ++r) {
      std::vector<int64_t> row;
      int64_t left = kUnit + missed(random);
      for (int s = 0; s + 1 < node.states; ++s) {
        // Small ones too, where a relative error would show.
        const int64_t most = random() % 4 == 0 ? 50 : left;
        row.push_back(random() % 8 == 0 ? 0 : static_cast<int64_t>(random() % (most + 1)));
        left -= row.back();
      }
      row.push_back(left);
      node.rows.push_back(std::move(row));
    }
  }
  return network;
}

std::string ToBif(const DecimalNetwork& network) {
  std::string text = "network decimals { }\n";
  const auto decimal = [](int64_t digits) {
    return absl::StrFormat("%d.%0*d", digits / kUnit, kDigits, digits % kUnit);
  };
  for (size_t i = 0; i < network.size(); ++i) {
    const std::vector<std::string> names = {"a", "b", "c"};
    absl::StrAppend(&text, "variable n", i, " { type discrete [ ", network[i].states, " ] { ",
                    absl::StrJoin(names.begin(), names.begin() + network[i].states, ", "),
                    " }; }\n");
  }
  for (size_t i = 0; i < network.size(); ++i) {
    const DecimalNode& node = network[i];
    std::vector<std::string> values;
    for (const auto& row : node.rows) {
      for (const int64_t value : row) values.push_back(decimal(value));
    }
    std::vector<std::string> parents;
    for (const int parent : node.parents) parents.push_back(absl::StrCat("n", parent));
    const std::string given =
        parents.empty() ? "" : absl::StrCat(" | ", absl::StrJoin(parents, ", "));
    absl::StrAppend(&text, "probability ( n", i, given, " ) {\n");
    if (parents.empty()) {
      absl::StrAppend(&text, "  table ", absl::StrJoin(values, ", "), ";\n");
    } else {
      for (size_t r = 0; r < node.rows.size(); ++r) {
        std::vector<std::string> states(parents.size());
        size_t rest = r;
        for (size_t p = parents.size(); p-- > 0;) {
          const auto count = static_cast<size_t>(network[node.parents[p]].states);
          states[p] = std::string(1, static_cast<char>('a' + rest % count));
          rest /= count;
        }
        const auto first = values.begin() + static_cast<std::ptrdiff_t>(r) * node.states;
        absl::StrAppend(&text, "  (", absl::StrJoin(states, ", "), ") ",
                        absl::StrJoin(first, first + node.states, ", "), ";\n");
      }
    }
    absl::StrAppend(&text, "}\n");
  }
  return text;
}

struct Exact {
  Rational evidence;
  // P(state, evidence) by node.
  std::vector<std::vector<Rational>> joint;
};

// The weight of every configuration, one after another; `observed` has -1 for what is not.
Exact Enumerate(const DecimalNetwork& network, const std::vector<int>& observed) {
  Exact exact;
  for (const DecimalNode& node : network) exact.joint.emplace_back(node.states, Rational(0));
  std::vector<int> states(network.size(), 0);
  while (true) {
    Rational weight = 1;
    for (size_t i = 0; i < network.size(); ++i) {
      if (observed[i] >= 0 && observed[i] != states[i]) weight = 0;
      size_t row = 0;
      for (const int parent : network[i].parents) {
        row =
            row * static_cast<size_t>(network[parent].states) + static_cast<size_t>(states[parent]);
      }
      const std::vector<int64_t>& values = network[i].rows[row];
      int64_t sum = 0;
      for (const int64_t value : values) sum += value;
      if (weight != 0) weight *= Rational(values[states[i]], sum);
    }
    if (weight != 0) {
      exact.evidence += weight;
      for (size_t i = 0; i < network.size(); ++i) exact.joint[i][states[i]] += weight;
    }
    size_t i = 0;
    while (i < states.size() && ++states[i] == network[i].states) states[i++] = 0;
    if (i == states.size()) return exact;
  }
}

void ExpectExact(const DecimalNetwork& network, std::mt19937_64& random, bool rows_miss) {
  const std::string text = ToBif(network);
  auto file = ParseNetworkFile(NetworkFormat::kBif, text);
  ASSERT_TRUE(file.ok()) << file.status() << "\n" << text;
  EXPECT_EQ(!file->notes.empty(), rows_miss);
  const auto compiled = Compiled(file->network);
  for (int round = 0; round < 4; ++round) {
    std::vector<int> observed(network.size(), -1);
    for (int k = 0; k < round; ++k) {
      const size_t node = random() % network.size();
      observed[node] = static_cast<int>(random() % static_cast<uint64_t>(network[node].states));
    }
    const Exact exact = Enumerate(network, observed);
    Engine engine(*compiled);
    for (size_t i = 0; i < network.size(); ++i) {
      if (observed[i] >= 0) engine.Observe(static_cast<int>(i), observed[i]);
    }
    if (exact.evidence == 0) {
      ExpectError(engine.LogMarginal(0).status(), absl::StatusCode::kFailedPrecondition,
                  "CONTRADICTORY_EVIDENCE");
      continue;
    }
    EXPECT_NEAR(*engine.LogWeight(), std::log(exact.evidence.convert_to<double>()), 1e-12);
    const auto marginals = engine.LogMarginals();
    ASSERT_TRUE(marginals.ok()) << marginals.status();
    for (size_t i = 0; i < network.size(); ++i) {
      for (int s = 0; s < network[i].states; ++s) {
        const double expected = Rational(exact.joint[i][s] / exact.evidence).convert_to<double>();
        EXPECT_NEAR(std::exp((*marginals)[i][s]), expected, 1e-12) << i << " " << s;
      }
    }
  }
}

TEST(RationalTest, NetworksOfDecimalsAgreeWithExactArithmetic) {
  constexpr unsigned kSeed = 17;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  std::mt19937_64 random(kSeed);
  for (int round = 0; round < 10; ++round) ExpectExact(RandomNetwork(random, 0), random, false);
}

// The last digit is 1e-7, so that rows miss one by up to 1e-6.
TEST(RationalTest, RowsThatMissOneByRoundingAgreeWithExactArithmetic) {
  constexpr unsigned kSeed = 18;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  std::mt19937_64 random(kSeed);
  for (int round = 0; round < 20; ++round) ExpectExact(RandomNetwork(random, 10), random, true);
  // By just one in a million, either way.
  const auto at_the_bound = [&](int64_t miss) {
    const DecimalNetwork network = {
        {.states = 2, .parents = {}, .rows = {{3'000'000, 7'000'000 + miss}}},
        {.states = 2, .parents = {0}, .rows = {{1, 9'999'999 + miss}, {4'000'000, 6'000'000}}}};
    ExpectExact(network, random, true);
  };
  at_the_bound(10);
  at_the_bound(-10);
}

// One digit further, and the file is refused.
TEST(RationalTest, ARowThatMissesByMoreThanOneInAMillionIsRefusedWithLineAndNode) {
  const DecimalNetwork network = {
      {.states = 2, .parents = {}, .rows = {{5'000'000, 5'000'010}}},
      {.states = 2, .parents = {0}, .rows = {{5'000'000, 5'000'000}, {4'000'000, 6'000'011}}}};
  const auto file = ParseNetworkFile(NetworkFormat::kBif, ToBif(network));
  const ErrorDetail detail =
      ExpectError(file.status(), absl::StatusCode::kInvalidArgument, "ROW_SUM");
  EXPECT_EQ(detail.metadata.at("line"), "9");
  EXPECT_EQ(detail.metadata.at("node"), "n1");
}

}  // namespace
}  // namespace credence::forecaster::testing
