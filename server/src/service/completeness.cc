#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/ledger/stream_map.h"
#include "credence/ledger/tlog.h"
#include "credence/v1/ledger_service.pb.h"
#include "query/convert.h"
#include "service/method.h"
#include "service/proofs.h"

// The ledger service's proofs that a stream is complete.
namespace credence::server {
namespace {

constexpr std::string_view kService = "credence.v1.LedgerService";
constexpr std::string_view kRecordMethod = "/credence.v1.LedgerService/RecordStreamHeads";

// Events of one answer; each may have 65,535 bytes.
constexpr int64_t kProvedEventsMax = 256;

void RecordStreamHeads(Engine& engine, const CallContext& context, std::string_view bytes,
                       const Answer& answer) {
  v1::RecordStreamHeadsRequest request;
  if (absl::Status parsed = ParseRequest(bytes, request); !parsed.ok()) return answer(parsed);
  FillActor(context, *request.mutable_options());
  if (request.options().has_effective_time()) {
    return answer(InvalidField("FIELD_INVALID", "options.effective_time",
                               "must be absent: the ledger records what is there now"));
  }
  WriteCommand command;
  command.method = std::string(kRecordMethod);
  command.body = BodyOf(request);
  command.options = request.options();
  command.record_stream_heads = true;
  command.decide = [](const State&, const DecideFacts&) -> DecisionOr { return Decision(); };
  engine.Write(std::move(command), [answer](const absl::StatusOr<WriteResult>& result) {
    if (!result.ok()) return answer(result.status());
    v1::RecordStreamHeadsResponse response;
    answer(FinishWrite(*result, response));
  });
}

// --- Completeness ---

absl::Status FillProved(const ledger::Log& log, const ledger::StoredEntry& entry,
                        ledger::TreeSize size, v1::ProvedEntry& proved) {
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<ledger::Hash> path,
                            log.InclusionProof(entry.position, size));
  proved.set_position(entry.position.value);
  proved.set_entry(*entry.bytes);
  for (const ledger::Hash& hash : path) proved.add_inclusion_path(hash.data(), hash.size());
  return absl::OkStatus();
}

void FillPath(const ledger::MapProof& proof, v1::StreamMapPath& path) {
  for (const std::optional<ledger::Hash>& sibling : proof.siblings) {
    std::string& bytes = *path.add_siblings();
    if (sibling.has_value()) bytes.assign(sibling->begin(), sibling->end());
  }
  if (!proof.head.has_value()) return;
  v1::StreamMapEnd& end = *path.mutable_end();
  end.set_key(proof.head->key.data(), proof.head->key.size());
  end.set_version(proof.head->version);
  end.set_position(proof.head->position.value);
}

// The events of `stream` of versions below `end`, as many as go into one
// answer, the last one first.
absl::Status FillEvents(const ledger::Log& log, const std::string& stream, int64_t end,
                        ledger::TreeSize size, v1::GetCompletenessProofResponse& response) {
  const int64_t begin = std::max<int64_t>(0, end - kProvedEventsMax);
  if (begin >= end) return absl::OkStatus();
  const ledger::ReadLimits limits{.entry_count_max = end - begin,
                                  .byte_count_max = kProvedEventsMax * ledger::kEntryBytesMax};
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<ledger::StoredEntry> entries,
                            log.ReadStream(stream, begin, limits));
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    CREDENCE_RETURN_IF_ERROR(FillProved(log, *entry, size, *response.add_events()));
  }
  response.set_next_before_version(begin);
  return absl::OkStatus();
}

absl::StatusOr<v1::GetCompletenessProofResponse> ProveNext(
    const ledger::Log& log, const v1::GetCompletenessProofRequest& request) {
  CREDENCE_ASSIGN_OR_RETURN(const int64_t length, log.StreamLength(request.stream()));
  if (request.before_version() < 0 || request.before_version() > length) {
    return InvalidField("FIELD_INVALID", "before_version",
                        Cat("must lie between 0 and ", length, ", the length of the stream"));
  }
  v1::GetCompletenessProofResponse response;
  CREDENCE_RETURN_IF_ERROR(FillEvents(log, request.stream(), request.before_version(),
                                      ledger::TreeSize{request.tree_size()}, response));
  return response;
}

absl::Status NotYet() {
  ErrorDetail detail;
  detail.reason = "UNAVAILABLE";
  return MakeError(absl::StatusCode::kUnavailable,
                   "The last record of the stream heads is not signed yet; ask again.", detail);
}

// `proof` was made before the checkpoint, which therefore covers its record.
absl::StatusOr<v1::GetCompletenessProofResponse> ProveFirst(
    const ledger::Log& log, const std::string& stream,
    const std::pair<ledger::MapRecord, ledger::MapProof>& proof,
    const ledger::SignedCheckpoint& checkpoint) {
  const auto& [record, path] = proof;
  const ledger::Position position = ledger::PositionAfter(record.size);
  const ledger::TreeSize size = checkpoint.head.size;
  // Written, but not published yet when the checkpoint was asked for.
  if (!ledger::Contains(size, position)) return NotYet();
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<ledger::StoredEntry> entries,
                            log.Read(position, {.entry_count_max = 1}));
  v1::GetCompletenessProofResponse response;
  response.set_checkpoint(checkpoint.note);
  CREDENCE_RETURN_IF_ERROR(FillProved(log, entries.front(), size, *response.mutable_record()));
  FillPath(path, *response.mutable_path());
  const bool exists = path.head.has_value() && path.head->key == ledger::MapKey(stream);
  CREDENCE_RETURN_IF_ERROR(
      FillEvents(log, stream, exists ? path.head->version + 1 : 0, size, response));
  return response;
}

void AnswerProof(const absl::StatusOr<v1::GetCompletenessProofResponse>& response,
                 const Answer& answer) {
  if (!response.ok()) return answer(response.status());
  answer(response->SerializeAsString());
}

void GetCompletenessProof(Engine& engine, std::string_view bytes, const Answer& answer) {
  v1::GetCompletenessProofRequest request;
  if (absl::Status parsed = ParseRequest(bytes, request); !parsed.ok()) return answer(parsed);
  if (request.stream().empty()) {
    return answer(InvalidField("FIELD_REQUIRED", "stream", "must not be empty"));
  }
  if (request.has_before_version()) return AnswerProof(ProveNext(engine.log(), request), answer);
  auto proof = engine.log().ProveStream(request.stream());
  if (!proof.ok()) return answer(proof.status());
  engine.log().RequestCheckpoint(
      [&log = engine.log(), stream = request.stream(), proof = *std::move(proof),
       answer](const absl::StatusOr<ledger::SignedCheckpoint>& checkpoint) {
        if (!checkpoint.ok()) return answer(checkpoint.status());
        AnswerProof(ProveFirst(log, stream, proof, *checkpoint), answer);
      });
}

}  // namespace

void AddCompletenessMethods(Router& router, Engine& engine) {
  router.AddUnary(
      kService, "RecordStreamHeads",
      [&engine](const CallContext& context, std::string_view bytes, const Answer& answer) {
        RecordStreamHeads(engine, context, bytes, answer);
      });
  router.AddUnary(kService, "GetCompletenessProof",
                  [&engine](const CallContext&, std::string_view bytes, const Answer& answer) {
                    GetCompletenessProof(engine, bytes, answer);
                  });
}

}  // namespace credence::server
