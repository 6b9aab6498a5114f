#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

// A configuration file over the options that a command has anyway, so that every option can be set
// in it by its name and none needs a second place. Strongest first: the command line, the
// environment, the file, the defaults.
//
// The file is YAML, one `option: value` a line without the hyphens before the option; an option
// that may be given more than once takes a list. A key that is no option, a key that stands twice
// and a value that the option would refuse on the command line are mistakes of usage: the message
// has file, line and, for a key, the nearest option.
namespace credence::server {

// Not thread-safe.
class Configuration {
 public:
  enum class Mode {
    kRun,
    // Print what is in force, and end.
    kPrint,
    // Say whether it is right, and end.
    kCheck,
  };

  // Adds --config, --print-config and --check-config to `command`, which must outlive what is
  // returned and have no other options yet: the file is read before they are.
  [[nodiscard]] static std::shared_ptr<Configuration> AddTo(CLI::App* command);

  // Gives each option of the command that has none an environment variable, CREDENCE_ and its name.
  // After all options were added.
  void NameVariables();

  // The rest is for after the parse.
  [[nodiscard]] Mode mode() const;

  // What is in force as a file that sets the same: each option with its description, its value, and
  // where that comes from.
  [[nodiscard]] std::string Print() const;

  // The value of each option in force, as text.
  [[nodiscard]] std::map<std::string, std::string> Values() const;

 private:
  struct Setting;

  explicit Configuration(CLI::App* command) : command_(command) {}
  void Read(const std::string& path);
  void Apply(const std::string& path, const Setting& setting);
  [[nodiscard]] std::vector<CLI::Option*> Options() const;
  [[nodiscard]] std::string SourceOf(const CLI::Option& option) const;

  CLI::App* const command_;
  std::string path_;
  bool print_ = false;
  bool check_ = false;
  // Line of each option that stands in the file, and those among them whose value is the file's.
  std::map<const CLI::Option*, int> lines_;
  std::set<const CLI::Option*> of_file_;
};

}  // namespace credence::server
