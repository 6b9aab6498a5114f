#pragma once

#include <string>

#include "absl/time/time.h"
#include "engine/engine.h"
#include "engine/published_checkpoint.h"
#include "service/router.h"

// The services of the contract, one file each. The engine must outlive the router.
namespace credence::server {

class AccessControl;

struct ServiceOptions {
  // What witnesses cosigned; null where none are asked. Must outlive the router.
  PublishedCheckpoint* published = nullptr;
  // Where CreateBackup puts backups; empty where it is refused.
  std::string backup_directory{};
  // Who is let in; null where everybody is. Must outlive the router, which an AccessGate must
  // guard.
  AccessControl* access = nullptr;
  // Longest that one query of inference may compute; its waiting does not count.
  absl::Duration query_max = absl::InfiniteDuration();
};

void AddQuestionService(Router& router, Engine& engine);
void AddNetworkService(Router& router, Engine& engine);
void AddEvidenceService(Router& router, Engine& engine);
void AddForecastService(Router& router, Engine& engine);
void AddAuthorService(Router& router, Engine& engine);
void AddInferenceService(Router& router, Engine& engine, const ServiceOptions& options);
void AddScoreService(Router& router, Engine& engine);
void AddLedgerService(Router& router, Engine& engine, const ServiceOptions& options);
void AddAdminService(Router& router, Engine& engine, const ServiceOptions& options);
void AddViewService(Router& router, Engine& engine);
void AddAccessService(Router& router, const ServiceOptions& options);

// All of them.
void AddServices(Router& router, Engine& engine, const ServiceOptions& options = {});

}  // namespace credence::server
