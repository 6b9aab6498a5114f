#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "credence/v1/error_reason.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"

namespace credence::v1 {
namespace {

using testing::ElementsAreArray;
using testing::IsEmpty;

const std::filesystem::path kSource = CREDENCE_SOURCE_DIRECTORY;

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream stream(path);
  EXPECT_TRUE(stream.good()) << path;
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// The reasons without their prefix and without the zero value, in the order of the file.
std::vector<std::string> Reasons() {
  std::vector<std::string> reasons;
  const auto* type = ErrorReason_descriptor();
  for (int i = 1; i < type->value_count(); ++i) {
    reasons.emplace_back(absl::StripPrefix(type->value(i)->name(), "ERROR_REASON_"));
  }
  return reasons;
}

TEST(ErrorReasonTest, EachReasonHasAGrpcCode) {
  const auto* type = ErrorReason_descriptor();
  for (int i = 1; i < type->value_count(); ++i) {
    const int code = type->value(i)->options().GetExtension(grpc_code);
    EXPECT_GE(code, 1) << type->value(i)->name();
    EXPECT_LE(code, 16) << type->value(i)->name();
  }
  EXPECT_FALSE(type->value(0)->options().HasExtension(grpc_code));
}

// The numbers grow with the file, so that a reader may compare two reasons by number.
TEST(ErrorReasonTest, OrderOfPrecedenceIsTheOrderOfNumbers) {
  const auto* type = ErrorReason_descriptor();
  for (int i = 1; i < type->value_count(); ++i) {
    EXPECT_GT(type->value(i)->number(), type->value(i - 1)->number()) << type->value(i)->name();
  }
}

TEST(ErrorReasonTest, ReferenceNamesEachReasonInOrderOfPrecedence) {
  const std::string page = ReadFile(kSource / "docs/reference/errors.md");
  const std::regex heading("\n## ([A-Z_]+)\n");
  std::vector<std::string> documented;
  for (std::sregex_iterator match(page.begin(), page.end(), heading), end; match != end; ++match) {
    documented.push_back((*match)[1]);
  }
  EXPECT_THAT(documented, ElementsAreArray(Reasons()));
}

// Reasons that no test of the server can bring about, each with why.
const std::map<std::string, std::string>& Exempt() {
  static const std::map<std::string, std::string> exempt = {
      {"LEDGER_FAILED",
       "A disk that fails is not at hand in a test of the server; the tests of the ledger have "
       "one."},
      {"OVERLOADED", "The tests of the ledger fill its queue."},
      {"INTERNAL",
       "It reports a fault of the server; a test that could bring one about has found "
       "a fault to mend."},
  };
  return exempt;
}

TEST(ErrorReasonTest, EachReasonIsProvokedByATestOfTheServer) {
  const std::filesystem::path directory = kSource / "tests/server";
  ASSERT_TRUE(std::filesystem::is_directory(directory));
  std::string tests;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) tests += ReadFile(entry.path());
  }
  std::set<std::string> missing;
  for (const std::string& reason : Reasons()) {
    const std::regex word(absl::StrCat("\\b(ERROR_REASON_)?", reason, "\\b"));
    if (!std::regex_search(tests, word) && !Exempt().contains(reason)) missing.insert(reason);
  }
  EXPECT_THAT(missing, IsEmpty());
}

TEST(ErrorReasonTest, ExemptReasonsExist) {
  const std::vector<std::string> reasons = Reasons();
  for (const auto& [reason, why] : Exempt()) {
    EXPECT_THAT(reasons, testing::Contains(reason)) << why;
  }
}

}  // namespace
}  // namespace credence::v1
