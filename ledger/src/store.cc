#include "store.h"

#include <rocksdb/iterator.h>
#include <rocksdb/snapshot.h>
#include <rocksdb/utilities/stackable_db.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "failure.h"
#include "table_tail.h"

namespace credence::ledger {
namespace {

// What a stored entry, its index record and their keys take in a write batch, bytes of the entry
// aside.
constexpr size_t kEntryOverheadBytes = 96;
constexpr size_t kTileBytes = sizeof(TileHashes) + 32;

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

absl::Status FromStorage(std::string_view what, const rocksdb::Status& status) {
  return LedgerFailed(Cat(what, ": ", status.ToString()));
}

absl::Status OpenError(const std::string& path, const rocksdb::Status& status) {
  ErrorDetail detail;
  if (status.IsIOError() && absl::StrContains(absl::AsciiStrToLower(status.ToString()), "lock")) {
    detail.reason = "WRONG_STATE";
    detail.subjects.push_back(path);
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     Cat("The ledger is open elsewhere: ", status.ToString()), detail);
  }
  return FromStorage(Cat("The ledger at ", path, " does not open"), status);
}

absl::Status NoLedger(const std::string& path) {
  ErrorDetail detail;
  detail.reason = "NOT_FOUND";
  detail.metadata["resource"] = path;
  return MakeError(absl::StatusCode::kNotFound, Cat("There is no ledger at ", path, "."), detail);
}

absl::Status NewerFormat(const std::string& path, int64_t format) {
  ErrorDetail detail;
  detail.reason = "WRONG_STATE";
  detail.subjects.push_back(path);
  detail.metadata["format"] = Cat(format);
  detail.metadata["newest_known"] = Cat(kFormatVersion);
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   Cat("The ledger at ", path, " has the format ", format,
                       ", which a newer program wrote; this one knows formats up to ",
                       kFormatVersion, ". Open it with the newer program; nothing was changed."),
                   detail);
}

// The first key after all that begin with `prefix`; empty where there is none.
std::string PrefixEnd(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty()) {
    if (static_cast<uint8_t>(end.back()) != 0xff) {
      end.back() = static_cast<char>(static_cast<uint8_t>(end.back()) + 1);
      return end;
    }
    end.pop_back();
  }
  return end;
}

// The families that an older ledger has: those that came later are the last.
std::vector<rocksdb::ColumnFamilyDescriptor> PresentFamilies(const rocksdb::DBOptions& options,
                                                             const std::string& path) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families = FamilyDescriptors();
  std::vector<std::string> names;
  if (!rocksdb::DB::ListColumnFamilies(options, path, &names).ok()) return families;
  while (families.size() > 1 &&
         std::find(names.begin(), names.end(), families.back().name) == names.end()) {
    families.pop_back();
  }
  return families;
}

std::string_view TileBytes(const TileHashes& hashes) {
  return {reinterpret_cast<const char*>(hashes.data()), sizeof(TileHashes)};
}

// A database whose files are listed between two writes, and not once one has failed: listing them
// syncs the write-ahead log, and Debian's build ends the process where a write to that log failed.
class FilesBetweenWrites final : public rocksdb::StackableDB {
 public:
  // Both must outlive it.
  FilesBetweenWrites(rocksdb::DB& database, WriteGate& gate)
      : StackableDB(std::shared_ptr<rocksdb::DB>(std::shared_ptr<rocksdb::DB>(), &database)),
        gate_(gate) {}

  rocksdb::Status GetLiveFilesStorageInfo(
      const rocksdb::LiveFilesStorageInfoOptions& options,
      std::vector<rocksdb::LiveFileStorageInfo>* files) override {
    absl::MutexLock lock(&gate_.mutex);
    if (gate_.write_failed) return rocksdb::Status::IOError("a write failed before");
    return StackableDB::GetLiveFilesStorageInfo(options, files);
  }

