#include "replica.h"

#include <utility>

#include "credence/base/status_macros.h"

namespace credence::ledger {

absl::StatusOr<std::unique_ptr<Replica>> Replica::Open(const std::string& directory,
                                                       Projection* projection) {
  CREDENCE_ASSIGN_OR_RETURN(CheckedStore checked,
                            OpenStore(directory, Store::Mode::kReadWrite, nullptr));
  CREDENCE_RETURN_IF_ERROR(checked.store->PurgeErased());
  CREDENCE_ASSIGN_OR_RETURN(MapBuilder map, RecoverMap(*checked.store, checked.head.head.size));
  return std::unique_ptr<Replica>(new Replica(std::move(checked), std::move(map), projection));
}

Replica::Replica(CheckedStore checked, MapBuilder map, Projection* projection)
    : store_(std::move(checked.store)),
      head_(checked.tree.Snapshot()),
      replayer_(*store_, std::move(checked.tree), std::move(map), checked.head.last_record_time,
                projection) {}

absl::Status Replica::Apply(const cluster::v1::Batch& batch) {
  CREDENCE_ASSIGN_OR_RETURN(SealedBatch sealed, replayer_.Replay(batch));
  CREDENCE_RETURN_IF_ERROR(store_->Commit(sealed.commit));
  head_.Set(std::move(sealed.tree));
  if (sealed.steps.publish != nullptr) sealed.steps.publish();
  if (sealed.steps.answered != nullptr) sealed.steps.answered();
  if (sealed.commit.erases) return store_->PurgeErased();
  return absl::OkStatus();
}

}  // namespace credence::ledger
