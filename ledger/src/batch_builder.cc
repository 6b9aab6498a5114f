#include "batch_builder.h"

#include <algorithm>

#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/ledger_events.pb.h"
#include "credence/ledger/text.h"
#include "envelope_codec.h"
#include "records.h"

namespace credence::ledger {
namespace {

constexpr char kLedgerStream[] = "ledger";
constexpr char kSystemActor[] = "system";

absl::Status RequestIdReused(const std::string& request_id) {
  ErrorDetail detail;
  detail.reason = "REQUEST_ID_REUSED";
  detail.metadata["request_id"] = request_id;
  return MakeError(absl::StatusCode::kAlreadyExists,
                   "The request id was used before with another body.", detail);
}

absl::Status StaleRevision(const std::string& stream, int64_t current, int64_t expected) {
  ErrorDetail detail;
  detail.reason = "STALE_REVISION";
  detail.metadata["stream"] = stream;
  detail.metadata["current_revision"] = Cat(current);
  return MakeError(absl::StatusCode::kAborted,
                   Cat(stream, " has revision ", current, ", not ", expected, "."), detail);
}

absl::Status EntryTooLarge(size_t bytes) {
  ErrorDetail detail;
  detail.reason = "ENTRY_TOO_LARGE";
  detail.metadata["bytes"] = Cat(bytes);
  detail.metadata["limit"] = Cat(kEntryBytesMax);
  return MakeError(
      absl::StatusCode::kInvalidArgument,
      Cat("The write makes an entry of ", bytes, " bytes; the limit is ", kEntryBytesMax, "."),
      detail);
}

absl::Time TruncateToMicroseconds(absl::Time time) {
  return absl::FromUnixMicros(absl::ToUnixMicros(time));
}

// The position of the event that `draft`, which names one, followed from.
Position CauseOf(const EventDraft& draft, const DecideContext& context) {
  return Position{context.next_position.value + static_cast<int64_t>(*draft.caused_by)};
}

}  // namespace

BatchBuilder::BatchBuilder(const Store& store, const Clock& clock, const WriteLimits& limits,
                           TileTree tree, MapBuilder map, absl::Time last_record_time)
    : store_(store),
      clock_(clock),
      limits_(limits),
      tree_(std::move(tree)),
      last_record_time_(last_record_time),
      heads_(store, limits.cached_streams_max),
      map_(std::move(map)) {
  batch_.first = NextPosition();
}

Position BatchBuilder::NextPosition() const { return PositionAfter(tree_.size()); }

Position BatchBuilder::PositionOf(size_t entry) const {
  return Position{batch_.first.value + static_cast<int64_t>(entry)};
}

bool BatchBuilder::full() const {
  return batch_.entries.size() >= limits_.batch_events_max ||
         batch_.bytes.size() >= limits_.batch_bytes_max ||
         answers_.size() >= limits_.batch_events_max;
}

void BatchBuilder::Add(Submission submission) {
  absl::StatusOr<Receipt> outcome = Sequence(submission);
  answers_.push_back({std::move(submission.done), std::move(outcome), submission.with_proof});
}

void BatchBuilder::Refuse(Submission submission, absl::Status status) {
  answers_.push_back({std::move(submission.done), std::move(status), false});
}

absl::StatusOr<Receipt> BatchBuilder::Sequence(Submission& submission) {
  CREDENCE_ASSIGN_OR_RETURN(std::optional<RequestRecord> earlier,
                            FindRequest(submission.request_id));
  if (earlier.has_value()) {
    if (earlier->body_digest != submission.body_digest && earlier->body_digest != kErasedDigest) {
      return RequestIdReused(submission.request_id);
    }
    earlier->receipt.duplicate = true;
    return std::move(earlier->receipt);
  }
  // Due here only where the last attempt failed: then nothing more is taken.
  CREDENCE_RETURN_IF_ERROR(RecordHeadsIfDue());
  CREDENCE_RETURN_IF_ERROR(CheckRevision(submission));

  const DecideContext context{NextPosition(), NextRecordTime()};
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<EventDraft> drafts, Decide(submission, context));
  CREDENCE_CHECK(!drafts.empty());
  CREDENCE_RETURN_IF_ERROR(Encode(drafts, context, submission.request_id));

