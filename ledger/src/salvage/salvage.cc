#include "credence/ledger/salvage.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "commit_batch.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/ledger_events.pb.h"
#include "credence/ledger/text.h"
#include "durable_file.h"
#include "failure.h"
#include "fsck/chain.h"
#include "ledger_files.h"
#include "map_pages.h"
#include "salvage/prefix.h"
#include "salvage/raw_copy.h"
#include "store.h"
#include "tile_tree.h"

namespace credence::ledger {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBatchEntriesMax = 8'192;
constexpr size_t kBatchBytesMax = size_t{8} << 20;

// Writes the proved prefix of a raw copy into a new database, as the log would have.
class PrefixWriter {
 public:
  PrefixWriter(const Store& raw, const ProvedPrefix& prefix, Store& out,
               const SalvageOptions& options)
      : raw_(raw), prefix_(prefix), out_(out), options_(options) {}

  absl::Status Write() {
    absl::Status status;
    const absl::Status scanned =
        raw_.ScanFamily(Family::kEntries, [&](std::string_view, std::string_view entry) {
          status = Take(entry);
          return status.ok() && tree_.size() < prefix_.head.size;
        });
    CREDENCE_RETURN_IF_ERROR(status);
    CREDENCE_RETURN_IF_ERROR(scanned);
    CREDENCE_RETURN_IF_ERROR(EndWrite());
    CREDENCE_RETURN_IF_ERROR(WriteMap());
    CREDENCE_RETURN_IF_ERROR(Commit());
    if (tree_.Snapshot().head == prefix_.head) return absl::OkStatus();
    return LedgerFailed("The entries changed while they were copied.");
  }

  [[nodiscard]] int64_t forgotten_request_count() const { return forgotten_; }
  [[nodiscard]] int64_t lost_text_count() const { return lost_texts_; }

 private:
  absl::Status Take(std::string_view entry) {
    CREDENCE_ASSIGN_OR_RETURN(const ChainedEntry chained, chain_.Add(entry));
    if (chained.begins_write) CREDENCE_RETURN_IF_ERROR(EndWrite());
    if (batch_.entries.size() >= kBatchEntriesMax || batch_.bytes.size() >= kBatchBytesMax) {
      CREDENCE_RETURN_IF_ERROR(Commit());
    }
    const Position position = PositionAfter(tree_.size());
    const Hash hash = LeafHash(entry);
    tree_.Append(hash, batch_.tiles);
    AddEntry(entry, chained);
    AddTexts(chained, position);
    if (chained.begins_write) {
      write_ = RequestRecord();
      write_->receipt.request_id = chained.request_id;
      write_->receipt.position = position;
      write_->receipt.leaf_hash = hash;
      write_->receipt.record_time = chained.record_time;
    }
    ++write_->receipt.event_count;
    return NoteMap(entry, position);
  }

  void AddEntry(std::string_view entry, const ChainedEntry& chained) {
    last_time_ = chained.record_time;
    const size_t index = batch_.entries.size();
    CommitBatch::Entry added;
    added.offset = batch_.bytes.size();
    added.size = entry.size();
    batch_.bytes.append(entry);
    for (size_t i = 0; i < chained.places.size(); ++i) {
      const ChainedPlace& place = chained.places[i];
      // The names stand behind the entry; only their places are written.
      const size_t offset = batch_.bytes.size();
      batch_.bytes.append(place.stream);
      if (i == 0) {
        added.stream_offset = offset;
        added.stream_size = place.stream.size();
        added.stream_version = place.stream_version;
        batch_.entries.push_back(added);
      } else {
        batch_.links.push_back({index, offset, place.stream.size(), place.stream_version});
      }
    }
  }

  // The texts of an entry, from the copy; what is gone, and what was erased by an event that is not
  // in the prefix, is marked.
  void AddTexts(const ChainedEntry& chained, Position position) {
    for (const event::v1::TextDigest& digest : chained.text_digests) {
      const absl::StatusOr<std::optional<StoredText>> kept =
          raw_.FindText(position, digest.field());
      StoredText text;
      text.kind = StoredText::Kind::kLost;
      if (kept.ok() && kept->has_value() && IsRight(**kept, digest)) text = **kept;
      if (text.kind == StoredText::Kind::kLost) ++lost_texts_;
      batch_.texts.push_back({TextKey(position, digest.field()), EncodeText(text)});
    }
  }

