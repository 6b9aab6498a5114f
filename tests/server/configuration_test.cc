#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "credence/cli/exit_code.h"
#include "main/commands.h"
#include "main/reloader.h"
#include "program_run.h"
#include "served.h"

// The configuration of `serve`: file, environment and flags, and what a mistake in them says.
namespace credence::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ConfigurationTest : public testing::Test {
 protected:
  void TearDown() override {
    for (const std::string& name : variables_) unsetenv(name.c_str());
  }

  std::string Write(const std::string& text) {
    std::ofstream(path()) << text;
    return path();
  }
  [[nodiscard]] std::string path() const { return directory_.path() + "/credence.yaml"; }

  void SetVariable(const std::string& name, const std::string& value) {
    setenv(name.c_str(), value.c_str(), 1);
    variables_.push_back(name);
  }

  static Ran Serve(std::vector<std::string> args) {
    args.insert(args.begin(), "serve");
    return RunCommands(args, {RegisterServe}, "");
  }
  Ran Print(const std::string& text, std::vector<std::string> args = {}) {
    args.insert(args.end(), {"--config", Write(text), "--print-config"});
    return Serve(args);
  }
  // What a file is refused with, without its path.
  std::string Refusal(const std::string& text) {
    const Ran ran = Serve({"--config", Write(text), "--check-config"});
    EXPECT_EQ(ran.exit_code, cli::kExitUsage) << ran.out << ran.err;
    const std::string start = "credence: " + path();
    EXPECT_THAT(ran.err, StartsWith(start));
    return ran.err.substr(start.size(), ran.err.find('\n') - start.size());
  }

  TemporaryDirectory directory_;
  std::vector<std::string> variables_;
};

TEST_F(ConfigurationTest, FlagsAreStrongerThanTheEnvironmentAndThatThanTheFile) {
  const std::string file =
      "data: of-file\ndrain-seconds: 3\nbackup-minutes: 4\nkey-file: of-file\n";
  SetVariable("CREDENCE_DATA", "of-environment");
  SetVariable("CREDENCE_DRAIN_SECONDS", "5");
  const Ran ran = Print(file, {"--drain-seconds", "6"});
  EXPECT_EQ(ran.exit_code, cli::kExitOk) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("\nkey-file: of-file  # " + path() + ":4\n"));
  EXPECT_THAT(ran.out, HasSubstr("\nbackup-minutes: 4  # " + path() + ":3\n"));
  EXPECT_THAT(ran.out, HasSubstr("\ndata: of-environment  # CREDENCE_DATA\n"));
  EXPECT_THAT(ran.out, HasSubstr("\ndrain-seconds: 6  # flag\n"));
  EXPECT_THAT(ran.out, HasSubstr("\nwitness-seconds: 10  # default\n"));
  EXPECT_THAT(ran.out, HasSubstr("\n# anchor:\n"));
}

TEST_F(ConfigurationTest, TheFileMayBeNamedByTheEnvironment) {
  SetVariable("CREDENCE_CONFIG", Write("data: d\n"));
  EXPECT_THAT(Serve({"--print-config"}).out, HasSubstr("data: d  # " + path() + ":1"));
}

TEST_F(ConfigurationTest, AnotherCommandDoesNotReadIt) {
  SetVariable("CREDENCE_CONFIG", Write("no: thing\n"));
  const Ran ran = RunCommands({"init", "--data", directory_.path() + "/d", "--origin", "e.org/t"},
                              {RegisterServe, RegisterInit}, "");
  EXPECT_EQ(ran.exit_code, cli::kExitOk) << ran.err;
}

TEST_F(ConfigurationTest, WhatIsPrintedIsAFileThatSetsTheSame) {
  const Ran first = Print("data: 'a: #b'\nlisten: 127.0.0.1:1\nwitness-seconds: 7\n");
  const Ran second = Print(first.out);
  EXPECT_EQ(second.exit_code, cli::kExitOk) << second.err;
  const auto without_sources = [](const std::string& text) {
    std::string kept;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      kept += line.substr(0, line.find("  # ")) + "\n";
    }
    return kept;
  };
  EXPECT_EQ(without_sources(second.out), without_sources(first.out));
  EXPECT_THAT(second.out, HasSubstr("a: #b"));
}

TEST_F(ConfigurationTest, PrintedWithoutAFileItIsATemplate) {
  const Ran ran = Serve({"--print-config"});
  EXPECT_EQ(ran.exit_code, cli::kExitOk) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("# Directory of the ledger\n# data:\n"));
  EXPECT_THAT(ran.out, Not(HasSubstr("print-config")));
}

