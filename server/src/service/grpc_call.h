#pragma once

#include <grpcpp/grpcpp.h>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "engine/executor.h"
#include "service/router.h"

// Single calls over gRPC: reactors around the router's handlers.
namespace credence::server {

class StreamReactor;

// The streams under way, so that a drain can end them. Thread-safe.
class CallSet {
 public:
  // `executor` must outlive the set; messages of streams are made on it.
  explicit CallSet(Executor& executor) : executor_(executor) {}

  // False once EndStreams was called: the stream is not to begin.
  [[nodiscard]] bool Add(StreamReactor* stream);
  void Remove(StreamReactor* stream);

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
  absl::flat_hash_set<StreamReactor*> streams_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

// From the first to the second, answers to unary calls of this thread are made ready only; the second
// sends them, one after the other. Woken once for many, this process and the clients' do a good deal
// less than woken for each.
void BeginAnswers();
void SendAnswers();

// The error as the contract has it, with its details.
[[nodiscard]] grpc::Status ToGrpcStatus(const absl::Status& status);

// What a handler is told of a call: its deadline and, where asked for, its caller.
[[nodiscard]] CallContext ContextOf(const grpc::CallbackServerContext& context,
                                    bool with_credentials);

// Runs `handler` on a call. The reactor deletes itself when gRPC is done with it.
[[nodiscard]] grpc::ServerUnaryReactor* StartUnary(const UnaryHandler& handler,
                                                   const CallContext& context,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response);

[[nodiscard]] grpc::ServerWriteReactor<grpc::ByteBuffer>* StartStream(
    const StreamHandler& handler, const CallContext& context, grpc::CallbackServerContext* call,
    const grpc::ByteBuffer* request, CallSet& calls);

}  // namespace credence::server
