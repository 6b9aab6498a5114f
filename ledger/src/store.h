#pragma once

#include <rocksdb/utilities/backup_engine.h>
#include <rocksdb/write_batch.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "commit_batch.h"
#include "credence/ledger/log.h"
#include "credence/ledger/position.h"
#include "credence/ledger/stats.h"
#include "credence/ledger/stream_map.h"
#include "map_pages.h"
#include "records.h"
#include "store_options.h"
#include "tile_tree.h"

// The database under the log: the one place that knows RocksDB. Its statuses end here.
//
// Thread-safe, but for Commit and WriteIdentity, which one thread calls at a time.
namespace credence::ledger {

// Who the ledger is; fixed at its creation.
struct LedgerIdentity {
  std::string origin;
  std::string verifier_key;
};

// The end of a stream.
struct StreamEnd {
  int64_t version = 0;
  Position position;
};

// A key and its value as they are stored.
struct RawRecord {
  Family family = Family::kDefault;
  std::string key;
  std::string value;
};

// A file of a table, as the database knows it.
struct TableFile {
  // Within the database's directory, such as "000012.sst".
  std::string name;
  std::string family;
  int64_t size = 0;
  // CRC-32C of the whole file; absent in files from before it was kept.
  std::optional<uint32_t> checksum;
};

// Keeps every other process, and every other store, from opening the database to write.
class DatabaseLock {
 public:
  // `path` is the database's directory, `env` not null. FAILED_PRECONDITION, reason WRONG_STATE,
  // where another holds it.
  static absl::StatusOr<std::unique_ptr<DatabaseLock>> Take(const std::string& path,
                                                            rocksdb::Env* env);
  ~DatabaseLock();
  DatabaseLock(const DatabaseLock&) = delete;
  DatabaseLock& operator=(const DatabaseLock&) = delete;

 private:
  DatabaseLock(rocksdb::Env* env, rocksdb::FileLock* lock) : env_(env), lock_(lock) {}
  rocksdb::Env* const env_;
  rocksdb::FileLock* const lock_;
};

// Held during each write, and by who must not meet one.
struct WriteGate {
  absl::Mutex mutex;
  bool write_failed ABSL_GUARDED_BY(mutex) = false;
};

class Store {
 public:
  enum class Mode { kCreate, kReadWrite, kReadOnly };

  // `env` null means the system's. NOT_FOUND, FAILED_PRECONDITION, DATA_LOSS as Log::Open.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& path, Mode mode,
                                                     rocksdb::Env* env);

  // FAILED_PRECONDITION, reason WRONG_STATE, metadata format and newest_known, where the database
  // at `path` says that a newer program wrote it: one that may have families that Open does not
  // know. OK for any other, whatever is wrong with it. `env` as in Open.
  static absl::Status CheckFormat(const std::string& path, rocksdb::Env* env);

  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // One atomic write, synced. After an error nothing may be written any more.
  absl::Status Commit(const CommitBatch& batch);
  absl::Status WriteIdentity(const LedgerIdentity& identity);

  // One atomic write that is not synced, for a database that is thrown away.
  absl::Status PutUnsynced(const std::vector<RawRecord>& records);

  [[nodiscard]] absl::StatusOr<LedgerIdentity> ReadIdentity() const;
  // DATA_LOSS where there is none.
  [[nodiscard]] absl::StatusOr<HeadRecord> ReadHead() const;
  // What the last record of the map of stream heads says; all zero before the first.
  [[nodiscard]] absl::StatusOr<MapRecord> ReadMapRecord() const;
  // An empty page where there is none.
  [[nodiscard]] absl::StatusOr<MapPage> ReadMapPage(const std::string& path) const;
  // The path of `key` in the map as the last record has it: one view of record and pages.
  [[nodiscard]] absl::StatusOr<std::pair<MapRecord, MapProof>> ProveInMap(const Hash& key) const;
  // Number of entries, by the last key.
  [[nodiscard]] absl::StatusOr<TreeSize> CountEntries() const;

  // DATA_LOSS where it is absent.
  [[nodiscard]] absl::StatusOr<std::string> ReadEntry(Position position) const;
  // From `from` on, within `size`.
  [[nodiscard]] absl::StatusOr<std::vector<StoredEntry>> ReadEntries(
      Position from, TreeSize size, const ReadLimits& limits) const;
  [[nodiscard]] absl::StatusOr<std::shared_ptr<const TileHashes>> ReadTile(int level,
                                                                           int64_t index) const;

