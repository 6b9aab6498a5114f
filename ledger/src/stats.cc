#include "credence/ledger/stats.h"

#include "absl/time/clock.h"
#include "checkpoint_signer.h"
#include "log_factory.h"
#include "store.h"
#include "write_pipeline.h"

namespace credence::ledger {

LogStats ReadStats(const Log& log) {
  LogStats stats;
  stats.size = log.tree_head().size;
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
