#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/client/verify/failure.h"
#include "credence/client/verify/log_verifier.h"
#include "credence/client/verify/tile.h"
#include "log_builder.h"
#include "note_signer.h"

namespace credence::client {

// A directory whose files did not change.
class OldFiles final : public LogSource {
 public:
  explicit OldFiles(const std::string& directory) : files_(MakeDirectorySource(directory)) {}
  [[nodiscard]] const std::string& name() const override { return files_->name(); }
  [[nodiscard]] absl::StatusOr<std::string> Read(std::string_view path) override {
    return files_->Read(path);
  }

 private:
  const std::unique_ptr<LogSource> files_;
};

// A log of a server that may lie, written to a directory and verified by both verifiers.
class VerifyLogTest : public testing::Test {
 protected:
  VerifyLogTest() : signer_("example.org/log"), log_(signer_) {
    std::string pattern = testing::TempDir() + "/credence-verify-XXXXXX";
    CREDENCE_CHECK(mkdtemp(pattern.data()) != nullptr);
    root_ = pattern;
    directory_ = root_ + "/export";
  }
  ~VerifyLogTest() override {
    std::error_code error;
    std::filesystem::remove_all(root_, error);
  }

  absl::StatusOr<VerifyReport> Verify(const VerifyOptions& options = {}) {
    const std::unique_ptr<LogSource> source = MakeDirectorySource(directory_);
    const absl::StatusOr<VerifyReport> report = VerifyLog(*source, signer_.key(), options);
    if (options.state_path.empty()) {
      // One thread alone says the same, also of what is wrong and where.
      VerifyOptions alone = options;
      alone.reads_ahead = false;
      EXPECT_EQ(VerifyLog(*source, signer_.key(), alone).status(), report.status());
    }
    return report;
  }

  VerifyOptions Remembering() const {
    VerifyOptions options;
    options.state_path = root_ + "/state";
    return options;
  }

  // Verifies and remembers files that seem to have been there for long.
  absl::StatusOr<VerifyReport> VerifyLater() {
    OldFiles source(directory_);
    return VerifyLog(source, signer_.key(), Remembering());
  }

  // Exit code of the Python verifier, and the position in its JSON; -1 where it names none.
  std::pair<int, int64_t> VerifyInPython(const std::string& more = "") {
    const std::string command = absl::StrCat(
        "PYTHONPATH=" PYTHON_SOURCE_PATH " /usr/bin/python3 -m credence.verify --output json ",
        directory_, " --key '", FormatVerifierKey(signer_.key()), "' ", more, " 2>&1");
    FILE* const pipe = popen(command.c_str(), "r");
    CREDENCE_CHECK(pipe != nullptr);
    std::string output;
    for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) output.push_back(static_cast<char>(c));
    const int status = pclose(pipe);
    python_output_ = output;
    int64_t position = -1;
    const size_t at = output.find("\"position\": ");
    if (at != std::string::npos) {
      const std::string rest = output.substr(at + 12);
      if (!absl::SimpleAtoi(rest.substr(0, rest.find(',')), &position)) position = -1;
    }
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, position};
  }

  // Both verifiers find the log wrong, at the same position.
  void ExpectBroken(int64_t position, std::string_view what) {
    const absl::StatusOr<VerifyReport> report = Verify();
    ASSERT_FALSE(report.ok());
    EXPECT_TRUE(IsVerificationFailure(report.status())) << report.status();
    EXPECT_NE(report.status().message().find(std::string(what)), std::string::npos)
        << report.status();
    const auto metadata = GetErrorDetail(report.status()).metadata;
    const auto named = metadata.find("position");
    EXPECT_EQ(named == metadata.end() ? "-1" : named->second, absl::StrCat(position))
        << report.status();
    EXPECT_EQ(VerifyInPython(), std::pair(8, position)) << python_output_;
  }

  void ExpectSound() {
    const absl::StatusOr<VerifyReport> report = Verify();
    EXPECT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(VerifyInPython(), std::pair(0, int64_t{-1})) << python_output_;
  }

  std::string TileFile(int level, int64_t index, int width = 256) const {
    return absl::StrCat(directory_, "/", TilePath({level, index, width}));
  }

  const NoteSigner signer_;
  LogBuilder log_;
  std::string root_;
  std::string directory_;
  std::string python_output_;
};

}  // namespace credence::client
