#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "credence/client/verify/checkpoint.h"
#include "credence/client/verify/key_chain.h"
#include "credence/v1/common.pb.h"
#include "credence/v1/ledger_service.pb.h"
#include "google/protobuf/message.h"

#pragma GCC visibility push(hidden)

namespace credence::client {

// Calls that a check may need beyond the answer that is checked; they are not checked themselves.
struct ProofCalls {
  std::function<absl::StatusOr<v1::GetCheckpointResponse>(const v1::GetCheckpointRequest&)>
      get_checkpoint;
  std::function<absl::StatusOr<v1::GetConsistencyProofResponse>(
      const v1::GetConsistencyProofRequest&)>
      get_consistency_proof;
};

// Checks the answers of a server under one key that the caller trusts: every checkpoint is signed,
// every proof leads to a checkpoint's root, two checkpoints of one size are one, and a checkpoint
// that is asked for is consistent with those that were asked for before.
//
// Thread-safe.
class ProofChecker {
 public:
  explicit ProofChecker(VerifierKey trusted) : keys_(std::move(trusted)) {}

  // Checks what in `response` can be checked: the receipt of a write, a checkpoint, a proof.
  // VERIFICATION_FAILED where it does not hold, or where a receipt has no proof.
  [[nodiscard]] absl::Status Check(const google::protobuf::Message& response,
                                   const ProofCalls& calls);

 private:
  [[nodiscard]] absl::Status CheckReceipt(const v1::Receipt& receipt, const ProofCalls& calls);
  [[nodiscard]] absl::Status CheckCheckpoint(const v1::GetCheckpointResponse& response,
                                             const ProofCalls& calls);
  [[nodiscard]] absl::Status CheckInclusion(const v1::GetInclusionProofResponse& response,
                                            const ProofCalls& calls);
  [[nodiscard]] absl::Status CheckConsistency(const v1::GetConsistencyProofResponse& response,
                                              const ProofCalls& calls);
  // Opens a checkpoint, after looking for a rotation of the key where that is needed, and compares
  // it with the one remembered where they have one size.
  [[nodiscard]] absl::StatusOr<Checkpoint> Open(const std::string& note, const ProofCalls& calls);
  [[nodiscard]] absl::StatusOr<Checkpoint> OpenKnown(const std::string& note);

  absl::Mutex mutex_;
  KeyChain keys_ ABSL_GUARDED_BY(mutex_);
  // The largest that was opened.
  std::optional<Checkpoint> newest_ ABSL_GUARDED_BY(mutex_);
  // The largest that is known to extend the first that was opened.
  std::optional<Checkpoint> consistent_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace credence::client

#pragma GCC visibility pop
