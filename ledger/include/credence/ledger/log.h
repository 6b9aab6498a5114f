#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/event/v1/text.pb.h"
#include "credence/ledger/clock.h"
#include "credence/ledger/event.h"
#include "credence/ledger/position.h"
#include "credence/ledger/sequencer.h"
#include "credence/ledger/stream_map.h"
#include "credence/ledger/tlog.h"
#include "credence/ledger/tree.h"

// The append-only log.
//
// Promises: a write is answered after its bytes are fsynced; positions are 0, 1, 2, ... without
// gaps and readers see only the durable prefix; a request id is remembered for ever and its repeats
// get the first receipt; the events of one write, over whatever streams, are all stored or none.
//
// Errors carry a reason (credence/base/error.h). Bytes on disk that cannot be right give DATA_LOSS,
// reason LEDGER_FAILED. After a failed write or fsync nothing is written until the log is opened
// anew: every pending and later submission gets DATA_LOSS, reason LEDGER_FAILED; reads go on.
namespace credence::ledger {

struct CreateOptions {
  // Directory of the ledger; made where it does not exist. It gets `ledger.key` (mode 0600, the
  // Ed25519 signing key in the form of Go's note package), `ledger.anchor` (the checkpoint signed
  // last) and `log/` (the database).
  std::string directory;
  // Origin line of checkpoints and name of the key (C2SP tlog-checkpoint), such as
  // "example.org/forecasts": not empty, valid UTF-8, without white space, control characters and
  // '+'.
  std::string origin;
  // Gives the record time of the first event. Not null; used during the call only.
  const Clock* clock = nullptr;
};

// Bounds of the memory that writes may take.
struct WriteLimits {
  // Submissions that may wait; one more is refused with OVERLOADED.
  size_t queued_submissions_max = 16'384;
  // A batch is closed when it has this many events or bytes of entries; one append is never split.
  size_t batch_events_max = 8'192;
  size_t batch_bytes_max = size_t{8} << 20;
  // Stream heads held in memory (between one and two times this many).
  size_t cached_streams_max = 65'536;
  // The heads of all streams are logged after an append that leaves this many entries, or more,
  // after the last such record. Positive.
  int64_t uncovered_entries_max = kUncoveredEntriesMax;
};

struct OpenOptions {
  std::string directory;
  // File of the signing key; empty for `ledger.key` in the directory.
  std::string key_path{};
  // File that keeps the checkpoint signed last, best on another disk than the log; empty for
  // `ledger.anchor` in the directory.
  std::string anchor_path{};
  // A log that grows is signed at least this often, and the anchor synced at most this often.
  absl::Duration checkpoint_interval = absl::Seconds(1);
  // Not null; must outlive the log.
  const Clock* clock = nullptr;
  WriteLimits limits;
};

// How much one read may return; it returns at least one entry where there is one. Both > 0.
struct ReadLimits {
  int64_t entry_count_max = 1'000;
  int64_t byte_count_max = int64_t{4} << 20;
};

// An entry as stored; copies share the bytes.
struct StoredEntry {
  Position position;
  std::shared_ptr<const std::string> bytes;
};

// Names a registered watch of the head. 0 is none.
struct WatchId {
  int64_t value = 0;
  friend bool operator==(const WatchId&, const WatchId&) = default;
};

// Thread-safe, but for Start, Replay and Stop, which their owner calls one after another.
class Log {
 public:
  // Makes a new ledger whose position 0 is credence.event.v1.LedgerCreated in the stream "ledger".
  // Returns its verifier key in signed-note form, `name+hash+base64(0x01 || public key)`.
  // ALREADY_EXISTS where the directory holds a ledger. A key file that is there already, from a
  // creation that was interrupted, is used if its name is the origin, else FAILED_PRECONDITION.
  // INVALID_ARGUMENT, reason NAME_INVALID, for a bad origin.
  [[nodiscard]] static absl::StatusOr<std::string> Create(const CreateOptions& options);

  // Opens a ledger to read and write; at most one process can. Does not scan the log: the cost is
  // that of reading the end of it and of replaying the database's own bounded write-ahead log.
  // NOT_FOUND where there is no ledger; FAILED_PRECONDITION, reason WRONG_STATE, where another
  // holds it, where a newer program wrote it (metadata format, newest_known), where the signing key
  // is not there or not the ledger's, or where the anchor is missing; DATA_LOSS where its end does
  // not fit its recorded root, or where it does not extend the checkpoint in the anchor: it is then
  // an older copy or another history, and must not sign.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Log>> Open(const OpenOptions& options);

  // Opens it to read as it stands now, beside a process that writes or without one; writes nothing
  // and sees nothing that comes later. Start must not be called. Errors as for Open.
  // The signing key is not needed. `anchor_path` as in OpenOptions.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Log>> OpenReadOnly(
      const std::string& directory, const std::string& anchor_path = "");

