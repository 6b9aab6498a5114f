#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/client/verify/author_checker.h"
#include "credence/client/verify/entry.h"
#include "credence/client/verify/note.h"
#include "credence/client/verify/seal_checker.h"
#include "credence/client/verify/stream_map.h"

// What entries say of themselves and of each other, checked one after another from the first.
namespace credence::client {

// Largest number of entries that may stand after the last record of the stream heads when a write
// begins: the ledger's promise.
inline constexpr int64_t kUncoveredEntriesLimit = 4'096;

struct EntryCounts {
  int64_t entries = 0;
  int64_t bytes = 0;
  // Records of the stream heads whose root was derived anew.
  int64_t map_records = 0;
  // Times that the signing key was replaced.
  int64_t rotations = 0;
  // Forecasts that are chained among their forecaster's forecasts.
  int64_t chained_forecasts = 0;
  // Entries that count from before they were recorded, and say so.
  int64_t backfilled = 0;
};

// Memory follows the number of streams, not of entries. Not thread-safe.
class EntryChecker {
 public:
  // `key` is one that the ledger had at some time.
  explicit EntryChecker(VerifierKey key) : key_(std::move(key)) {}

  // Checks the next entry: that it is an envelope in canonical form; that it says its position;
  // that in each of its streams it follows the last version and names the predecessor; that record
  // times rise from write to write; that an earlier effective time is marked; that a record of the
  // stream heads has the root that the entries before it give, and that none is overdue; that the
  // first entry creates the ledger of the key's name; that a rotation of the signing key is stated
  // by the old key and by the new one; that a forecast is chained among its forecaster's; what
  // AuthorChecker checks of authors' keys and signatures, and SealChecker of sealed forecasts.
  // VERIFICATION_FAILED, with the position.
  [[nodiscard]] absl::Status Take(std::string_view entry);

  // The last entry, as long as its bytes live.
  [[nodiscard]] const EntryView& entry() const { return view_; }

  [[nodiscard]] int64_t size() const { return size_; }
  [[nodiscard]] int64_t stream_count() const { return map_.size(); }
  [[nodiscard]] const EntryCounts& counts() const { return counts_; }
  [[nodiscard]] const SealCounts& seal_counts() const { return seals_.counts(); }
  [[nodiscard]] const AuthorCounts& author_counts() const { return authors_.counts(); }
  // Of the last entry.
  [[nodiscard]] EntryTime record_time() const { return record_time_; }
  // Position of the last record of the stream heads.
  [[nodiscard]] std::optional<int64_t> last_map_record() const { return last_map_record_; }

  // The key that signs trees of `size` entries, by the entries taken. VERIFICATION_FAILED where the
  // key that was given is none of the ledger's.
  [[nodiscard]] absl::StatusOr<VerifierKey> KeyAt(int64_t size) const;

  // Everything that later entries are checked against, as lines of text; and back.
  [[nodiscard]] std::string Save() const;
  // INVALID_ARGUMENT where the text is not one that Save made.
  [[nodiscard]] absl::Status Load(std::string_view text);

 private:
  // A key, and the position of the entry that brought it.
  struct Period {
    int64_t from = 0;
    VerifierKey key;
  };

  absl::Status LoadKeys(const std::vector<absl::string_view>& lines);
  absl::Status Check(const EntryView& view);
  absl::Status CheckStream(const StreamPlace& place);
  absl::Status CheckTimes(const EntryView& view);
  absl::Status CheckMapInterval(const EntryView& view) const;
  absl::Status CheckPayload(const EntryView& view);
  absl::Status CheckCreation(const EntryView& view);
  absl::Status CheckRotation(const EntryView& view);
  absl::Status CheckMapRecord(const EntryView& view);
  absl::Status CheckForecast(const EntryView& view);

  const VerifierKey key_;
  std::vector<Period> keys_;
  int64_t size_ = 0;
  EntryTime record_time_;
  // Whether the entry at hand begins a write: it has a later record time than the one before.
  bool begins_write_ = true;
  std::optional<int64_t> last_map_record_;
  absl::flat_hash_map<std::string, StreamMap::Index> streams_;
  StreamMap map_;
  AuthorChecker authors_;
  SealChecker seals_;
  EntryView view_;
  EntryCounts counts_;
};

}  // namespace credence::client