 private:
  WriteGate& gate_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<DatabaseLock>> DatabaseLock::Take(const std::string& path,
                                                                 rocksdb::Env* env) {
  rocksdb::FileLock* lock = nullptr;
  const rocksdb::Status status = env->LockFile(path + "/LOCK", &lock);
  if (!status.ok()) return OpenError(path, status);
  return std::unique_ptr<DatabaseLock>(new DatabaseLock(env, lock));
}

DatabaseLock::~DatabaseLock() { env_->UnlockFile(lock_).PermitUncheckedError(); }

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& path, Mode mode,
                                                   rocksdb::Env* env) {
  rocksdb::Env* const files = env == nullptr ? rocksdb::Env::Default() : env;
  if (mode != Mode::kCreate && files->FileExists(path + "/CURRENT").IsNotFound()) {
    return NoLedger(path);
  }
  CREDENCE_RETURN_IF_ERROR(CheckTableTails(path, files));
  rocksdb::DBOptions options = DatabaseOptions(env);
  options.create_if_missing = mode == Mode::kCreate;
  // An older ledger gets the families that it lacks; what they hold is found again from the log.
  options.create_missing_column_families = mode != Mode::kReadOnly;
  options.error_if_exists = mode == Mode::kCreate;
  // A reader beside a writer keeps every file open, since the writer may unlink them.
  if (mode == Mode::kReadOnly) options.max_open_files = -1;
  std::unique_ptr<Store> store(new Store());
  rocksdb::DB* database = nullptr;
  const std::vector<rocksdb::ColumnFamilyDescriptor> families =
      mode == Mode::kReadOnly ? PresentFamilies(options, path) : FamilyDescriptors();
  const rocksdb::Status status =
      mode == Mode::kReadOnly
          ? rocksdb::DB::OpenForReadOnly(options, path, families, &store->handles_, &database)
          : rocksdb::DB::Open(options, path, families, &store->handles_, &database);
  if (!status.ok()) {
    // What a newer format adds may be what stands in the way.
    CREDENCE_RETURN_IF_ERROR(CheckFormat(path, env));
    return OpenError(path, status);
  }
  store->database_.reset(database);
  CREDENCE_CHECK(store->handles_.size() == families.size());
  store->handles_.resize(kFamilyCount, nullptr);
  return store;
}

absl::Status Store::CheckFormat(const std::string& path, rocksdb::Env* env) {
  const std::vector<rocksdb::ColumnFamilyDescriptor> all = FamilyDescriptors();
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      all[static_cast<size_t>(Family::kDefault)], all[static_cast<size_t>(Family::kMeta)]};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  if (!rocksdb::DB::OpenForReadOnly(DatabaseOptions(env), path, families, &handles, &opened).ok()) {
    return absl::OkStatus();
  }
  const std::unique_ptr<rocksdb::DB> database(opened);
  std::string bytes;
  const rocksdb::Status read =
      database->Get(rocksdb::ReadOptions(), handles.back(), ToSlice(kFormatKey), &bytes);
  for (rocksdb::ColumnFamilyHandle* const handle : handles) {
    database->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  const std::optional<int64_t> format = DecodeInt64(bytes);
  if (read.ok() && format.value_or(0) > kFormatVersion) return NewerFormat(path, *format);
  return absl::OkStatus();
}

