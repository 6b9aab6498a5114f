#pragma once

#include "commit_batch.h"
#include "credence/cluster/v1/batch.pb.h"

namespace credence::ledger {

// What other servers must be told of a sealed batch. O(bytes of the batch).
[[nodiscard]] cluster::v1::Batch ToRecord(const CommitBatch& batch);

[[nodiscard]] cluster::v1::Head ToRecord(const TreeHead& head, int64_t term);
// All zero where the root has not 32 bytes.
[[nodiscard]] TreeHead ToTreeHead(const cluster::v1::Head& head);

// The bytes of a hash.
[[nodiscard]] std::string_view ToBytes(const Hash& hash);

}  // namespace credence::ledger
