#include "absl/strings/numbers.h"
#include "credence/base/error.h"
#include "credence/base/strings.h"
#include "credence/ledger/tree.h"
#include "credence/v1/ledger_service.pb.h"
#include "decide/posterior.h"
#include "query/convert.h"
#include "service/method.h"
#include "service/proofs.h"
#include "service/services.h"
#include "service/version.h"
#include "service/watch.h"

namespace credence::server {
namespace {

constexpr std::string_view kService = "credence.v1.LedgerService";

// A page of events is one message; its bytes stay well below the transport's limit.
constexpr int64_t kPageBytesMax = int64_t{2} << 20;

absl::Status FillEvent(const ledger::Log& log, const ledger::StoredEntry& entry, v1::Event& event) {
  event.set_name(Cat("events/", entry.position.value));
  if (!event.mutable_envelope()->ParseFromString(*entry.bytes)) {
    ErrorDetail detail;
    detail.reason = "LEDGER_FAILED";
    return MakeError(absl::StatusCode::kDataLoss,
                     Cat("the entry at position ", entry.position.value, " is not an envelope"),
                     detail);
  }
  const ledger::Hash hash = ledger::LeafHash(*entry.bytes);
  event.set_leaf_hash(hash.data(), hash.size());
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<event::v1::EntryText> texts, log.ReadTexts(entry));
  event.mutable_texts()->Assign(texts.begin(), texts.end());
  return absl::OkStatus();
}

void FillTreeHead(const ledger::TreeHead& head, v1::TreeHead& resource) {
  resource.set_tree_size(head.size.value);
  resource.set_root_hash(head.root.data(), head.root.size());
}

absl::StatusOr<int64_t> ListStart(const ReadCall& call, const v1::ListEventsRequest& request) {
  int64_t start = request.start_position();
  if (call.page.key.has_value() && !absl::SimpleAtoi(*call.page.key, &start)) start = 0;
  if (start < 0) return InvalidField("FIELD_INVALID", "start_position", "must not be negative");
  return start;
}

absl::StatusOr<std::vector<ledger::StoredEntry>> ReadEvents(const ledger::Log& log,
                                                            const std::string& stream,
                                                            int64_t start, int64_t count,
                                                            ledger::Position last) {
  const ledger::ReadLimits limits{.entry_count_max = count, .byte_count_max = kPageBytesMax};
  if (stream.empty()) return log.Read(ledger::Position{start}, limits);
  CREDENCE_ASSIGN_OR_RETURN(const int64_t version,
                            log.StreamVersionAt(stream, ledger::Position{start}));
  return log.ReadStream(stream, version, limits, last);
}

absl::Status ListEvents(ReadCall& call, const v1::ListEventsRequest& request,
                        v1::ListEventsResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(int64_t next, ListStart(call, request));
  const ledger::Log& log = call.engine.log();
  const ledger::Position last{call.view.position};
  CREDENCE_ASSIGN_OR_RETURN(
      const std::vector<ledger::StoredEntry> entries,
      ReadEvents(log, request.stream(), next, static_cast<int64_t>(call.page.size), last));
  for (const ledger::StoredEntry& entry : entries) {
    if (entry.position > last) return absl::OkStatus();
    CREDENCE_RETURN_IF_ERROR(FillEvent(log, entry, *response.add_events()));
    next = entry.position.value + 1;
  }
  if (entries.empty()) return absl::OkStatus();
  // The page may have ended by its bytes, so that only looking tells whether there is more.
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<ledger::StoredEntry> more,
                            ReadEvents(log, request.stream(), next, 1, last));
  if (!more.empty() && more.front().position <= last) call.next_key = Cat(next);
  return absl::OkStatus();
}

