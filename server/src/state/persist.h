#pragma once

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "credence/ledger/log.h"
#include "credence/ledger/sequencer.h"
#include "state/state.h"

// Projections on disk: one document an aggregate, in the log's stored state, with the number of
// events that they hold.
namespace credence::server {

// Remembers what changed since it was written last, and writes that.
class StatePersister {
 public:
  // Notes that the event changed the aggregates that it names.
  void Note(const ledger::SequencedEvent& event);

  // Events noted since the last write.
  [[nodiscard]] int64_t pending_count() const { return pending_count_; }

  // Writes the changed aggregates of `state`, and its size. They replace older documents.
  void Write(const State& state, ledger::StateWriter& writer);

 private:
  void Touch(std::string_view name);

  int64_t pending_count_ = 0;
  // Names such as "questions/x" of aggregates that changed.
  absl::flat_hash_set<std::string> dirty_;
};

// The state that was stored: `size` events of the log, the rest is for the caller to replay. An
// empty state where none was stored or where it was stored by another format.
[[nodiscard]] absl::StatusOr<State> LoadState(const ledger::Log& log);

}  // namespace credence::server
