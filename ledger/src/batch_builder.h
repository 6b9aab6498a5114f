#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "commit_batch.h"
#include "credence/event/v1/text.pb.h"
#include "credence/ledger/clock.h"
#include "credence/ledger/log.h"
#include "credence/ledger/sequencer.h"
#include "envelope_codec.h"
#include "map_builder.h"
#include "store.h"
#include "stream_heads.h"
#include "tile_tree.h"

namespace credence::ledger {

// An outcome that waits for its batch to be durable.
struct Answer {
  std::function<void(absl::StatusOr<Receipt>)> done;
  absl::StatusOr<Receipt> outcome;
  // Whether a receipt must not go out without a proof.
  bool with_proof = false;
};

// A batch that takes no more: what to write, and what to do when it is written. It may have answers
// only.
struct SealedBatch {
  CommitBatch commit;
  TreeSnapshot tree;
  // From the projection; may be empty.
  Projection::BatchSteps steps;
  std::vector<Answer> answers;
};

// Turns submissions into batches: the sequencing half of a write. It runs ahead of what is durable
// and remembers what the store does not show yet. Knows no threads.
class BatchBuilder {
 public:
  // `tree` is the tree of everything in `store`, `map` that of its streams, `last_record_time` the
  // last one used. `projection`
  // may be null.
  BatchBuilder(const Store& store, const Clock& clock, const WriteLimits& limits, TileTree tree,
               MapBuilder map, absl::Time last_record_time);

  void SetProjection(Projection* projection) { projection_ = projection; }

  // Takes a submission into the current batch, or its refusal.
  void Add(Submission submission);

  // Puts an answer into the current batch without looking at the submission.
  void Refuse(Submission submission, absl::Status status);

  // Submissions in the current batch, the refused ones included.
  [[nodiscard]] size_t answer_count() const { return answers_.size(); }
  [[nodiscard]] bool empty() const { return answers_.empty(); }
  // Whether the current batch has reached a limit.
  [[nodiscard]] bool full() const;

  // Ends the current batch and begins the next.
  [[nodiscard]] SealedBatch Seal();

  // Lets go of what the store shows by now.
  void SetDurable(TreeSize size);

 private:
  // What an append changes before it is known to succeed.
  struct Undo {
    size_t bytes = 0;
    size_t entries = 0;
    size_t links = 0;
    size_t texts = 0;
    size_t requests = 0;
    bool erases = false;
    std::vector<std::pair<StreamHead*, StreamHead>> heads;
  };

  [[nodiscard]] absl::StatusOr<Receipt> Sequence(Submission& submission);
  [[nodiscard]] absl::StatusOr<std::optional<RequestRecord>> FindRequest(
      const std::string& request_id) const;
  [[nodiscard]] absl::Status CheckRevision(const Submission& submission);
  [[nodiscard]] absl::Time NextRecordTime() const;
  [[nodiscard]] absl::Status Encode(const std::vector<EventDraft>& drafts,
                                    const DecideContext& context, std::string_view request_id);
  [[nodiscard]] absl::Status EncodeOne(const EventDraft& draft, const DecideContext& context,
                                       std::string_view request_id, Undo& undo);
  // Takes the texts of the draft's payload into the batch. Returns what is stored of the payload;
  // null where it has no texts, or where its author put their digests in their place.
  [[nodiscard]] std::unique_ptr<google::protobuf::Message> SeparateTexts(const EventDraft& draft,
                                                                         Position position);
  // Marks what an event erases, and forgets what its writes said: the digest of a request could
  // confirm a guess at a text of it.
  [[nodiscard]] absl::Status EraseTexts(const event::v1::TextsErased& payload, Position position);
  // The place that the next event of `stream` has; the stream's head moves to `position`.
  [[nodiscard]] absl::StatusOr<LinkPlace> Advance(std::string_view stream, Position position,
                                                  Undo& undo);
  void RollBack(const Undo& undo);
  // Puts the last `drafts.size()` entries into the tree and the projection; returns the hash of the
  // first.
  Hash Integrate(const std::vector<EventDraft>& drafts, const DecideContext& context,
                 std::string_view request_id);
  void Fold(const EventDraft& draft, const CommitBatch::Entry& entry, Position position,
            const DecideContext& context, std::string_view request_id);
  [[nodiscard]] Position NextPosition() const;
  // Of an entry of the current batch.
  [[nodiscard]] Position PositionOf(size_t entry) const;
  // Tells the map of the batch's entries from `first` on.
  void NoteHeads(size_t first);
  // The events of a write: what it decides, or the record that it asks for.
  [[nodiscard]] absl::StatusOr<std::vector<EventDraft>> Decide(const Submission& submission,
                                                               const DecideContext& context);
  // Logs the heads of all streams, as an append of its own, where it is time to.
  [[nodiscard]] absl::Status RecordHeadsIfDue();
  [[nodiscard]] absl::StatusOr<std::vector<EventDraft>> PrepareRecord();
  void AcceptRecord();

  const Store& store_;
  const Clock& clock_;
  const WriteLimits limits_;
  Projection* projection_ = nullptr;

  TileTree tree_;
  absl::Time last_record_time_;
  StreamHeads heads_;
  MapBuilder map_;
  // Between PrepareRecord and AcceptRecord.
  std::optional<std::pair<MapRecord, MapPages>> prepared_;
  // Requests that the store does not show yet, and what each batch added to them.
  absl::flat_hash_map<std::string, RequestRecord> requests_;
  std::deque<std::pair<TreeSize, std::vector<std::string>>> request_batches_;

  // The current batch.
  CommitBatch batch_;
  std::vector<Answer> answers_;
};

}  // namespace credence::ledger
