#include "absl/strings/numbers.h"
#include "credence/base/strings.h"
#include "credence/v1/evidence_service.pb.h"
#include "query/find.h"
#include "service/list.h"
#include "service/method.h"
#include "service/services.h"

namespace credence::server {
namespace {

constexpr std::string_view kService = "credence.v1.EvidenceService";

template <typename Request>
absl::StatusOr<std::string> ParentStream(const State& state, const Request& request) {
  return EvidenceStream(state, request.parent());
}

// Of requests that name an item; a malformed name is for the decision to refuse.
template <typename Request>
absl::StatusOr<std::string> ItemStream(const State& state, const Request& request) {
  CREDENCE_ASSIGN_OR_RETURN(const FoundEvidence found, FindEvidence(state, request.name(), "name"));
  return Cat("networks/", found.network->id);
}

absl::StatusOr<v1::Evidence> ReadItem(const State& state, std::string_view parent,
                                      std::string_view id) {
  CREDENCE_ASSIGN_OR_RETURN(const FoundEvidence found,
                            FindEvidence(state, Cat(parent, "/evidence/", id), "parent"));
  return ToEvidenceResource(state, *found.network, *found.evidence);
}

template <typename Request, typename Response>
absl::Status RespondWithFirst(const WriteResult& result, std::string_view parent,
                              const Request& request, Response& response) {
  const std::string id =
      result.decision.ids.empty() ? request.evidence_id() : result.decision.ids.front();
  CREDENCE_ASSIGN_OR_RETURN(*response.mutable_evidence(), ReadItem(*result.state, parent, id));
  return absl::OkStatus();
}

absl::Status RespondToCreate(const WriteResult& result, const v1::CreateEvidenceRequest& request,
                             v1::CreateEvidenceResponse& response) {
  return RespondWithFirst(result, request.parent(), request, response);
}

absl::Status RespondToBatch(const WriteResult& result,
                            const v1::BatchCreateEvidenceRequest& request,
                            v1::BatchCreateEvidenceResponse& response) {
  for (const std::string& id : result.decision.ids) {
    CREDENCE_ASSIGN_OR_RETURN(*response.add_evidence(),
                              ReadItem(*result.state, request.parent(), id));
  }
  return absl::OkStatus();
}

absl::Status RespondToRetract(const WriteResult& result, const v1::RetractEvidenceRequest& request,
                              v1::RetractEvidenceResponse& response) {
  const EvidenceName name = SplitEvidenceName(request.name());
  CREDENCE_ASSIGN_OR_RETURN(*response.mutable_evidence(),
                            ReadItem(*result.state, name.parent, name.id));
  return absl::OkStatus();
}

absl::Status RespondToSupersede(const WriteResult& result,
                                const v1::SupersedeEvidenceRequest& request,
                                v1::SupersedeEvidenceResponse& response) {
  return RespondWithFirst(result, SplitEvidenceName(request.name()).parent, request, response);
}

absl::Status Get(ReadCall& call, const v1::GetEvidenceRequest& request,
                 v1::GetEvidenceResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const FoundEvidence found,
                            FindEvidence(*call.view.state, request.name(), "name"));
  *response.mutable_evidence() =
      ToEvidenceResource(*call.view.state, *found.network, *found.evidence);
  return absl::OkStatus();
}

bool Matches(const EvidenceState& evidence, const v1::ListEvidenceRequest& request) {
  if (!request.node().empty() && evidence.item.node != request.node()) return false;
  return request.state() == v1::Evidence::STATE_UNSPECIFIED ||
         EvidenceStateOf(evidence) == request.state();
}

absl::Status List(ReadCall& call, const v1::ListEvidenceRequest& request,
                  v1::ListEvidenceResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const NetworkState* network,
                            FindEvidenceParent(*call.view.state, request.parent(), "parent"));
  int64_t after = -1;
  if (call.page.key.has_value() && !absl::SimpleAtoi(*call.page.key, &after)) after = -1;
  int64_t last = -1;
  for (const auto& evidence : network->evidence) {
    if (evidence->position <= after || !Matches(*evidence, request)) continue;
    if (static_cast<size_t>(response.evidence_size()) == call.page.size) {
      call.next_key = Cat(last);
      return absl::OkStatus();
    }
    *response.add_evidence() = ToEvidenceResource(*call.view.state, *network, *evidence);
    last = evidence->position;
  }
  return absl::OkStatus();
}

absl::Status GetSource(ReadCall& call, const v1::GetSourceRequest& request,
                       v1::GetSourceResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const SourceState* source,
                            FindSource(*call.view.state, request.name(), "name"));
  *response.mutable_source() = ToSourceResource(*source);
  return absl::OkStatus();
}

