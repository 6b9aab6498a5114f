#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "batch_replayer.h"
#include "credence/cluster/v1/batch.pb.h"
#include "credence/ledger/sequencer.h"
#include "durable_head.h"
#include "open_store.h"
#include "store.h"

namespace credence::ledger {

// A server's own database of a log that another server leads. It signs nothing.
//
// Not thread-safe, but for head().
class Replica {
 public:
  // `projection` may be null, and must stand where the log stands; it must outlive the replica.
  // Errors as Log::Open gives for the database.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Replica>> Open(const std::string& directory,
                                                                     Projection* projection);

  // Checks the next batch, stores it durably, and shows it. Errors are final: as of
  // BatchReplayer::Replay and Store::Commit.
  [[nodiscard]] absl::Status Apply(const cluster::v1::Batch& batch);

  [[nodiscard]] TreeHead head() const { return head_.head(); }
  [[nodiscard]] const Store& store() const { return *store_; }

 private:
  Replica(CheckedStore checked, MapBuilder map, Projection* projection);

  const std::unique_ptr<Store> store_;
  DurableHead head_;
  BatchReplayer replayer_;
};

}  // namespace credence::ledger