  Receipt receipt;
  receipt.position = context.next_position;
  receipt.event_count = static_cast<int64_t>(drafts.size());
  receipt.leaf_hash = Integrate(drafts, context, submission.request_id);
  receipt.record_time = context.record_time;
  receipt.request_id = submission.request_id;
  if (!submission.stream.empty()) {
    CREDENCE_ASSIGN_OR_RETURN(const StreamHead* const head, heads_.Find(submission.stream));
    receipt.revision = head->length;
  }
  last_record_time_ = context.record_time;
  batch_.requests.push_back({submission.body_digest, receipt});
  requests_.emplace(receipt.request_id, batch_.requests.back());
  if (submission.record_stream_heads) AcceptRecord();
  // The write stands whether or not the record after it succeeds; a failure meets the next write.
  RecordHeadsIfDue().IgnoreError();
  return receipt;
}

absl::StatusOr<std::vector<EventDraft>> BatchBuilder::Decide(const Submission& submission,
                                                             const DecideContext& context) {
  return submission.record_stream_heads ? PrepareRecord() : submission.decide(context);
}

absl::StatusOr<std::vector<EventDraft>> BatchBuilder::PrepareRecord() {
  CREDENCE_ASSIGN_OR_RETURN(prepared_, map_.Prepare(tree_.size()));
  const MapRecord& record = prepared_->first;
  const auto payload = std::make_shared<event::v1::StreamHeadsRecorded>();
  payload->set_tree_size(record.size.value);
  payload->set_stream_count(record.stream_count);
  payload->set_map_root(record.root.data(), record.root.size());
  EventDraft draft;
  draft.stream = kLedgerStream;
  draft.payload = payload;
  draft.actor = kSystemActor;
  return std::vector<EventDraft>{std::move(draft)};
}

void BatchBuilder::AcceptRecord() {
  CREDENCE_CHECK(prepared_.has_value());
  auto& [record, pages] = *prepared_;
  // The record itself moved its stream, after what it covers.
  map_.Accept(record, pages);
  NoteHeads(batch_.entries.size() - 1);
  batch_.map_record = record;
  for (auto& [path, page] : pages) batch_.map_pages.insert_or_assign(path, page);
  prepared_.reset();
}

absl::Status BatchBuilder::RecordHeadsIfDue() {
  if (map_.UncoveredCount(tree_.size()) < limits_.uncovered_entries_max) return absl::OkStatus();
  const DecideContext context{NextPosition(), NextRecordTime()};
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<EventDraft> drafts, PrepareRecord());
  // No request caused it.
  CREDENCE_RETURN_IF_ERROR(Encode(drafts, context, ""));
  Integrate(drafts, context, "");
  last_record_time_ = context.record_time;
  AcceptRecord();
  return absl::OkStatus();
}

void BatchBuilder::NoteHeads(size_t first) {
  for (size_t i = first; i < batch_.entries.size(); ++i) {
    const CommitBatch::Entry& entry = batch_.entries[i];
    map_.Note(batch_.StreamName(entry), entry.stream_version, PositionOf(i));
  }
  const auto begin =
      std::partition_point(batch_.links.begin(), batch_.links.end(),
                           [&](const CommitBatch::Link& link) { return link.entry < first; });
  for (auto link = begin; link != batch_.links.end(); ++link) {
    map_.Note(batch_.StreamName(*link), link->stream_version, PositionOf(link->entry));
  }
}

absl::StatusOr<std::optional<RequestRecord>> BatchBuilder::FindRequest(
    const std::string& request_id) const {
  if (const auto found = requests_.find(request_id); found != requests_.end()) {
    return found->second;
  }
  return store_.FindRequest(request_id);
}

absl::Status BatchBuilder::CheckRevision(const Submission& submission) {
  // Looked up even where nothing is expected: the receipt's revision must not fail after the fold.
  if (submission.stream.empty()) return absl::OkStatus();
  CREDENCE_ASSIGN_OR_RETURN(const StreamHead* const head, heads_.Find(submission.stream));
  if (submission.expected_revision.has_value() && *submission.expected_revision != head->length) {
    return StaleRevision(submission.stream, head->length, *submission.expected_revision);
  }
  return absl::OkStatus();
}

absl::Time BatchBuilder::NextRecordTime() const {
  // A clock that stands still or goes back does not take the record along.
  return std::max(TruncateToMicroseconds(clock_.Now()), last_record_time_ + absl::Microseconds(1));
}

