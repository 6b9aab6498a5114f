#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "credence/base/check.h"
#include "credence/base/status_macros.h"
#include "failure.h"
#include "log_factory.h"
#include "log_impl.h"
#include "open_store.h"
#include "tree_reader.h"

namespace credence::ledger {
namespace {

// The checkpoint in the anchor of a log that is only read; nothing where there is none that holds
// for what is seen, as beside a process that has signed since.
std::optional<SignedCheckpoint> ReadAnchored(const CheckedStore& checked, const std::string& path) {
  const absl::StatusOr<Anchor> anchor = Anchor::Open(path);
  if (!anchor.ok()) return std::nullopt;
  const absl::StatusOr<std::string> note = anchor->Read();
  if (!note.ok()) return std::nullopt;
  absl::StatusOr<SignedCheckpoint> checkpoint = CheckCheckpoint(checked, *note, path);
  if (!checkpoint.ok()) return std::nullopt;
  return *std::move(checkpoint);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Log>> LogFactory::Open(const OpenOptions& given, rocksdb::Env* env,
                                                      const CommitThrough& commit_through) {
  CREDENCE_CHECK(given.clock != nullptr);
  const OpenOptions options = WithPaths(given);
  CREDENCE_ASSIGN_OR_RETURN(CheckedStore checked,
                            OpenStore(options.directory, Store::Mode::kReadWrite, env));
  CREDENCE_ASSIGN_OR_RETURN(SigningKey key, OpenKey(checked, options.key_path));
  CREDENCE_ASSIGN_OR_RETURN(CheckedAnchor anchor,
                            OpenAnchor(checked, key, options.directory, options.anchor_path));
  const TreeSnapshot tree = checked.tree.Snapshot();
  CREDENCE_ASSIGN_OR_RETURN(TreeFrontier derived,
                            ReadTreeFrontier(*checked.store, tree, anchor.checkpoint.head.size));
  auto impl = std::make_unique<Log::Impl>(std::move(checked.store), std::move(checked.identity),
                                          std::move(checked.keys), tree);
  impl->directory = options.directory;
  impl->limits = options.limits;
  impl->commit_log = commit_through != nullptr ? commit_through(*impl->store)
                                               : std::make_unique<StoreCommitLog>(*impl->store);
  // What was erased before the process ended last, and is still in the files.
  CREDENCE_RETURN_IF_ERROR(impl->store->PurgeErased());
  CREDENCE_ASSIGN_OR_RETURN(MapBuilder map, RecoverMap(*impl->store, checked.head.head.size));
  impl->signer = std::make_unique<CheckpointSigner>(
      *impl->store, impl->head, std::move(key), std::move(anchor.anchor),
      std::move(anchor.checkpoint), std::move(derived), options.checkpoint_interval);
  impl->builder.emplace(*impl->store, *options.clock, options.limits, std::move(checked.tree),
                        std::move(map), checked.head.last_record_time);
  return std::unique_ptr<Log>(new Log(std::move(impl)));
}

absl::StatusOr<std::unique_ptr<Log>> LogFactory::OpenReadOnly(const std::string& directory,
                                                              const std::string& anchor_path) {
  OpenOptions options;
  options.directory = directory;
  options.anchor_path = anchor_path;
  options = WithPaths(std::move(options));
  CREDENCE_ASSIGN_OR_RETURN(CheckedStore checked,
                            OpenStore(directory, Store::Mode::kReadOnly, nullptr));
  std::optional<SignedCheckpoint> checkpoint = ReadAnchored(checked, options.anchor_path);
  auto impl = std::make_unique<Log::Impl>(std::move(checked.store), std::move(checked.identity),
                                          std::move(checked.keys), checked.tree.Snapshot());
  impl->read_checkpoint = std::move(checkpoint);
  impl->directory = directory;
  impl->watches.End(NotServing("The ledger is open to be read only."));
  return std::unique_ptr<Log>(new Log(std::move(impl)));
}

const Store& LogFactory::StoreOf(const Log& log) { return *log.impl_->store; }

const std::string& LogFactory::DirectoryOf(const Log& log) { return log.impl_->directory; }

const CheckpointSigner* LogFactory::SignerOf(const Log& log) { return log.impl_->signer.get(); }

const WritePipeline* LogFactory::PipelineOf(const Log& log) { return log.impl_->running.load(); }

void LogFactory::NoteBackup(const Log& log, const absl::Status& end) {
  if (absl::IsCancelled(end)) return;
  if (!end.ok()) {
    ++log.impl_->failed_backup_count;
    return;
  }
  ++log.impl_->backup_count;
  log.impl_->last_backup_time_us = absl::ToUnixMicros(absl::Now());
}

void LogFactory::FillStats(const Log& log, LogStats& stats) {
  const Log::Impl& impl = *log.impl_;
  stats.checked_entry_count = impl.entries.checked_count();
  stats.damaged_entry_count = impl.entries.damaged_count();
  stats.backup_count = impl.backup_count;
  stats.failed_backup_count = impl.failed_backup_count;
  if (const int64_t time_us = impl.last_backup_time_us; time_us > 0) {
    stats.last_backup_time = absl::FromUnixMicros(time_us);
  }
}

absl::StatusOr<std::unique_ptr<Log>> Log::Open(const OpenOptions& options) {
  return LogFactory::Open(options, nullptr);
}

absl::StatusOr<std::unique_ptr<Log>> Log::OpenReadOnly(const std::string& directory,
                                                       const std::string& anchor_path) {
  return LogFactory::OpenReadOnly(directory, anchor_path);
}

}  // namespace credence::ledger
