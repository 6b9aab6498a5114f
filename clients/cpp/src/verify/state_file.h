#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/client/verify/checkpoint.h"
#include "credence/client/verify/note.h"

#pragma GCC visibility push(hidden)

// What a verification remembers: a text file that may be deleted at any time.
//
//   credence-verified/v2
//   <verifier key>
//   <when the verification began, in nanoseconds of the Unix epoch>
//   <origin, size and root: three lines, as in a checkpoint>
//   <lines of the open row of each level>
//   <lines of EntryChecker::Save>
//   sha256 <of everything before, in hexadecimal digits>
namespace credence::client {

struct VerifyState {
  // Nothing that the source had after this was seen.
  absl::Time began;
  Checkpoint checkpoint;
  std::string tiles;
  std::string entries;
};

// Nothing where there is no file. FAILED_PRECONDITION, reason WRONG_STATE, where it is damaged or
// belongs to another key: a memory that is not sound must not be passed over in silence.
[[nodiscard]] absl::StatusOr<std::optional<VerifyState>> ReadStateFile(const std::string& path,
                                                                       const VerifierKey& key);

// Replaces the file by renaming: another reader finds the old or the new one.
[[nodiscard]] absl::Status WriteStateFile(const std::string& path, const VerifierKey& key,
                                          const VerifyState& state);

}  // namespace credence::client

#pragma GCC visibility pop
