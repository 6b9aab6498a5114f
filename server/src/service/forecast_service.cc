#include <algorithm>
#include <span>

#include "credence/base/error.h"
#include "credence/base/strings.h"
#include "credence/v1/forecast_service.pb.h"
#include "decide/checks.h"
#include "query/find.h"
#include "query/pool.h"
#include "query/recorded.h"
#include "service/list.h"
#include "service/method.h"
#include "service/services.h"
#include "service/watch.h"

namespace credence::server {
namespace {

constexpr std::string_view kService = "credence.v1.ForecastService";

template <typename Request>
absl::StatusOr<std::string> ParentStream(const State&, const Request& request) {
  return request.parent();
}

template <typename Request>
std::string ParentScope(const Request& request) {
  return request.parent();
}

// --- Writes ---

// "f" of "forecasters/f"; a name without a collection stands as it is.
std::string_view WithoutCollection(std::string_view name) {
  const size_t slash = name.find('/');
  return slash == std::string_view::npos ? name : name.substr(slash + 1);
}

// The forecast that the write recorded, read back from the question's own stream.
absl::Status RespondToCreate(const WriteResult& result, const v1::CreateForecastRequest& request,
                             v1::CreateForecastResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const QuestionState* question,
                            FindQuestion(*result.state, request.parent(), "parent"));
  const std::string_view forecaster = WithoutCollection(request.forecast().forecaster());
  const StandingForecast* standing = question->standing.Find(forecaster);
  const bool recorded = !result.decision.ids.empty();
  v1::Forecast& forecast = *response.mutable_forecast();
  if (recorded && standing != nullptr && standing->forecast == result.decision.ids.front()) {
    forecast = ToForecastResource(*question, forecaster, *standing);
    return absl::OkStatus();
  }
  forecast = request.forecast();
  if (recorded) {
    forecast.set_name(Cat(request.parent(), "/forecasts/", result.decision.ids.front()));
  }
  if (result.receipt.has_value()) {
    forecast.set_position(result.receipt->position.value);
    SetTime(result.receipt->record_time, *forecast.mutable_record_time());
  }
  return absl::OkStatus();
}

absl::Status RespondToBatch(const WriteResult& result,
                            const v1::BatchCreateForecastsRequest& request,
                            v1::BatchCreateForecastsResponse& response) {
  const size_t count =
      std::min(result.decision.ids.size(), static_cast<size_t>(request.items_size()));
  for (size_t i = 0; i < count; ++i) {
    const std::string& id = result.decision.ids[i];
    response.add_names(
        id.empty() ? id : Cat(request.items(static_cast<int>(i)).parent(), "/forecasts/", id));
  }
  return absl::OkStatus();
}

absl::Status RespondWithForecaster(const WriteResult& result,
                                   const v1::CreateForecasterRequest& request,
                                   v1::CreateForecasterResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(
      const ForecasterState* forecaster,
      FindForecaster(*result.state, Cat("forecasters/", request.forecaster_id()), "forecaster_id"));
  *response.mutable_forecaster() =
      ToForecasterResource(*result.state, *forecaster, absl::InfinitePast());
  return absl::OkStatus();
}

// A sealed forecast as it stands after the write; `forecast` is its id.
absl::Status RespondWithSealed(const WriteResult& result, std::string_view question_name,
                               std::string_view forecast, v1::Forecast& resource) {
  CREDENCE_ASSIGN_OR_RETURN(const QuestionState* question,
                            FindQuestion(*result.state, question_name, "parent"));
  const SealState* seal = question->seals.Find(forecast);
  if (seal == nullptr) return absl::OkStatus();
  resource.set_name(Cat(question_name, "/forecasts/", forecast));
  resource.set_forecaster(Cat("forecasters/", seal->forecaster));
  *resource.mutable_seal() = ToSealResource(*seal);
  const StandingForecast* standing = question->standing.Find(seal->forecaster);
  if (standing != nullptr && standing->forecast == forecast) {
    resource = ToForecastResource(*question, seal->forecaster, *standing);
  } else if (result.receipt.has_value()) {
    resource.set_position(result.receipt->position.value);
    SetTime(result.receipt->record_time, *resource.mutable_record_time());
  }
  return absl::OkStatus();
}

absl::Status RespondToSeal(const WriteResult& result, const v1::SealForecastRequest& request,
                           v1::SealForecastResponse& response) {
  if (result.decision.ids.empty()) return absl::OkStatus();
  return RespondWithSealed(result, request.parent(), result.decision.ids.front(),
                           *response.mutable_forecast());
}

// "questions/q" of "questions/q/forecasts/f".
std::string QuestionOf(std::string_view forecast) {
  return std::string(forecast.substr(0, forecast.find("/forecasts/")));
}

absl::Status RespondToReveal(const WriteResult& result, const v1::RevealForecastRequest& request,
                             v1::RevealForecastResponse& response) {
  return RespondWithSealed(result, QuestionOf(request.name()),
                           std::string_view(request.name()).substr(request.name().rfind('/') + 1),
                           *response.mutable_forecast());
}

void AddSealWrites(Router& router, Engine& engine) {
  AddWrite<v1::SealForecastRequest, v1::SealForecastResponse>(
      router, engine, kService, "SealForecast",
      {.stream = ParentStream<v1::SealForecastRequest>,
       .decide = DecideSealForecast,
       .respond = RespondToSeal});
  AddWrite<v1::RevealForecastRequest, v1::RevealForecastResponse>(
      router, engine, kService, "RevealForecast",
      {.stream =
           [](const State&, const v1::RevealForecastRequest& request) {
             return QuestionOf(request.name());
           },
       .decide = DecideRevealForecast,
       .respond = RespondToReveal});
}

void AddWrites(Router& router, Engine& engine) {
  AddWrite<v1::CreateForecasterRequest, v1::CreateForecasterResponse>(
      router, engine, kService, "CreateForecaster",
      {.stream =
           [](const State&, const v1::CreateForecasterRequest& request) {
             return Cat("forecasters/", request.forecaster_id());
           },
       .decide = DecideCreateForecaster,
       .respond = RespondWithForecaster});
  AddWrite<v1::BatchCreateForecastersRequest, v1::BatchCreateForecastersResponse>(
      router, engine, kService, "BatchCreateForecasters",
      {.stream = nullptr,
       .decide = DecideBatchCreateForecasters,
       .respond = RespondWithReceipt<v1::BatchCreateForecastersRequest,
                                     v1::BatchCreateForecastersResponse>});
  AddWrite<v1::CreateForecastRequest, v1::CreateForecastResponse>(
      router, engine, kService, "CreateForecast",
      {.stream = ParentStream<v1::CreateForecastRequest>,
       .decide = DecideCreateForecast,
       .respond = RespondToCreate});
  AddWrite<v1::BatchCreateForecastsRequest, v1::BatchCreateForecastsResponse>(
      router, engine, kService, "BatchCreateForecasts",
      {.stream = nullptr, .decide = DecideBatchCreateForecasts, .respond = RespondToBatch});
  AddWrite<v1::WithdrawForecastRequest, v1::WithdrawForecastResponse>(
      router, engine, kService, "WithdrawForecast",
      {.stream = ParentStream<v1::WithdrawForecastRequest>,
       .decide = DecideWithdrawForecast,
       .respond = [](const WriteResult&, const v1::WithdrawForecastRequest&,
                     v1::WithdrawForecastResponse&) { return absl::OkStatus(); }});
}

// --- Reads ---

absl::Status GetForecaster(ReadCall& call, const v1::GetForecasterRequest& request,
                           v1::GetForecasterResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const ForecasterState* forecaster,
                            FindForecaster(*call.view.state, request.name(), "name"));
  *response.mutable_forecaster() =
      ToForecasterResource(*call.view.state, *forecaster, call.view.time);
  return absl::OkStatus();
}