Store::~Store() {
  if (database_ == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* const handle : handles_) {
    if (handle != nullptr) database_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  // Everything is in the synced log: an error of the closing loses nothing.
  database_->Close().PermitUncheckedError();
}

rocksdb::ColumnFamilyHandle* Store::Handle(Family family) const {
  return handles_[static_cast<size_t>(family)];
}

std::unique_ptr<rocksdb::Iterator> Store::NewIterator(Family family,
                                                      const rocksdb::ReadOptions& options) const {
  if (Handle(family) == nullptr) {
    return std::unique_ptr<rocksdb::Iterator>(rocksdb::NewEmptyIterator());
  }
  return std::unique_ptr<rocksdb::Iterator>(database_->NewIterator(options, Handle(family)));
}

absl::Status Store::Commit(const CommitBatch& batch) {
  rocksdb::WriteBatch writes(batch.bytes.size() + batch.entries.size() * kEntryOverheadBytes +
                             batch.tiles.size() * kTileBytes);
  rocksdb::Status status;
  const auto put = [&](Family family, std::string_view key, std::string_view value) {
    if (status.ok()) status = writes.Put(Handle(family), ToSlice(key), ToSlice(value));
  };
  int64_t position = batch.first.value;
  for (const CommitBatch::Entry& entry : batch.entries) {
    const std::string position_key = EncodeInt64(position++);
    put(Family::kEntries, position_key, batch.EntryBytes(entry));
    put(Family::kStreams, StreamKey(batch.StreamName(entry), entry.stream_version), position_key);
  }
  CREDENCE_CHECK(batch.head.size == TreeSize{position});
  for (const CommitBatch::Link& link : batch.links) {
    put(Family::kStreams, StreamKey(batch.StreamName(link), link.stream_version),
        EncodeInt64(batch.first.value + static_cast<int64_t>(link.entry)));
  }
  for (const auto& [path, page] : batch.map_pages) put(Family::kMap, path, EncodePage(page));
  if (batch.map_record.has_value()) put(Family::kMeta, kMapKey, EncodeMapRecord(*batch.map_record));
  for (const CommitBatch::Text& text : batch.texts) put(Family::kBlobs, text.key, text.value);
  if (batch.erases) put(Family::kMeta, kUnpurgedKey, EncodeInt64(batch.head.size.value));
  for (const FullTile& tile : batch.tiles) {
    put(Family::kTiles, TileKey(tile.level, tile.index), TileBytes(*tile.hashes));
  }
  for (const RequestRecord& record : batch.requests) {
    put(Family::kRequests, record.receipt.request_id, EncodeRequest(record));
  }
  for (const StateWriter::Change& change : batch.state_changes) {
    if (change.value.has_value()) {
      put(Family::kState, change.key, *change.value);
    } else if (status.ok()) {
      status = writes.Delete(Handle(Family::kState), ToSlice(change.key));
    }
  }
  put(Family::kMeta, kHeadKey, EncodeHead({batch.head, batch.last_record_time}));
  if (status.ok()) status = WriteDurably(writes);
  if (status.ok()) return absl::OkStatus();
  return FromStorage("The ledger could not be written", status);
}

rocksdb::Status Store::WriteDurably(rocksdb::WriteBatch& writes) {
  absl::MutexLock lock(&gate_.mutex);
  rocksdb::Status status = database_->Write(DurableWrite(), &writes);
  if (!status.ok()) gate_.write_failed = true;
  return status;
}

absl::Status Store::PutUnsynced(const std::vector<RawRecord>& records) {
  rocksdb::WriteBatch writes;
  rocksdb::Status status;
  for (const RawRecord& record : records) {
    if (status.ok()) status = writes.Put(Handle(record.family), record.key, record.value);
  }
  if (status.ok()) status = database_->Write(rocksdb::WriteOptions(), &writes);
  if (!status.ok()) return FromStorage("The records could not be written", status);
  return absl::OkStatus();
}

absl::Status Store::WriteIdentity(const LedgerIdentity& identity) {
  rocksdb::WriteBatch writes;
  rocksdb::Status status;
  const auto put = [&](std::string_view key, std::string_view value) {
    if (status.ok()) status = writes.Put(Handle(Family::kMeta), ToSlice(key), ToSlice(value));
  };
  put(kFormatKey, EncodeInt64(kFormatVersion));
  put(kOriginKey, identity.origin);
  put(kVerifierKeyKey, identity.verifier_key);
  if (status.ok()) status = WriteDurably(writes);
  if (!status.ok()) return FromStorage("The ledger could not be written", status);
  return absl::OkStatus();
}

absl::StatusOr<LedgerIdentity> Store::ReadIdentity() const {
  CREDENCE_ASSIGN_OR_RETURN(const std::optional<std::string> format,
                            Get(Family::kMeta, kFormatKey));
  CREDENCE_ASSIGN_OR_RETURN(std::optional<std::string> origin, Get(Family::kMeta, kOriginKey));
  CREDENCE_ASSIGN_OR_RETURN(std::optional<std::string> key, Get(Family::kMeta, kVerifierKeyKey));
  if (!format.has_value() || !origin.has_value() || !key.has_value()) {
    return LedgerFailed("The ledger does not say who it is.");
  }
  const std::optional<int64_t> version = DecodeInt64(*format);
  if (version.value_or(0) > kFormatVersion) return NewerFormat(database_->GetName(), *version);
  if (version != kFormatVersion) return LedgerFailed("The ledger does not say what format it has.");
  return LedgerIdentity{*std::move(origin), *std::move(key)};
}

absl::StatusOr<HeadRecord> Store::ReadHead() const {
  CREDENCE_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, Get(Family::kMeta, kHeadKey));
  const std::optional<HeadRecord> record =
      bytes.has_value() ? DecodeHead(*bytes) : std::optional<HeadRecord>();
  if (!record.has_value()) return LedgerFailed("The ledger's head record is absent or malformed.");
  return *record;
}