  [[nodiscard]] bool IsRight(const StoredText& text, const event::v1::TextDigest& digest) const {
    if (text.kind != StoredText::Kind::kText) return Contains(prefix_.head.size, text.erased_by);
    return FitsDigest(digest, text.salt, text.text);
  }

  // The record of the write that ended, from the copy, or one that no repeat of it matches.
  absl::Status EndWrite() {
    if (!write_.has_value()) return absl::OkStatus();
    RequestRecord record = *std::exchange(write_, std::nullopt);
    // The log's own records are caused by no request.
    if (record.receipt.request_id.empty()) return absl::OkStatus();
    const absl::StatusOr<std::optional<RequestRecord>> kept =
        raw_.FindRequest(record.receipt.request_id);
    if (kept.ok() && kept->has_value() && (*kept)->receipt.position == record.receipt.position &&
        (*kept)->receipt.event_count == record.receipt.event_count) {
      record = **kept;
    } else {
      ++forgotten_;
    }
    batch_.requests.push_back(std::move(record));
    return absl::OkStatus();
  }

  // Remembers what the last record of the map of stream heads covers.
  absl::Status NoteMap(std::string_view entry, Position position) {
    if (entry.find("StreamHeadsRecorded") == std::string_view::npos) return absl::OkStatus();
    CREDENCE_ASSIGN_OR_RETURN(const DecodedEvent decoded, DecodeEntry(entry));
    const auto* recorded =
        dynamic_cast<const event::v1::StreamHeadsRecorded*>(decoded.payload.get());
    if (recorded == nullptr || recorded->tree_size() != position.value) return absl::OkStatus();
    mapped_size_ = TreeSize{recorded->tree_size()};
    return absl::OkStatus();
  }

  // Derives the map anew, from a second reading up to where its last record stands.
  absl::Status WriteMap() {
    if (mapped_size_.value == 0) return absl::OkStatus();
    ChainChecker covered;
    absl::Status status;
    const absl::Status scanned =
        raw_.ScanFamily(Family::kEntries, [&](std::string_view, std::string_view entry) {
          if (covered.size() == mapped_size_) return false;
          status = covered.Add(entry).status();
          return status.ok();
        });
    CREDENCE_RETURN_IF_ERROR(status);
    CREDENCE_RETURN_IF_ERROR(scanned);
    std::vector<MapHead> heads;
    for (const auto& [stream, head] : covered.streams()) {
      heads.push_back({MapKey(stream), head.length - 1, head.last});
    }
    CREDENCE_ASSIGN_OR_RETURN(MapUpdate update, UpdateMap(std::move(heads), [](const std::string&) {
                                return MapPage();
                              }));
    batch_.map_record = MapRecord{mapped_size_, update.added, update.root.value_or(EmptyMapRoot())};
    batch_.map_pages = std::move(update.pages);
    return absl::OkStatus();
  }

  absl::Status Commit() {
    if (options_.progress != nullptr) {
      options_.progress({"entries", tree_.size().value, prefix_.head.size.value});
    }
    batch_.head = tree_.Snapshot().head;
    batch_.last_record_time = last_time_;
    const absl::Status status = out_.Commit(batch_);
    batch_ = CommitBatch();
    batch_.first = PositionAfter(tree_.size());
    return status;
  }

  const Store& raw_;
  const ProvedPrefix& prefix_;
  Store& out_;
  const SalvageOptions& options_;

