#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "credence/ledger/tree.h"

// Verifies a closed ledger: every file, every record and what they say of each other. It writes
// nothing and repairs nothing.
//
// Thread-safe: everything here is a pure function of the files.
namespace credence::ledger {

enum class Severity {
  // The ledger is not what it must be.
  kDamage,
  // It is, but somebody should look.
  kWarning,
};

// One thing that was found.
struct Finding {
  Severity severity = Severity::kDamage;
  // What kind of thing is wrong: file, write-ahead-log, manifest, current, options, key, database,
  // table, anchor, identity, entry, text, stream-index, stream-map, request-index, tile, head,
  // state.
  std::string part;
  // The file below the ledger's directory, with the byte where that is known, or the position, the
  // tile (level/index), the stream, the request.
  std::string where;
  // What was found there.
  std::string what;
  // What to do about it.
  std::string advice;
};

struct FsckProgress {
  // Such as "files" or "entries".
  std::string_view step;
  int64_t done = 0;
  int64_t total = 0;
};

struct FsckOptions {
  // Directory of the ledger.
  std::string directory;
  // Called now and then, on the caller's thread. May be empty.
  std::function<void(const FsckProgress&)> progress = nullptr;
  // Asked now and then whether to end: what was found by then is in the report. May be empty.
  std::function<bool()> stopped = nullptr;
  // Whether a missing key file is damage.
  bool key_expected = true;
  // Later findings are counted, not kept. Greater than 0.
  int64_t findings_max = 1'000;
};

struct FsckReport {
  // Empty where the database does not open.
  std::string origin;
  std::string verifier_key;
  // As the ledger records it; of size 0 where it could not be read.
  TreeHead recorded;
  // The entries from the first on that are whole, chained and as the tree has them.
  TreeSize intact_size;
  int64_t stream_count = 0;
  int64_t request_count = 0;
  int64_t state_count = 0;
  int64_t file_count = 0;
  int64_t byte_count = 0;
  // In the order they were found.
  std::vector<Finding> findings;
  // How many more there were.
  int64_t omitted_finding_count = 0;

  // Whether nothing is damaged.
  [[nodiscard]] bool sound() const;
};

// NOT_FOUND where there is no ledger; FAILED_PRECONDITION, reason WRONG_STATE, where a process has
// it open or a newer program wrote it. Everything else that is wrong is a finding. O(n) reads and
// hashes; memory O(streams).
[[nodiscard]] absl::StatusOr<FsckReport> Fsck(const FsckOptions& options);

}  // namespace credence::ledger