absl::StatusOr<MapRecord> Store::ReadMapRecord() const { return ReadMapRecordAt(nullptr); }

absl::StatusOr<MapRecord> Store::ReadMapRecordAt(const rocksdb::Snapshot* snapshot) const {
  CREDENCE_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                            GetAt(snapshot, Family::kMeta, kMapKey));
  if (!bytes.has_value()) return MapRecord();
  const std::optional<MapRecord> record = DecodeMapRecord(*bytes);
  if (!record.has_value()) return LedgerFailed("The record of the map of streams is malformed.");
  return *record;
}

absl::StatusOr<MapPage> Store::ReadMapPage(const std::string& path) const {
  return ReadMapPageAt(nullptr, path);
}

absl::StatusOr<MapPage> Store::ReadMapPageAt(const rocksdb::Snapshot* snapshot,
                                             const std::string& path) const {
  CREDENCE_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                            GetAt(snapshot, Family::kMap, path));
  if (!bytes.has_value()) return MapPage();
  std::optional<MapPage> page = DecodePage(*bytes);
  if (!page.has_value()) return LedgerFailed("A page of the map of streams is malformed.");
  return *std::move(page);
}

absl::StatusOr<std::pair<MapRecord, MapProof>> Store::ProveInMap(const Hash& key) const {
  rocksdb::ManagedSnapshot snapshot(database_.get());
  CREDENCE_ASSIGN_OR_RETURN(const MapRecord record, ReadMapRecordAt(snapshot.snapshot()));
  CREDENCE_ASSIGN_OR_RETURN(MapProof proof, ReadMapProof(key, [&](const std::string& path) {
                              return ReadMapPageAt(snapshot.snapshot(), path);
                            }));
  return std::pair(record, std::move(proof));
}

absl::StatusOr<TreeSize> Store::CountEntries() const {
  const std::unique_ptr<rocksdb::Iterator> iterator =
      NewIterator(Family::kEntries, rocksdb::ReadOptions());
  iterator->SeekToLast();
  if (!iterator->status().ok()) {
    return FromStorage("The last entry cannot be read", iterator->status());
  }
  if (!iterator->Valid()) return TreeSize{0};
  const std::optional<int64_t> last = DecodeInt64(ToView(iterator->key()));
  if (!last.has_value() || *last < 0) return LedgerFailed("An entry has a malformed key.");
  return TreeSize{*last + 1};
}

absl::StatusOr<std::optional<std::string>> Store::Get(Family family, std::string_view key) const {
  return GetAt(nullptr, family, key);
}

