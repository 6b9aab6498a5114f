#include "credence/v1/inference_service.pb.h"
#include "query/inference.h"
#include "service/method.h"
#include "service/services.h"

namespace credence::server {
namespace {

constexpr std::string_view kService = "credence.v1.InferenceService";

// The network or question of the target, whatever node of it is meant.
template <typename Request>
std::string TargetScope(const Request& request) {
  const std::string& name = request.target().name();
  const size_t first = name.find('/');
  if (first == std::string::npos) return name;
  return name.substr(0, name.find('/', first + 1));
}

template <auto kAnswer, typename Request, typename Response>
absl::Status AnswerAt(ReadCall& call, const Request& request, Response& response) {
  return kAnswer(*call.view.state, call.view.time, request, response);
}

}  // namespace

void AddInferenceService(Router& router, Engine& engine) {
  AddRead<v1::QueryPosteriorRequest, v1::QueryPosteriorResponse>(
      router, engine, kService, "QueryPosterior",
      {.scope = TargetScope, .answer = AnswerAt<QueryPosterior>});
  AddRead<v1::ExplainPosteriorRequest, v1::ExplainPosteriorResponse>(
      router, engine, kService, "ExplainPosterior",
      {.scope = TargetScope, .answer = AnswerAt<ExplainPosterior>});
  AddRead<v1::SimulatePosteriorRequest, v1::SimulatePosteriorResponse>(
      router, engine, kService, "SimulatePosterior",
      {.scope = TargetScope, .answer = AnswerAt<SimulatePosterior>});
  AddRead<v1::RankIndicatorsRequest, v1::RankIndicatorsResponse>(
      router, engine, kService, "RankIndicators",
      {.scope = TargetScope, .answer = AnswerAt<RankIndicators>});
}

}  // namespace credence::server
