#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

// Counts of how large something was, for a monitor: cheap enough for the busiest path.
namespace credence {

// Whole numbers in whatever unit the owner chooses, such as nanoseconds. Thread-safe: noting a
// value is two relaxed additions and a search among a few bounds.
class Histogram {
 public:
  // Upper bounds of all buckets but the last, which has none; rising, at least one.
  explicit Histogram(std::vector<int64_t> bounds);

  void Note(int64_t value);

  struct Snapshot {
    std::vector<int64_t> bounds;
    // One more than there are bounds.
    std::vector<int64_t> counts;
    int64_t count = 0;
    int64_t sum = 0;
  };
  // What was noted so far; values noted meanwhile may be in the counts and not in the sum.
  [[nodiscard]] Snapshot Read() const;

 private:
  const std::vector<int64_t> bounds_;
  const std::unique_ptr<std::atomic<int64_t>[]> counts_;
  std::atomic<int64_t> sum_{0};
};

// Bounds for nanoseconds of waiting and of work: 25 µs to 10 s, in steps of about 2.
[[nodiscard]] std::vector<int64_t> LatencyBounds();

// Powers of two from 1 to `last`, which must be one.
[[nodiscard]] std::vector<int64_t> PowersOfTwo(int64_t last);

}  // namespace credence