absl::StatusOr<std::optional<std::string>> Store::GetAt(const rocksdb::Snapshot* snapshot,
                                                        Family family, std::string_view key) const {
  if (Handle(family) == nullptr) return std::nullopt;
  std::string value;
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  const rocksdb::Status status = database_->Get(options, Handle(family), ToSlice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return FromStorage("The ledger cannot be read", status);
  return value;
}

absl::StatusOr<std::string> Store::ReadEntry(Position position) const {
  CREDENCE_ASSIGN_OR_RETURN(std::optional<std::string> entry,
                            Get(Family::kEntries, EncodeInt64(position.value)));
  if (!entry.has_value()) {
    return LedgerFailed(Cat("The entry at position ", position.value, " is missing."));
  }
  return *std::move(entry);
}

absl::StatusOr<std::vector<StoredEntry>> Store::ReadEntries(Position from, TreeSize size,
                                                            const ReadLimits& limits) const {
  std::vector<StoredEntry> entries;
  if (!Contains(size, from)) return entries;
  const std::string end = EncodeInt64(size.value);
  const rocksdb::Slice upper_bound = ToSlice(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper_bound;
  const std::unique_ptr<rocksdb::Iterator> iterator = NewIterator(Family::kEntries, options);
  const int64_t count = std::min(limits.entry_count_max, size.value - from.value);
  int64_t bytes = 0;
  iterator->Seek(EncodeInt64(from.value));
  for (int64_t i = 0; i < count; ++i, iterator->Next()) {
    const int64_t position = from.value + i;
    if (!iterator->Valid() || DecodeInt64(ToView(iterator->key())) != position) {
      if (!iterator->status().ok()) {
        return FromStorage("An entry cannot be read", iterator->status());
      }
      return LedgerFailed(Cat("The entry at position ", position, " is missing."));
    }
    bytes += static_cast<int64_t>(iterator->value().size());
    if (i > 0 && bytes > limits.byte_count_max) break;
    entries.push_back(
        {Position{position}, std::make_shared<const std::string>(ToView(iterator->value()))});
  }
  return entries;
}

absl::StatusOr<std::shared_ptr<const TileHashes>> Store::ReadTile(int level, int64_t index) const {
  CREDENCE_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                            Get(Family::kTiles, TileKey(level, index)));
  if (!bytes.has_value() || bytes->size() != sizeof(TileHashes)) {
    return LedgerFailed(Cat("The tile ", index, " of level ", level, " is missing or malformed."));
  }
  const auto hashes = std::make_shared<TileHashes>();
  std::memcpy(hashes->data(), bytes->data(), bytes->size());
  return hashes;
}

absl::StatusOr<std::optional<StoredText>> Store::FindText(Position position,
                                                          std::string_view field) const {
  CREDENCE_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                            Get(Family::kBlobs, TextKey(position, field)));
  if (!bytes.has_value()) return std::nullopt;
  std::optional<StoredText> text = DecodeText(*bytes);
  if (!text.has_value()) {
    return LedgerFailed(
        Cat("The text ", field, " of the entry at position ", position.value, " is malformed."));
  }
  return text;
}

