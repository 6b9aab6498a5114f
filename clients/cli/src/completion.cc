#include <CLI/CLI.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "command.h"
#include "credence/cli/exit_code.h"
#include "credence/cli/reference.h"

namespace credence::cli {
namespace {

std::vector<const CLI::App*> CommandsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_name().empty(); });
}

// "question create", without the program's name; empty for the program.
std::string PathOf(const CLI::App& command) {
  std::string path;
  for (const CLI::App* app = &command; app->get_parent() != nullptr; app = app->get_parent()) {
    path = path.empty() ? app->get_name() : absl::StrCat(app->get_name(), " ", path);
  }
  return path;
}

std::vector<std::string> FlagsOf(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

// All commands, the program first. The tree is as deep as its nouns and verbs.
std::vector<const CLI::App*> Walk(const CLI::App& app) {
  std::vector<const CLI::App*> commands = {&app};
  for (size_t index = 0; index < commands.size(); ++index) {
    for (const CLI::App* command : CommandsOf(*commands[index])) commands.push_back(command);
  }
  return commands;
}

// What may follow a command: its own commands and flags, and the program's flags.
std::string WordsAfter(const CLI::App& app, const CLI::App& command) {
  std::vector<std::string> words;
  for (const CLI::App* sub : CommandsOf(command)) words.push_back(sub->get_name());
  for (std::string& flag : FlagsOf(command)) words.push_back(std::move(flag));
  if (&command != &app) {
    for (std::string& flag : FlagsOf(app)) {
      if (flag != "--help") words.push_back(std::move(flag));
    }
  }
  return absl::StrJoin(words, " ");
}

std::string BashCases(const CLI::App& app) {
  std::string cases;
  for (const CLI::App* command : Walk(app)) {
    absl::StrAppend(&cases, "    '", PathOf(*command), "') words='", WordsAfter(app, *command),
                    "' ;;\n");
  }
  return cases;
}

// The path of commands so far is what precedes the word, without flags; a word that no command
// knows ends it, being an argument.
std::string BashScript(const CLI::App& app) {
  std::string paths;
  for (const CLI::App* command : Walk(app)) {
    if (command != &app) absl::StrAppend(&paths, "|", PathOf(*command));
  }
  return absl::StrCat(R"(# Completion of credence for bash.
_credence() {
  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"
  local known=')",
                      paths, R"(|'
  local path='' next words='' index
  for ((index = 1; index < COMP_CWORD; index++)); do
    next="${path:+$path }${COMP_WORDS[index]}"
    case "$known" in *"|$next|"*) path="$next" ;; esac
  done
  case "$previous" in
    --output) COMPREPLY=($(compgen -W 'table json jsonl csv name' -- "$current")); return ;;
    -f|--file) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case "$path" in
)",
                      BashCases(app), R"(  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _credence credence
)");
}

// zsh reads bash completions; this spares a second list of the same words.
std::string ZshScript(const CLI::App& app) {
  return absl::StrCat("#compdef credence\n", "autoload -U +X bashcompinit && bashcompinit\n",
                      BashScript(app));
}

std::string FishText(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

// Holds where the words of `command` stand on the line and none of its own commands does.
std::string FishCondition(const CLI::App& command) {
  std::string condition = "true";
  for (const CLI::App* app = &command; app->get_parent() != nullptr; app = app->get_parent()) {
    absl::StrAppend(&condition, "; and __fish_seen_subcommand_from ", app->get_name());
  }
  std::vector<std::string> own;
  for (const CLI::App* sub : CommandsOf(command)) own.push_back(sub->get_name());
  if (own.empty()) return condition;
  return absl::StrCat(condition, "; and not __fish_seen_subcommand_from ", absl::StrJoin(own, " "));
}

std::string FishScript(const CLI::App& app) {
  std::string script = "# Completion of credence for fish.\n";
  for (const CLI::App* command : Walk(app)) {
    const std::string condition = FishText(FishCondition(*command));
    for (const CLI::App* sub : CommandsOf(*command)) {
      absl::StrAppend(&script, "complete -c credence -f -n ", condition, " -a ", sub->get_name(),
                      " -d ", FishText(sub->get_description()), "\n");
    }
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        const bool global = command == &app;
        absl::StrAppend(&script, "complete -c credence",
                        global ? "" : absl::StrCat(" -n ", condition), " -l ", name,
                        option->get_items_expected_min() > 0 ? " -r" : "", " -d ",
                        FishText(option->get_description()), "\n");
      }
    }
  }
  return script;
}

const CLI::App* RootOf(const CLI::App* command) {
  while (command->get_parent() != nullptr) command = command->get_parent();
  return command;
}

}  // namespace

absl::StatusOr<std::string> CompletionScript(const CLI::App& app, const std::string& shell) {
  if (shell == "bash") return BashScript(app);
  if (shell == "zsh") return ZshScript(app);
  if (shell == "fish") return FishScript(app);
  return UsageError(absl::StrCat("there is no completion for '", shell, "': bash, zsh or fish"));
}

void AddCompletionCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = AddNoun(app, "completion", "Completion scripts of shells");
  for (const char* shell : {"bash", "zsh", "fish"}) {
    CLI::App* verb = noun->add_subcommand(shell, absl::StrCat("Completion of ", shell));
    context.SetAction(verb, [&context, verb]() -> absl::Status {
      CREDENCE_ASSIGN_OR_RETURN(const std::string script,
                                CompletionScript(*RootOf(verb), verb->get_name()));
      context.out() << script;
      return absl::OkStatus();
    });
  }
  CLI::App* man = app.add_subcommand("man", "Manual page, for man -l -");
  context.SetAction(man, [&context, man] {
    context.out() << ManPage(*RootOf(man));
    return absl::OkStatus();
  });
}

}  // namespace credence::cli