  // Replaces the signing key of a ledger that nobody has open: signs the head with the old key,
  // records credence.event.v1.SigningKeyRotated, and replaces the key file. Returns the new
  // verifier key. May be repeated after a failure. Errors as for Open.
  [[nodiscard]] static absl::StatusOr<std::string> RotateKey(const OpenOptions& options);

  // Gives a ledger that nobody has open, such as a restored copy, the anchor that it misses.
  // `checkpoint` is the last one known to anybody, a signed note; empty takes the log as it stands,
  // which is right only where nobody holds a checkpoint of a longer one. FAILED_PRECONDITION where
  // there is an anchor of a larger tree; DATA_LOSS where the checkpoint is not signed by the
  // ledger's key or the log does not extend it. Other errors as for Open.
  [[nodiscard]] static absl::Status SetAnchor(const OpenOptions& options,
                                              std::string_view checkpoint);

  // Stops it where that is not done yet.
  ~Log();

  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  [[nodiscard]] const std::string& origin() const;
  // The key that signs now.
  [[nodiscard]] const std::string& verifier_key() const;
  // The statements of the key's rotations, oldest first: signed notes, see SigningKeyRotated.
  [[nodiscard]] std::vector<std::string> key_rotations() const;

  // --- The head and its past ---

  // Size and root of the durable log. O(1).
  [[nodiscard]] TreeHead tree_head() const;

  // The head that the log had at `size`. OUT_OF_RANGE, reason BEYOND_HEAD, for a larger one.
  // O(log n) tiles of 256 hashes read and hashed.
  [[nodiscard]] absl::StatusOr<TreeHead> TreeHeadAt(TreeSize size) const;

  // The last entry recorded at or before `time`; nothing where the log is younger. Whole appends
  // only, since an append has one record time. O(log n) entries read.
  [[nodiscard]] absl::StatusOr<std::optional<Position>> LastPositionAt(absl::Time time) const;

  // --- Checkpoints ---

  // The checkpoint signed last; of a log that is only read, that of the anchor.
  // FAILED_PRECONDITION, reason WRONG_STATE, where a log that is only read has no anchor that it
  // extends. O(1).
  [[nodiscard]] absl::StatusOr<SignedCheckpoint> LatestCheckpoint() const;

  // Signs the head that the log has now, or a later one, where that is not done yet, and calls
  // `done` once with the checkpoint, on the signer's thread. UNAVAILABLE, on the caller's thread,
  // where the log is not started or is stopped; DATA_LOSS where nothing can be signed any more.
  void RequestCheckpoint(std::function<void(absl::StatusOr<SignedCheckpoint>)> done);

  // --- Proofs and tiles: all of them of the durable log ---

  // The audit path of RFC 6962 from the entry at `leaf` to the root at `size`. OUT_OF_RANGE, reason
  // BEYOND_HEAD, for a size beyond the head; FIELD_INVALID for a leaf outside the size. O(log n).
  [[nodiscard]] absl::StatusOr<std::vector<Hash>> InclusionProof(Position leaf,
                                                                 TreeSize size) const;

  // The consistency proof of RFC 6962 between the roots at two sizes, 0 < first <= second; empty
  // where they are equal. OUT_OF_RANGE, reason BEYOND_HEAD, for a size beyond the head;
  // FIELD_INVALID for other sizes out of order. O(log n).
  [[nodiscard]] absl::StatusOr<std::vector<Hash>> ConsistencyProof(TreeSize first,
                                                                   TreeSize second) const;

  // The bytes of a tile of C2SP tlog-tiles, 32 for each of its first `width` (1 to 256) hashes, so
  // that the partial tile of any past size can be had. OUT_OF_RANGE, reason BEYOND_HEAD, where the
  // log has not as many; FIELD_INVALID for numbers that no tile has.
  [[nodiscard]] absl::StatusOr<std::string> ReadTile(int level, int64_t index, int width) const;

  // The bytes of an entry bundle of tlog-tiles: the first `width` entries from position
  // index * 256 on, each after its length in two bytes. At most 16 MiB. Errors as for ReadTile.
  [[nodiscard]] absl::StatusOr<std::string> ReadEntryBundle(int64_t index, int width) const;

  // --- Entries ---

  // Entries from `from` on, in order, without gaps; empty where `from` is the head or beyond.
  // OUT_OF_RANGE for a negative position.
  [[nodiscard]] absl::StatusOr<std::vector<StoredEntry>> Read(Position from,
                                                              const ReadLimits& limits) const;

