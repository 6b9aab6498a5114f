#pragma once

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <vector>

namespace credence::ledger {

// The column families in use, in the order in which they are opened. The default one stays empty:
// RocksDB demands it.
enum class Family : size_t {
  kDefault,
  kEntries,
  kTiles,
  kStreams,
  kRequests,
  kState,
  kMeta,
  kMap,
  kBlobs
};
inline constexpr size_t kFamilyCount = 9;

// How the database is run; each choice says why where it is made. `env` null means the system's.
[[nodiscard]] rocksdb::DBOptions DatabaseOptions(rocksdb::Env* env);

[[nodiscard]] std::vector<rocksdb::ColumnFamilyDescriptor> FamilyDescriptors();

// For everything the log writes: on disk before the write returns.
[[nodiscard]] rocksdb::WriteOptions DurableWrite();

}  // namespace credence::ledger
