#include "batch_replayer.h"

#include <optional>
#include <utility>

#include "batch_record.h"
#include "credence/base/check.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/ledger_events.pb.h"
#include "credence/ledger/text.h"
#include "failure.h"
#include "records.h"

namespace credence::ledger {
namespace {

// As the sequencer keeps by default.
constexpr size_t kCachedStreams = 65'536;

absl::Status Misfit(Position position, std::string_view what) {
  return LedgerFailed(Cat("The entry at position ", position.value, " of a committed batch ", what,
                          "; this server and the batch are not of one log."));
}

template <typename Place>
std::optional<int64_t> PreviousOf(const Place& place) {
  if (!place.has_previous_position()) return std::nullopt;
  return place.previous_position();
}

std::string_view Shown(const StoredText& text) {
  return text.kind == StoredText::Kind::kText ? std::string_view(text.text) : kErasedText;
}

}  // namespace

absl::Status RestoreTexts(const std::map<std::string, std::string, std::less<>>& texts,
                          DecodedEvent& event) {
  if (event.payload == nullptr) return absl::OkStatus();
  const Position position{event.envelope.position()};
  for (const event::v1::TextDigest& digest : TextDigestsOf(*event.payload)) {
    const auto found = texts.find(TextKey(position, digest.field()));
    if (found == texts.end()) return Misfit(position, Cat("comes without ", digest.field()));
    const std::optional<StoredText> text = DecodeText(found->second);
    if (!text.has_value() ||
        (text->kind == StoredText::Kind::kText && !FitsDigest(digest, text->salt, text->text))) {
      return Misfit(position, Cat("has another digest of ", digest.field()));
    }
    SetErasableText(*event.payload, digest.field(), Shown(*text));
  }
  return absl::OkStatus();
}

BatchReplayer::BatchReplayer(const Store& store, TileTree tree, MapBuilder map,
                             absl::Time last_record_time, Projection* projection)
    : store_(store),
      projection_(projection),
      tree_(std::move(tree)),
      heads_(store, kCachedStreams),
      map_(std::move(map)),
      last_record_time_(last_record_time) {}

absl::StatusOr<SealedBatch> BatchReplayer::Replay(const cluster::v1::Batch& record) {
  batch_ = {};
  names_.clear();
  leaves_.clear();
  request_ids_.clear();
  batch_.first = PositionAfter(tree_.size());
  if (record.first_position() != batch_.first.value || record.entries().empty()) {
    return LedgerFailed(Cat("A committed batch begins at position ", record.first_position(),
                            ", not at ", batch_.first.value, "."));
  }
  Texts texts;
  for (const cluster::v1::Text& text : record.texts()) {
    texts.emplace(text.key(), text.value());
    batch_.texts.push_back({text.key(), text.value()});
  }
  for (const std::string& entry : record.entries()) {
    CREDENCE_RETURN_IF_ERROR(TakeEntry(entry, texts));
  }
  // Names of streams stand behind the entries.
  const size_t names = batch_.bytes.size();
  batch_.bytes += names_;
  for (CommitBatch::Entry& entry : batch_.entries) entry.stream_offset += names;
  for (CommitBatch::Link& link : batch_.links) link.stream_offset += names;
  for (const cluster::v1::Request& request : record.requests()) {
    CREDENCE_RETURN_IF_ERROR(TakeRequest(request));
  }
  batch_.erases = record.erases();

  SealedBatch sealed;
  sealed.tree = tree_.Snapshot();
  if (record.root() != ToBytes(sealed.tree.head.root)) {
    return Misfit(batch_.first, "begins a batch that gives another root");
  }
  batch_.head = sealed.tree.head;
  if (last_record_time_ != absl::FromUnixMicros(record.last_record_time_us())) {
    return Misfit(batch_.first, "begins a batch with another last record time");
  }
  batch_.last_record_time = last_record_time_;
  if (projection_ != nullptr) {
    StateWriter state;
    sealed.steps = projection_->Seal(state, batch_.head.size);
    batch_.state_changes = std::move(state).TakeChanges();
  }
  // All before this batch is in the store.
  const TreeSize durable{batch_.first.value};
  heads_.Trim(durable);
  map_.SetDurable(durable);
  sealed.commit = std::exchange(batch_, {});
  return sealed;
}

absl::Status BatchReplayer::TakeEntry(const std::string& bytes, const Texts& texts) {
  const Position position = PositionAfter(tree_.size());
  CREDENCE_ASSIGN_OR_RETURN(DecodedEvent event, DecodeEntry(bytes));
  CREDENCE_RETURN_IF_ERROR(CheckPlace(event, position));
  const event::v1::EventEnvelope& envelope = event.envelope;
  last_record_time_ = event.AsEvent().record_time;
  CREDENCE_RETURN_IF_ERROR(
      Advance(envelope.stream(), envelope.stream_version(), PreviousOf(envelope), position));
  for (const event::v1::StreamLink& link : envelope.links()) {
    CREDENCE_RETURN_IF_ERROR(
        Advance(link.stream(), link.stream_version(), PreviousOf(link), position));
    batch_.links.push_back({batch_.entries.size(), KeepName(link.stream()), link.stream().size(),
                            link.stream_version()});
  }
  batch_.entries.push_back({batch_.bytes.size(), bytes.size(), KeepName(envelope.stream()),
                            envelope.stream().size(), envelope.stream_version()});
  batch_.bytes += bytes;
  leaves_.push_back(LeafHash(bytes));
  request_ids_.push_back(envelope.request_id());
  tree_.Append(leaves_.back(), batch_.tiles);

  // The record covers what came before it, and moves a stream itself.
  CREDENCE_RETURN_IF_ERROR(TakeMapRecord(event, position));
  map_.Note(envelope.stream(), envelope.stream_version(), position);
  for (const event::v1::StreamLink& link : envelope.links()) {
    map_.Note(link.stream(), link.stream_version(), position);
  }
  CREDENCE_RETURN_IF_ERROR(RestoreTexts(texts, event));
  if (projection_ != nullptr) projection_->Fold(event.AsEvent());
  return absl::OkStatus();
}

absl::Status BatchReplayer::CheckPlace(const DecodedEvent& event, Position position) const {
  if (event.envelope.position() != position.value) {
    return Misfit(position, Cat("says that it is at ", event.envelope.position()));
  }
  const absl::Time time = event.AsEvent().record_time;
  // Events of one append share their time.
  const bool continues = time == last_record_time_ && !request_ids_.empty() &&
                         request_ids_.back() == event.envelope.request_id();
  if (time > last_record_time_ || continues) return absl::OkStatus();
  return Misfit(position, "has a record time before the last one");
}

absl::Status BatchReplayer::Advance(const std::string& stream, int64_t version,
                                    std::optional<int64_t> previous, Position position) {
  CREDENCE_ASSIGN_OR_RETURN(StreamHead* const head, heads_.Find(stream));
  std::optional<int64_t> last;
  if (head->length > 0) last = head->last.value;
  if (version != head->length || previous != last) {
    return Misfit(position, Cat("is not the next one of stream ", stream));
  }
  *head = {head->length + 1, position};
  return absl::OkStatus();
}

absl::Status BatchReplayer::TakeMapRecord(const DecodedEvent& event, Position position) {
  const auto* const recorded =
      dynamic_cast<const event::v1::StreamHeadsRecorded*>(event.payload.get());
  if (recorded == nullptr) return absl::OkStatus();
  CREDENCE_ASSIGN_OR_RETURN(const auto prepared, map_.Prepare(TreeSize{position.value}));
  const auto& [record, pages] = prepared;
  if (recorded->tree_size() != record.size.value ||
      recorded->stream_count() != record.stream_count ||
      recorded->map_root() != ToBytes(record.root)) {
    return Misfit(position, "records another map of streams");
  }
  map_.Accept(record, pages);
  batch_.map_record = record;
  for (const auto& [path, page] : pages) batch_.map_pages.insert_or_assign(path, page);
  return absl::OkStatus();
}

size_t BatchReplayer::KeepName(std::string_view name) {
  const size_t offset = names_.size();
  names_ += name;
  return offset;
}

absl::Status BatchReplayer::TakeRequest(const cluster::v1::Request& request) {
  std::optional<RequestRecord> record = DecodeRequest(request.request_id(), request.record());
  if (!record.has_value()) {
    return Misfit(batch_.first, "begins a batch with a malformed record of a request");
  }
  const Receipt& receipt = record->receipt;
  const int64_t index = receipt.position.value - batch_.first.value;
  if (index >= static_cast<int64_t>(leaves_.size())) {
    return Misfit(receipt.position, "is not there, and has a receipt");
  }
  if (index >= 0) {
    const auto at = static_cast<size_t>(index);
    if (receipt.leaf_hash != leaves_[at] || receipt.request_id != request_ids_[at]) {
      return Misfit(receipt.position, "has the receipt of another");
    }
  } else {
    // Of an earlier write, only that its texts were erased may be news.
    CREDENCE_ASSIGN_OR_RETURN(std::optional<RequestRecord> earlier,
                              store_.FindRequest(request.request_id()));
    if (earlier.has_value()) earlier->body_digest = kErasedDigest;
    if (!earlier.has_value() || EncodeRequest(*earlier) != request.record()) {
      return Misfit(receipt.position, "gets another receipt than it had");
    }
  }
  batch_.requests.push_back(*std::move(record));
  return absl::OkStatus();
}

}  // namespace credence::ledger
