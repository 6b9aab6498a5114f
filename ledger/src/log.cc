#include "credence/ledger/log.h"

#include <algorithm>
#include <utility>

#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/ledger/event.h"
#include "failure.h"
#include "log_impl.h"
#include "tree_reader.h"

namespace credence::ledger {
namespace {

absl::Status CheckPosition(Position position) {
  if (position.value >= 0) return absl::OkStatus();
  ErrorDetail detail;
  detail.reason = "FIELD_INVALID";
  detail.fields.push_back({"position", "must not be negative"});
  return MakeError(absl::StatusCode::kOutOfRange, "A position must not be negative.", detail);
}

void CheckLimits(const ReadLimits& limits) {
  CREDENCE_CHECK(limits.entry_count_max > 0);
  CREDENCE_CHECK(limits.byte_count_max > 0);
}

absl::StatusOr<absl::Time> RecordTimeAt(const EntryReader& reader, Position position) {
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<StoredEntry> entry,
                            reader.ReadAt({position}, ReadLimits()));
  CREDENCE_ASSIGN_OR_RETURN(const DecodedEvent decoded, DecodeEntry(*entry.front().bytes));
  return decoded.AsEvent().record_time;
}

}  // namespace

Log::Log(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Log::~Log() { Stop(); }

const std::string& Log::origin() const { return impl_->identity.origin; }

const std::string& Log::verifier_key() const { return impl_->keys.current(); }

std::vector<std::string> Log::key_rotations() const {
  std::vector<std::string> statements;
  for (const KeyRotation& rotation : impl_->keys.rotations()) {
    statements.push_back(rotation.statement);
  }
  return statements;
}

absl::StatusOr<SignedCheckpoint> Log::LatestCheckpoint() const {
  if (impl_->signer != nullptr) return impl_->signer->latest();
  if (impl_->read_checkpoint.has_value()) return *impl_->read_checkpoint;
  ErrorDetail detail;
  detail.reason = "WRONG_STATE";
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   "The ledger has no anchor with a checkpoint that holds for it.", detail);
}

void Log::RequestCheckpoint(std::function<void(absl::StatusOr<SignedCheckpoint>)> done) {
  if (impl_->running.load() == nullptr) {
    done(NotServing("The ledger signs nothing yet."));
    return;
  }
  impl_->signer->Request(std::move(done));
}

TreeHead Log::tree_head() const { return impl_->head.head(); }

absl::StatusOr<TreeHead> Log::TreeHeadAt(TreeSize size) const {
  const std::shared_ptr<const TreeSnapshot> tree = impl_->head.Get();
  CREDENCE_RETURN_IF_ERROR(CheckPosition(PositionAfter(size)));
  if (size > tree->head.size) return BeyondHead(tree->head.size);
  return ReadTreeHead(*impl_->store, *tree, size);
}

absl::StatusOr<std::optional<Position>> Log::LastPositionAt(absl::Time time) const {
  // The first position recorded after `time` lies in [low, high].
  int64_t low = 0;
  int64_t high = tree_head().size.value;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    CREDENCE_ASSIGN_OR_RETURN(const absl::Time recorded,
                              RecordTimeAt(impl_->entries, Position{middle}));
    if (recorded <= time) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return std::nullopt;
  return Position{low - 1};
}

absl::StatusOr<std::vector<StoredEntry>> Log::Read(Position from, const ReadLimits& limits) const {
  CheckLimits(limits);
  CREDENCE_RETURN_IF_ERROR(CheckPosition(from));
  return impl_->entries.Read(from, tree_head().size, limits);
}

absl::StatusOr<std::vector<StoredEntry>> Log::ReadStream(std::string_view stream,
                                                         int64_t from_version,
                                                         const ReadLimits& limits,
                                                         std::optional<Position> last) const {
  CheckLimits(limits);
  CREDENCE_RETURN_IF_ERROR(CheckPosition(Position{from_version}));
  TreeSize size = tree_head().size;
  if (last.has_value()) size = std::min(size, SizeThrough(*last));
  CREDENCE_ASSIGN_OR_RETURN(
      const std::vector<Position> positions,
      impl_->store->ReadStreamPositions(stream, from_version, size, limits.entry_count_max));
  return impl_->entries.ReadAt(positions, limits);
}

absl::StatusOr<DecodedEvent> Log::Decode(const StoredEntry& entry) const {
  CREDENCE_ASSIGN_OR_RETURN(DecodedEvent decoded, DecodeEntry(*entry.bytes));
  CREDENCE_RETURN_IF_ERROR(impl_->texts.Restore(decoded));
  return decoded;
}

