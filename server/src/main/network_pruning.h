#pragma once

#include <string>
#include <vector>

#include "credence/forecaster/network.h"

namespace credence::server {

// What of a valid network bears on some nodes: they, their ancestors, and all hazard nodes with
// theirs, whose rows do not sum to one. Any other node sums out to nothing (Shachter 1986), so that
// the rest gives the same probabilities of the named ones, provided that every node with evidence
// or under intervention is among them. Linear in the network.
[[nodiscard]] forecaster::Network BearingOn(const forecaster::CompiledNetwork& network,
                                            const std::vector<std::string>& nodes);

}  // namespace credence::server
