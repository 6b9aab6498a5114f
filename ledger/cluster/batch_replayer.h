#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "batch_builder.h"
#include "credence/cluster/v1/batch.pb.h"
#include "credence/ledger/event.h"
#include "credence/ledger/sequencer.h"
#include "map_builder.h"
#include "store.h"
#include "stream_heads.h"
#include "tile_tree.h"

namespace credence::ledger {

// Makes of a batch that another server sequenced what the sequencer there made of it: the following
// half of a write. Everything is derived anew and held against what the batch says, so that what a
// server stores is what it has checked: positions, record times, the chains of the streams, the
// digests of texts, the map of stream heads, the receipts, and the root of the tree.
//
// Not thread-safe.
class BatchReplayer {
 public:
  // `tree` is the tree of everything in `store`, `map` that of its streams, `last_record_time` the
  // last one used. `projection` may be null; both must outlive it.
  BatchReplayer(const Store& store, TileTree tree, MapBuilder map, absl::Time last_record_time,
                Projection* projection);

  // The batch to commit to `store` next, without answers; the store must have all earlier ones.
  // DATA_LOSS, reason LEDGER_FAILED, names the first position that does not fit: the batch, or this
  // server, is not of the same ledger any more. Nothing can be replayed after an error.
  [[nodiscard]] absl::StatusOr<SealedBatch> Replay(const cluster::v1::Batch& record);

  [[nodiscard]] TreeSize size() const { return tree_.size(); }

 private:
  using Texts = std::map<std::string, std::string, std::less<>>;

  [[nodiscard]] absl::Status TakeEntry(const std::string& bytes, const Texts& texts);
  [[nodiscard]] absl::Status CheckPlace(const DecodedEvent& event, Position position) const;
  // The place of the event in a stream must be the next one.
  [[nodiscard]] absl::Status Advance(const std::string& stream, int64_t version,
                                     std::optional<int64_t> previous, Position position);
  [[nodiscard]] absl::Status TakeMapRecord(const DecodedEvent& event, Position position);
  // Puts a stream's name behind the entries, where the batch refers to it.
  [[nodiscard]] size_t KeepName(std::string_view name);
  [[nodiscard]] absl::Status TakeRequest(const cluster::v1::Request& request);

  const Store& store_;
  Projection* const projection_;
  TileTree tree_;
  StreamHeads heads_;
  MapBuilder map_;
  absl::Time last_record_time_;

  // The batch that is made.
  CommitBatch batch_;
  std::string names_;
  std::vector<Hash> leaves_;
  std::vector<std::string> request_ids_;
};

// Puts the texts that a batch brings along into the fields of the payload that they belong to.
// DATA_LOSS where one is missing or has another digest than the entry says.
[[nodiscard]] absl::Status RestoreTexts(
    const std::map<std::string, std::string, std::less<>>& texts, DecodedEvent& event);

}  // namespace credence::ledger
