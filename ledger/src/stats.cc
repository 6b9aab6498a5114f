#include "credence/ledger/stats.h"

#include <filesystem>
#include <system_error>

#include "absl/time/clock.h"
#include "checkpoint_signer.h"
#include "log_factory.h"
#include "store.h"
#include "write_pipeline.h"

namespace credence::ledger {

LogStats ReadStats(const Log& log) {
  LogStats stats;
  stats.size = log.tree_head().size;
  LogFactory::FillStats(log, stats);
  std::error_code error;
  const std::filesystem::space_info space =
      std::filesystem::space(LogFactory::DirectoryOf(log), error);
  if (!error) {
    stats.disk_free_bytes = static_cast<int64_t>(space.available);
    stats.disk_size_bytes = static_cast<int64_t>(space.capacity);
  }
  stats.store = LogFactory::StoreOf(log).Stats();
  if (const CheckpointSigner* const signer = LogFactory::SignerOf(log)) {
    stats.checkpoint_size = signer->latest().head.size;
    if (stats.checkpoint_size < stats.size) {
      stats.checkpoint_age = absl::Now() - signer->signed_time();
    }
  }
  if (const WritePipeline* const pipeline = LogFactory::PipelineOf(log)) {
    pipeline->FillStats(stats);
  }
  return stats;
}

}  // namespace credence::ledger
