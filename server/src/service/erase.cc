#include "service/erase.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/text.pb.h"
#include "credence/ledger/text.h"
#include "credence/v1/admin_service.pb.h"
#include "decide/checks.h"
#include "query/convert.h"
#include "service/method.h"
#include "service/parse.h"

namespace credence::server {
namespace {

using event::v1::EntryText;
using event::v1::ErasedText;
using event::v1::TextsErased;

constexpr std::string_view kMethod = "/credence.v1.AdminService/EraseTexts";
constexpr std::string_view kLedgerStream = "ledger";
constexpr int kPositionsMax = 1'000;

// An event whose texts are to be erased.
struct Target {
  ledger::StoredEntry entry;
  // Stream, position and the fields that were named.
  ErasedText text;
};
using Targets = std::vector<Target>;

absl::Status CheckRequest(const v1::EraseTextsRequest& request) {
  if (request.positions().empty()) {
    return InvalidField("FIELD_REQUIRED", "positions", "must name at least one event");
  }
  if (request.positions_size() > kPositionsMax) {
    return InvalidField(
        "FIELD_INVALID", "positions",
        Cat("has ", request.positions_size(), " positions; at most ", kPositionsMax, " are taken"));
  }
  const std::set<int64_t> distinct(request.positions().begin(), request.positions().end());
  if (static_cast<int>(distinct.size()) != request.positions_size()) {
    return InvalidField("FIELD_INVALID", "positions", "names an event twice");
  }
  CREDENCE_RETURN_IF_ERROR(CheckRequiredText(request.rationale(), "rationale"));
  if (request.options().has_effective_time()) {
    return InvalidField("FIELD_INVALID", "options.effective_time",
                        "must be absent: what is erased is gone from now on");
  }
  return absl::OkStatus();
}

// The event at one of the positions. Nothing about an entry changes, so that it can be read before
// the write is decided.
absl::StatusOr<Target> FindTarget(const ledger::Log& log, const v1::EraseTextsRequest& request,
                                  int index) {
  const int64_t position = request.positions(index);
  const std::string path = Cat("positions[", index, "]");
  ledger::ReadLimits one;
  one.entry_count_max = 1;
  if (position < 0 || position >= log.tree_head().size.value) {
    return InvalidField("FIELD_INVALID", path, Cat("is ", position, ": there is no such event"));
  }
  CREDENCE_ASSIGN_OR_RETURN(std::vector<ledger::StoredEntry> entries,
                            log.Read(ledger::Position{position}, one));
  Target target{std::move(entries.front()), {}};
  CREDENCE_ASSIGN_OR_RETURN(const ledger::DecodedEvent event,
                            ledger::DecodeEntry(*target.entry.bytes));
  target.text.set_position(position);
  target.text.set_stream(event.envelope.stream());
  std::vector<std::string> known;
  if (event.payload != nullptr) {
    for (const event::v1::TextDigest& digest : ledger::TextDigestsOf(*event.payload)) {
      const auto& wanted = request.fields();
      const bool named = std::find(wanted.begin(), wanted.end(), digest.field()) != wanted.end();
      known.push_back(digest.field());
      if (wanted.empty() || named) target.text.add_fields(digest.field());
    }
  }
  if (target.text.fields().empty()) {
    return InvalidField("FIELD_INVALID", path,
                        known.empty()
                            ? Cat("is ", position, ": the event has no text that can be erased")
                            : Cat("is ", position, ": the event's texts are of the fields ",
                                  absl::StrJoin(known, ", ")));
  }
  return target;
}

absl::StatusOr<Targets> FindTargets(const ledger::Log& log, const v1::EraseTextsRequest& request) {
  Targets targets;
  for (int i = 0; i < request.positions_size(); ++i) {
    CREDENCE_ASSIGN_OR_RETURN(targets.emplace_back(), FindTarget(log, request, i));
  }
  std::sort(targets.begin(), targets.end(), [](const Target& left, const Target& right) {
    return left.entry.position < right.entry.position;
  });
  return targets;
}

// Of the target's fields those that were not erased before.
absl::StatusOr<ErasedText> StillThere(const ledger::Log& log, const Target& target) {
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<EntryText> texts, log.ReadTexts(target.entry));
  ErasedText there = target.text;
  there.clear_fields();
  for (const EntryText& text : texts) {
    const auto& wanted = target.text.fields();
    if (text.has_erased_position()) continue;
    if (std::find(wanted.begin(), wanted.end(), text.field()) != wanted.end()) {
      there.add_fields(text.field());
    }
  }
  return there;
}

DecisionOr Decide(const ledger::Log& log, const Targets& targets, const std::string& rationale,
                  const std::string& actor) {
  const auto payload = std::make_shared<TextsErased>();
  for (const Target& target : targets) {
    CREDENCE_ASSIGN_OR_RETURN(ErasedText there, StillThere(log, target));
    if (!there.fields().empty()) *payload->add_texts() = std::move(there);
  }
  if (payload->texts().empty()) {
    return WrongState("positions", "all of these texts were erased before");
  }
  payload->set_rationale(rationale);
  Decision decision;
  ledger::EventDraft& draft = decision.events.emplace_back();
  draft.stream = std::string(kLedgerStream);
  draft.payload = payload;
  draft.actor = actor;
  return decision;
}

// What the write erased; of a repeat what the first one did.
absl::Status FillErased(const ledger::Log& log, const WriteResult& result,
                        v1::EraseTextsResponse& response) {
  if (!result.decision.events.empty()) {
    *response.mutable_texts() =
        static_cast<const TextsErased&>(*result.decision.events.front().payload).texts();
    return absl::OkStatus();
  }
  ledger::ReadLimits one;
  one.entry_count_max = 1;
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<ledger::StoredEntry> entries,
                            log.Read(result.receipt->position, one));
  CREDENCE_ASSIGN_OR_RETURN(const ledger::DecodedEvent event,
                            ledger::DecodeEntry(*entries.front().bytes));
  if (const auto* erased = dynamic_cast<const TextsErased*>(event.payload.get())) {
    *response.mutable_texts() = erased->texts();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Finish(Engine& engine, const WriteResult& result) {
  v1::EraseTextsResponse response;
  CREDENCE_RETURN_IF_ERROR(FillErased(engine.log(), result, response));
  if (result.receipt.has_value()) CREDENCE_RETURN_IF_ERROR(engine.log().PurgeErased());
  return FinishWrite(result, response);
}

}  // namespace

void EraseTexts(Engine& engine, std::string_view bytes, const Answer& answer) {
  v1::EraseTextsRequest request;
  if (absl::Status parsed = ParseRequest(bytes, request); !parsed.ok()) return answer(parsed);
  if (absl::Status checked = CheckRequest(request); !checked.ok()) return answer(checked);
  absl::StatusOr<Targets> found = FindTargets(engine.log(), request);
  if (!found.ok()) return answer(found.status());
  WriteCommand command;
  command.method = std::string(kMethod);
  command.body = BodyOf(request);
  command.options = request.options();
  // Which texts are there is asked of what is durable.
  command.needs_history = true;
  command.decide = [&log = engine.log(), targets = *std::move(found),
                    rationale = request.rationale()](const State&, const DecideFacts& facts) {
    return Decide(log, targets, rationale, facts.actor);
  };
  engine.Write(std::move(command), [&engine, answer](absl::StatusOr<WriteResult> result) {
    if (!result.ok()) return answer(result.status());
    // Files are rewritten: too long for the thread that answers writes.
    engine.executor().Run(
        [&engine, answer, result = *std::move(result)] { answer(Finish(engine, result)); });
  });
}

}  // namespace credence::server
