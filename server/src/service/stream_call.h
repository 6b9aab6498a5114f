#pragma once

#include <cstddef>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "engine/executor.h"
#include "service/call_queue.h"
#include "service/routed_service.h"

// Calls with a stream of answers over gRPC.
namespace credence::server {

class StreamCall;

// The streams under way, so that a drain can end them. Thread-safe.
class StreamSet {
 public:
  // `executor` must outlive the set; messages of streams are made on it.
  explicit StreamSet(Executor& executor) : executor_(executor) {}

  // False once EndStreams was called: the stream is not to begin.
  [[nodiscard]] bool Add(StreamCall* stream);
  void Remove(StreamCall* stream);

  // Ends every stream with UNAVAILABLE, and lets no more begin.
  void EndStreams();

  // Cancels the streams whose client has not taken a message since `time`.
  void CancelStalled(absl::Time time);

  // Streams under way.
  [[nodiscard]] size_t stream_count() const;

  [[nodiscard]] Executor& executor() { return executor_; }

 private:
  Executor& executor_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_set<StreamCall*> streams_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

// Takes the next call of `method`, and then the one after it, until the server is shut down.
void AwaitStreamCall(const RoutedMethod& method, CallQueue& queue);

}  // namespace credence::server
