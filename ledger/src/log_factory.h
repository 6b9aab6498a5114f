#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "commit_log.h"
#include "credence/ledger/log.h"
#include "credence/ledger/stats.h"
#include "store.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace credence::ledger {

class CheckpointSigner;
class WritePipeline;

// What the room may do with a log and others may not. Opens logs over a database environment that
// is not the system's, such as one that fails on purpose; `env` null means the system's, else it
// must outlive the log.
class LogFactory {
 public:
  //
  // `commit_through` makes what batches are committed through, which must leave them in the store
  // that it gets; null means that store alone.
  using CommitThrough = std::function<std::unique_ptr<CommitLog>(Store& store)>;
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Log>> Open(
      const OpenOptions& options, rocksdb::Env* env, const CommitThrough& commit_through = nullptr);
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Log>> OpenReadOnly(
      const std::string& directory, const std::string& anchor_path);

  // The parts of an open log; they live as long as it.
  [[nodiscard]] static const Store& StoreOf(const Log& log);
  [[nodiscard]] static const std::string& DirectoryOf(const Log& log);
  // Null where the log is only read.
  [[nodiscard]] static const CheckpointSigner* SignerOf(const Log& log);
  // Null before Start.
  [[nodiscard]] static const WritePipeline* PipelineOf(const Log& log);

  // Counts a backup that ended so.
  static void NoteBackup(const Log& log, const absl::Status& end);
  // Fills in what is counted of entries read and of backups.
  static void FillStats(const Log& log, LogStats& stats);
};

}  // namespace credence::ledger
