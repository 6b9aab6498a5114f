#pragma once

#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/client/client.h"

namespace CLI {
class App;
}  // namespace CLI

namespace credence::cli {

// Form of the data on standard output.
enum class OutputFormat {
  kTable,  // aligned columns for people
  kJson,   // canonical protobuf JSON of the response
  kJsonl,  // the same, one line for each item of a list or a stream
  kCsv,    // the table's columns with full precision, RFC 4180
  kName,   // resource names only, one a line
};

// Flags that every command takes. Each equals the environment variable CREDENCE_<FLAG>.
struct GlobalFlags {
  std::string endpoint = "127.0.0.1:7700";
  // TLS with the system's authorities, or with those of a file.
  bool tls = false;
  std::string tls_authority;
  // The client's own certificate and its key.
  std::string tls_certificate;
  std::string tls_key;
  // File whose first line is the token. The variable CREDENCE_TOKEN may hold one instead; there is
  // no flag for it, since others can see the arguments of a process.
  std::string token_file;
  std::string token;
  OutputFormat output = OutputFormat::kTable;
  std::string timeout = "30s";
  std::string request_id;
  std::string actor;
  // Of the ledger; empty to trust the server.
  std::string verifier_key;
  // File of an author's key; empty to sign nothing.
  std::string author_key;
  // A position or a time; empty for the head.
  std::string as_of;
  std::optional<int64_t> min_position;
  bool dry_run = false;
  bool no_color = false;
};

// What the commands know of the world around them, so that tests can stand in for it.
struct CliEnvironment {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  // Colours and widths for people: whether `out` is a terminal, whether it shows Unicode, and how
  // many columns it has.
  bool terminal = false;
  bool unicode = true;
  int columns = 100;
  std::function<absl::Time()> now = absl::Now;
};

// State of one run of the program: its flags, its streams, and what each command does. A command is
// a CLI::App of the tree whose action was set; after parsing, the action of the innermost command
// runs, and its status becomes the exit code (see exit_code.h).
//
// Not thread-safe.
class CliContext {
 public:
  using Action = std::function<absl::Status()>;

  explicit CliContext(CliEnvironment environment);
  ~CliContext();
  CliContext(const CliContext&) = delete;
  CliContext& operator=(const CliContext&) = delete;

  // Sets what `command` does, in place of what it did.
  void SetAction(const CLI::App* command, Action action);

  // What `command` does; empty where it has no action. To extend a command, keep its action and set
  // one that calls it.
  [[nodiscard]] Action FindAction(const CLI::App* command) const;

  // What the program was called with, without its name.
  void SetArguments(std::vector<std::string> arguments) { arguments_ = std::move(arguments); }
  [[nodiscard]] const std::vector<std::string>& arguments() const { return arguments_; }

  // The client of the flags' endpoint, made when first asked for. INVALID_ARGUMENT with the reason
  // USAGE where a flag that it needs is malformed.
  [[nodiscard]] absl::StatusOr<client::Client*> Connect();

  [[nodiscard]] GlobalFlags& flags() { return flags_; }
  [[nodiscard]] const GlobalFlags& flags() const { return flags_; }
  [[nodiscard]] std::istream& in() { return environment_.in; }
  [[nodiscard]] std::ostream& out() { return environment_.out; }
  [[nodiscard]] std::ostream& err() { return environment_.err; }
  [[nodiscard]] const CliEnvironment& environment() const { return environment_; }

  // True where colours may be used: a terminal, and neither --no-color nor NO_COLOR.
  [[nodiscard]] bool color() const { return environment_.terminal && !flags_.no_color; }

 private:
  CliEnvironment environment_;
  GlobalFlags flags_;
  std::vector<std::string> arguments_;
  std::map<const CLI::App*, Action> actions_;
  std::unique_ptr<client::Client> client_;
};

}  // namespace credence::cli
