#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/client/verify/note.h"

// Whose cosignatures make a checkpoint good, in the file format of C2SP tlog-policy:
//
//   log <verifier key> [<url>]
//   witness <name> <verifier key> [<url>]
//   group <name> <k>|any|all <name>...
//   quorum <name>|none
//
// and what the cosignatures of a checkpoint (C2SP tlog-cosignature) prove under it.
namespace credence::client {

struct Witness {
  // Within the policy only.
  std::string name;
  VerifierKey key;
  // Where it takes checkpoints, without "/add-checkpoint"; may be empty.
  std::string url;
};

// Thread-safe after construction.
class WitnessPolicy {
 public:
  // INVALID_ARGUMENT, reason FIELD_INVALID, field "policy", with the line, for what is not a
  // policy.
  [[nodiscard]] static absl::StatusOr<WitnessPolicy> Parse(std::string_view text);

  // Any `threshold` of `keys`. INVALID_ARGUMENT where that is not 1 to their number, where a key is
  // given twice or is not a witness's.
  [[nodiscard]] static absl::StatusOr<WitnessPolicy> Threshold(const std::vector<VerifierKey>& keys,
                                                               int64_t threshold);

  // The logs that it names; may be empty.
  [[nodiscard]] const std::vector<VerifierKey>& logs() const { return logs_; }
  [[nodiscard]] const std::vector<Witness>& witnesses() const { return witnesses_; }

  // Whether the witnesses that are true in `cosigned`, one for each of witnesses(), are a quorum.
  // CHECKs the size. O(witnesses + groups).
  [[nodiscard]] bool IsMet(const std::vector<bool>& cosigned) const;

 private:
  friend class PolicyReader;

  struct Member {
    bool is_group = false;
    size_t index = 0;
  };
  struct Group {
    size_t threshold = 0;
    std::vector<Member> members;
  };

  WitnessPolicy() = default;
  [[nodiscard]] absl::Status AddWitness(Witness witness);

  std::vector<VerifierKey> logs_;
  std::vector<Witness> witnesses_;
  // Each after those that it names.
  std::vector<Group> groups_;
  // Absent for "none".
  std::optional<Member> quorum_;
};

// What a witness said of a checkpoint.
struct WitnessTime {
  // As the policy names it.
  std::string witness;
  // Seconds of the Unix epoch: everything under the checkpoint existed then.
  int64_t time = 0;
};

struct CosignatureReport {
  // In the policy's order; of several by one witness the earliest.
  std::vector<WitnessTime> witnesses;
  // The earliest time at which a quorum had cosigned; absent where the policy asks for none.
  std::optional<int64_t> not_after;
};

// Checks that a quorum of the policy's witnesses cosigned the note. Signatures by other keys are
// left aside; a wrong one that claims to be by a witness refuses the note. VERIFICATION_FAILED.
[[nodiscard]] absl::StatusOr<CosignatureReport> CheckCosignatures(const SignedNote& note,
                                                                  const WitnessPolicy& policy);

}  // namespace credence::client
