#include "mistake.h"

#include <CLI/CLI.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "credence/cli/suggestion.h"

namespace credence::cli {
namespace {

std::vector<const CLI::App*> CommandsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<std::string> CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : CommandsOf(app)) names.push_back(command->get_name());
  return names;
}

// Flags of the command and of the ones around it, to which it passes what it does not know.
std::vector<std::string> FlagNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* level = &app; level != nullptr; level = level->get_parent()) {
    for (const CLI::Option* option : level->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
      for (const std::string& name : option->get_snames()) names.push_back("-" + name);
    }
  }
  return names;
}

const CLI::App* FindCommand(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : CommandsOf(app)) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

// The option of a flag, here or around; null where there is none.
const CLI::Option* FindFlag(const CLI::App& app, const std::string& name) {
  for (const CLI::App* level = &app; level != nullptr; level = level->get_parent()) {
    for (const CLI::Option* option : level->get_options()) {
      if (option->check_name(name)) return option;
    }
  }
  return nullptr;
}

bool IsFlag(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && (word[1] < '0' || word[1] > '9');
}

}  // namespace

std::string ExplainMistake(const CLI::App& app, const std::vector<std::string>& args) {
  const CLI::App* command = &app;
  for (size_t index = 0; index < args.size(); ++index) {
    const std::string& word = args[index];
    if (IsFlag(word)) {
      const std::string name = word.substr(0, word.find('='));
      const CLI::Option* option = FindFlag(*command, name);
      if (option == nullptr && absl::StartsWith(name, "--")) {
        return absl::StrCat("unknown flag '", name, "'", DidYouMean(name, FlagNames(*command)));
      }
      const bool takes_value = option != nullptr && option->get_items_expected_min() > 0;
      if (takes_value && name.size() == word.size()) ++index;
      continue;
    }
    if (CommandsOf(*command).empty()) continue;
    const CLI::App* next = FindCommand(*command, word);
    if (next == nullptr) {
      return absl::StrCat("unknown command '", word, "'", DidYouMean(word, CommandNames(*command)));
    }
    command = next;
  }
  const std::vector<std::string> names = CommandNames(*command);
  if (names.empty()) return "";
  return absl::StrCat("which command? ", absl::StrJoin(names, ", "));
}

}  // namespace credence::cli
