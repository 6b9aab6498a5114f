#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace credence::cli {

// What is wrong with a command line that was not understood, with the nearest command or flag;
// empty where every word of it is known, so that the parser's own message says more.
[[nodiscard]] std::string ExplainMistake(const CLI::App& app, const std::vector<std::string>& args);

}  // namespace credence::cli
