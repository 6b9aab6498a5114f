#include <signal.h>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/cli/context.h"
#include "credence/cli/exit_code.h"
#include "http/http_server.h"
#include "main/commands.h"
#include "main/stop_signal.h"
#include "main/witness/witness.h"

namespace credence::server {
namespace {

struct WitnessFlags {
  std::string data;
  std::string name;
  std::vector<std::string> logs;
  std::string listen = "127.0.0.1:7710";
  std::string port_file;
};

absl::Status Serve(const WitnessFlags& flags, std::ostream& err) {
  WitnessOptions options;
  options.directory = flags.data;
  for (const std::string& text : flags.logs) {
    absl::StatusOr<WitnessedLog> log = ParseWitnessedLog(text);
    if (!log.ok()) {
      return cli::UsageError(Cat("--log ", text, ": ", FromAbsl(log.status().message())));
    }
    options.logs.push_back(*std::move(log));
  }
  options.on_fork = [](const std::string& origin, const std::string& path) {
    // One call: other threads write to the same stream.
    std::fputs(Cat("credence: ", origin, " signed two trees of one size: ", path, " and ", path,
                   ".cosigned\n")
                   .c_str(),
               stderr);
  };
  const StopSignal stop;
  CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<Witness> witness,
                            Witness::Open(std::move(options)));
  HttpServerOptions http;
  http.listen = flags.listen;
  CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<HttpServer> server,
                            HttpServer::Start(
                                [&witness](const auto& exchange) {
                                  exchange->Respond(witness->Answer(exchange->request()));
                                },
                                http));
  CREDENCE_RETURN_IF_ERROR(WritePort(flags.port_file, server->port()));
  err << "credence: witness " << witness->verifier_key() << " at http://"
      << WithPort(flags.listen, server->port()) << "\n"
      << std::flush;
  while (stop.Wait() != StopSignal::Asked::kStop) {
  }
  stop.Release();
  server->Drain(absl::Now() + absl::Seconds(5));
  return absl::OkStatus();
}

CLI::Option* AddData(CLI::App* verb, WitnessFlags& flags) {
  return verb->add_option("--data", flags.data, "Directory of the witness")
      ->required()
      ->envname("CREDENCE_WITNESS_DATA");
}

}  // namespace

void RegisterWitness(CLI::App& app, cli::CliContext& context) {
  CLI::App* noun = app.add_subcommand(
      "witness", "Be a witness of ledgers, which none of them can show two histories");
  noun->require_subcommand(1);
  const auto flags = std::make_shared<WitnessFlags>();
  CLI::App* init =
      noun->add_subcommand("init", "Make a witness and its key; prints its verifier key");
  AddData(init, *flags);
  init->add_option("--name", flags->name,
                   "Name of the witness for ever, such as example.net/witness")
      ->required();
  context.SetAction(init, [flags, &context]() -> absl::Status {
    CREDENCE_ASSIGN_OR_RETURN(const std::string key, Witness::Create(flags->data, flags->name));
    context.out() << key << "\n";
    return absl::OkStatus();
  });
  CLI::App* serve = noun->add_subcommand("serve", "Cosign checkpoints over HTTP (tlog-witness)");
  AddData(serve, *flags);
  serve
      ->add_option("--log", flags->logs,
                   "Verifier key of a log to watch, or its origin and a key with a space between; "
                   "may be repeated")
      ->required();
  serve
      ->add_option("--listen", flags->listen,
                   "HOST:PORT; port 0 picks a free one. Only checkpoints that a log signed do "
                   "anything, so that it need not be a loopback address")
      ->envname("CREDENCE_WITNESS_LISTEN")
      ->capture_default_str();
  serve->add_option("--port-file", flags->port_file, "File that the port is written to");
  context.SetAction(serve, [flags, &context] { return Serve(*flags, context.err()); });
}

}  // namespace credence::server
