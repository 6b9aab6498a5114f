#include "credence/cli/cli.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "command.h"
#include "credence/cli/exit_code.h"
#include "live_screen.h"
#include "mistake.h"

namespace credence::cli {
namespace {

const std::map<std::string, OutputFormat>& OutputNames() {
  static const auto* const kNames =
      new std::map<std::string, OutputFormat>{{"table", OutputFormat::kTable},
                                              {"json", OutputFormat::kJson},
                                              {"jsonl", OutputFormat::kJsonl},
                                              {"csv", OutputFormat::kCsv},
                                              {"name", OutputFormat::kName}};
  return *kNames;
}

void AddGlobalFlags(CLI::App& app, CliContext& context) {
  GlobalFlags& flags = context.flags();
  constexpr const char* kGroup = "Global options";
  app.add_option("--endpoint", flags.endpoint, "HOST:PORT of the server")
      ->envname("CREDENCE_ENDPOINT")
      ->capture_default_str()
      ->group(kGroup);
  app.add_flag("--tls", flags.tls, "Connect by TLS, trusting the system's authorities")
      ->envname("CREDENCE_TLS")
      ->group(kGroup);
  app.add_option("--tls-ca", flags.tls_authority,
                 "PEM file of the authorities that the server's certificate is checked against")
      ->envname("CREDENCE_TLS_CA")
      ->group(kGroup);
  app.add_option("--tls-cert", flags.tls_certificate, "PEM file of a certificate to show")
      ->envname("CREDENCE_TLS_CERT")
      ->group(kGroup);
  app.add_option("--tls-key", flags.tls_key, "PEM file of its private key")
      ->envname("CREDENCE_TLS_KEY")
      ->group(kGroup);
  app.add_option("--token-file", flags.token_file,
                 "File of the token that says who calls; or put it in CREDENCE_TOKEN")
      ->envname("CREDENCE_TOKEN_FILE")
      ->group(kGroup);
  app.add_option_function<std::string>(
         "--output",
         [&flags](const std::string& text) {
           const auto found = OutputNames().find(text);
           if (found == OutputNames().end()) {
             throw CLI::ValidationError("--output", "must be table, json, jsonl, csv or name");
           }
           flags.output = found->second;
         },
         "Form of the data: table, json, jsonl, csv or name")
      ->envname("CREDENCE_OUTPUT")
      ->default_str("table")
      ->group(kGroup);
  app.add_option("--timeout", flags.timeout, "Limit of one call with its repeats")
      ->envname("CREDENCE_TIMEOUT")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--request-id", flags.request_id,
                 "UUID of a write: a repeat with the same one records nothing twice")
      ->envname("CREDENCE_REQUEST_ID")
      ->group(kGroup);
  app.add_option("--actor", flags.actor, "Who writes, such as forecasters/analyst-1")
      ->envname("CREDENCE_ACTOR")
      ->group(kGroup);
  app.add_option("--verifier-key", flags.verifier_key,
                 "Key of the ledger: check every receipt, checkpoint and proof under it")
      ->envname("CREDENCE_VERIFIER_KEY")
      ->group(kGroup);
  app.add_option("--author-key", flags.author_key,
                 "File of an author's key: sign what its author states, see `author keygen`")
      ->envname("CREDENCE_AUTHOR_KEY")
      ->group(kGroup);
  app.add_option("--as-of", flags.as_of, "What the ledger knew at this position or time")
      ->envname("CREDENCE_AS_OF")
      ->group(kGroup);
  app.add_option("--min-position", flags.min_position,
                 "Wait until the server has reached this position")
      ->envname("CREDENCE_MIN_POSITION")
      ->group(kGroup);
  app.add_flag("--dry-run", flags.dry_run, "Check a write and show its effect; record nothing")
      ->envname("CREDENCE_DRY_RUN")
      ->group(kGroup);
  app.add_flag("--no-color", flags.no_color, "No colours; as does the variable NO_COLOR")
      ->group(kGroup);
}

// Nouns have no action, and none is needed: their verbs have.
const CLI::App* InnermostCommand(const CLI::App& app) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return command;
}

// Help and mistakes; gives the exit code.
int ReportParse(const CLI::App& app, const CLI::ParseError& error,
                const std::vector<std::string>& args, CliContext& context) {
  if (dynamic_cast<const CLI::CallForHelp*>(&error) != nullptr) {
    context.out() << app.help();
    return kExitOk;
  }
  if (dynamic_cast<const CLI::CallForAllHelp*>(&error) != nullptr) {
    context.out() << app.help("", CLI::AppFormatMode::All);
    return kExitOk;
  }
  const std::string mistake = ExplainMistake(app, args);
  context.err() << "credence: " << (mistake.empty() ? error.what() : mistake) << "\n"
                << "Run with --help for more information.\n";
  return kExitUsage;
}

}  // namespace

void RegisterClientCommands(CLI::App& app, CliContext& context) {
  app.fallthrough();
  app.require_subcommand(1);
  AddGlobalFlags(app, context);
  AddQuestionCommands(app, context);
  AddEvidenceCommands(app, context);
  AddForecastCommands(app, context);
  AddAuthorCommands(app, context);
  AddForecasterCommands(app, context);
  AddSourceCommands(app, context);
  AddGradeCommands(app, context);
  AddNetworkCommands(app, context);
  AddPosteriorCommands(app, context);
  AddIndicatorCommands(app, context);
  AddScoreCommands(app, context);
  AddBacktestCommands(app, context);
  AddImportCommands(app, context);
  AddExtractCommands(app, context);
  AddLedgerCommands(app, context);
  AddEraseCommand(app, context);
  AddApplyCommand(app, context);
  AddCompletionCommands(app, context);
}

int RunCli(const std::vector<std::string>& args, CliContext& context,
           const std::vector<OfflineCommandRegistrar>& offline) {
  CLI::App app("A forecasting ledger: evidence, probabilities, and how good they were.",
               "credence");
  context.SetArguments(args);
  RegisterClientCommands(app, context);
  for (const OfflineCommandRegistrar& add : offline) add(app, context);
  try {
    // CLI11 takes the arguments from the end.
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::ParseError& error) {
    return ReportParse(app, error, args, context);
  }
  const CliContext::Action action = context.FindAction(InnermostCommand(app));
  if (!action) {
    context.err() << "credence: the command is not complete\n";
    return kExitUsage;
  }
  const absl::Status status = action();
  context.out().flush();
  PrintError(status, context.err());
  return ExitCode(status);
}

int Main(int argc, char** argv, const std::vector<OfflineCommandRegistrar>& offline) {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  CliEnvironment environment{.in = std::cin, .out = std::cout, .err = std::cerr};
  environment.terminal = isatty(STDOUT_FILENO) == 1;
  std::string locale = variable("LC_ALL");
  if (locale.empty()) locale = variable("LC_CTYPE");
  if (locale.empty()) locale = variable("LANG");
  const std::string lower = absl::AsciiStrToLower(locale);
  environment.unicode =
      lower.find("utf-8") != std::string::npos || lower.find("utf8") != std::string::npos;
  int columns = 0;
  if (environment.terminal) environment.columns = TerminalWindow(environment.columns).columns;
  if (absl::SimpleAtoi(variable("COLUMNS"), &columns) && columns > 0) {
    environment.columns = columns;
  }
  CliContext context(std::move(environment));
  context.flags().no_color = !variable("NO_COLOR").empty();
  context.flags().token = variable("CREDENCE_TOKEN");
  return RunCli(std::vector<std::string>(argv + std::min(argc, 1), argv + argc), context, offline);
}

}  // namespace credence::cli
