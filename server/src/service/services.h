#pragma once

#include "engine/engine.h"
#include "service/router.h"

// The services of the contract, one file each. The engine must outlive the router.
namespace credence::server {

void AddQuestionService(Router& router, Engine& engine);
void AddNetworkService(Router& router, Engine& engine);
void AddEvidenceService(Router& router, Engine& engine);
void AddForecastService(Router& router, Engine& engine);
void AddInferenceService(Router& router, Engine& engine);
void AddScoreService(Router& router, Engine& engine);
void AddLedgerService(Router& router, Engine& engine);
void AddAdminService(Router& router, Engine& engine);
void AddViewService(Router& router, Engine& engine);

// All of them.
void AddServices(Router& router, Engine& engine);

}  // namespace credence::server
