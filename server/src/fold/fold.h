#pragma once

#include "credence/ledger/event.h"
#include "state/state.h"

namespace credence::server {

// Takes one event into `state`. Pure but for `state`; never fails on a logged event: an event of an
// unknown type is counted, and an event about something that this state does not hold (a replay of
// some streams only) changes what it does hold.
void Fold(State& state, const ledger::SequencedEvent& event);

}  // namespace credence::server
