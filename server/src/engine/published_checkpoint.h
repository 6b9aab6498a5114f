#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "credence/ledger/log.h"
#include "credence/ledger/tlog.h"

namespace credence::server {

// How a witness stands, for whoever asks.
struct WitnessStanding {
  std::string name;
  // What it cosigned last, and when; nothing since the server started.
  ledger::TreeSize size;
  std::optional<absl::Time> time;
  // Why it gave no cosignature when it was asked last; empty where it gave one.
  std::string error;
  // Times that it gave none since the server started.
  int64_t failure_count = 0;
};

// The checkpoint that readers from outside are given: the one signed last, or, where witnesses are
// asked, the newest that a quorum of them cosigned. It never goes back to a smaller tree, which
// readers would have to take for a history that was taken back.
//
// Thread-safe.
class PublishedCheckpoint {
 public:
  // `log` must outlive this.
  explicit PublishedCheckpoint(const ledger::Log* log) : log_(*log) {}

  // Errors as for Log::LatestCheckpoint.
  [[nodiscard]] absl::StatusOr<ledger::SignedCheckpoint> Get();

  // The checkpoint with the cosignatures that it is known to have.
  [[nodiscard]] ledger::SignedCheckpoint WithCosignatures(
      ledger::SignedCheckpoint checkpoint) const;

  // Publishes what a quorum cosigned from now on; false where a larger tree was published already.
  bool Offer(ledger::SignedCheckpoint cosigned);
  [[nodiscard]] bool has_cosigned() const;

  void SetWitnesses(std::vector<WitnessStanding> witnesses);
  [[nodiscard]] std::vector<WitnessStanding> witnesses() const;

 private:
  const ledger::Log& log_;
  mutable absl::Mutex mutex_;
  std::optional<ledger::SignedCheckpoint> cosigned_ ABSL_GUARDED_BY(mutex_);
  ledger::TreeSize largest_ ABSL_GUARDED_BY(mutex_);
  std::vector<WitnessStanding> witnesses_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace credence::server
