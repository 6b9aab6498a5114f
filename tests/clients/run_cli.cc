#include "run_cli.h"

#include <sstream>

namespace credence::cli {

CliRun RunWith(const std::vector<std::string>& args, const std::string& in, bool unicode,
               const std::vector<OfflineCommandRegistrar>& offline) {
  std::istringstream in_stream(in);
  std::ostringstream out;
  std::ostringstream err;
  CliEnvironment environment{.in = in_stream, .out = out, .err = err};
  environment.unicode = unicode;
  environment.now = [] { return absl::FromCivil(absl::CivilDay(2022, 1, 8), absl::UTCTimeZone()); };
  CliContext context(std::move(environment));
  CliRun run;
  run.exit_code = RunCli(args, context, offline);
  run.out = out.str();
  run.err = err.str();
  return run;
}

}  // namespace credence::cli