absl::StatusOr<std::vector<Position>> Store::ReadStreamPositions(std::string_view stream,
                                                                 int64_t from_version,
                                                                 TreeSize size,
                                                                 int64_t count_max) const {
  std::vector<Position> positions;
  const std::string end = PrefixEnd(StreamPrefix(stream));
  const rocksdb::Slice upper_bound = ToSlice(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper_bound;
  const std::unique_ptr<rocksdb::Iterator> iterator = NewIterator(Family::kStreams, options);
  iterator->Seek(StreamKey(stream, from_version));
  for (int64_t i = 0; i < count_max && iterator->Valid(); ++i, iterator->Next()) {
    const std::optional<int64_t> position = DecodeInt64(ToView(iterator->value()));
    if (!position.has_value() || ToView(iterator->key()) != StreamKey(stream, from_version + i)) {
      return LedgerFailed(
          Cat("The index of stream ", stream, " has a gap at version ", from_version + i, "."));
    }
    if (!Contains(size, Position{*position})) break;
    positions.push_back(Position{*position});
  }
  if (!iterator->status().ok()) {
    return FromStorage("The index of a stream cannot be read", iterator->status());
  }
  return positions;
}

absl::StatusOr<std::optional<StreamEnd>> Store::FindStreamEnd(std::string_view stream,
                                                              TreeSize size) const {
  // The filter answers for a stream that does not exist, which a reverse seek could not use.
  CREDENCE_ASSIGN_OR_RETURN(const std::optional<std::string> first,
                            Get(Family::kStreams, StreamKey(stream, 0)));
  if (!first.has_value()) return std::nullopt;
  const std::string prefix = StreamPrefix(stream);
  const rocksdb::Slice lower_bound = ToSlice(prefix);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower_bound;
  const std::unique_ptr<rocksdb::Iterator> iterator = NewIterator(Family::kStreams, options);
  iterator->SeekForPrev(StreamKey(stream, std::numeric_limits<int64_t>::max()));
  for (; iterator->Valid(); iterator->Prev()) {
    const std::optional<int64_t> version = DecodeInt64(
        ToView(iterator->key()).substr(std::min(prefix.size(), iterator->key().size())));
    const std::optional<int64_t> position = DecodeInt64(ToView(iterator->value()));
    if (!version.has_value() || !position.has_value()) {
      return LedgerFailed(Cat("The index of stream ", stream, " is malformed."));
    }
    if (Contains(size, Position{*position})) return StreamEnd{*version, Position{*position}};
  }
  if (!iterator->status().ok()) {
    return FromStorage("The index of a stream cannot be read", iterator->status());
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<RequestRecord>> Store::FindRequest(std::string_view request_id) const {
  CREDENCE_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                            Get(Family::kRequests, request_id));
  if (!bytes.has_value()) return std::nullopt;
  std::optional<RequestRecord> record = DecodeRequest(request_id, *bytes);
  if (!record.has_value()) {
    return LedgerFailed(Cat("The record of request ", request_id, " is malformed."));
  }
  return record;
}

absl::Status Store::ScanState(
    std::string_view prefix,
    absl::FunctionRef<bool(std::string_view, std::string_view)> visit) const {
  const std::string end = PrefixEnd(prefix);
  const rocksdb::Slice upper_bound = ToSlice(end);
  rocksdb::ReadOptions options;
  if (!end.empty()) options.iterate_upper_bound = &upper_bound;
  const std::unique_ptr<rocksdb::Iterator> iterator = NewIterator(Family::kState, options);
  for (iterator->Seek(ToSlice(prefix)); iterator->Valid(); iterator->Next()) {
    if (!visit(ToView(iterator->key()), ToView(iterator->value()))) return absl::OkStatus();
  }
  if (!iterator->status().ok()) {
    return FromStorage("The stored state cannot be read", iterator->status());
  }
  return absl::OkStatus();
}

absl::Status Store::ScanFamily(
    Family family, absl::FunctionRef<bool(std::string_view, std::string_view)> visit) const {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> iterator = NewIterator(family, options);
  for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
    if (!visit(ToView(iterator->key()), ToView(iterator->value()))) return absl::OkStatus();
  }
  if (iterator->status().ok()) return absl::OkStatus();
  return FromStorage("The scan could not go on", iterator->status());
}

rocksdb::Status Store::CreateBackup(rocksdb::BackupEngine& engine,
                                    const rocksdb::CreateBackupOptions& options,
                                    const std::string& description, uint32_t& id) const {
  absl::MutexLock lock(&files_mutex_);
  FilesBetweenWrites database(*database_, gate_);
  return engine.CreateNewBackupWithMetadata(options, &database, description, &id);
}

rocksdb::Env* Store::env() const { return database_->GetEnv(); }

std::vector<TableFile> Store::TableFiles() const {
  std::vector<rocksdb::LiveFileMetaData> files;
  database_->GetLiveFilesMetaData(&files);
  std::vector<TableFile> tables;
  for (const rocksdb::LiveFileMetaData& file : files) {
    TableFile table{file.relative_filename, file.column_family_name,
                    static_cast<int64_t>(file.size), std::nullopt};
    if (file.file_checksum.size() == sizeof(uint32_t)) {
      uint32_t checksum = 0;
      for (const char byte : file.file_checksum) {
        checksum = checksum << 8 | static_cast<uint8_t>(byte);
      }
      table.checksum = checksum;
    }
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace credence::ledger