TEST_F(ConfigurationTest, AnUnknownKeyIsRefusedWithItsLineAndTheNearestOne) {
  EXPECT_EQ(Refusal("data: d\n\nbackup-minuts: 5\n"),
            ":3: unknown key 'backup-minuts' (did you mean 'backup-minutes'?)");
  EXPECT_EQ(Refusal("data: d\nzzzzzz: 5\n"), ":2: unknown key 'zzzzzz'");
  EXPECT_EQ(Refusal("config: other.yaml\n"), ":1: unknown key 'config'");
}

TEST_F(ConfigurationTest, AWrongValueIsRefusedWithItsLine) {
  EXPECT_THAT(Refusal("data: d\nbackup-minutes: 0\n"), StartsWith(":2: --backup-minutes: "));
  EXPECT_THAT(Refusal("data: d\ndrain-seconds: soon\n"), StartsWith(":2: "));
  EXPECT_EQ(Refusal("data: [a, b]\n"), ":1: 'data' takes one value, not a list");
  EXPECT_EQ(Refusal("data: {a: b}\n"), ":1: 'data' must have a value or a list of values");
}

TEST_F(ConfigurationTest, AFileThatIsNoneIsRefused) {
  EXPECT_EQ(Refusal("data: a\ndata: b\n"), ":2: 'data' stands in line 1 too");
  EXPECT_THAT(Refusal("data: [a\n"), StartsWith(":"));
  EXPECT_THAT(Refusal("data: *none\n"), StartsWith(":1: "));
  EXPECT_EQ(Refusal("- data\n"), ":1: must be lines of the form `option: value`");
  EXPECT_EQ(Refusal("data: a\n---\ndata: b\n"), ":3: a second document");
  EXPECT_EQ(Refusal("[a]: b\n"), ":1: a key must be the name of an option");
  const Ran missing = Serve({"--config", path() + ".none", "--check-config"});
  EXPECT_EQ(missing.exit_code, cli::kExitUsage);
  EXPECT_THAT(missing.err, HasSubstr(path() + ".none: cannot be read"));
}

TEST_F(ConfigurationTest, AMistakeThatTheEnvironmentHidesIsOneStill) {
  SetVariable("CREDENCE_DATA", "of-environment");
  EXPECT_EQ(Refusal("data: a\ndata: b\n"), ":2: 'data' stands in line 1 too");
}

TEST_F(ConfigurationTest, ACheckTellsWhetherItIsRight) {
  const Ran right = Serve({"--config", Write("data: d\n"), "--check-config"});
  EXPECT_EQ(right.exit_code, cli::kExitOk) << right.err;
  EXPECT_EQ(right.out, "the configuration is right\n");
  const Ran missing = Serve({"--check-config"});
  EXPECT_EQ(missing.exit_code, cli::kExitUsage);
  EXPECT_THAT(missing.err, HasSubstr("--data is required"));
  const Ran open = Serve({"--config", Write("data: d\nlisten: nowhere\n"), "--check-config"});
  EXPECT_EQ(open.exit_code, cli::kExitUsage);
  EXPECT_THAT(open.err, HasSubstr("--listen nowhere"));
}

TEST_F(ConfigurationTest, AReloadAppliesWhatItCanAndNamesTheRest) {
  Reloader::Values values{{"a", "1"}, {"b", "2"}, {"c", "3"}};
  absl::StatusOr<Reloader::Values> next = values;
  std::vector<std::string> lines;
  int applied = 0;
  Reloader reloader(
      values, [&] { return next; }, [&](const std::string& line) { lines.push_back(line); });
  reloader.Add({"a", "b"}, [&] { ++applied; });
  next = Reloader::Values{{"a", "10"}, {"b", "20"}, {"c", "30"}};
  reloader.Reload();
  EXPECT_EQ(applied, 1);
  EXPECT_THAT(lines, ElementsAre("reloaded: a = 10, b = 20", "needs a restart: c"));
  lines.clear();
  reloader.Reload();
  EXPECT_EQ(applied, 1);
  EXPECT_THAT(lines, ElementsAre("reloaded: no option changed", "needs a restart: c"));
  lines.clear();
  next = absl::InvalidArgumentError("file:1: wrong");
  reloader.Reload();
  EXPECT_THAT(lines, ElementsAre("nothing reloaded: file:1: wrong"));
}

}  // namespace
}  // namespace credence::server
