#include "service/proofs.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/ledger/tlog.h"
#include "credence/ledger/tree.h"
#include "credence/v1/ledger_service.pb.h"
#include "query/convert.h"
#include "service/parse.h"

namespace credence::server {
namespace {

using ledger::Position;
using ledger::SignedCheckpoint;
using ledger::TreeSize;

constexpr std::string_view kService = "credence.v1.LedgerService";

void FillTreeHead(const ledger::TreeHead& head, v1::TreeHead& resource) {
  resource.set_tree_size(head.size.value);
  resource.set_root_hash(head.root.data(), head.root.size());
}

// The head that a request looks at, and its checkpoint where the request states no size.
struct Target {
  ledger::TreeHead head;
  std::string checkpoint;
};

// Gives the head at `size`, which `field` of the request states, or the newest checkpoint where
// there is none, on a thread that may compute.
void FindTarget(Engine& engine, std::optional<int64_t> size, std::string_view field,
                std::function<void(absl::StatusOr<Target>)> ready) {
  if (size.has_value()) {
    if (*size < 0) return ready(InvalidField("FIELD_INVALID", field, "must not be negative"));
    absl::StatusOr<ledger::TreeHead> head = engine.log().TreeHeadAt(TreeSize{*size});
    if (!head.ok()) return ready(head.status());
    return ready(Target{*head, ""});
  }
  engine.log().RequestCheckpoint(
      [&engine, ready = std::move(ready)](absl::StatusOr<SignedCheckpoint> checkpoint) {
        // Off the signer's thread: writers wait for it.
        engine.executor().Run([ready, checkpoint = std::move(checkpoint)] {
          if (!checkpoint.ok()) return ready(checkpoint.status());
          ready(Target{checkpoint->head, checkpoint->note});
        });
      });
}

// --- GetCheckpoint ---

std::string CheckpointResponse(const Engine& engine, const SignedCheckpoint& checkpoint) {
  v1::GetCheckpointResponse response;
  response.set_checkpoint(checkpoint.note);
  FillTreeHead(checkpoint.head, *response.mutable_tree_head());
  for (std::string& statement : engine.log().key_rotations()) {
    response.add_key_rotations(std::move(statement));
  }
  return response.SerializeAsString();
}

void GetCheckpoint(Engine& engine, PublishedCheckpoint* published, std::string_view bytes,
                   const Answer& answer) {
  v1::GetCheckpointRequest request;
  if (absl::Status parsed = ParseRequest(bytes, request); !parsed.ok()) return answer(parsed);
  const auto respond = [&engine, published,
                        answer](const absl::StatusOr<SignedCheckpoint>& checkpoint) {
    if (!checkpoint.ok()) return answer(checkpoint.status());
    answer(CheckpointResponse(
        engine, published == nullptr ? *checkpoint : published->WithCosignatures(*checkpoint)));
  };
  // Without witnesses what is signed is published.
  if (request.published() && published != nullptr) return respond(published->Get());
  if (request.last_signed()) return respond(engine.log().LatestCheckpoint());
  engine.log().RequestCheckpoint(respond);
}

// --- GetInclusionProof ---

absl::StatusOr<std::string> ProveInclusion(const ledger::Log& log, Position position,
                                           const Target& target) {
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<ledger::Hash> path,
                            log.InclusionProof(position, target.head.size));
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<ledger::StoredEntry> entries,
                            log.Read(position, {.entry_count_max = 1}));
  v1::GetInclusionProofResponse response;
  FillInclusionProof(position, target.head.size, path, *response.mutable_inclusion_proof());
  const ledger::Hash leaf = ledger::LeafHash(*entries.front().bytes);
  response.set_leaf_hash(leaf.data(), leaf.size());
  FillTreeHead(target.head, *response.mutable_tree_head());
  response.set_checkpoint(target.checkpoint);
  return response.SerializeAsString();
}

void GetInclusionProof(Engine& engine, std::string_view bytes, const Answer& answer) {
  v1::GetInclusionProofRequest request;
  if (absl::Status parsed = ParseRequest(bytes, request); !parsed.ok()) return answer(parsed);
  const Position position{request.position()};
  FindTarget(engine, request.has_tree_size() ? std::optional(request.tree_size()) : std::nullopt,
             "tree_size", [&engine, answer, position](const absl::StatusOr<Target>& target) {
               if (!target.ok()) return answer(target.status());
               answer(ProveInclusion(engine.log(), position, *target));
             });
}

// --- GetConsistencyProof ---

absl::StatusOr<std::string> ProveConsistency(const ledger::Log& log, TreeSize first,
                                             const Target& target) {
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<ledger::Hash> path,
                            log.ConsistencyProof(first, target.head.size));
  CREDENCE_ASSIGN_OR_RETURN(const ledger::TreeHead first_head, log.TreeHeadAt(first));
  v1::GetConsistencyProofResponse response;
  for (const ledger::Hash& hash : path) response.add_hashes(hash.data(), hash.size());
  FillTreeHead(first_head, *response.mutable_first_tree_head());
  FillTreeHead(target.head, *response.mutable_second_tree_head());
  response.set_checkpoint(target.checkpoint);
  return response.SerializeAsString();
}

void GetConsistencyProof(Engine& engine, std::string_view bytes, const Answer& answer) {
  v1::GetConsistencyProofRequest request;
  if (absl::Status parsed = ParseRequest(bytes, request); !parsed.ok()) return answer(parsed);
  const TreeSize first{request.first_tree_size()};
  FindTarget(
      engine,
      request.has_second_tree_size() ? std::optional(request.second_tree_size()) : std::nullopt,
      "second_tree_size", [&engine, answer, first](const absl::StatusOr<Target>& target) {
        if (!target.ok()) return answer(target.status());
        answer(ProveConsistency(engine.log(), first, *target));
      });
}

// --- GetTile ---

absl::StatusOr<std::string> ReadTile(const ledger::Log& log, const v1::GetTileRequest& request) {
  const int width = request.width() == 0 ? ledger::kFullTileWidth : request.width();
  if (request.texts() && request.level() == 0) return log.ReadTextBundle(request.index());
  if (!request.entries() && !request.texts())
    return log.ReadTile(request.level(), request.index(), width);
  if (request.level() != 0) {
    return InvalidField("FIELD_INVALID", "level",
                        "must be 0 for a bundle of entries or their texts");
  }
  return log.ReadEntryBundle(request.index(), width);
}

void GetTile(const Engine& engine, std::string_view bytes, const Answer& answer) {
  v1::GetTileRequest request;
  if (absl::Status parsed = ParseRequest(bytes, request); !parsed.ok()) return answer(parsed);
  absl::StatusOr<std::string> content = ReadTile(engine.log(), request);
  if (!content.ok()) return answer(content.status());
  v1::GetTileResponse response;
  response.set_content(*std::move(content));
  answer(response.SerializeAsString());
}

}  // namespace

void AddProofMethods(Router& router, Engine& engine, PublishedCheckpoint* published) {
  const auto add = [&](std::string_view method, auto handler) {
    router.AddUnary(kService, method,
                    [&engine, handler](const CallContext&, std::string_view bytes,
                                       const Answer& answer) { handler(engine, bytes, answer); });
  };
  add("GetCheckpoint", [published](Engine& of, std::string_view bytes, const Answer& answer) {
    GetCheckpoint(of, published, bytes, answer);
  });
  add("GetInclusionProof", GetInclusionProof);
  add("GetConsistencyProof", GetConsistencyProof);
  add("GetTile", GetTile);
}

}  // namespace credence::server
