#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "credence/cli/reference.h"

namespace credence::cli {
namespace {

std::string Roff(const std::string& text) {
  std::string escaped = absl::StrReplaceAll(text, {{"\\", "\\e"}, {"-", "\\-"}});
  if (!escaped.empty() && (escaped[0] == '.' || escaped[0] == '\'')) escaped.insert(0, "\\&");
  return escaped;
}

std::vector<const CLI::App*> CommandsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_name().empty(); });
}

std::string OptionEntry(const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_snames()) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", "-", name);
  }
  for (const std::string& name : option.get_lnames()) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", "--", name);
  }
  if (names.empty()) names = option.get_single_name();
  std::string text = absl::StrCat(".TP\n.B ", Roff(names), "\n", Roff(option.get_description()));
  if (!option.get_envname().empty()) absl::StrAppend(&text, " [", Roff(option.get_envname()), "]");
  return text + "\n";
}

void AppendCommand(const CLI::App& command, const std::string& path, std::string* page) {
  absl::StrAppend(page, ".SS \"", Roff(path), "\"\n", Roff(command.get_description()), "\n");
  for (const CLI::Option* option : command.get_options()) {
    if (option->check_name("--help")) continue;
    page->append(OptionEntry(*option));
  }
}

}  // namespace

std::string ManPage(const CLI::App& app) {
  std::string page =
      absl::StrCat(".TH CREDENCE 1\n.SH NAME\ncredence \\- ", Roff("a forecasting ledger"),
                   "\n.SH SYNOPSIS\n.B credence\nNOUN VERB [OPTIONS]\n.SH DESCRIPTION\n",
                   Roff(app.get_description()), "\n.SH OPTIONS\n");
  for (const CLI::Option* option : app.get_options()) page.append(OptionEntry(*option));
  page.append(".SH COMMANDS\n");
  for (const CLI::App* noun : CommandsOf(app)) {
    const std::string path = absl::StrCat("credence ", noun->get_name());
    if (CommandsOf(*noun).empty()) AppendCommand(*noun, path, &page);
    for (const CLI::App* verb : CommandsOf(*noun)) {
      AppendCommand(*verb, absl::StrCat(path, " ", verb->get_name()), &page);
    }
  }
  absl::StrAppend(
      &page, ".SH EXIT STATUS\n",
      "0 ok, 1 failed, 2 usage, 3 not found, 4 conflict, 5 precondition, ",
      "6 unavailable or deadline, 7 permission, 8 verification failed; 130 and 143 where ",
      "README.md and docs.\n");
  return page;
}

}  // namespace credence::cli
