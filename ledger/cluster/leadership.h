#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "cluster_keys.h"
#include "credence/cluster/v1/batch.pb.h"
#include "credence/etcd/client.h"
#include "credence/etcd/lease.h"

namespace credence::ledger {

// Being the one server that may commit. What makes it so is a key under a lease: a commit compares
// the revision that made the key, so that a server which was replaced cannot commit whatever its
// clock says.
//
// Thread-safe.
class Leadership {
 public:
  struct Candidate {
    cluster::v1::Leader leader;
    // How long after its last sign of life a leader is replaced.
    absl::Duration time_to_live = absl::Seconds(3);
    // As of etcd::Lease::Grant.
    std::function<void()> on_lost{};
  };

  // Becomes leader where nobody is. FAILED_PRECONDITION where another is; other errors as of
  // etcd::Client.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Leadership>> Take(etcd::Client& client,
                                                                        const ClusterKeys& keys,
                                                                        const Candidate& candidate);

  // Waits for its turn, however long that takes; null where `stop` came first.
  [[nodiscard]] static std::unique_ptr<Leadership> Campaign(etcd::Client& client,
                                                            const ClusterKeys& keys,
                                                            const Candidate& candidate,
                                                            const absl::Notification& stop);

  // Rises from leader to leader.
  [[nodiscard]] int64_t term() const { return term_; }
  [[nodiscard]] const etcd::Lease& lease() const { return *lease_; }

 private:
  Leadership(std::unique_ptr<etcd::Lease> lease, int64_t term)
      : lease_(std::move(lease)), term_(term) {}

  const std::unique_ptr<etcd::Lease> lease_;
  const int64_t term_;
};

// Who leads, if anybody. Errors as of etcd::Client.
[[nodiscard]] absl::StatusOr<std::optional<cluster::v1::Leader>> FindLeader(
    etcd::Client& client, const ClusterKeys& keys);

}  // namespace credence::ledger
