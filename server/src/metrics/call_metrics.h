#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "credence/base/histogram.h"
#include "service/router.h"

// What is counted of calls, whichever way they come in: one set of counters for each method, found
// when the server starts, so that a call adds to them and looks nothing up.
namespace credence::server {

// Of one stream under way.
struct StreamMetrics {
  // Every position before this one was looked at; -1 where the stream has none.
  std::atomic<int64_t> next_position{-1};
};

// Of one method. Thread-safe.
struct alignas(64) MethodMetrics {
  static constexpr size_t kCodeCount = 17;

  std::string service;
  std::string method;
  // Calls answered and streams ended, by gRPC's code.
  std::array<std::atomic<int64_t>, kCodeCount> by_code{};
  // From the request's arrival to the answer, in nanoseconds; of streams nothing.
  Histogram nanos{LatencyBounds()};
  std::atomic<int64_t> in_flight{0};
  std::atomic<int64_t> message_count{0};

  absl::Mutex mutex;
  absl::flat_hash_set<const StreamMetrics*> streams ABSL_GUARDED_BY(mutex);
};

// Thread-safe after Instrument.
class CallMetrics {
 public:
  // From now on counts the calls of all methods of `router`. Before it serves; this must outlive
  // what it serves.
  void Instrument(Router& router);

  // By full name, such as "credence.v1.LedgerService/ListEvents".
  [[nodiscard]] const std::map<std::string, std::unique_ptr<MethodMetrics>>& methods() const {
    return methods_;
  }

 private:
  std::map<std::string, std::unique_ptr<MethodMetrics>> methods_;
};

}  // namespace credence::server
