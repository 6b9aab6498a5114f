#include "main/input_file.h"

#include <fstream>
#include <iterator>

#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/cli/exit_code.h"

namespace credence::server {

absl::StatusOr<std::string> ReadInputFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return cli::UsageError(Cat(path, " cannot be read"));
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) return cli::UsageError(Cat(path, " cannot be read"));
  return bytes;
}

absl::StatusOr<client::WitnessPolicy> ReadPolicy(const std::string& path) {
  CREDENCE_ASSIGN_OR_RETURN(const std::string text, ReadInputFile(path));
  absl::StatusOr<client::WitnessPolicy> policy = client::WitnessPolicy::Parse(text);
  if (policy.ok()) return policy;
  return cli::UsageError(Cat(path, ": ", FromAbsl(policy.status().message())));
}

}  // namespace credence::server