absl::StatusOr<std::vector<event::v1::EntryText>> Log::ReadTexts(const StoredEntry& entry) const {
  return impl_->texts.Read(entry);
}

absl::Status Log::PurgeErased() { return impl_->store->PurgeErased(); }

absl::StatusOr<int64_t> Log::StreamVersionAt(std::string_view stream, Position from) const {
  CREDENCE_ASSIGN_OR_RETURN(int64_t high, StreamLength(stream));
  const TreeSize size = tree_head().size;
  int64_t low = 0;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    CREDENCE_ASSIGN_OR_RETURN(const std::vector<Position> position,
                              impl_->store->ReadStreamPositions(stream, middle, size, 1));
    if (position.empty()) return LedgerFailed("The index of a stream has a gap.");
    if (position.front() < from) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

absl::StatusOr<int64_t> Log::StreamLength(std::string_view stream) const {
  CREDENCE_ASSIGN_OR_RETURN(const std::optional<StreamEnd> end,
                            impl_->store->FindStreamEnd(stream, tree_head().size));
  return end.has_value() ? end->version + 1 : 0;
}

absl::StatusOr<std::pair<MapRecord, MapProof>> Log::ProveStream(std::string_view stream) const {
  CREDENCE_ASSIGN_OR_RETURN(auto proof, impl_->store->ProveInMap(MapKey(stream)));
  if (proof.first == MapRecord()) {
    ErrorDetail detail;
    detail.reason = "WRONG_STATE";
    detail.subjects.push_back("ledger");
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     "The heads of the streams were never recorded; record them first.", detail);
  }
  return proof;
}

absl::StatusOr<std::optional<Receipt>> Log::FindReceipt(std::string_view request_id) const {
  CREDENCE_ASSIGN_OR_RETURN(std::optional<RequestRecord> record,
                            impl_->store->FindRequest(request_id));
  if (!record.has_value() || !Contains(tree_head().size, record->receipt.position)) {
    return std::nullopt;
  }
  return std::move(record->receipt);
}

absl::StatusOr<std::optional<std::string>> Log::ReadState(std::string_view key) const {
  return impl_->store->Get(Family::kState, key);
}

absl::Status Log::ScanState(
    std::string_view prefix,
    absl::FunctionRef<bool(std::string_view, std::string_view)> visit) const {
  return impl_->store->ScanState(prefix, visit);
}

absl::Status Log::Replay(Position from, Projection& projection) const {
  CREDENCE_RETURN_IF_ERROR(CheckPosition(from));
  const TreeSize size = tree_head().size;
  while (Contains(size, from)) {
    CREDENCE_ASSIGN_OR_RETURN(const std::vector<StoredEntry> entries,
                              impl_->entries.Read(from, size, ReadLimits()));
    for (const StoredEntry& entry : entries) {
      CREDENCE_ASSIGN_OR_RETURN(const DecodedEvent decoded, Decode(entry));
      const SequencedEvent event = decoded.AsEvent();
      if (event.position != entry.position) {
        return LedgerFailed(Cat("The entry at position ", entry.position.value,
                                " says that it is at ", event.position.value, "."));
      }
      projection.Fold(event);
    }
    from = PositionAfter(SizeThrough(entries.back().position));
  }
  return absl::OkStatus();
}

void Log::Start(Projection* projection) {
  CREDENCE_CHECK(impl_->builder.has_value());
  CREDENCE_CHECK(impl_->pipeline == nullptr);
  impl_->builder->SetProjection(projection);
  impl_->pipeline =
      std::make_unique<WritePipeline>(*impl_->commit_log, impl_->head, impl_->watches,
                                      *impl_->signer, *std::move(impl_->builder), impl_->limits);
  impl_->signer->Start([this](const absl::Status& status) { impl_->pipeline->Fail(status); });
  impl_->builder.reset();
  impl_->running.store(impl_->pipeline.get());
}

void Log::Submit(Submission submission) {
  WritePipeline* const pipeline = impl_->running.load();
  if (pipeline == nullptr) {
    CREDENCE_CHECK(submission.done != nullptr);
    submission.done(NotServing("The ledger takes no writes yet."));
    return;
  }
  pipeline->Submit(std::move(submission));
}

void Log::Stop() {
  if (impl_->pipeline != nullptr) {
    impl_->pipeline->Stop();
    impl_->signer->Stop();
  }
  impl_->watches.End(NotServing("The ledger is stopped."));
}

WatchId Log::WatchHead(TreeSize size, std::function<void(const absl::Status&)> ready) {
  CREDENCE_CHECK(ready != nullptr);
  return impl_->watches.Add(size, std::move(ready));
}

bool Log::CancelWatch(WatchId id) { return impl_->watches.Cancel(id); }

}  // namespace credence::ledger
