#pragma once

#include <functional>
#include <string>
#include <vector>

#include "credence/cli/context.h"

namespace CLI {
class App;
}  // namespace CLI

// The program `credence`: all commands that talk to a server, and room for those that do not.
namespace credence::cli {

// Adds commands that need no server, such as `serve`, to the program. It runs after the client
// commands were added, so it may also extend one of them: `app.get_subcommand("network")` finds the
// noun, and CliContext::SetAction replaces what a command does.
using OfflineCommandRegistrar = std::function<void(CLI::App&, CliContext&)>;

// Adds the global flags and all client commands to `app`. `app` and `context` must outlive the run.
void RegisterClientCommands(CLI::App& app, CliContext& context);

// Parses `args` (without the program's name), runs the command and gives the exit code. Help and
// the data go to the context's output, everything else to its error stream.
[[nodiscard]] int RunCli(const std::vector<std::string>& args, CliContext& context,
                         const std::vector<OfflineCommandRegistrar>& offline = {});

// The same on the process's own streams and environment: the body of `main`.
[[nodiscard]] int Main(int argc, char** argv,
                       const std::vector<OfflineCommandRegistrar>& offline = {});

}  // namespace credence::cli