  ChainChecker chain_;
  TileTree tree_;
  CommitBatch batch_;
  std::optional<RequestRecord> write_;
  TreeSize mapped_size_;
  int64_t forgotten_ = 0;
  int64_t lost_texts_ = 0;
  // Of the last entry that was added.
  absl::Time last_time_ = absl::UnixEpoch();
};

absl::Status CheckPlaces(const SalvageOptions& options) {
  std::error_code error;
  ErrorDetail detail;
  if (!fs::is_directory(DatabasePath(options.directory), error)) {
    detail.reason = "NOT_FOUND";
    detail.metadata["resource"] = options.directory;
    return MakeError(absl::StatusCode::kNotFound,
                     Cat("There is no ledger in ", options.directory, "."), detail);
  }
  if (!fs::exists(DatabasePath(options.out_directory), error)) return absl::OkStatus();
  detail.reason = "ALREADY_EXISTS";
  detail.metadata["resource"] = options.out_directory;
  return MakeError(absl::StatusCode::kAlreadyExists,
                   Cat("There is a ledger in ", options.out_directory, " already."), detail);
}

// Where the raw copy lies while it is needed.
class RawDirectory {
 public:
  explicit RawDirectory(const std::string& out) : path_(out + "/salvage.raw") { Remove(); }
  ~RawDirectory() { Remove(); }
  RawDirectory(const RawDirectory&) = delete;
  RawDirectory& operator=(const RawDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  void Remove() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  const std::string path_;
};

absl::StatusOr<std::unique_ptr<Store>> NewStore(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  return Store::Open(path, Store::Mode::kCreate, nullptr);
}

// The first entry says who the ledger is even where its own records are lost.
absl::StatusOr<LedgerIdentity> FindIdentity(const Store& raw) {
  if (absl::StatusOr<LedgerIdentity> identity = raw.ReadIdentity(); identity.ok()) return identity;
  CREDENCE_ASSIGN_OR_RETURN(const std::string entry, raw.ReadEntry(Position{0}));
  CREDENCE_ASSIGN_OR_RETURN(const DecodedEvent decoded, DecodeEntry(entry));
  const auto* const created = dynamic_cast<const event::v1::LedgerCreated*>(decoded.payload.get());
  if (created == nullptr) return LedgerFailed("The first entry is not the ledger's creation.");
  return LedgerIdentity{created->origin(), created->verifier_key()};
}

absl::Status Finish(const SalvageOptions& options) {
  std::error_code error;
  const std::string key = KeyPath(options.directory);
  if (fs::exists(key, error) && !fs::exists(KeyPath(options.out_directory), error)) {
    CREDENCE_ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(key));
    CREDENCE_RETURN_IF_ERROR(WriteNewFile(KeyPath(options.out_directory), text, 0600));
  }
  fs::rename(NewDatabasePath(options.out_directory), DatabasePath(options.out_directory), error);
  if (error) return absl::InternalError(Cat(options.out_directory, ": ", error.message()));
  return SyncDirectory(options.out_directory);
}

}  // namespace

absl::StatusOr<SalvageReport> Salvage(const SalvageOptions& options) {
  CREDENCE_RETURN_IF_ERROR(CheckPlaces(options));
  CREDENCE_ASSIGN_OR_RETURN(
      const std::unique_ptr<DatabaseLock> lock,
      DatabaseLock::Take(DatabasePath(options.directory), rocksdb::Env::Default()));
  CREDENCE_RETURN_IF_ERROR(Store::CheckFormat(DatabasePath(options.directory), nullptr));
  std::error_code error;
  fs::create_directories(options.out_directory, error);
  if (error) return absl::InternalError(Cat(options.out_directory, ": ", error.message()));
  const RawDirectory place(options.out_directory);
  CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<Store> raw, NewStore(place.path()));
  CREDENCE_ASSIGN_OR_RETURN(const RawContent content,
                            CopyRaw(DatabasePath(options.directory), *raw));
  CREDENCE_ASSIGN_OR_RETURN(const ProvedPrefix prefix, FindProvedPrefix(*raw, content));
  SalvageReport report;
  report.head = prefix.head;
  report.unproved_count = prefix.unproved_count;
  report.unread = content.unread;
  if (!content.heads.empty()) report.recorded = content.heads.rbegin()->second.head;
  {
    CREDENCE_ASSIGN_OR_RETURN(const LedgerIdentity identity, FindIdentity(*raw));
    report.origin = identity.origin;
    CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<Store> out,
                              NewStore(NewDatabasePath(options.out_directory)));
    CREDENCE_RETURN_IF_ERROR(out->WriteIdentity(identity));
    PrefixWriter writer(*raw, prefix, *out, options);
    CREDENCE_RETURN_IF_ERROR(writer.Write());
    report.forgotten_request_count = writer.forgotten_request_count();
    report.lost_text_count = writer.lost_text_count();
  }
  CREDENCE_RETURN_IF_ERROR(Finish(options));
  return report;
}

}  // namespace credence::ledger
