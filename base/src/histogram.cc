#include "credence/base/histogram.h"

#include <algorithm>
#include <utility>

#include "credence/base/check.h"

namespace credence {

Histogram::Histogram(std::vector<int64_t> bounds)
    : bounds_(std::move(bounds)),
      counts_(std::make_unique<std::atomic<int64_t>[]>(bounds_.size() + 1)) {
  CREDENCE_CHECK(!bounds_.empty() && std::is_sorted(bounds_.begin(), bounds_.end()));
}

void Histogram::Note(int64_t value) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[static_cast<size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::Read() const {
  Snapshot snapshot;
  snapshot.bounds = bounds_;
  snapshot.sum = sum_.load(std::memory_order_relaxed);
  for (size_t i = 0; i <= bounds_.size(); ++i) {
    snapshot.counts.push_back(counts_[i].load(std::memory_order_relaxed));
    snapshot.count += snapshot.counts.back();
  }
  return snapshot;
}

std::vector<int64_t> LatencyBounds() {
  constexpr int64_t kMicrosecond = 1'000;
  std::vector<int64_t> bounds;
  for (const int64_t steps : {25, 50, 100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000,
                              100'000, 250'000, 500'000, 1'000'000, 2'500'000, 10'000'000}) {
    bounds.push_back(steps * kMicrosecond);
  }
  return bounds;
}

std::vector<int64_t> PowersOfTwo(int64_t last) {
  std::vector<int64_t> bounds;
  for (int64_t bound = 1; bound <= last; bound *= 2) bounds.push_back(bound);
  CREDENCE_CHECK(!bounds.empty() && bounds.back() == last);
  return bounds;
}

}  // namespace credence
