#include "service/services.h"

namespace credence::server {

void AddServices(Router& router, Engine& engine, const ServiceOptions& options) {
  AddQuestionService(router, engine);
  AddNetworkService(router, engine);
  AddEvidenceService(router, engine);
  AddForecastService(router, engine);
  AddAuthorService(router, engine);
  AddInferenceService(router, engine, options);
  AddScoreService(router, engine);
  AddLedgerService(router, engine, options);
  AddAdminService(router, engine, options);
  AddViewService(router, engine);
  AddAccessService(router, options);
  router.CheckComplete();
}

}  // namespace credence::server
