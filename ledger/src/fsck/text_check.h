#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "credence/ledger/position.h"
#include "fsck/chain.h"
#include "fsck/findings.h"
#include "store.h"

namespace credence::ledger {

// Checks the texts beside the log against the entries: that each is there with the digest that its
// entry says, or was erased by the event that its mark names; that no event says of a text that it
// is erased that is still there; and that there are no others.
class TextCheck {
 public:
  // Both must outlive it.
  TextCheck(const Store& store, Findings& findings) : store_(store), findings_(findings) {}

  // The next entry, whose position is `position`.
  void Take(const ChainedEntry& entry, Position position);

  // After the last one. `whole` is false where the entries after it are missing.
  void Finish(bool whole);

 private:
  using Place = std::pair<int64_t, std::string>;

  void CheckText(Position position, const event::v1::TextDigest& digest);

  const Store& store_;
  Findings& findings_;
  int64_t count_ = 0;
  // Texts with a mark that names an event that was not met yet: its position.
  std::map<Place, int64_t> erased_;
};

}  // namespace credence::ledger
