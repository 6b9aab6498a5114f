#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/client/verify/checkpoint.h"
#include "credence/client/verify/entry_checker.h"
#include "credence/client/verify/note.h"
#include "credence/client/verify/source.h"
#include "credence/client/verify/text_checker.h"
#include "credence/client/verify/witness_policy.h"

// Verifies a whole log from its public files and its key. The server is not trusted: what it could
// have changed since somebody else looked is found by the remembered state or by a saved
// checkpoint; what it never wrote down cannot be found by anyone.
namespace credence::client {

struct VerifyOptions {
  // Where what was verified is remembered, so that the next time begins after it; may be empty, and
  // may be deleted at any time. Written at the end of a verification that found nothing wrong.
  std::string state_path;
  // A checkpoint that was saved before, as it was signed: the log must begin with what it covers.
  std::optional<std::string> earlier_checkpoint;
  // Whose cosignatures the checkpoint must have; nothing is asked where absent.
  std::optional<WitnessPolicy> policy;
  // Whether a second thread reads and hashes the next entries meanwhile: less time by up to a half,
  // for a little more work of the processor. What is called below is called by the caller's thread.
  bool reads_ahead = true;
  // Called now and then with the entries done and the entries there are; may be empty.
  std::function<void(int64_t done, int64_t total)> progress;
  // Called with every entry after it was checked; may be empty. Where it is set, all entries are
  // gone through, whatever is remembered.
  std::function<absl::Status(int64_t position, std::string_view entry)> visit;
};

struct VerifyReport {
  Checkpoint checkpoint;
  // Entries that had been verified before, and were not looked at again.
  int64_t remembered = 0;
  EntryCounts counts;
  AuthorCounts author_counts;
  SealCounts seal_counts;
  // Of the entries that were looked at this time.
  TextCounts text_counts;
  int64_t stream_count = 0;
  EntryTime last_record_time;
  std::optional<int64_t> last_map_record;
  // Size of the saved checkpoint that the log was found to extend.
  std::optional<int64_t> extends;
  // Where a policy was given: who of it cosigned the checkpoint, and when.
  std::optional<CosignatureReport> cosignatures;
};

// Checks the checkpoint's signature, by the key that is in force at its size (`key`, or one that
// the log rotated from it or to it) and the cosignatures that the policy asks for; every entry
// against the tiles and by EntryChecker; the texts beside it by TextChecker; every tile; and that
// the root of all is the signed one; that the log extends what is remembered and the saved
// checkpoint. Reads each file once, one after another, and keeps few: memory follows the number of
// streams. VERIFICATION_FAILED naming the first position, or the file, that is not right; otherwise
// the source's errors. O(entries).
[[nodiscard]] absl::StatusOr<VerifyReport> VerifyLog(LogSource& source, const VerifierKey& key,
                                                     const VerifyOptions& options);

}  // namespace credence::client
