#include "logging/logger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "credence/v1/evidence_service.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "logging/call_log.h"
#include "service/router.h"

// What the server writes down of itself: lines that programs can read, and nothing that callers
// said.
namespace credence::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class LoggingTest : public testing::Test {
 protected:
  Logger Make(Logger::Format format, Logger::Severity least = Logger::Severity::kInfo) {
    return {[this](const std::string& line) { lines.push_back(line); }, format, least};
  }

  // The one line, as an object.
  google::protobuf::Struct Object() {
    google::protobuf::Struct object;
    EXPECT_EQ(lines.size(), 1U);
    if (lines.empty()) return object;
    const auto parsed = google::protobuf::util::JsonStringToMessage(lines.back(), &object);
    EXPECT_TRUE(parsed.ok()) << lines.back();
    return object;
  }
  std::string Member(const std::string& name) { return Object().fields().at(name).string_value(); }

  std::vector<std::string> lines;
};

TEST_F(LoggingTest, ALineForPeopleHasTheMessageAndItsFields) {
  Make(Logger::Format::kText).Info("call", {{"method", "Get"}, {"milliseconds", 3}});
  EXPECT_THAT(lines, ElementsAre("credence: call, method=\"Get\", milliseconds=3\n"));
}

TEST_F(LoggingTest, ALineForProgramsIsAnObject) {
  Make(Logger::Format::kJson).Warning("slow", {{"method", "Get"}, {"milliseconds", 3}});
  EXPECT_EQ(Member("severity"), "WARNING");
  EXPECT_EQ(Member("message"), "slow");
  EXPECT_EQ(Member("method"), "Get");
  EXPECT_EQ(Object().fields().at("milliseconds").number_value(), 3);
  EXPECT_THAT(Member("time"), HasSubstr("T"));
}

TEST_F(LoggingTest, NoValueMakesALineOfItsOwn) {
  for (const auto format : {Logger::Format::kText, Logger::Format::kJson}) {
    lines.clear();
    Make(format).Info("a\nb", {{"name", "x\ncredence: forged\r\x1b[31m"}, {"bytes", "\xff\xfe"}});
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].find('\n'), lines[0].size() - 1);
    EXPECT_THAT(lines[0], Not(HasSubstr("\x1b")));
  }
  Object();
}

TEST_F(LoggingTest, LongValuesAreCutOff) {
  Make(Logger::Format::kJson).Info("m", {{"long", std::string(100'000, 'x')}});
  EXPECT_LT(lines[0].size(), 2'000U);
  Object();
}

TEST_F(LoggingTest, WhatIsBelowTheLevelIsNotLogged) {
  Logger logger = Make(Logger::Format::kText, Logger::Severity::kWarning);
  logger.Info("quiet");
  EXPECT_THAT(lines, IsEmpty());
  logger.set_least(Logger::Severity::kInfo);
  logger.Info("loud");
  EXPECT_EQ(lines.size(), 1U);
}

// Calls a method whose answer is `outcome`, with a request that holds a secret.
void CallOnce(const Logger& logger, const absl::StatusOr<std::string>& outcome) {
  Router router;
  router.AddUnary(
      "credence.v1.EvidenceService", "CreateSource",
      [&](const CallContext&, std::string_view, const Answer& answer) { answer(outcome); });
  LogCalls(logger, router);
  v1::CreateSourceRequest request;
  request.set_source_id("hush");
  request.mutable_options()->set_request_id("0000-1");
  int answers = 0;
  router.services()
      .at("credence.v1.EvidenceService")
      .at("CreateSource")
      .unary({}, request.SerializeAsString(), [&](const auto&) { ++answers; });
  EXPECT_EQ(answers, 1);
}

TEST_F(LoggingTest, ACallIsLoggedWithItsRequestIdAndNothingThatWasSaid) {
  CallOnce(Make(Logger::Format::kJson, Logger::Severity::kDebug),
           absl::InvalidArgumentError("hush is no id"));
  EXPECT_EQ(Member("method"), "credence.v1.EvidenceService/CreateSource");
  EXPECT_EQ(Member("code"), "INVALID_ARGUMENT");
  EXPECT_EQ(Member("request_id"), "0000-1");
  EXPECT_EQ(Member("severity"), "DEBUG");
  EXPECT_THAT(lines[0], Not(HasSubstr("hush")));
}

TEST_F(LoggingTest, CallsThatGoWellAreForDebuggingOnly) {
  CallOnce(Make(Logger::Format::kJson), std::string("fine"));
  EXPECT_THAT(lines, IsEmpty());
}

TEST_F(LoggingTest, AFailureOfTheServersOwnIsAnErrorAndSaysWhy) {
  CallOnce(Make(Logger::Format::kJson), absl::DataLossError("the disk lies"));
  EXPECT_EQ(Member("severity"), "ERROR");
  EXPECT_EQ(Member("error"), "the disk lies");
}

}  // namespace
}  // namespace credence::server
