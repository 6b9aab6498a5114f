#include "engine/published_checkpoint.h"

#include <utility>

#include "credence/base/status_macros.h"

namespace credence::server {

absl::StatusOr<ledger::SignedCheckpoint> PublishedCheckpoint::Get() {
  absl::MutexLock lock(&mutex_);
  if (cosigned_.has_value()) return *cosigned_;
  CREDENCE_ASSIGN_OR_RETURN(ledger::SignedCheckpoint latest, log_.LatestCheckpoint());
  largest_ = latest.head.size;
  return latest;
}

ledger::SignedCheckpoint PublishedCheckpoint::WithCosignatures(
    ledger::SignedCheckpoint checkpoint) const {
  absl::MutexLock lock(&mutex_);
  // The note of the log is what the cosigned one begins with.
  if (cosigned_.has_value() && cosigned_->note.rfind(checkpoint.note, 0) == 0) return *cosigned_;
  return checkpoint;
}

bool PublishedCheckpoint::Offer(ledger::SignedCheckpoint cosigned) {
  absl::MutexLock lock(&mutex_);
  if (cosigned.head.size < largest_) return false;
  largest_ = cosigned.head.size;
  cosigned_ = std::move(cosigned);
  return true;
}

bool PublishedCheckpoint::has_cosigned() const {
  absl::MutexLock lock(&mutex_);
  return cosigned_.has_value();
}

void PublishedCheckpoint::SetWitnesses(std::vector<WitnessStanding> witnesses) {
  absl::MutexLock lock(&mutex_);
  witnesses_ = std::move(witnesses);
}

std::vector<WitnessStanding> PublishedCheckpoint::witnesses() const {
  absl::MutexLock lock(&mutex_);
  return witnesses_;
}

}  // namespace credence::server
