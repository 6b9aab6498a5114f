#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "credence/v1/inference_service.pb.h"
#include "decide/checks.h"
#include "query/coherence.h"
#include "query/inference.h"
#include "service/coherence_watch.h"
#include "service/compute_limit.h"
#include "service/list.h"
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

// What computes, for at most as long as the method and the caller give it.
template <auto kAnswer, typename Request, typename Response>
absl::Status AnswerAt(ReadCall& call, const Request& request, Response& response) {
  const QueryView view{call.view, LimitComputing(call.compute_max, call.deadline)};
  return kAnswer(view, request, response);
}

// As-of reads replay everything: relations lead from any question to any other.
absl::Status ListCoherenceAlarms(ReadCall& call, const v1::ListCoherenceAlarmsRequest& request,
                                 v1::ListCoherenceAlarmsResponse& response) {
  const State& state = *call.view.state;
  CREDENCE_ASSIGN_OR_RETURN(const CoherenceFilter filter,
                            ReadCoherenceFilter(state, request.parent(), request.subject()));
  std::optional<absl::Time> time;
  if (request.has_effective_time()) {
    CREDENCE_ASSIGN_OR_RETURN(time, ParseTime(request.effective_time(), "effective_time"));
  }
  CREDENCE_ASSIGN_OR_RETURN(
      const StatedNumbers numbers,
      StandingNumbers(call.engine.log(), state, time, ledger::Position{call.view.position}));
  std::vector<v1::CoherenceAlarm> alarms = FindCoherenceAlarms(state, numbers, filter);
  const size_t first = std::min(static_cast<size_t>(NumberedPageStart(call)), alarms.size());
  const size_t end = std::min(first + call.page.size, alarms.size());
  for (size_t i = first; i < end; ++i) *response.add_alarms() = std::move(alarms[i]);
  if (end < alarms.size()) call.next_key = Cat(end);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<MessageSource>> WatchCoherenceAlarms(Engine& engine,
                                                                    std::string_view bytes) {
  v1::WatchCoherenceAlarmsRequest request;
  CREDENCE_RETURN_IF_ERROR(ParseRequest(bytes, request));
  return MakeCoherenceWatch(engine, request);
}

}  // namespace

void AddInferenceService(Router& router, Engine& engine, const ServiceOptions& options) {
  const absl::Duration most = options.query_max;
  AddRead<v1::QueryPosteriorRequest, v1::QueryPosteriorResponse>(
      router, engine, kService, "QueryPosterior",
      {.scope = TargetScope, .answer = AnswerAt<QueryPosterior>, .compute_max = most});
  AddRead<v1::ExplainPosteriorRequest, v1::ExplainPosteriorResponse>(
      router, engine, kService, "ExplainPosterior",
      {.scope = TargetScope, .answer = AnswerAt<ExplainPosterior>, .compute_max = most});
  AddRead<v1::SimulatePosteriorRequest, v1::SimulatePosteriorResponse>(
      router, engine, kService, "SimulatePosterior",
      {.scope = TargetScope, .answer = AnswerAt<SimulatePosterior>, .compute_max = most});
  AddRead<v1::RankIndicatorsRequest, v1::RankIndicatorsResponse>(
      router, engine, kService, "RankIndicators",
      {.scope = TargetScope, .answer = AnswerAt<RankIndicators>, .compute_max = most});
  AddRead<v1::AnalyzeSensitivityRequest, v1::AnalyzeSensitivityResponse>(
      router, engine, kService, "AnalyzeSensitivity",
      {.scope = TargetScope, .answer = AnswerAt<AnalyzeSensitivity>, .compute_max = most});
  AddRead<v1::QueryJointRequest, v1::QueryJointResponse>(
      router, engine, kService, "QueryJoint",
      {.scope = TargetScope, .answer = AnswerAt<QueryJoint>, .compute_max = most});
  AddRead<v1::FindMostProbableExplanationRequest, v1::FindMostProbableExplanationResponse>(
      router, engine, kService, "FindMostProbableExplanation",
      {.scope = TargetScope, .answer = AnswerAt<FindMostProbableExplanation>, .compute_max = most});
  AddRead<v1::AssessEvidenceRequest, v1::AssessEvidenceResponse>(
      router, engine, kService, "AssessEvidence",
      {.scope = TargetScope, .answer = AnswerAt<AssessEvidence>, .compute_max = most});
  AddRead<v1::ListCoherenceAlarmsRequest, v1::ListCoherenceAlarmsResponse>(
      router, engine, kService, "ListCoherenceAlarms",
      {.scope = WholeLedger, .answer = ListCoherenceAlarms});
  router.AddStream(kService, "WatchCoherenceAlarms",
                   [&engine](const CallContext&, std::string_view bytes) {
                     return WatchCoherenceAlarms(engine, bytes);
                   });
}

}  // namespace credence::server
