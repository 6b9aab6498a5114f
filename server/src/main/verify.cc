#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "audit/audit.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/cli/context.h"
#include "credence/client/verify/log_verifier.h"
#include "credence/client/verify/witness_policy.h"
#include "main/commands.h"
#include "main/input_file.h"
#include "main/log_sources.h"
#include "main/report.h"

namespace credence::server {
namespace {

struct VerifyFlags {
  std::string log;
  std::string key;
  std::string checkpoint;
  std::string state;
  std::string policy;
  std::vector<std::string> witnesses;
  // 0 for all of them.
  int64_t quorum = 0;
  bool recompute = false;
  bool no_state = false;
};

// The policy of the flags; nothing where they ask for no cosignatures.
absl::StatusOr<std::optional<client::WitnessPolicy>> PolicyOf(const VerifyFlags& flags) {
  std::optional<client::WitnessPolicy> policy;
  if (!flags.policy.empty()) {
    CREDENCE_ASSIGN_OR_RETURN(policy, ReadPolicy(flags.policy));
  }
  if (flags.witnesses.empty()) return policy;
  std::vector<client::VerifierKey> keys;
  for (const std::string& text : flags.witnesses) {
    CREDENCE_ASSIGN_OR_RETURN(client::VerifierKey key, client::ParseVerifierKey(text));
    keys.push_back(std::move(key));
  }
  const auto all = static_cast<int64_t>(keys.size());
  CREDENCE_ASSIGN_OR_RETURN(
      policy, client::WitnessPolicy::Threshold(keys, flags.quorum == 0 ? all : flags.quorum));
  return policy;
}

// What was verified of a directory is remembered beside it, where one may write
// there.
std::string StatePath(const VerifyFlags& flags) {
  if (flags.no_state || !flags.state.empty()) return flags.state;
  std::error_code error;
  if (!std::filesystem::is_directory(flags.log, error)) return "";
  std::filesystem::path directory = std::filesystem::absolute(flags.log, error).lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();
  if (access(directory.parent_path().c_str(), W_OK) != 0) return "";
  return Cat(directory.string(), ".verified");
}

std::string TimeText(const client::EntryTime& time) {
  return absl::FormatTime(absl::RFC3339_full,
                          absl::FromUnixSeconds(time.seconds) + absl::Nanoseconds(time.nanos),
                          absl::UTCTimeZone());
}

// Who cosigned, and when: what is under the checkpoint existed then.
void AddCosignatures(const client::CosignatureReport& cosignatures, CommandReport& out) {
  for (const client::WitnessTime& witness : cosignatures.witnesses) {
    out.Add(Cat("cosigned.", witness.witness), Cat("cosigned by ", witness.witness),
            TimeText({witness.time, 0}));
  }
  if (!cosignatures.not_after.has_value()) return;
  out.Add("notAfter", "all existed at", TimeText({*cosignatures.not_after, 0}));
}

void PrintSound(const client::VerifyReport& report, const AuditReport* audit,
                cli::CliContext& context) {
  CommandReport out;
  const client::EntryCounts& counts = report.counts;
  out.Add("verified", "", true);
  out.Add("origin", "origin", report.checkpoint.origin);
  out.Add("size", "size", report.checkpoint.tree_size);
  out.Add("root", "root", client::ToHex(report.checkpoint.root));
  out.Add("remembered", "verified before", report.remembered);
  out.Add("streamCount", "streams", report.stream_count);
  out.Add("mapRecordCount", "records of the stream heads", counts.map_records);
  out.Add("chainedForecastCount", "forecasts chained", counts.chained_forecasts);
  out.Add("backfilledCount", "entries backfilled", counts.backfilled);
  out.Add("signedEntryCount", "entries signed by their authors",
          report.author_counts.signed_entries);
  out.Add("authorKeyCount", "keys of authors", report.author_counts.keys);
  out.Add("sealedForecastCount", "forecasts sealed", report.seal_counts.sealed);
  out.Add("revealedForecastCount", "sealed forecasts revealed", report.seal_counts.revealed);
  out.Add("shownTextCount", "texts with their digests", report.text_counts.shown);
  out.Add("erasedTextCount", "texts erased", report.text_counts.erased);
  out.Add("hiddenTextCount", "texts not shown", report.text_counts.not_shown);
  out.Add("keyRotationCount", "rotations of the key", counts.rotations);
  out.Add("lastRecordTime", "recorded last", TimeText(report.last_record_time));
  if (report.cosignatures.has_value()) AddCosignatures(*report.cosignatures, out);
  if (report.extends.has_value()) out.Add("extends", "extends a log of", *report.extends);
  if (audit != nullptr) {
    out.Add("posteriorCount", "posteriors recomputed", audit->posterior_count);
    out.Add("scoreCount", "scores recomputed", audit->score_count);
    out.Add("unknownEventCount", "events of unknown type", audit->unknown_event_count);
  }
  out.Print(context);
  if (context.flags().output == cli::OutputFormat::kTable) context.out() << "verified\n";
}

// The error itself is told by the program; JSON has it as well.
void PrintBroken(const absl::Status& status, cli::CliContext& context) {
  if (context.flags().output == cli::OutputFormat::kTable) return;
  CommandReport out;
  out.Add("verified", "", false);
  out.Add("error", "", std::string(status.message()));
  const ErrorDetail detail = GetErrorDetail(status);
  if (const auto position = detail.metadata.find("position"); position != detail.metadata.end()) {
    out.Add("position", "", position->second);
  }
  out.Print(context);
}

absl::Status Verify(const VerifyFlags& flags, cli::CliContext& context) {
  CREDENCE_ASSIGN_OR_RETURN(const client::VerifierKey key, client::ParseVerifierKey(flags.key));
  CREDENCE_ASSIGN_OR_RETURN(const auto source, MakeNamedSource(context, flags.log));
  client::VerifyOptions options;
  CREDENCE_ASSIGN_OR_RETURN(options.policy, PolicyOf(flags));
  options.state_path = StatePath(flags);
  if (!flags.checkpoint.empty()) {
    CREDENCE_ASSIGN_OR_RETURN(options.earlier_checkpoint, ReadInputFile(flags.checkpoint));
  }
  EntryAuditor auditor;
  if (flags.recompute) {
    options.visit = [&auditor](int64_t, std::string_view entry) { return auditor.Take(entry); };
  }
  ProgressBar bar(context, "entries");
  options.progress = [&bar](int64_t done, int64_t total) { bar.Show(done, total); };
  const absl::StatusOr<client::VerifyReport> report = client::VerifyLog(*source, key, options);
  if (!report.ok()) {
    if (absl::IsDataLoss(report.status())) PrintBroken(report.status(), context);
    return report.status();
  }
  const AuditReport audit = auditor.Report();
  PrintSound(*report, flags.recompute ? &audit : nullptr, context);
  return absl::OkStatus();
}

}  // namespace

void RegisterVerify(CLI::App& app, cli::CliContext& context) {
  CLI::App* command = app.add_subcommand("verify",
                                         "Verify a whole log: signature, entries, "
                                         "tiles, streams, records of stream heads");
  auto flags = std::make_shared<VerifyFlags>();
  command
      ->add_option("log", flags->log,
                   "Exported directory, http or https address of one, or "
                   "HOST:PORT of a server")
      ->required();
  command
      ->add_option("--key", flags->key, "Verifier key that `credence init` printed: name+id+base64")
      ->required()
      ->envname("CREDENCE_VERIFIER_KEY");
  command->add_flag("--recompute", flags->recompute,
                    "Compute every published posterior and score anew from the "
                    "events before it");
  command->add_option("--checkpoint", flags->checkpoint,
                      "File of a checkpoint saved before: the log must extend it");
  CLI::Option* const policy = command->add_option(
      "--witness-policy", flags->policy,
      "File of the witnesses whose cosignatures the checkpoint must have (C2SP tlog-policy)");
  CLI::Option* const witness =
      command
          ->add_option("--witness", flags->witnesses,
                       "Verifier key of a witness that must have cosigned; may be repeated")
          ->excludes(policy);
  command->add_option("--quorum", flags->quorum, "How many of the --witness; all where not given")
      ->check(CLI::PositiveNumber)
      ->needs(witness);
  CLI::Option* const state =
      command->add_option("--state", flags->state,
                          "File that remembers what was verified, so that the "
                          "next time begins after it; may be deleted "
                          "at any time. Of a directory DIR it is DIR.verified "
                          "unless told otherwise");
  command->add_flag("--no-state", flags->no_state, "Verify everything and remember nothing")
      ->excludes(state);
  context.SetAction(command, [flags, &context] { return Verify(*flags, context); });
}

}  // namespace credence::server
