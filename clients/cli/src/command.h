#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/base/status_macros.h"
#include "credence/cli/context.h"
#include "credence/cli/table.h"
#include "credence/v1/common.pb.h"
#include "google/protobuf/message.h"

// What the commands share: flags of reads, writes and lists, and what they become in requests.
//
// The flags of a command live in a shared struct that its action holds, since CLI11 writes them
// when it parses, long after the command was added.
namespace credence::cli {

// Each adds its noun with all its verbs.
void AddQuestionCommands(CLI::App& app, CliContext& context);
void AddEvidenceCommands(CLI::App& app, CliContext& context);
void AddSourceCommands(CLI::App& app, CliContext& context);
void AddGradeCommands(CLI::App& app, CliContext& context);
void AddForecastCommands(CLI::App& app, CliContext& context);
void AddAuthorCommands(CLI::App& app, CliContext& context);
void AddForecasterCommands(CLI::App& app, CliContext& context);
void AddNetworkCommands(CLI::App& app, CliContext& context);
void AddPosteriorCommands(CLI::App& app, CliContext& context);
void AddIndicatorCommands(CLI::App& app, CliContext& context);
void AddScoreCommands(CLI::App& app, CliContext& context);
void AddBacktestCommands(CLI::App& app, CliContext& context);
void AddImportCommands(CLI::App& app, CliContext& context);
void AddExtractCommands(CLI::App& app, CliContext& context);
void AddLedgerCommands(CLI::App& app, CliContext& context);
// To be added to the noun `ledger` after its other verbs.
void AddCompletenessVerbs(CLI::App* noun, CliContext& context);
void AddEraseCommand(CLI::App& app, CliContext& context);
void AddApplyCommand(CLI::App& app, CliContext& context);
void AddCompletionCommands(CLI::App& app, CliContext& context);

// To be added to the noun `posterior`: sensitivity, joint, mpe and evidence; and alarms.
void AddPosteriorQueryVerbs(CLI::App* noun, CliContext& context);
void AddAlarmVerb(CLI::App* noun, CliContext& context);

// Adds `history QUESTION`, which both questions and posteriors have: the published posteriors.
void AddHistoryVerb(CLI::App* noun, CliContext& context);

// Adds a noun: a command that only groups its verbs.
CLI::App* AddNoun(CLI::App& app, const std::string& name, const std::string& description);

// Adds a command that does `action`.
CLI::App* AddVerb(CLI::App* noun, CliContext& context, const std::string& name,
                  const std::string& description, CliContext::Action action);

// Flags of a write beyond the global ones.
struct WriteFlags {
  std::string effective_time;
  std::optional<int64_t> expected_revision;
};
void AddWriteFlags(CLI::App* command, WriteFlags* flags);

// Options of a write from its flags and the global --request-id, --actor and --dry-run.
[[nodiscard]] absl::StatusOr<v1::WriteOptions> MakeOptions(const CliContext& context,
                                                           const WriteFlags& flags);

// View of a read from the global --as-of and --min-position, and from --evidence-before, which may
// be empty.
[[nodiscard]] absl::StatusOr<v1::ReadView> MakeView(const CliContext& context,
                                                    const std::string& evidence_before = "");

// A time of a flag, see ParseTime; nothing where the flag is empty.
[[nodiscard]] absl::StatusOr<std::optional<google::protobuf::Timestamp>> TimeFlag(
    const CliContext& context, const std::string& flag, const std::string& text,
    absl::Duration time_of_day = absl::ZeroDuration());

// Flags of a list.
struct ListFlags {
  int64_t limit = 1000;
  std::string page_token;
};
void AddListFlags(CLI::App* command, ListFlags* flags);

// Calls the list rpc of `request` page by page until the flags' limit, and joins the pages in
// `response`, whose items stand in the field `items`. Where more are left, `next_page_token` stays
// set and a note goes to the error stream.
[[nodiscard]] absl::Status ListPages(CliContext& context, const ListFlags& flags,
                                     const std::string& items, google::protobuf::Message& request,
                                     google::protobuf::Message& response);

// Calls an rpc and gives its answer.
template <typename Response, typename Request>
[[nodiscard]] absl::StatusOr<Response> CallRpc(CliContext& context, Request request) {
  CREDENCE_ASSIGN_OR_RETURN(client::Client * client, context.Connect());
  return client->Call<Response>(std::move(request));
}

// "yes 9.52 %, no 90.48 %", and for spreadsheets "yes=0.0952, no=0.9048" with full precision.
[[nodiscard]] std::string StatesText(
    const google::protobuf::RepeatedPtrField<v1::StateProbability>& states);
[[nodiscard]] Table::Cell StatesCell(
    const google::protobuf::RepeatedPtrField<v1::StateProbability>& states);

// Name of an enum's value without its prefix, in lower case: STATE_ACTIVE of State is "active".
[[nodiscard]] std::string EnumText(const google::protobuf::EnumDescriptor* type, int number);

// Reads such a name, or the full one.
[[nodiscard]] absl::StatusOr<int> ParseEnum(const google::protobuf::EnumDescriptor* type,
                                            const std::string& flag, const std::string& text);

}  // namespace credence::cli
