#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace CLI {
class App;
}  // namespace CLI

// What is written about the commands from their own tree, so that it cannot fall out of step.
//
// Thread-safe: everything here is a pure function.
namespace credence::cli {

// Completion script of a shell: bash, zsh or fish. A UsageError for any other.
[[nodiscard]] absl::StatusOr<std::string> CompletionScript(const CLI::App& app,
                                                           const std::string& shell);

// Manual page credence(1) in roff's man macros.
[[nodiscard]] std::string ManPage(const CLI::App& app);

}  // namespace credence::cli
