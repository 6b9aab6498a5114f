#include "main/configuration.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "credence/base/strings.h"
#include "credence/cli/suggestion.h"
#include "credence/cli/yaml_documents.h"

namespace credence::server {
namespace {

constexpr size_t kFileBytesMax = size_t{1} << 20;
constexpr size_t kLineWidth = 96;

[[noreturn]] void Fail(const std::string& path, int line, std::string_view what) {
  const std::string place = line > 0 ? Cat(path, ":", line) : path;
  throw CLI::ConfigError(Cat(place, ": ", what));
}

int LineOf(const YAML::Mark& mark) { return mark.line + 1; }

std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file.is_open() || file.bad()) Fail(path, 0, "cannot be read");
  if (text.size() > kFileBytesMax) Fail(path, 0, "has more than a mebibyte");
  return text;
}

YAML::Node ParseText(const std::string& path) {
  try {
    const std::vector<YAML::Node> documents = cli::LoadYaml(ReadText(path));
    if (documents.empty()) return YAML::Node(YAML::NodeType::Map);
    if (documents.size() > 1) Fail(path, LineOf(documents[1].Mark()), "a second document");
    if (documents[0].IsNull()) return YAML::Node(YAML::NodeType::Map);
    return documents[0];
  } catch (const YAML::Exception& error) {
    Fail(path, LineOf(error.mark), error.msg);
  }
}

// Of a key, without the hyphens.
std::string NameOf(const CLI::Option& option) {
  return option.get_lnames().empty() ? "" : option.get_lnames().front();
}

// Options that say what to do with a configuration are no part of it.
bool IsSetting(const std::string& name) {
  return !name.empty() && name != "help" && name != "help-all" && name != "config" &&
         name != "print-config" && name != "check-config";
}

bool TakesList(const CLI::Option& option) { return option.get_items_expected_max() > 1; }

std::vector<std::string> ValuesOf(const CLI::Option& option) {
  if (option.count() > 0) return option.results();
  if (option.get_default_str().empty()) return {};
  return {option.get_default_str()};
}

std::string Comment(const std::string& text) {
  std::string lines;
  size_t width = 0;
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (width == 0 || width + 1 + word.size() > kLineWidth) {
      lines += lines.empty() ? "#" : "\n#";
      width = 1;
    }
    lines += Cat(" ", FromAbsl(word));
    width += 1 + word.size();
  }
  return lines + "\n";
}

std::string Assignment(const CLI::Option& option) {
  const std::vector<std::string> values = ValuesOf(option);
  YAML::Emitter emitter;
  emitter << YAML::Flow;
  if (TakesList(option)) {
    emitter << values;
  } else {
    emitter << values.front();
  }
  return Cat(NameOf(option), ": ", emitter.c_str());
}

}  // namespace

struct Configuration::Setting {
  std::string name;
  std::vector<std::string> values;
  bool is_list = false;
  int line = 0;
};

std::shared_ptr<Configuration> Configuration::AddTo(CLI::App* command) {
  const std::shared_ptr<Configuration> made(new Configuration(command));
  command
      ->add_option_function<std::string>(
          "--config",
          [made](const std::string& path) {
            // The variable of another command's run.
            if (made->command_->parsed()) made->Read(path);
          },
          "File of options, as `option: value` lines; flags and environment override it")
      ->envname("CREDENCE_CONFIG");
  command->add_flag_function(
      "--print-config",
      [made](int64_t) {
        made->print_ = true;
        // What is missing is shown as missing.
        for (CLI::Option* option : made->Options()) option->required(false);
      },
      "Print every option with its value and where that comes from, and end");
  command->add_flag("--check-config", made->check_, "Say whether the options are right, and end");
  return made;
}

void Configuration::NameVariables() {
  for (CLI::Option* option : Options()) {
    if (!option->get_envname().empty()) continue;
    option->envname(Cat("CREDENCE_",
                        absl::AsciiStrToUpper(absl::StrReplaceAll(NameOf(*option), {{"-", "_"}}))));
  }
}

std::vector<CLI::Option*> Configuration::Options() const {
  return command_->get_options([](CLI::Option* option) { return IsSetting(NameOf(*option)); });
}

void Configuration::Read(const std::string& path) {
  path_ = path;
  const YAML::Node root = ParseText(path);
  if (!root.IsMap()) Fail(path, LineOf(root.Mark()), "must be lines of the form `option: value`");
  for (const auto& entry : root) {
    const int line = LineOf(entry.first.Mark());
    if (!entry.first.IsScalar()) Fail(path, line, "a key must be the name of an option");
    Setting setting{entry.first.Scalar(), {}, entry.second.IsSequence(), line};
    if (entry.second.IsScalar()) {
      setting.values = {entry.second.Scalar()};
    } else if (setting.is_list) {
      for (const YAML::Node& item : entry.second) {
        if (!item.IsScalar()) Fail(path, LineOf(item.Mark()), "each item must be one value");
        setting.values.push_back(item.Scalar());
      }
    } else if (!entry.second.IsNull()) {
      Fail(path, line, Cat("'", setting.name, "' must have a value or a list of values"));
    }
    Apply(path, setting);
  }
}

void Configuration::Apply(const std::string& path, const Setting& setting) {
  std::vector<std::string> names;
  CLI::Option* option = nullptr;
  for (CLI::Option* each : Options()) {
    names.push_back(NameOf(*each));
    if (names.back() == setting.name) option = each;
  }
  if (option == nullptr) {
    Fail(path, setting.line,
         Cat("unknown key '", setting.name, "'", cli::DidYouMean(setting.name, names)));
  }
  if (const auto [first, is_first] = lines_.emplace(option, setting.line); !is_first) {
    Fail(path, setting.line, Cat("'", setting.name, "' stands in line ", first->second, " too"));
  }
  if (setting.is_list && !TakesList(*option)) {
    Fail(path, setting.line, Cat("'", setting.name, "' takes one value, not a list"));
  }
  // What the command line or the environment says is there already, and is stronger.
  if (option->count() > 0 || setting.values.empty()) return;
  of_file_.insert(option);
  try {
    option->add_result(setting.values);
    option->run_callback();
  } catch (const CLI::Error& error) {
    Fail(path, setting.line, error.what());
  }
}

Configuration::Mode Configuration::mode() const {
  if (print_) return Mode::kPrint;
  return check_ ? Mode::kCheck : Mode::kRun;
}

std::string Configuration::SourceOf(const CLI::Option& option) const {
  if (option.count() == 0) return "default";
  const std::vector<CLI::Option*>& flags = command_->parse_order();
  if (std::find(flags.begin(), flags.end(), &option) != flags.end()) return "flag";
  if (of_file_.contains(&option)) return Cat(path_, ":", lines_.at(&option));
  return option.get_envname();
}

std::string Configuration::Print() const {
  std::string text;
  for (const CLI::Option* option : Options()) {
    text += Comment(option->get_description());
    if (ValuesOf(*option).empty()) {
      text += Cat("# ", NameOf(*option), ":\n\n");
    } else {
      text += Cat(Assignment(*option), "  # ", SourceOf(*option), "\n\n");
    }
  }
  return text;
}

std::map<std::string, std::string> Configuration::Values() const {
  std::map<std::string, std::string> values;
  for (const CLI::Option* option : Options()) {
    values[NameOf(*option)] = absl::StrJoin(ValuesOf(*option), ", ");
  }
  return values;
}

}  // namespace credence::server
