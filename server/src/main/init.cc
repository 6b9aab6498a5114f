#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>
#include <string>

#include "credence/base/status_macros.h"
#include "credence/cli/context.h"
#include "credence/ledger/log.h"
#include "main/commands.h"

namespace credence::server {

void RegisterInit(CLI::App& app, cli::CliContext& context) {
  CLI::App* command =
      app.add_subcommand("init", "Create a ledger and its signing key; prints the verifier key");
  struct Flags {
    std::string data;
    std::string origin;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("--data", flags->data, "Directory of the new ledger")
      ->required()
      ->envname("CREDENCE_DATA");
  command
      ->add_option("--origin", flags->origin,
                   "Name of the ledger for ever, such as example.org/forecasts")
      ->required()
      ->envname("CREDENCE_ORIGIN");
  context.SetAction(command, [flags, &context]() -> absl::Status {
    const ledger::RealClock clock;
    ledger::CreateOptions options;
    options.directory = flags->data;
    options.origin = flags->origin;
    options.clock = &clock;
    CREDENCE_ASSIGN_OR_RETURN(const std::string key, ledger::Log::Create(options));
    context.out() << key << "\n";
    return absl::OkStatus();
  });
}

}  // namespace credence::server