absl::Status ListForecasters(ReadCall& call, const v1::ListForecastersRequest&,
                             v1::ListForecastersResponse& response) {
  ListById(call, call.view.state->forecasters, kAll, [&](const ForecasterState& value) {
    *response.add_forecasters() = ToForecasterResource(*call.view.state, value, call.view.time);
  });
  return absl::OkStatus();
}

// The standing forecasts, by position.
void ListStanding(ReadCall& call, const QuestionState& question, std::string_view forecaster,
                  v1::ListForecastsResponse& response) {
  const int64_t from = NumberedPageStart(call);
  std::vector<v1::Forecast> standing;
  question.standing.ForEach([&](const std::string& id, const StandingForecast& value) {
    if (value.position < from || (!forecaster.empty() && id != forecaster)) return;
    standing.push_back(ToForecastResource(question, id, value));
  });
  std::sort(standing.begin(), standing.end(),
            [](const v1::Forecast& left, const v1::Forecast& right) {
              return left.position() < right.position();
            });
  for (v1::Forecast& forecast : standing) {
    if (static_cast<size_t>(response.forecasts_size()) == call.page.size) {
      call.next_key = Cat(forecast.position());
      return;
    }
    *response.add_forecasts() = std::move(forecast);
  }
}

// What stood at a time of the past, by position: put together from the question's whole history.
absl::Status ListStandingAt(ReadCall& call, const QuestionState& question,
                            const std::string& forecaster, absl::Time time,
                            v1::ListForecastsResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(std::vector<v1::Forecast> standing,
                            ReadStandingAt(call.engine.log(), question, forecaster, time,
                                           ledger::Position{call.view.position}));
  const int64_t from = NumberedPageStart(call);
  for (v1::Forecast& forecast : standing) {
    if (forecast.position() < from) continue;
    if (static_cast<size_t>(response.forecasts_size()) == call.page.size) {
      call.next_key = Cat(forecast.position());
      return absl::OkStatus();
    }
    *response.add_forecasts() = std::move(forecast);
  }
  return absl::OkStatus();
}

