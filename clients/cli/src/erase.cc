#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "command.h"
#include "credence/base/status_macros.h"
#include "credence/cli/exit_code.h"
#include "credence/v1/admin_service.pb.h"
#include "credence/v1/evidence_service.pb.h"
#include "credence/v1/ledger_service.pb.h"
#include "output.h"

// `credence erase`: which events are meant, and their texts.
namespace credence::cli {
namespace {

constexpr size_t kPositionsMax = 1'000;

struct EraseFlags {
  std::vector<std::string> targets;
  std::vector<std::string> fields;
  std::string rationale;
};

absl::StatusOr<std::vector<int64_t>> PositionOfEvidence(const std::string& name,
                                                        CliContext& context) {
  v1::GetEvidenceRequest request;
  request.set_name(name);
  CREDENCE_ASSIGN_OR_RETURN(const auto response,
                            CallRpc<v1::GetEvidenceResponse>(context, std::move(request)));
  return std::vector<int64_t>{response.evidence().position()};
}

// Whether the event has a text that is there and is meant.
bool HasText(const v1::Event& event, const std::vector<std::string>& fields) {
  return std::any_of(event.texts().begin(), event.texts().end(), [&](const auto& text) {
    const bool meant =
        fields.empty() || std::find(fields.begin(), fields.end(), text.field()) != fields.end();
    return meant && !text.has_erased_position();
  });
}

absl::StatusOr<std::vector<int64_t>> PositionsInStream(const std::string& stream,
                                                       const EraseFlags& flags,
                                                       CliContext& context) {
  std::vector<int64_t> positions;
  bool any = false;
  v1::ListEventsRequest request;
  request.set_stream(stream);
  do {
    CREDENCE_ASSIGN_OR_RETURN(const auto response,
                              CallRpc<v1::ListEventsResponse>(context, request));
    any = any || response.events_size() > 0;
    for (const v1::Event& event : response.events()) {
      if (HasText(event, flags.fields)) positions.push_back(event.envelope().position());
    }
    request.mutable_page()->set_page_token(response.next_page_token());
  } while (!request.page().page_token().empty());
  if (any) return positions;
  return UsageError(absl::StrCat(
      "erase: ", stream,
      " is neither a position, nor an item of evidence, nor a stream that has events, such as "
      "forecasters/analyst-1/forecasts"));
}

absl::StatusOr<std::vector<int64_t>> PositionsOf(const std::string& target, const EraseFlags& flags,
                                                 CliContext& context) {
  int64_t position = 0;
  if (absl::SimpleAtoi(absl::StripPrefix(target, "events/"), &position)) {
    return std::vector<int64_t>{position};
  }
  if (absl::StrContains(target, "/evidence/")) return PositionOfEvidence(target, context);
  return PositionsInStream(target, flags, context);
}

Table ErasedTable(const v1::EraseTextsResponse& response) {
  Table table({{"POSITION", Table::Align::kRight}, {"STREAM"}, {"FIELDS"}});
  for (const event::v1::ErasedText& text : response.texts()) {
    table.AddRow(
        {absl::StrCat(text.position()), text.stream(), absl::StrJoin(text.fields(), ", ")});
  }
  return table;
}

// The events that are meant, by position, each once.
absl::StatusOr<std::vector<int64_t>> AllPositions(const EraseFlags& flags, CliContext& context) {
  std::vector<int64_t> all;
  for (const std::string& target : flags.targets) {
    CREDENCE_ASSIGN_OR_RETURN(const std::vector<int64_t> positions,
                              PositionsOf(target, flags, context));
    all.insert(all.end(), positions.begin(), positions.end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

// As many writes as it takes; of the answers the texts together, and the last receipt.
absl::StatusOr<v1::EraseTextsResponse> EraseAt(const std::vector<int64_t>& positions,
                                               const EraseFlags& flags, CliContext& context) {
  v1::EraseTextsResponse all;
  for (size_t begin = 0; begin < positions.size(); begin += kPositionsMax) {
    const size_t end = std::min(begin + kPositionsMax, positions.size());
    v1::EraseTextsRequest request;
    for (size_t i = begin; i < end; ++i) request.add_positions(positions[i]);
    for (const std::string& field : flags.fields) request.add_fields(field);
    request.set_rationale(flags.rationale);
    CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, {}));
    CREDENCE_ASSIGN_OR_RETURN(const auto response,
                              CallRpc<v1::EraseTextsResponse>(context, std::move(request)));
    all.mutable_texts()->MergeFrom(response.texts());
    if (response.has_receipt()) *all.mutable_receipt() = response.receipt();
  }
  return all;
}

absl::Status Erase(const EraseFlags& flags, CliContext& context) {
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<int64_t> positions, AllPositions(flags, context));
  if (positions.empty()) {
    context.err() << "nothing to erase: these events have no texts, or had them erased before\n";
    return absl::OkStatus();
  }
  if (positions.size() > kPositionsMax && !context.flags().request_id.empty()) {
    return UsageError(absl::StrCat("erase: these are ", positions.size(), " events, of which ",
                                   kPositionsMax,
                                   " are erased in one write: give no --request-id"));
  }
  CREDENCE_ASSIGN_OR_RETURN(const auto response, EraseAt(positions, flags, context));
  Presentation presentation;
  presentation.table = [&] { return ErasedTable(response); };
  CREDENCE_RETURN_IF_ERROR(Emit(context, response, presentation));
  if (!response.has_receipt()) return absl::OkStatus();
  context.err() << "erased by event " << response.receipt().position()
                << "; backups and exports made before still hold the texts\n";
  return absl::OkStatus();
}

}  // namespace

void AddEraseCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<EraseFlags>();
  CLI::App* command = app.add_subcommand(
      "erase",
      "Erase texts for good; their entries, digests and proofs stay, and who did it and why");
  command
      ->add_option("TARGET", flags->targets,
                   "Position of an event, networks/NETWORK/evidence/EVIDENCE, or a stream whose "
                   "texts are all erased, such as forecasters/FORECASTER/forecasts")
      ->required();
  command->add_option("--field", flags->fields,
                      "Only this field, such as rationale or model.summary; may be repeated");
  command->add_option("--rationale", flags->rationale, "Why; kept for ever")->required();
  context.SetAction(command, [flags, &context] { return Erase(*flags, context); });
}

}  // namespace credence::cli
