#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cluster_keys.h"
#include "commit_log.h"
#include "credence/cluster/v1/batch.pb.h"
#include "credence/etcd/client.h"
#include "store.h"

namespace credence::ledger {

// Commits the leader's batches to etcd, and then to its own database. One transaction writes a
// batch and the head that it makes, and compares the leader's key and the number of batches before
// it: of two servers that hold themselves for leaders, one commits nothing. A batch that is too
// large for one request is cut into parts, which are written first, several at a time; the head
// moves last.
//
// UNAVAILABLE, reason UNAVAILABLE, where another server leads now, or where etcd has no quorum for
// `timeout`; the same write under the same request id is right at the next leader then, whatever
// became of it here.
class EtcdCommitLog final : public CommitLog {
 public:
  struct Settings {
    // Of a Leadership.
    int64_t term = 0;
    // Below etcd's --max-request-bytes, with room for the rest of a request.
    size_t part_bytes = size_t{1} << 20;
    size_t parts_in_flight = 4;
    // How long a batch may wait for etcd.
    absl::Duration timeout = absl::Seconds(10);
  };

  // `client` and `store` must outlive it.
  EtcdCommitLog(etcd::Client& client, const ClusterKeys& keys, Store& store,
                const Settings& settings)
      : client_(client), keys_(keys), store_(store), settings_(settings) {}

  // DATA_LOSS, reason LEDGER_FAILED, also where the store does not end where the cluster's log
  // does.
  [[nodiscard]] absl::Status Commit(const CommitBatch& batch) override;

 private:
  // Reads where the log ends, which must be where `first` is.
  [[nodiscard]] absl::Status Begin(Position first);
  [[nodiscard]] absl::Status WriteParts(Position first, const std::string& bytes, int count);
  [[nodiscard]] absl::Status MoveHead(const cluster::v1::CommittedBatch& committed);
  // OK where another attempt may be made after an error.
  [[nodiscard]] absl::Status MayRepeat(const absl::Status& error, absl::Time deadline) const;

  etcd::Client& client_;
  const ClusterKeys keys_;
  Store& store_;
  const Settings settings_;
  // Batches that were committed, by whomever; 0 before Begin.
  int64_t version_ = 0;
};

// Makes the head of the cluster's log that of a log which every server has already: the beginning
// of a cluster. ALREADY_EXISTS where it has one; other errors as of etcd::Client.
[[nodiscard]] absl::Status BeginClusterLog(etcd::Client& client, const ClusterKeys& keys,
                                           const TreeHead& head);

}  // namespace credence::ledger