  // An entry that was read, taken apart, with its texts in the fields of its payload: kErasedText
  // for one that was erased. Errors as for DecodeEntry; DATA_LOSS, reason LEDGER_FAILED, where a
  // text is missing or does not have its digest: nothing more is written then. O(texts) reads.
  [[nodiscard]] absl::StatusOr<DecodedEvent> Decode(const StoredEntry& entry) const;

  // The texts of an entry, in the order of its digests, and what became of those that are gone.
  // Errors and cost as for Decode.
  [[nodiscard]] absl::StatusOr<std::vector<event::v1::EntryText>> ReadTexts(
      const StoredEntry& entry) const;

  // The texts of the entries that the bundle `index` has by now, as they are now: a serialized
  // credence.event.v1.TextBundle. Errors as for ReadEntryBundle and Decode.
  [[nodiscard]] absl::StatusOr<std::string> ReadTextBundle(int64_t index) const;

  // Takes what TextsErased events erased out of the log's files: its tables and its log of writes.
  // Returns when it is gone; at once where nothing is left to do. Where it fails, or the process
  // ends before it is done, Open does it again. INTERNAL where files cannot be written or deleted.
  // Writes and reads go on meanwhile, a backup waits. O(texts and stored state).
  [[nodiscard]] absl::Status PurgeErased();

  // Entries of one stream from its version `from_version` on, those at positions up to `last` only
  // where it is given. Empty for an unknown stream. O(log n) each.
  [[nodiscard]] absl::StatusOr<std::vector<StoredEntry>> ReadStream(
      std::string_view stream, int64_t from_version, const ReadLimits& limits,
      std::optional<Position> last = std::nullopt) const;

  // The first version of `stream` at position `from` or later: its length where there is none.
  // O(log^2 n).
  [[nodiscard]] absl::StatusOr<int64_t> StreamVersionAt(std::string_view stream,
                                                        Position from) const;

  // Number of durable events in `stream`; 0 for an unknown one. O(log n).
  [[nodiscard]] absl::StatusOr<int64_t> StreamLength(std::string_view stream) const;

  // The path of `stream` in the map of stream heads, as its last record has it: the record, and
  // the proof that the stream ends where it says, or that it does not exist. FAILED_PRECONDITION,
  // reason WRONG_STATE, before the first record. O(log n).
  [[nodiscard]] absl::StatusOr<std::pair<MapRecord, MapProof>> ProveStream(
      std::string_view stream) const;

  // The first receipt of `request_id`, if it was ever used. `duplicate` is false in it.
  [[nodiscard]] absl::StatusOr<std::optional<Receipt>> FindReceipt(
      std::string_view request_id) const;

  // --- Stored state of projections: what Seal put, as of the durable head ---

  [[nodiscard]] absl::StatusOr<std::optional<std::string>> ReadState(std::string_view key) const;

  // Calls `visit` with each key that begins with `prefix`, and its value, by key in byte order,
  // until it returns false. The views live as long as the call. One consistent view of the state.
  absl::Status ScanState(std::string_view prefix,
                         absl::FunctionRef<bool(std::string_view, std::string_view)> visit) const;

  // --- Writing ---

  // Folds the durable entries from `from` on into `projection`; never calls its Seal. Before Start.
  absl::Status Replay(Position from, Projection& projection) const;

  // Starts the threads. `projection` may be null; it must outlive Stop.
  void Start(Projection* projection);

  // Hands over a write; the outcome goes to `submission.done`. Never blocks. See Submission.
  // A refusal has one of the reasons, the first that applies: FIELD_REQUIRED, FIELD_TOO_LARGE
  // (request id); UNAVAILABLE (not started, or stopped); LEDGER_FAILED; OVERLOADED;
  // REQUEST_ID_REUSED (ALREADY_EXISTS; metadata request_id); STALE_REVISION (ABORTED; metadata
  // stream, current_revision); what `decide` says; ENTRY_TOO_LARGE (INVALID_ARGUMENT; metadata
  // bytes, limit). Nothing is recorded or folded then, and the request id stays free.
  void Submit(Submission submission);

  // Takes no more writes, finishes those taken, ends the watches (UNAVAILABLE), joins the threads.
  // Idempotent. Reads go on.
  void Stop();

  // --- Following ---

  // Calls `ready` once: with OK as soon as the durable size is larger than `size`; with UNAVAILABLE
  // when the log stops; with DATA_LOSS when it fails. Always on the watch thread, never within this
  // call, and after the projection's closure of the batch ran. Must not block. A watch costs no
  // thread; a reader that does not come back costs nothing. O(log watches). Needs Start.
  WatchId WatchHead(TreeSize size, std::function<void(const absl::Status&)> ready);

  // Ends a watch. True: its callback will never run. False: it ran, or runs now. O(log watches).
  bool CancelWatch(WatchId id);

 private:
  class Impl;
  friend class LogFactory;
  explicit Log(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace credence::ledger
