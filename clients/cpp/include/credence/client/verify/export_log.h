#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "credence/client/verify/checkpoint.h"
#include "credence/client/verify/note.h"
#include "credence/client/verify/source.h"

// Copies a log to plain files in the layout of C2SP tlog-tiles: `checkpoint`, `tile/...`,
// `tile/entries/...`; and the texts that lie beside it, `text/...`.
namespace credence::client {

struct ExportOptions {
  // The key that must have signed the checkpoint; without one the signature is left to whoever
  // verifies the copy.
  std::optional<VerifierKey> key;
  // Called now and then with the entries copied and the entries there are; may be empty.
  std::function<void(int64_t done, int64_t total)> progress;
};

struct ExportReport {
  Checkpoint checkpoint;
  // Entries that the directory held before.
  int64_t previous_size = 0;
  int64_t file_count = 0;
  int64_t byte_count = 0;
};

// Brings the copy in `directory`, which is made where it does not exist, up to the checkpoint of
// `source`. Only what is new since the last copy is read, and again the texts, of which some may
// have been erased since: they are then erased in the copy. Each file is written beside its place
// and renamed, the checkpoint last: whoever reads the directory meanwhile, or after a crash, finds
// a whole log. VERIFICATION_FAILED where the source is shorter than the copy, is not an extension
// of it, or has tiles without the root that its checkpoint states; then nothing is written. O(new
// entries).
[[nodiscard]] absl::StatusOr<ExportReport> ExportLog(LogSource& source,
                                                     const std::string& directory,
                                                     const ExportOptions& options);

}  // namespace credence::client
