#pragma once

#include "engine/engine.h"
#include "engine/published_checkpoint.h"
#include "service/router.h"

namespace credence::server {

// Adds the methods of LedgerService that prove: checkpoints, inclusion, consistency, tiles. A
// checkpoint gets the cosignatures that `published` knows of, which may be null.
void AddProofMethods(Router& router, Engine& engine, PublishedCheckpoint* published);

// Adds those that prove that a stream is complete.
void AddCompletenessMethods(Router& router, Engine& engine);

}  // namespace credence::server
