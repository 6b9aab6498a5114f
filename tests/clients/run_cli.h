#pragma once

#include <string>
#include <vector>

#include "credence/cli/cli.h"

namespace credence::cli {

struct CliRun {
  int exit_code = 0;
  std::string out;
  std::string err;
};

// Runs the program on texts in place of streams. The time is 2022-01-08T00:00:00Z.
[[nodiscard]] CliRun RunWith(const std::vector<std::string>& args, const std::string& in = "",
                             bool unicode = true,
                             const std::vector<OfflineCommandRegistrar>& offline = {});

}  // namespace credence::cli
