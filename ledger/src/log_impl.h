#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "batch_builder.h"
#include "checkpoint_signer.h"
#include "commit_log.h"
#include "credence/ledger/log.h"
#include "durable_head.h"
#include "entry_reader.h"
#include "head_watches.h"
#include "key_history.h"
#include "store.h"
#include "text_reader.h"
#include "write_pipeline.h"

namespace credence::ledger {

// The parts of an open log, in order of dependence: what comes later uses what comes before.
class Log::Impl {
 public:
  Impl(std::unique_ptr<Store> log_store, LedgerIdentity log_identity, KeyHistory log_keys,
       TreeSnapshot tree)
      : store(std::move(log_store)),
        identity(std::move(log_identity)),
        keys(std::move(log_keys)),
        head(tree),
        entries(*store, head, [this](const absl::Status& damage) { StopWriting(damage); }),
        texts(*store, [this](const absl::Status& damage) { StopWriting(damage); }),
        watches(tree.head.size) {}

  // Takes no more writes, where any were taken.
  void StopWriting(const absl::Status& reason) {
    if (WritePipeline* const pipeline_now = running.load()) pipeline_now->Fail(reason);
  }

  // The entries of a bundle of tlog-tiles.
  [[nodiscard]] absl::StatusOr<std::vector<StoredEntry>> ReadBundle(int64_t index, int width) const;

  // Of the ledger; set before the log is used.
  std::string directory;
  const std::unique_ptr<Store> store;
  const LedgerIdentity identity;
  const KeyHistory keys;
  DurableHead head;
  // What of entries leaves the log.
  const EntryReader entries;
  const TextReader texts;
  HeadWatches watches;
  WriteLimits limits;
  // Of a log that can be written.
  std::unique_ptr<CommitLog> commit_log;
  // Between Open and Start of a log that can be written.
  std::optional<BatchBuilder> builder;
  // Of a log that can be written; it works from Start on.
  std::unique_ptr<CheckpointSigner> signer;
  // Of a log that is only read: the checkpoint in its anchor, where that holds for it.
  std::optional<SignedCheckpoint> read_checkpoint;
  // From Start on; it stays after Stop, to refuse.
  std::unique_ptr<WritePipeline> pipeline;
  // The same for other threads.
  std::atomic<WritePipeline*> running{nullptr};
  // Backups of the log while it is open; the time in microseconds of the Unix epoch.
  mutable std::atomic<int64_t> backup_count{0};
  mutable std::atomic<int64_t> failed_backup_count{0};
  mutable std::atomic<int64_t> last_backup_time_us{0};
};

}  // namespace credence::ledger
