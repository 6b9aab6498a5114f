#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "credence/base/check.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/cli/context.h"
#include "credence/cli/exit_code.h"
#include "credence/ledger/log.h"
#include "credence/ledger/tree_files.h"
#include "main/commands.h"
#include "main/input_file.h"
#include "main/witness/meet_witnesses.h"

// The commands below `ledger` that work on a ledger's files.
namespace credence::server {
namespace {

// --- build-tree ---

struct BuildTreeFlags {
  std::vector<std::string> entries;
  std::string key;
  std::string origin;
  std::string out;
};

absl::Status BuildTree(const BuildTreeFlags& flags, cli::CliContext& context) {
  ledger::TreeFilesOptions options;
  options.origin = flags.origin;
  options.directory = flags.out;
  if (!absl::Base64Unescape(flags.key, &options.seed) || options.seed.size() != 32) {
    return cli::UsageError("--key: must be the base64 of a seed of 32 bytes");
  }
  size_t taken = 0;
  const auto next = [&]() -> absl::StatusOr<std::optional<std::string>> {
    if (taken == flags.entries.size()) return std::optional<std::string>();
    CREDENCE_ASSIGN_OR_RETURN(std::string entry, ReadInputFile(flags.entries[taken]));
    ++taken;
    return std::optional(std::move(entry));
  };
  CREDENCE_ASSIGN_OR_RETURN(const ledger::TreeFiles files, ledger::WriteTreeFiles(options, next));
  context.out() << "size          " << files.checkpoint.head.size.value << "\n"
                << "root          " << ledger::ToHex(files.checkpoint.head.root) << "\n"
                << "verifier key  " << files.verifier_key << "\n";
  return absl::OkStatus();
}

void AddBuildTree(CLI::App* noun, cli::CliContext& context) {
  CLI::App* verb = noun->add_subcommand(
      "build-tree", "Write the tiles, entry bundles and checkpoint of a log of any entries");
  auto flags = std::make_shared<BuildTreeFlags>();
  verb->add_option("--entries", flags->entries,
                   "File whose bytes are one entry; may be repeated, in order")
      ->required();
  verb->add_option("--key", flags->key, "Seed of the Ed25519 key: 32 bytes in base64")->required();
  verb->add_option("--origin", flags->origin, "Origin line and key name")->required();
  verb->add_option("--out", flags->out, "Directory that gets checkpoint, tile/ and tile/entries/")
      ->required();
  context.SetAction(verb, [flags, &context] { return BuildTree(*flags, context); });
}

// --- rotate-key, anchor ---

struct FileFlags {
  std::string data;
  std::string key_file;
  std::string anchor;
  std::string checkpoint;
  std::string witness_policy;
  bool from_log = false;
};

void AddFileFlags(CLI::App* verb, FileFlags* flags) {
  verb->add_option("--data", flags->data, "Directory of the ledger")
      ->required()
      ->envname("CREDENCE_DATA");
  verb->add_option("--key-file", flags->key_file, "Signing key; DATA/ledger.key where absent")
      ->envname("CREDENCE_KEY_FILE");
  verb->add_option("--anchor", flags->anchor,
                   "File that keeps the last checkpoint; DATA/ledger.anchor where absent")
      ->envname("CREDENCE_ANCHOR");
}

ledger::OpenOptions ToOptions(const FileFlags& flags, const ledger::Clock& clock) {
  ledger::OpenOptions options;
  options.directory = flags.data;
  options.key_path = flags.key_file;
  options.anchor_path = flags.anchor;
  options.clock = &clock;
  return options;
}

void AddRotateKey(CLI::App* noun, cli::CliContext& context) {
  CLI::App* verb = noun->add_subcommand(
      "rotate-key",
      "Replace the signing key of a ledger that is not being served; prints the verifier key");
  auto flags = std::make_shared<FileFlags>();
  AddFileFlags(verb, flags.get());
  context.SetAction(verb, [flags, &context]() -> absl::Status {
    const ledger::RealClock clock;
    CREDENCE_ASSIGN_OR_RETURN(const std::string key,
                              ledger::Log::RotateKey(ToOptions(*flags, clock)));
    context.out() << key << "\n";
    return absl::OkStatus();
  });
}

absl::Status SetAnchor(const FileFlags& flags, cli::CliContext& context) {
  const int ways = (flags.from_log ? 1 : 0) + (flags.checkpoint.empty() ? 0 : 1) +
                   (flags.witness_policy.empty() ? 0 : 1);
  if (ways != 1) {
    return cli::UsageError(
        "anchor: one of --checkpoint, --witness-policy and --from-log is needed");
  }
  const ledger::RealClock clock;
  const ledger::OpenOptions options = ToOptions(flags, clock);
  if (!flags.witness_policy.empty()) {
    CREDENCE_ASSIGN_OR_RETURN(const client::WitnessPolicy policy, ReadPolicy(flags.witness_policy));
    return MeetWitnesses(options, policy, context.out());
  }
  std::string note;
  if (!flags.from_log) {
    CREDENCE_ASSIGN_OR_RETURN(note, ReadInputFile(flags.checkpoint));
    if (note.empty()) return cli::UsageError("--checkpoint: the file is empty");
  }
  return ledger::Log::SetAnchor(options, note);
}

void AddAnchor(CLI::App* noun, cli::CliContext& context) {
  CLI::App* verb = noun->add_subcommand(
      "anchor", "Give a restored ledger the last checkpoint that is known of it, so that it signs");
  auto flags = std::make_shared<FileFlags>();
  AddFileFlags(verb, flags.get());
  verb->add_option("--checkpoint", flags->checkpoint,
                   "The last checkpoint that anybody holds, a signed note");
  verb->add_option("--witness-policy", flags->witness_policy,
                   "File of the witnesses to ask what they cosigned last (C2SP tlog-policy)");
  verb->add_flag("--from-log", flags->from_log,
                 "Take the log as it stands: right only where nobody holds a checkpoint of a "
                 "longer one");
  context.SetAction(verb, [flags, &context] { return SetAnchor(*flags, context); });
}

}  // namespace

void RegisterLedgerFiles(CLI::App& app, cli::CliContext& context) {
  CLI::App* const noun = app.get_subcommand("ledger");
  CREDENCE_CHECK(noun != nullptr);
  AddBuildTree(noun, context);
  AddRotateKey(noun, context);
  AddAnchor(noun, context);
}

}  // namespace credence::server
