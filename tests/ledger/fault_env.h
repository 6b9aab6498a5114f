#pragma once

#include <rocksdb/env.h>

#include <atomic>
#include <functional>
#include <memory>

namespace credence::ledger {

// What fails in the write-ahead log's file.
enum class Fault { kNone, kAppend, kSync };

// The system's environment, but that operations on write-ahead log files fail from the
// `after_count`-th of the chosen kind on.
class FaultEnv {
 public:
  FaultEnv();

  // `meanwhile` runs within each operation that fails.
  void Arm(Fault fault, int after_count, std::function<void()> meanwhile = nullptr);
  [[nodiscard]] rocksdb::Env* env() { return env_.get(); }

  struct Plan {
    std::atomic<Fault> fault{Fault::kNone};
    std::atomic<int> remaining{0};
    // Set before `fault`.
    std::function<void()> meanwhile;
    // Counts down and says whether this operation fails.
    [[nodiscard]] bool Fails(Fault operation);
  };

 private:
  std::shared_ptr<Plan> plan_;
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace credence::ledger
