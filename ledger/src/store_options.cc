#include "store_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <memory>
#include <string>

namespace credence::ledger {
namespace {

constexpr size_t kMebibyte = size_t{1} << 20;
constexpr size_t kBlockCacheBytes = 32 * kMebibyte;
constexpr size_t kMemtablesBytes = 64 * kMebibyte;
constexpr size_t kWalBytes = 64 * kMebibyte;
constexpr double kBloomBitsPerKey = 10;
constexpr double kMemtableBloomShare = 0.05;

enum class RisingKeys { kNone, kAll, kInEachStream };

// Says on standard error what the database has to say before it gives up; every other error comes
// back as a status. Its own logger writes a file of
// the ledger's directory, and ends the process when it is called again after that file could not be
// written: a full disk must stop writes, and must not take the readers along.
class ErrorLogger final : public rocksdb::Logger {
 public:
  ErrorLogger() : Logger(rocksdb::InfoLogLevel::FATAL_LEVEL) {}

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    std::array<char, 1'024> line;
    std::vsnprintf(line.data(), line.size(), format, arguments);
    std::fprintf(stderr, "credence: database: %s\n", line.data());
  }
};

struct FamilyProfile {
  std::string name;
  size_t memtable_bytes = 0;
  rocksdb::CompressionType compression = rocksdb::kNoCompression;
  size_t block_bytes = size_t{16} << 10;
  // Whether keys are looked up that are mostly absent.
  bool bloom = false;
  // Which keys come in rising order, so that an insertion may start where the last one ended.
  RisingKeys rising_keys = RisingKeys::kNone;
};

// The stream of a key of `streams`: all but its version, which is written in the last eight bytes.
class StreamOfKey final : public rocksdb::SliceTransform {
 public:
  [[nodiscard]] const char* Name() const override { return "credence.stream"; }
  [[nodiscard]] rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
    return {key.data(), key.size() - kVersionBytes};
  }
  [[nodiscard]] bool InDomain(const rocksdb::Slice& key) const override {
    return key.size() >= kVersionBytes;
  }

 private:
  static constexpr size_t kVersionBytes = 8;
};

// Where an insertion into a memtable may start; null where nowhere in particular.
std::shared_ptr<const rocksdb::SliceTransform> InsertionHint(RisingKeys rising) {
  switch (rising) {
    case RisingKeys::kNone:
      return nullptr;
    case RisingKeys::kAll:
      // All keys share the empty prefix, hence one hint: the place of the last insertion.
      return std::shared_ptr<const rocksdb::SliceTransform>(rocksdb::NewFixedPrefixTransform(0));
    case RisingKeys::kInEachStream:
      return std::make_shared<StreamOfKey>();
  }
  return nullptr;
}

// Hashes and request records are noise: compressing them costs time and gains nothing.
std::vector<FamilyProfile> Profiles() {
  return {
      {.name = rocksdb::kDefaultColumnFamilyName, .memtable_bytes = kMebibyte},
      {.name = "entries",
       .memtable_bytes = 16 * kMebibyte,
       .compression = rocksdb::kLZ4Compression,
       .rising_keys = RisingKeys::kAll},
      {.name = "tiles", .memtable_bytes = 4 * kMebibyte},
      {.name = "streams",
       .memtable_bytes = 8 * kMebibyte,
       .compression = rocksdb::kLZ4Compression,
       .block_bytes = size_t{4} << 10,
       .bloom = true,
       .rising_keys = RisingKeys::kInEachStream},
      {.name = "requests",
       .memtable_bytes = 8 * kMebibyte,
       .block_bytes = size_t{4} << 10,
       .bloom = true},
      {.name = "state",
       .memtable_bytes = 8 * kMebibyte,
       .compression = rocksdb::kLZ4Compression,
       .bloom = true},
      {.name = "meta", .memtable_bytes = kMebibyte},
      {.name = "map",
       .memtable_bytes = 4 * kMebibyte,
       .block_bytes = size_t{4} << 10,
       .bloom = true},
      {.name = "blobs",
       .memtable_bytes = 8 * kMebibyte,
       .compression = rocksdb::kLZ4Compression,
       .rising_keys = RisingKeys::kAll},
  };
}

rocksdb::ColumnFamilyOptions FamilyOptions(const FamilyProfile& profile,
                                           const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = profile.block_bytes;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  // Indexes and filters count against the cache, so that memory does not grow with the log.
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  if (profile.bloom) table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));

  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = profile.memtable_bytes;
  // Three, so that a burst is not stalled while one memtable is being flushed.
  options.max_write_buffer_number = 3;
  options.compression = profile.compression;
  options.level_compaction_dynamic_level_bytes = true;
  // Reads back what compaction wrote, and checks key order, before the inputs are dropped.
  options.paranoid_file_checks = true;
  options.force_consistency_checks = true;
  if (profile.bloom) {
    options.memtable_prefix_bloom_size_ratio = kMemtableBloomShare;
    options.memtable_whole_key_filtering = true;
  }
  options.memtable_insert_with_hint_prefix_extractor = InsertionHint(profile.rising_keys);
  return options;
}

}  // namespace

rocksdb::DBOptions DatabaseOptions(rocksdb::Env* env) {
  rocksdb::DBOptions options;
  if (env != nullptr) options.env = env;
  options.paranoid_checks = true;
  // The manifest knows each closed log file and its synced size: one that is missing or short fails
  // the opening instead of losing acknowledged writes in silence.
  options.track_and_verify_wals_in_manifest = true;
  // The manifest also knows the checksum of each whole table file, so that a flipped bit is found
  // in what no block's checksum covers too, and in a copy.
  options.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
  // A table file that took another's place is refused.
  options.verify_sst_unique_id_in_manifest = true;
  // Recovery stops at the first record that is not whole. A crash leaves a torn record only after
  // the last sync, so what is dropped was never acknowledged. Absolute consistency would refuse to
  // open after every such crash (the same defect within what was synced is told from it before the
  // database is opened, see log_files.h); tolerating corrupted tails would refuse when a power cut
  // wrote the unsynced sectors out of order. All column families share the one log, so that the
  // prefix that is kept is one of whole batches; atomic flushes are needed only without that log.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.atomic_flush = false;
  // A reused log file could show old records behind a torn one.
  options.recycle_log_file_num = 0;
  // Bounds what an opening has to replay, and the memory that memtables take in all.
  options.max_total_wal_size = kWalBytes;
  options.db_write_buffer_size = kMemtablesBytes;
  // One thread writes, so that there is no one to share a memtable with.
  options.allow_concurrent_memtable_write = false;
  options.enable_write_thread_adaptive_yield = false;
  options.max_background_jobs = 2;
  options.max_open_files = 256;
  // Threads that fill the table cache at the opening; the number of files is bounded by the above.
  options.max_file_opening_threads = 2;
  options.bytes_per_sync = kMebibyte;
  options.info_log = std::make_shared<ErrorLogger>();
  options.max_manifest_file_size = 16 * kMebibyte;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.info_log_level = rocksdb::InfoLogLevel::FATAL_LEVEL;
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> FamilyDescriptors() {
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const FamilyProfile& profile : Profiles()) {
    descriptors.emplace_back(profile.name, FamilyOptions(profile, cache));
  }
  return descriptors;
}

rocksdb::WriteOptions DurableWrite() {
  rocksdb::WriteOptions options;
  // RocksDB's default leaves the bytes in the page cache, where a power cut takes them.
  options.sync = true;
  options.disableWAL = false;
  return options;
}

}  // namespace credence::ledger
