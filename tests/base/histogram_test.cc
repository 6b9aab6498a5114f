#include "credence/base/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace credence {
namespace {

using Counts = std::vector<int64_t>;

TEST(HistogramTest, AValueCountsInTheFirstBucketThatHoldsIt) {
  Histogram histogram({10, 20});
  for (const int64_t value : {0, 10, 11, 20, 21, 1'000}) histogram.Note(value);
  const Histogram::Snapshot snapshot = histogram.Read();
  EXPECT_EQ(snapshot.bounds, Counts({10, 20}));
  EXPECT_EQ(snapshot.counts, Counts({2, 2, 2}));
  EXPECT_EQ(snapshot.count, 6);
  EXPECT_EQ(snapshot.sum, 1'062);
}

TEST(HistogramTest, ThreadsLoseNoValue) {
  constexpr int kThreadCount = 4;
  constexpr int64_t kValueCount = 20'000;
  Histogram histogram(PowersOfTwo(64));
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreadCount; ++i) {
    threads.emplace_back([&histogram] {
      for (int64_t value = 0; value < kValueCount; ++value) histogram.Note(value % 100);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Histogram::Snapshot snapshot = histogram.Read();
  EXPECT_EQ(snapshot.count, kThreadCount * kValueCount);
  EXPECT_EQ(snapshot.sum, kThreadCount * (kValueCount / 100) * (99 * 100 / 2));
  // 65 to 99 of each hundred lie beyond the last bound.
  EXPECT_EQ(snapshot.counts.back(), kThreadCount * (kValueCount / 100) * 35);
}

TEST(HistogramTest, BoundsRise) {
  for (const Counts& bounds : {LatencyBounds(), PowersOfTwo(1), PowersOfTwo(16'384)}) {
    EXPECT_TRUE(std::is_sorted(bounds.begin(), bounds.end()));
    EXPECT_EQ(std::adjacent_find(bounds.begin(), bounds.end()), bounds.end());
  }
  EXPECT_EQ(PowersOfTwo(8), Counts({1, 2, 4, 8}));
}

}  // namespace
}  // namespace credence