absl::Status ListSources(ReadCall& call, const v1::ListSourcesRequest&,
                         v1::ListSourcesResponse& response) {
  ListById(call, call.view.state->sources, kAll, [&response](const SourceState& source) {
    *response.add_sources() = ToSourceResource(source);
  });
  return absl::OkStatus();
}

absl::Status GetGradeTable(ReadCall& call, const v1::GetGradeTableRequest&,
                           v1::GetGradeTableResponse& response) {
  *response.mutable_grade_table() =
      ToGradeTableResource(call.view.state->ledger.grade_tables.back());
  return absl::OkStatus();
}

void AddItemWrites(Router& router, Engine& engine) {
  AddWrite<v1::CreateEvidenceRequest, v1::CreateEvidenceResponse>(
      router, engine, kService, "CreateEvidence",
      {.stream = ParentStream<v1::CreateEvidenceRequest>,
       .decide = DecideCreateEvidence,
       .respond = RespondToCreate});
  AddWrite<v1::BatchCreateEvidenceRequest, v1::BatchCreateEvidenceResponse>(
      router, engine, kService, "BatchCreateEvidence",
      {.stream = ParentStream<v1::BatchCreateEvidenceRequest>,
       .decide = DecideBatchCreateEvidence,
       .respond = RespondToBatch});
  AddWrite<v1::RetractEvidenceRequest, v1::RetractEvidenceResponse>(
      router, engine, kService, "RetractEvidence",
      {.stream = ItemStream<v1::RetractEvidenceRequest>,
       .decide = DecideRetractEvidence,
       .respond = RespondToRetract});
  AddWrite<v1::SupersedeEvidenceRequest, v1::SupersedeEvidenceResponse>(
      router, engine, kService, "SupersedeEvidence",
      {.stream = ItemStream<v1::SupersedeEvidenceRequest>,
       .decide = DecideSupersedeEvidence,
       .respond = RespondToSupersede});
  AddWrite<v1::ClusterEvidenceRequest, v1::ClusterEvidenceResponse>(
      router, engine, kService, "ClusterEvidence",
      {.stream = ParentStream<v1::ClusterEvidenceRequest>,
       .decide = DecideClusterEvidence,
       .respond = [](const WriteResult&, const v1::ClusterEvidenceRequest&,
                     v1::ClusterEvidenceResponse&) { return absl::OkStatus(); }});
}

void AddRegistryWrites(Router& router, Engine& engine) {
  AddWrite<v1::CreateSourceRequest, v1::CreateSourceResponse>(
      router, engine, kService, "CreateSource",
      {.stream =
           [](const State&, const v1::CreateSourceRequest& request) {
             return Cat("sources/", request.source_id());
           },
       .decide = DecideCreateSource,
       .respond = [](const WriteResult& result, const v1::CreateSourceRequest& request,
                     v1::CreateSourceResponse& response) -> absl::Status {
         CREDENCE_ASSIGN_OR_RETURN(
             const SourceState* source,
             FindSource(*result.state, Cat("sources/", request.source_id()), "source_id"));
         *response.mutable_source() = ToSourceResource(*source);
         return absl::OkStatus();
       }});
  AddWrite<v1::SetGradeTableRequest, v1::SetGradeTableResponse>(
      router, engine, kService, "SetGradeTable",
      {.stream = [](const State&,
                    const v1::SetGradeTableRequest&) { return std::string("ledger"); },
       .decide = DecideSetGradeTable,
       .respond = [](const WriteResult&, const v1::SetGradeTableRequest&,
                     v1::SetGradeTableResponse&) { return absl::OkStatus(); }});
}

}  // namespace

void AddEvidenceService(Router& router, Engine& engine) {
  AddItemWrites(router, engine);
  AddRegistryWrites(router, engine);
  AddRead<v1::GetEvidenceRequest, v1::GetEvidenceResponse>(
      router, engine, kService, "GetEvidence",
      {.scope =
           [](const v1::GetEvidenceRequest& request) {
             return SplitEvidenceName(request.name()).parent;
           },
       .answer = Get});
  AddRead<v1::ListEvidenceRequest, v1::ListEvidenceResponse>(
      router, engine, kService, "ListEvidence",
      {.scope = [](const v1::ListEvidenceRequest& request) { return request.parent(); },
       .answer = List});
  AddRead<v1::GetSourceRequest, v1::GetSourceResponse>(router, engine, kService, "GetSource",
                                                       {.scope = WholeLedger, .answer = GetSource});
  AddRead<v1::ListSourcesRequest, v1::ListSourcesResponse>(
      router, engine, kService, "ListSources", {.scope = WholeLedger, .answer = ListSources});
  AddRead<v1::GetGradeTableRequest, v1::GetGradeTableResponse>(
      router, engine, kService, "GetGradeTable", {.scope = WholeLedger, .answer = GetGradeTable});
}

}  // namespace credence::server
