#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "fuzz_target.h"

// Every input of the corpus, and mutations of it, by every compiler and without a fuzzer. What a
// fuzzer once found is among the inputs. CREDENCE_FUZZ_SECONDS mutates each target's corpus for so
// long; CREDENCE_FUZZ_SEED repeats a run.
namespace credence::fuzz {

// How a test of a target is listed.
void PrintTo(const FuzzTarget& target, std::ostream* out) { *out << target.name; }

namespace {

namespace fs = std::filesystem;

constexpr int kMutationsOfEach = 40;
constexpr size_t kInputBytesMax = 1 << 16;

std::vector<std::string> Corpus(const std::string& target) {
  std::vector<fs::path> paths;
  for (const auto& file : fs::directory_iterator(fs::path(CREDENCE_FUZZ_CORPUS) / target)) {
    paths.push_back(file.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> inputs;
  for (const fs::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

// Small changes of the kinds that have found faults in decoders.
class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  std::string Mutate(std::string input, const std::vector<std::string>& others) {
    for (int64_t count = Below(4) + 1; count > 0; --count) Change(input, others);
    if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
    return input;
  }

  int64_t Below(int64_t limit) {
    return std::uniform_int_distribution<int64_t>(0, limit - 1)(random_);
  }

 private:
  size_t Place(const std::string& input) {
    return static_cast<size_t>(Below(static_cast<int64_t>(input.size()) + 1));
  }

  void Change(std::string& input, const std::vector<std::string>& others) {
    static constexpr const char* kTokens[] = {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                                              "-1",
                                              "9223372036854775807",
                                              "1e309",
                                              "NaN",
                                              "\"",
                                              "{",
                                              "[",
                                              "\n",
                                              ",",
                                              "\xc3\x28",
                                              "0"};
    const size_t at = Place(input);
    switch (Below(7)) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << Below(8)));
        return;
      case 1:
        if (at < input.size()) input[at] = static_cast<char>(Below(256));
        return;
      case 2:
        input.erase(at, static_cast<size_t>(Below(16)) + 1);
        return;
      case 3:
        input.insert(at, kTokens[Below(static_cast<int64_t>(std::size(kTokens)))]);
        return;
      case 4:
        input.insert(at, input.substr(Place(input), static_cast<size_t>(Below(64))));
        return;
      case 5:
        input.resize(at);
        return;
      default: {
        const std::string& other =
            others[static_cast<size_t>(Below(static_cast<int64_t>(others.size())))];
        input = input.substr(0, at) + other.substr(Place(other));
      }
    }
  }

  std::mt19937_64 random_;
};

uint64_t Seed() {
  const char* const text = std::getenv("CREDENCE_FUZZ_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

int64_t Seconds() {
  const char* const text = std::getenv("CREDENCE_FUZZ_SECONDS");
  return text == nullptr ? 0 : std::strtoll(text, nullptr, 10);
}

class FuzzTest : public testing::TestWithParam<FuzzTarget> {
 protected:
  // Left behind where an input ends the process.
  void Run(const std::string& input) const {
    std::ofstream(Left(), std::ios::binary) << input;
    GetParam().run(input);
  }
  [[nodiscard]] std::string Left() const {
    return testing::TempDir() + "credence-fuzz-" + GetParam().name;
  }
  void TearDown() override { fs::remove(Left()); }
};

TEST_P(FuzzTest, BearsItsCorpus) {
  const std::vector<std::string> corpus = Corpus(GetParam().name);
  ASSERT_GE(corpus.size(), 2U);
  for (const std::string& input : corpus) Run(input);
  Run("");
}

TEST_P(FuzzTest, BearsMutationsOfIt) {
  const std::vector<std::string> corpus = Corpus(GetParam().name);
  const uint64_t seed = Seed();
  SCOPED_TRACE(testing::Message() << "CREDENCE_FUZZ_SEED=" << seed);
  Mutator mutator(seed);
  for (const std::string& input : corpus) {
    for (int i = 0; i < kMutationsOfEach; ++i) Run(mutator.Mutate(input, corpus));
  }
  int64_t count = 0;
  for (const absl::Time end = absl::Now() + absl::Seconds(Seconds()); absl::Now() < end; ++count) {
    const auto pick = static_cast<size_t>(mutator.Below(static_cast<int64_t>(corpus.size())));
    Run(mutator.Mutate(corpus[pick], corpus));
  }
  if (count > 0) RecordProperty("inputs", static_cast<int>(count));
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzTest, testing::ValuesIn(FuzzTargets()),
                         [](const auto& target) {
                           std::string name = target.param.name;
                           name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
                           return name;
                         });

TEST(FuzzCorpusTest, HasNoFolderWithoutATarget) {
  for (const auto& folder : fs::directory_iterator(CREDENCE_FUZZ_CORPUS)) {
    EXPECT_NE(FindTarget(folder.path().filename().string()), nullptr) << folder.path();
  }
}

}  // namespace
}  // namespace credence::fuzz
