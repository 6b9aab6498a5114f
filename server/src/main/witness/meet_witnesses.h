#pragma once

#include <ostream>

#include "absl/status/status.h"
#include "credence/client/verify/witness_policy.h"
#include "credence/ledger/log.h"

namespace credence::server {

// Gives a restored ledger that nobody has open the anchor that it misses, by what witnesses
// cosigned of it last. Each is asked with the smallest tree that the ledger's key may have signed,
// and answers with the size that it knows; then all are shown the ledger's tree of the largest of
// these sizes, and must agree. Those that gave no answer must not be a quorum by themselves: a
// checkpoint that was published by a quorum is then known to one that did.
//
// Writes a line for each witness. DATA_LOSS where a witness knows a longer log or another history;
// UNAVAILABLE where too few answered; INVALID_ARGUMENT for a policy that asks for nobody; other
// errors as for Log::SetAnchor.
[[nodiscard]] absl::Status MeetWitnesses(const ledger::OpenOptions& options,
                                         const client::WitnessPolicy& policy, std::ostream& out);

}  // namespace credence::server
