#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "batch_builder.h"
#include "credence/ledger/log.h"
#include "durable_head.h"
#include "head_watches.h"
#include "store.h"
#include "write_pipeline.h"

namespace credence::ledger {

// The parts of an open log, in order of dependence: what comes later uses what comes before.
class Log::Impl {
 public:
  Impl(std::unique_ptr<Store> log_store, LedgerIdentity log_identity, TreeSnapshot tree)
      : store(std::move(log_store)),
        identity(std::move(log_identity)),
        head(tree),
        watches(tree.head.size) {}

  const std::unique_ptr<Store> store;
  const LedgerIdentity identity;
  DurableHead head;
  HeadWatches watches;
  WriteLimits limits;
  // Between Open and Start of a log that can be written.
  std::optional<BatchBuilder> builder;
  // From Start on; it stays after Stop, to refuse.
  std::unique_ptr<WritePipeline> pipeline;
  // The same for other threads.
  std::atomic<WritePipeline*> running{nullptr};
};

}  // namespace credence::ledger
