#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/client/verify/checkpoint.h"
#include "credence/client/verify/hash.h"
#include "credence/client/verify/note.h"
#include "credence/client/verify/witness_policy.h"

// Asking witnesses for their cosignatures (C2SP tlog-witness):
//
//   POST <url>/add-checkpoint
//   request = "old " decimal-size 0x0A (base64(hash:32) 0x0A)* 0x0A checkpoint
namespace credence::client {

// What a witness is asked to cosign.
struct AddCheckpointRequest {
  // What the witness cosigned last, as far as the asker knows; 0 for nothing.
  int64_t old_size = 0;
  // RFC 6962 consistency proof from there; at most 63 hashes.
  std::vector<Hash> proof;
  // The checkpoint, as it was signed.
  std::string note;
};

inline constexpr size_t kProofHashesMax = 63;

[[nodiscard]] std::string FormatAddCheckpoint(const AddCheckpointRequest& request);

// VERIFICATION_FAILED where it is malformed; the note is taken as it is.
[[nodiscard]] absl::StatusOr<AddCheckpointRequest> ParseAddCheckpoint(std::string_view body);

// Gives the consistency proof from a tree of `old_size` leaves, which is greater than 0, to the
// tree of the checkpoint that is asked for.
using Prover = std::function<absl::StatusOr<std::vector<Hash>>(int64_t old_size)>;

// One witness, over HTTP. Not thread-safe, but for Cancel.
class WitnessClient {
 public:
  // Each request may take `timeout`. INVALID_ARGUMENT where the witness has no address or a
  // malformed one.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<WitnessClient>> Make(const Witness& witness,
                                                                           absl::Duration timeout);
  ~WitnessClient();
  WitnessClient(const WitnessClient&) = delete;
  WitnessClient& operator=(const WitnessClient&) = delete;

  [[nodiscard]] const Witness& witness() const;

  // Asks for a cosignature of `note`, whose text is that of `checkpoint`; from the size that the
  // witness is known to have cosigned last, and again from the size that it names where it knows
  // another. Gives the witness's signatures, checked.
  //
  // UNAVAILABLE where it does not answer; NOT_FOUND or PERMISSION_DENIED where it does not know the
  // log or its key; FAILED_PRECONDITION, reason WRONG_STATE, metadata `size`, where it has cosigned
  // a larger tree; DATA_LOSS, reason VERIFICATION_FAILED, where it has cosigned another history, or
  // answers what is no cosignature of its.
  [[nodiscard]] absl::StatusOr<std::vector<NoteSignature>> Cosign(const Checkpoint& checkpoint,
                                                                  const std::string& note,
                                                                  const Prover& prove);

  // The size of the tree that the witness cosigned last, as far as its answers tell.
  [[nodiscard]] int64_t known_size() const;
  // Sets it: a first guess costs a round less than asking.
  void set_known_size(int64_t size);

  // Ends the request under way, and all later ones, with UNAVAILABLE. Any thread.
  void Cancel();

 private:
  class Impl;
  explicit WitnessClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace credence::client
