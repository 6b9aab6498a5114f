#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "credence/base/histogram.h"
#include "credence/ledger/log.h"
#include "credence/ledger/position.h"

// How an open log stands, for a monitor.
namespace credence::ledger {

// The database's own numbers, over all column families. -1 where it does not tell.
struct StoreStats {
  int64_t table_bytes = -1;
  int64_t memtable_bytes = -1;
  int64_t cache_bytes = -1;
  int64_t pending_compaction_bytes = -1;
  int64_t running_compaction_count = -1;
  int64_t running_flush_count = -1;
  // Of compactions since the log was opened, flushes among them.
  double compaction_seconds = -1;
  double compaction_written_bytes = -1;
  // Whether the database stops writes until compaction has caught up.
  bool writes_stopped = false;
};

struct LogStats {
  TreeSize size;
  TreeSize checkpoint_size;
  // Since the checkpoint that was signed last; zero where it covers the whole log.
  absl::Duration checkpoint_age;
  // Whether the log takes writes: it was started, has not failed and is not stopped.
  bool writable = false;
  // Writes that the sequencer has not taken yet, and writes that are not answered yet.
  int64_t queued_write_count = 0;
  int64_t unanswered_write_count = 0;
  // Entries that were read and held against the hash tree, and those that did not fit it.
  int64_t checked_entry_count = 0;
  int64_t damaged_entry_count = 0;
  // Backups since the log was opened; the time of the last that was made, by the system's clock.
  int64_t backup_count = 0;
  int64_t failed_backup_count = 0;
  absl::Time last_backup_time = absl::InfinitePast();
  // Of the file system that holds the log, for a user without privileges; -1 where it does not
  // tell.
  int64_t disk_free_bytes = -1;
  int64_t disk_size_bytes = -1;
  // Events in each batch that was written, and the nanoseconds of its write with its fsync.
  Histogram::Snapshot batch_events;
  Histogram::Snapshot commit_nanos;
  StoreStats store;
};

// Asks the database for what it keeps count of: some microseconds. Thread-safe.
[[nodiscard]] LogStats ReadStats(const Log& log);

}  // namespace credence::ledger
