#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/event/v1/text.pb.h"
#include "credence/ledger/event.h"
#include "credence/ledger/log.h"
#include "store.h"

namespace credence::ledger {

// Reads the texts that lie beside the log, each checked against its digest in the entry.
//
// Thread-safe. One read of the database and one hash a text.
class TextReader {
 public:
  // `store` must outlive it. `on_damage` is told of each text that is missing or does not fit, on
  // the thread that reads, before the reader gets the same status.
  TextReader(const Store& store, std::function<void(const absl::Status&)> on_damage);

  // Puts the texts into the fields of the payload that they belong to: kErasedText and kLostText
  // where that is what became of them. DATA_LOSS where a text is missing or does not fit.
  [[nodiscard]] absl::Status Restore(DecodedEvent& event) const;

  // The texts of an entry, in the order of their digests. Of an entry without texts next to no
  // cost.
  [[nodiscard]] absl::StatusOr<std::vector<event::v1::EntryText>> Read(
      const StoredEntry& entry) const;

  // The texts of the entries in one message.
  [[nodiscard]] absl::StatusOr<std::string> ReadBundle(
      const std::vector<StoredEntry>& entries) const;

 private:
  [[nodiscard]] absl::StatusOr<StoredText> Find(Position position,
                                                const event::v1::TextDigest& digest) const;

  const Store& store_;
  const std::function<void(const absl::Status&)> on_damage_;
};

}  // namespace credence::ledger