absl::Status ListForecasts(ReadCall& call, const v1::ListForecastsRequest& request,
                           v1::ListForecastsResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const QuestionState* question,
                            FindQuestion(*call.view.state, request.parent(), "parent"));
  std::string forecaster;
  if (!request.forecaster().empty()) {
    CREDENCE_ASSIGN_OR_RETURN(forecaster,
                              ParseName(request.forecaster(), "forecasters", "forecaster"));
  }
  std::optional<absl::Time> time;
  if (request.has_effective_time()) {
    CREDENCE_ASSIGN_OR_RETURN(time, ParseTime(request.effective_time(), "effective_time"));
  }
  if (request.standing_only()) {
    if (time.has_value()) return ListStandingAt(call, *question, forecaster, *time, response);
    ListStanding(call, *question, forecaster, response);
    return absl::OkStatus();
  }
  CREDENCE_ASSIGN_OR_RETURN(
      RecordedPage<v1::Forecast> page,
      ReadForecasts(
          call.engine.log(), *question,
          {.forecaster = forecaster, .counted_by = time, .from_version = NumberedPageStart(call)},
          ledger::Position{call.view.position}, call.page.size));
  for (v1::Forecast& forecast : page.resources) *response.add_forecasts() = std::move(forecast);
  if (page.next_version.has_value()) call.next_key = Cat(*page.next_version);
  return absl::OkStatus();
}

// Records rest on every question, the rest on this one.
std::string PoolScope(const v1::GetPoolRequest& request) {
  return NeedsRecords(request) ? "" : request.parent();
}

absl::Status GetPool(ReadCall& call, const v1::GetPoolRequest& request,
                     v1::GetPoolResponse& response) {
  return PoolForecasts(call.engine.log(), *call.view.state, call.view.time,
                       ledger::Position{call.view.position}, request, response);
}

