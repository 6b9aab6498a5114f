#include <rocksdb/db.h>

#include <map>
#include <string>

#include "absl/strings/numbers.h"
#include "store.h"

namespace credence::ledger {
namespace {

constexpr double kGibibyte = 1'073'741'824;

double NumberAt(const std::map<std::string, std::string>& map, const std::string& key) {
  const auto found = map.find(key);
  double number = 0;
  return found != map.end() && absl::SimpleAtod(found->second, &number) ? number : 0;
}

}  // namespace

StoreStats Store::Stats() const {
  using Properties = rocksdb::DB::Properties;
  const auto sum = [this](const std::string& property) -> int64_t {
    uint64_t value = 0;
    return database_->GetAggregatedIntProperty(property, &value) ? static_cast<int64_t>(value) : -1;
  };
  // Of the whole database, or of the cache that all families share.
  const auto one = [this](const std::string& property) -> int64_t {
    uint64_t value = 0;
    return database_->GetIntProperty(handles_.front(), property, &value)
               ? static_cast<int64_t>(value)
               : -1;
  };
  StoreStats stats;
  stats.table_bytes = sum(Properties::kTotalSstFilesSize);
  stats.memtable_bytes = sum(Properties::kCurSizeAllMemTables);
  stats.pending_compaction_bytes = sum(Properties::kEstimatePendingCompactionBytes);
  stats.cache_bytes = one(Properties::kBlockCacheUsage);
  stats.running_compaction_count = one(Properties::kNumRunningCompactions);
  stats.running_flush_count = one(Properties::kNumRunningFlushes);
  stats.writes_stopped = one(Properties::kIsWriteStopped) > 0;
  stats.compaction_seconds = 0;
  stats.compaction_written_bytes = 0;
  for (rocksdb::ColumnFamilyHandle* const handle : handles_) {
    std::map<std::string, std::string> family;
    if (!database_->GetMapProperty(handle, Properties::kCFStats, &family)) continue;
    stats.compaction_seconds += NumberAt(family, "compaction.Sum.CompSec");
    stats.compaction_written_bytes += NumberAt(family, "compaction.Sum.WriteGB") * kGibibyte;
  }
  return stats;
}

}  // namespace credence::ledger
