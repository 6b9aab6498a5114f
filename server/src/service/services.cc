#include "service/services.h"

namespace credence::server {

void AddServices(Router& router, Engine& engine) {
  AddQuestionService(router, engine);
  AddNetworkService(router, engine);
  AddEvidenceService(router, engine);
  AddForecastService(router, engine);
  AddInferenceService(router, engine);
  AddScoreService(router, engine);
  AddLedgerService(router, engine);
  AddAdminService(router, engine);
  AddViewService(router, engine);
  router.CheckComplete();
}

}  // namespace credence::server
