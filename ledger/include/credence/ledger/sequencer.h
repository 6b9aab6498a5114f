#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/ledger/event.h"
#include "credence/ledger/position.h"
#include "credence/ledger/tlog.h"
#include "credence/ledger/tree.h"

// How a write is handed to the log, and what takes part in it.
//
// Three threads serve writes: the sequencer decides, encodes, hashes and folds; the committer makes
// one synced write of each batch; the completer publishes it and answers. The sequencer works on
// the next batch while the committer syncs the last one.
namespace credence::ledger {

// Longest request id, in bytes.
inline constexpr size_t kRequestIdBytesMax = 256;

// That the first event of a write is in a signed tree.
struct ReceiptProof {
  SignedCheckpoint checkpoint;
  // The audit path of RFC 6962 to the checkpoint's root.
  std::vector<Hash> path;
};

// What a writer gets, after its events are durable. A repeat of the write gets the same again, but
// for `duplicate`.
struct Receipt {
  // Of the write's first event.
  Position position;
  int64_t event_count = 0;
  // RFC 6962 leaf hash of the first event.
  Hash leaf_hash{};
  absl::Time record_time;
  bool duplicate = false;
  std::string request_id;
  // Events in the submission's stream after the write; 0 where it names none.
  int64_t revision = 0;
  // Present where the submission asked for it. A repeat gets a proof of its own, under the
  // checkpoint of its own time.
  std::shared_ptr<const ReceiptProof> proof;
};

// The facts that a decision may use besides the projections.
struct DecideContext {
  // Position that the first event gets.
  Position next_position;
  // Record time that the events get.
  absl::Time record_time;
};

// One write.
struct Submission {
  // Names the write for ever. Not empty, at most kRequestIdBytesMax bytes.
  std::string request_id;
  // Tells a repeat from another write under the same id.
  Hash body_digest{};
  // Stream that `expected_revision` and the receipt's revision speak of; may be empty.
  std::string stream;
  // The number of events that the stream must have; 0 means that it must not exist yet.
  std::optional<int64_t> expected_revision;
  // Whether `decide` must find everything before it durable, in the log and in the stored state:
  // all earlier batches are finished first, and this write begins a new one.
  bool after_durable = false;
  // Whether the write is a record of all stream heads (StreamHeadsRecorded): the log then makes the
  // event itself, and `decide` is not called.
  bool record_stream_heads = false;
  // Whether the receipt must come with a proof; it then comes from the signer's thread, after the
  // signature of a checkpoint. One signature serves all that wait for one. Where nothing can be
  // signed any more the outcome is DATA_LOSS, reason LEDGER_FAILED; the write is recorded.
  bool with_proof = false;
  // Makes the events, at least one, or refuses. Runs on the sequencer thread, at most once, with
  // the projections folded up to `next_position`; must not block. Not called for a repeat or for a
  // stale revision.
  std::function<absl::StatusOr<std::vector<EventDraft>>(const DecideContext&)> decide;
  // Gets the outcome, exactly once. Runs on the completer thread, after the fsync that makes the
  // events durable; a refusal comes after the fsync of everything it was decided upon. On the
  // caller's own thread where the write was not taken (OVERLOADED, UNAVAILABLE, LEDGER_FAILED,
  // FIELD_REQUIRED, FIELD_TOO_LARGE). Should not block: it delays other answers, not other writes.
  std::function<void(absl::StatusOr<Receipt>)> done;
};

// Collects changes of stored state; they go to disk in the batch that caused them, or not at all.
class StateWriter {
 public:
  struct Change {
    std::string key;
    // Absent for a deletion.
    std::optional<std::string> value;
  };

  void Put(std::string_view key, std::string_view value) {
    changes_.push_back({std::string(key), std::string(value)});
  }
  void Delete(std::string_view key) { changes_.push_back({std::string(key), std::nullopt}); }

  // In the order they were made.
  [[nodiscard]] const std::vector<Change>& changes() const { return changes_; }
  [[nodiscard]] std::vector<Change> TakeChanges() && { return std::move(changes_); }

 private:
  std::vector<Change> changes_;
};

// What is built from the log. One projection is driven by one log; the server's may be a composite.
class Projection {
 public:
  // What follows when a batch is durable, on the completer thread. Either may be empty.
  struct BatchSteps {
    // With the entries readable and before any answer of the batch: the place to publish a snapshot
    // for readers.
    std::function<void()> publish;
    // After the answers of the batch, but for those with a proof: the place for what is cheaper
    // done once for many.
    std::function<void()> answered;
  };

  virtual ~Projection() = default;

  // Takes in one event, in order of position. On the sequencer thread, or on the thread that calls
  // Log::Replay. Cannot fail: what is logged is a fact.
  virtual void Fold(const SequencedEvent& event) = 0;

  // Ends a batch of at least one event, after which the log has `size` entries; on the sequencer
  // thread. What is put into `state` is stored in the same atomic write as the events.
  [[nodiscard]] virtual BatchSteps Seal(StateWriter& state, TreeSize size) = 0;
};

}  // namespace credence::ledger
