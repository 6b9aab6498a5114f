#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "credence/client/client.h"

// Threads that write until the server is gone, and remember what they were told.
namespace credence::crash {

// One write, as it was sent and as it would be sent again.
struct Write {
  std::variant<v1::CreateForecastRequest, v1::CreateEvidenceRequest> request;
  // Empty while nobody has acknowledged it.
  std::optional<v1::Receipt> receipt;

  [[nodiscard]] const std::string& request_id() const;
};

// Sends a write and returns its receipt. Thread-safe.
[[nodiscard]] absl::StatusOr<v1::Receipt> Send(client::Client& client, const Write& write);

// Each writer has one write in flight at any time and stops at its first failure, so that a kill
// leaves exactly one unacknowledged write for each.
class Writers {
 public:
  // Every fourth writer records evidence, the others forecasts, on the question `q{round}`.
  Writers(client::Client* client, int64_t round, int count);
  ~Writers() { Join(); }
  Writers(const Writers&) = delete;
  Writers& operator=(const Writers&) = delete;

  // Waits until this many writes are acknowledged, or a writer has failed.
  void AwaitAcknowledged(int64_t count);
  // From now on failures are expected: the server is about to be killed.
  void ExpectFailures();
  void Join();
  // Failures from before they were expected.
  [[nodiscard]] std::vector<std::string> UnexpectedFailures();
  // The writes of each writer in the order in which it sent them. Call after Join().
  [[nodiscard]] std::vector<std::vector<Write>>& writes() { return writes_; }

 private:
  void Run(int writer);
  [[nodiscard]] Write MakeWrite(int writer) const;
  void NoteAcknowledged();
  void NoteFailure(const absl::Status& status);

  client::Client* const client_;
  const int64_t round_;
  // Each writer has its own element.
  std::vector<std::vector<Write>> writes_;
  absl::Mutex mutex_;
  int64_t acknowledged_count_ ABSL_GUARDED_BY(mutex_) = 0;
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;
  bool failures_expected_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::string> unexpected_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace credence::crash