absl::Status GetTreeHead(ReadCall& call, const v1::GetTreeHeadRequest&,
                         v1::GetTreeHeadResponse& response) {
  const ledger::Log& log = call.engine.log();
  CREDENCE_ASSIGN_OR_RETURN(const ledger::TreeHead head,
                            log.TreeHeadAt(ledger::TreeSize{call.view.position + 1}));
  FillTreeHead(head, *response.mutable_tree_head());
  response.set_origin(log.origin());
  return absl::OkStatus();
}

// Looks at the log and at nothing as-of, hence no view.
void GetServerInfo(const Engine& engine, const PublishedCheckpoint* published,
                   std::string_view bytes, const Answer& answer) {
  v1::GetServerInfoRequest request;
  if (absl::Status parsed = ParseRequest(bytes, request); !parsed.ok()) return answer(parsed);
  v1::GetServerInfoResponse response;
  response.set_version(std::string(kServerVersion));
  response.set_engine_version(std::string(kEngineVersion));
  response.set_origin(engine.log().origin());
  response.set_verifier_key(engine.log().verifier_key());
  FillTreeHead(engine.log().tree_head(), *response.mutable_tree_head());
  response.set_unknown_event_count(engine.Published()->ledger.unknown_event_count);
  if (published != nullptr) {
    for (const WitnessStanding& standing : published->witnesses()) {
      v1::WitnessState& witness = *response.add_witnesses();
      witness.set_name(standing.name);
      witness.set_tree_size(standing.size.value);
      if (standing.time.has_value()) SetTime(*standing.time, *witness.mutable_cosign_time());
      witness.set_error(standing.error);
    }
  }
  answer(response.SerializeAsString());
}

absl::Status MakeEventMessages(const ledger::Log& log,
                               const std::vector<ledger::StoredEntry>& entries,
                               int64_t next_position, std::deque<std::string>& messages) {
  v1::WatchEventsResponse message;
  for (const ledger::StoredEntry& entry : entries) {
    CREDENCE_RETURN_IF_ERROR(FillEvent(log, entry, *message.add_events()));
  }
  message.set_next_position(next_position);
  messages.push_back(message.SerializeAsString());
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<MessageSource>> WatchEvents(Engine& engine, std::string_view bytes) {
  v1::WatchEventsRequest request;
  CREDENCE_RETURN_IF_ERROR(ParseRequest(bytes, request));
  CREDENCE_ASSIGN_OR_RETURN(const ledger::Position from,
                            WatchStart(engine.log(), request.has_start_position()
                                                         ? std::optional(request.start_position())
                                                         : std::nullopt));
  return std::make_unique<LogWatch>(
      engine.log(), from, request.stream(),
      [&log = engine.log()](const auto& entries, int64_t next_position, auto& messages) {
        return MakeEventMessages(log, entries, next_position, messages);
      });
}

// Reads of the log itself need no projection of the past: a view without a replay.
template <typename Request, typename Response>
void AddLogRead(Router& router, Engine& engine, std::string_view method,
                absl::Status (*answer)(ReadCall&, const Request&, Response&)) {
  AddRead<Request, Response>(
      router, engine, kService, method,
      {.scope = [](const Request&) { return std::string("ledger"); }, .answer = answer});
}

}  // namespace

void AddLedgerService(Router& router, Engine& engine, const ServiceOptions& options) {
  AddLogRead<v1::ListEventsRequest, v1::ListEventsResponse>(router, engine, "ListEvents",
                                                            ListEvents);
  AddLogRead<v1::GetTreeHeadRequest, v1::GetTreeHeadResponse>(router, engine, "GetTreeHead",
                                                              GetTreeHead);
  router.AddUnary(kService, "GetServerInfo",
                  [&engine, published = options.published](
                      const CallContext&, std::string_view bytes, const Answer& answer) {
                    GetServerInfo(engine, published, bytes, answer);
                  });
  AddProofMethods(router, engine, options.published);
  AddCompletenessMethods(router, engine);
  router.AddStream(kService, "WatchEvents", [&engine](const CallContext&, std::string_view bytes) {
    return WatchEvents(engine, bytes);
  });
}

}  // namespace credence::server
