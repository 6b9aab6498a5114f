#include "credence/v1/view_service.pb.h"

#include "query/history.h"
#include "query/pool.h"
#include "service/method.h"
#include "service/services.h"

namespace credence::server {
namespace {

constexpr std::string_view kService = "credence.v1.ViewService";

absl::Status BatchGetHistories(ReadCall& call, const v1::BatchGetHistoriesRequest& request,
                               v1::BatchGetHistoriesResponse& response) {
  return ReadHistories(call.engine.log(), *call.view.state, ledger::Position{call.view.position},
                       request, response);
}

absl::Status AnswerSimulatePool(ReadCall& call, const v1::SimulatePoolRequest& request,
                                v1::SimulatePoolResponse& response) {
  return SimulatePool(*call.view.state, call.view.time, request, response);
}

}  // namespace

void AddViewService(Router& router, Engine& engine) {
  AddRead<v1::BatchGetHistoriesRequest, v1::BatchGetHistoriesResponse>(
      router, engine, kService, "BatchGetHistories",
      {.scope = WholeLedger, .answer = BatchGetHistories});
  AddRead<v1::SimulatePoolRequest, v1::SimulatePoolResponse>(
      router, engine, kService, "SimulatePool",
      {.scope = WholeLedger, .answer = AnswerSimulatePool});
}

}  // namespace credence::server