  // The text of an entry's field, or what became of it; nothing where there is neither.
  [[nodiscard]] absl::StatusOr<std::optional<StoredText>> FindText(Position position,
                                                                   std::string_view field) const;

  // Positions of the stream from `from_version` on, at most `count_max`, within `size`.
  [[nodiscard]] absl::StatusOr<std::vector<Position>> ReadStreamPositions(std::string_view stream,
                                                                          int64_t from_version,
                                                                          TreeSize size,
                                                                          int64_t count_max) const;
  // The last event of the stream within `size`; nothing for an unknown stream.
  [[nodiscard]] absl::StatusOr<std::optional<StreamEnd>> FindStreamEnd(std::string_view stream,
                                                                       TreeSize size) const;
  [[nodiscard]] absl::StatusOr<std::optional<RequestRecord>> FindRequest(
      std::string_view request_id) const;

  [[nodiscard]] absl::StatusOr<std::optional<std::string>> Get(Family family,
                                                               std::string_view key) const;
  absl::Status ScanState(std::string_view prefix,
                         absl::FunctionRef<bool(std::string_view, std::string_view)> visit) const;
  // Every key of a family and its value, by key, until `visit` returns false. Passes the cache by.
  absl::Status ScanFamily(Family family,
                          absl::FunctionRef<bool(std::string_view, std::string_view)> visit) const;

  // Its own numbers.
  [[nodiscard]] StoreStats Stats() const;

  // What its files are reached through.
  [[nodiscard]] rocksdb::Env* env() const;

  // The files that hold the log, but for what is in the write-ahead log only.
  [[nodiscard]] std::vector<TableFile> TableFiles() const;

  // Takes what was erased out of the files, where that is not done yet: writes everything that is
  // in memory to tables, so that no log of writes is left from before, and rewrites the tables that
  // may hold texts. Writes go on meanwhile; backups wait, and it waits for them. O(texts and
  // stored state).
  [[nodiscard]] absl::Status PurgeErased();

  // Copies the database into `engine`, with everything committed so far; commits go on while files
  // are copied, and wait while they are listed. Refused once a commit has failed.
  rocksdb::Status CreateBackup(rocksdb::BackupEngine& engine,
                               const rocksdb::CreateBackupOptions& options,
                               const std::string& description, uint32_t& id) const;

 private:
  Store() = default;
  [[nodiscard]] rocksdb::ColumnFamilyHandle* Handle(Family family) const;
  // `snapshot` null means the newest state.
  [[nodiscard]] absl::StatusOr<std::optional<std::string>> GetAt(const rocksdb::Snapshot* snapshot,
                                                                 Family family,
                                                                 std::string_view key) const;
  [[nodiscard]] absl::StatusOr<MapRecord> ReadMapRecordAt(const rocksdb::Snapshot* snapshot) const;
  [[nodiscard]] absl::StatusOr<MapPage> ReadMapPageAt(const rocksdb::Snapshot* snapshot,
                                                      const std::string& path) const;
  [[nodiscard]] std::unique_ptr<rocksdb::Iterator> NewIterator(
      Family family, const rocksdb::ReadOptions& options) const;

  // What is still to be purged, as noted; it is noted anew, so that there is something to flush.
  [[nodiscard]] absl::StatusOr<std::optional<std::string>> RenewMark();
  // Waits until no reader holds the state of an earlier time, which would keep what it saw.
  [[nodiscard]] absl::Status AwaitNoSnapshots() const;
  [[nodiscard]] absl::StatusOr<std::vector<std::string>> ListTables() const;
  // Deletes those of `files`, logs of writes and tables, that nothing needs any more, and waits for
  // those that are being deleted. Every one of the logs must be of the past.
  [[nodiscard]] absl::Status RemoveUnneeded(const std::vector<std::string>& files) const;
  // Notes that the files hold nothing that was erased at `mark` or before.
  [[nodiscard]] absl::Status ForgetPurge(const std::string& mark);

  // One synced write, never while a backup lists the files.
  rocksdb::Status WriteDurably(rocksdb::WriteBatch& writes);

  std::unique_ptr<rocksdb::DB> database_;
  // Owned by the database, given back before it is closed.
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  mutable WriteGate gate_;
  // Held while files are copied, or rewritten so that they can go.
  mutable absl::Mutex files_mutex_;
};

}  // namespace credence::ledger