absl::Status ListPosteriors(ReadCall& call, const v1::ListPosteriorsRequest& request,
                            v1::ListPosteriorsResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const QuestionState* question,
                            FindQuestion(*call.view.state, request.parent(), "parent"));
  CREDENCE_ASSIGN_OR_RETURN(RecordedPage<v1::PublishedPosterior> page,
                            ReadPosteriors(call.engine.log(), *question, NumberedPageStart(call),
                                           ledger::Position{call.view.position}, call.page.size));
  for (v1::PublishedPosterior& posterior : page.resources) {
    *response.add_posteriors() = std::move(posterior);
  }
  if (page.next_version.has_value()) call.next_key = Cat(*page.next_version);
  return absl::OkStatus();
}

// --- Watching ---

absl::Status MakePosteriorMessages(const QuestionState& question,
                                   const std::vector<ledger::StoredEntry>& entries,
                                   int64_t next_position, std::deque<std::string>& messages) {
  if (entries.empty()) {
    v1::WatchPosteriorsResponse mark;
    mark.set_next_position(next_position);
    messages.push_back(mark.SerializeAsString());
    return absl::OkStatus();
  }
  for (const ledger::StoredEntry& entry : entries) {
    CREDENCE_ASSIGN_OR_RETURN(const ledger::DecodedEvent event, ledger::DecodeEntry(*entry.bytes));
    auto posterior = ToPublishedPosterior(question, event.AsEvent());
    if (!posterior.has_value()) continue;
    v1::WatchPosteriorsResponse message;
    *message.mutable_posterior() = *std::move(posterior);
    message.set_next_position(entry.position.value + 1);
    messages.push_back(message.SerializeAsString());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<MessageSource>> WatchPosteriors(Engine& engine,
                                                               std::string_view bytes) {
  v1::WatchPosteriorsRequest request;
  CREDENCE_RETURN_IF_ERROR(ParseRequest(bytes, request));
  const std::shared_ptr<const State> state = engine.Published();
  CREDENCE_ASSIGN_OR_RETURN(const std::string id,
                            ParseName(request.parent(), "questions", "parent"));
  std::shared_ptr<const QuestionState> question = state->questions.Share(id);
  if (question == nullptr) return NotFound(request.parent());
  CREDENCE_ASSIGN_OR_RETURN(const ledger::Position from,
                            WatchStart(engine.log(), request.has_start_position()
                                                         ? std::optional(request.start_position())
                                                         : std::nullopt));
  const std::string stream = Cat("networks/", question->network);
  return std::make_unique<LogWatch>(
      engine.log(), from, stream,
      [question](const std::vector<ledger::StoredEntry>& entries, int64_t next_position,
                 std::deque<std::string>& messages) {
        return MakePosteriorMessages(*question, entries, next_position, messages);
      });
}

}  // namespace

void AddForecastService(Router& router, Engine& engine) {
  AddWrites(router, engine);
  AddSealWrites(router, engine);
  AddRead<v1::GetForecasterRequest, v1::GetForecasterResponse>(
      router, engine, kService, "GetForecaster", {.scope = WholeLedger, .answer = GetForecaster});
  AddRead<v1::ListForecastersRequest, v1::ListForecastersResponse>(
      router, engine, kService, "ListForecasters",
      {.scope = WholeLedger, .answer = ListForecasters});
  AddRead<v1::ListForecastsRequest, v1::ListForecastsResponse>(
      router, engine, kService, "ListForecasts", {.scope = ParentScope, .answer = ListForecasts});
  AddRead<v1::GetPoolRequest, v1::GetPoolResponse>(router, engine, kService, "GetPool",
                                                   {.scope = PoolScope, .answer = GetPool});
  AddRead<v1::ListPosteriorsRequest, v1::ListPosteriorsResponse>(
      router, engine, kService, "ListPosteriors", {.scope = ParentScope, .answer = ListPosteriors});
  router.AddStream(kService, "WatchPosteriors",
                   [&engine](const CallContext&, std::string_view bytes) {
                     return WatchPosteriors(engine, bytes);
                   });
}

}  // namespace credence::server