absl::Status BatchBuilder::Encode(const std::vector<EventDraft>& drafts,
                                  const DecideContext& context, std::string_view request_id) {
  Undo undo{batch_.bytes.size(),
            batch_.entries.size(),
            batch_.links.size(),
            batch_.texts.size(),
            batch_.requests.size(),
            batch_.erases,
            {}};
  for (const EventDraft& draft : drafts) {
    if (absl::Status status = EncodeOne(draft, context, request_id, undo); !status.ok()) {
      RollBack(undo);
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status BatchBuilder::EncodeOne(const EventDraft& draft, const DecideContext& context,
                                     std::string_view request_id, Undo& undo) {
  const size_t index = batch_.entries.size() - undo.entries;
  EntryPlace place;
  place.position = Position{context.next_position.value + static_cast<int64_t>(index)};
  CREDENCE_ASSIGN_OR_RETURN(const LinkPlace own, Advance(draft.stream, place.position, undo));
  place.stream_version = own.stream_version;
  place.previous = own.previous;
  for (const std::string& link : draft.links) {
    CREDENCE_ASSIGN_OR_RETURN(place.links.emplace_back(), Advance(link, place.position, undo));
    // A stream has one event at a position.
    CREDENCE_CHECK(place.links.back().previous != place.position);
  }
  place.record_time = context.record_time;
  place.request_id = request_id;
  if (draft.caused_by.has_value()) {
    CREDENCE_CHECK(*draft.caused_by < static_cast<size_t>(index));
    place.cause = CauseOf(draft, context);
  }

  const std::unique_ptr<google::protobuf::Message> stored = SeparateTexts(draft, place.position);
  place.payload = stored.get();
  if (draft.payload->GetDescriptor() == event::v1::TextsErased::descriptor()) {
    CREDENCE_RETURN_IF_ERROR(
        EraseTexts(static_cast<const event::v1::TextsErased&>(*draft.payload), place.position));
  }

  CommitBatch::Entry entry;
  entry.offset = batch_.bytes.size();
  const EncodedEntry encoded = AppendEntry(draft, place, batch_.bytes);
  if (!encoded.appended) return EntryTooLarge(encoded.size);
  entry.size = encoded.size;
  entry.stream_offset = encoded.stream_offset;
  entry.stream_size = draft.stream.size();
  entry.stream_version = own.stream_version;
  for (size_t i = 0; i < draft.links.size(); ++i) {
    batch_.links.push_back({batch_.entries.size(), encoded.link_offsets[i], draft.links[i].size(),
                            place.links[i].stream_version});
  }
  batch_.entries.push_back(entry);
  return absl::OkStatus();
}

std::unique_ptr<google::protobuf::Message> BatchBuilder::SeparateTexts(const EventDraft& draft,
                                                                       Position position) {
  const auto take = [&](const SaltedText& text) {
    batch_.texts.push_back(
        {TextKey(position, text.field),
         EncodeText({StoredText::Kind::kText, text.salt, text.text, Position{}})});
  };
  if (draft.signed_payload != nullptr) {
    for (const SaltedText& text : draft.signed_payload->texts) take(text);
    return nullptr;
  }
  const std::vector<FieldText> texts = ErasableTexts(*draft.payload);
  if (texts.empty()) return nullptr;
  std::vector<SaltedText> salted;
  salted.reserve(texts.size());
  for (const FieldText& text : texts) {
    salted.push_back({std::string(text.field), MakeSalt(), std::string(text.text)});
    take(salted.back());
  }
  std::unique_ptr<google::protobuf::Message> stored(draft.payload->New());
  // CopyFrom would look first whether one lies within the other.
  stored->MergeFrom(*draft.payload);
  ReplaceTexts(salted, *stored);
  return stored;
}

absl::Status BatchBuilder::EraseTexts(const event::v1::TextsErased& payload, Position position) {
  for (const event::v1::ErasedText& erased : payload.texts()) {
    const Position of{erased.position()};
    for (const std::string& field : erased.fields()) {
      batch_.texts.push_back(
          {TextKey(of, field), EncodeText({StoredText::Kind::kErased, "", "", position})});
    }
    CREDENCE_ASSIGN_OR_RETURN(const std::string entry, store_.ReadEntry(of));
    CREDENCE_ASSIGN_OR_RETURN(const DecodedEvent decoded, DecodeEntry(entry));
    CREDENCE_ASSIGN_OR_RETURN(std::optional<RequestRecord> request,
                              store_.FindRequest(decoded.envelope.request_id()));
    if (!request.has_value()) continue;
    request->body_digest = kErasedDigest;
    batch_.requests.push_back(*std::move(request));
  }
  batch_.erases = true;
  return absl::OkStatus();
}

absl::StatusOr<LinkPlace> BatchBuilder::Advance(std::string_view stream, Position position,
                                                Undo& undo) {
  CREDENCE_CHECK(!stream.empty());
  CREDENCE_CHECK(stream.find('\0') == std::string_view::npos);
  CREDENCE_ASSIGN_OR_RETURN(StreamHead* const head, heads_.Find(stream));
  LinkPlace place;
  place.stream_version = head->length;
  if (head->length > 0) place.previous = head->last;
  undo.heads.emplace_back(head, *head);
  *head = {head->length + 1, position};
  return place;
}

void BatchBuilder::RollBack(const Undo& undo) {
  batch_.bytes.resize(undo.bytes);
  batch_.entries.resize(undo.entries);
  batch_.links.resize(undo.links);
  batch_.texts.resize(undo.texts);
  batch_.requests.resize(undo.requests);
  batch_.erases = undo.erases;
  for (auto change = undo.heads.rbegin(); change != undo.heads.rend(); ++change) {
    *change->first = change->second;
  }
}

Hash BatchBuilder::Integrate(const std::vector<EventDraft>& drafts, const DecideContext& context,
                             std::string_view request_id) {
  const size_t first = batch_.entries.size() - drafts.size();
  Hash first_hash{};
  for (size_t i = 0; i < drafts.size(); ++i) {
    const CommitBatch::Entry& entry = batch_.entries[first + i];
    const Position position = NextPosition();
    const Hash hash = LeafHash(batch_.EntryBytes(entry));
    if (i == 0) first_hash = hash;
    tree_.Append(hash, batch_.tiles);
    Fold(drafts[i], entry, position, context, request_id);
  }
  NoteHeads(first);
  return first_hash;
}

void BatchBuilder::Fold(const EventDraft& draft, const CommitBatch::Entry& entry, Position position,
                        const DecideContext& context, std::string_view request_id) {
  if (projection_ == nullptr) return;
  SequencedEvent event;
  event.position = position;
  event.stream = draft.stream;
  event.stream_version = entry.stream_version;
  event.record_time = context.record_time;
  event.effective_time = TruncateToNanoseconds(draft.effective_time.value_or(context.record_time));
  event.backfilled = draft.backfilled;
  event.actor = draft.actor;
  event.request_id = request_id;
  if (draft.caused_by.has_value()) event.cause = CauseOf(draft, context);
  event.ignorable = draft.ignorable;
  event.payload = draft.payload.get();
  event.payload_type = draft.payload->GetDescriptor()->full_name();
  projection_->Fold(event);
}

SealedBatch BatchBuilder::Seal() {
  SealedBatch sealed;
  sealed.tree = tree_.Snapshot();
  if (!batch_.entries.empty()) {
    batch_.head = sealed.tree.head;
    batch_.last_record_time = last_record_time_;
    if (projection_ != nullptr) {
      StateWriter state;
      sealed.steps = projection_->Seal(state, sealed.tree.head.size);
      batch_.state_changes = std::move(state).TakeChanges();
    }
    std::vector<std::string> request_ids;
    request_ids.reserve(batch_.requests.size());
    for (const RequestRecord& record : batch_.requests) {
      request_ids.push_back(record.receipt.request_id);
    }
    request_batches_.emplace_back(sealed.tree.head.size, std::move(request_ids));
  }
  sealed.answers = std::exchange(answers_, {});
  sealed.commit = std::exchange(batch_, {});
  // The next batch is likely to be as large.
  batch_.bytes.reserve(sealed.commit.bytes.size());
  batch_.entries.reserve(sealed.commit.entries.size());
  batch_.first = NextPosition();
  return sealed;
}

void BatchBuilder::SetDurable(TreeSize size) {
  while (!request_batches_.empty() && request_batches_.front().first <= size) {
    for (const std::string& request_id : request_batches_.front().second) {
      requests_.erase(request_id);
    }
    request_batches_.pop_front();
  }
  heads_.Trim(size);
  map_.SetDurable(size);
}

}  // namespace credence::ledger
