#include "baseline.h"

#include <cstdlib>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

// The protos break no program and no stored event that was made with an earlier version of them.
namespace credence::proto_lint {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string& BaselinePath() {
  static const auto* const kPath =
      new std::string(absl::StrCat(CREDENCE_SOURCE_DIRECTORY, "/proto/baseline.txt"));
  return *kPath;
}

std::set<std::string> ReadBaseline() {
  std::set<std::string> lines;
  std::ifstream file(BaselinePath());
  for (std::string line; std::getline(file, line);) {
    if (!absl::StartsWith(line, "#")) lines.insert(line);
  }
  return lines;
}

std::set<std::string> DeclarationsNow() {
  std::ifstream stream(CREDENCE_DESCRIPTORS, std::ios::binary);
  FileDescriptorSet set;
  EXPECT_TRUE(set.ParseFromIstream(&stream)) << CREDENCE_DESCRIPTORS;
  static auto* const pool = new DescriptorPool();
  std::set<std::string> lines;
  for (const FileDescriptorProto& file : set.file()) {
    const FileDescriptor* built = pool->BuildFile(file);
    EXPECT_NE(built, nullptr) << file.name();
    if (built != nullptr && absl::StartsWith(file.name(), "credence/")) {
      lines.merge(Declarations(*built));
    }
  }
  return lines;
}

TEST(BaselineTest, WhatWasReleasedIsThereStill) {
  const std::set<std::string> now = DeclarationsNow();
  if (std::getenv("CREDENCE_UPDATE_BASELINE") != nullptr) {
    std::ofstream file(BaselinePath());
    file << "# What programs and stored events depend on. tests/proto fails where a line here is\n"
            "# no longer true. At a release: CREDENCE_UPDATE_BASELINE=1 credence_proto_tests\n";
    for (const std::string& line : now) file << line << "\n";
    GTEST_SKIP() << "wrote " << BaselinePath();
  }
  const std::set<std::string> baseline = ReadBaseline();
  ASSERT_GT(baseline.size(), 500U);
  EXPECT_THAT(Breaches(baseline, now), IsEmpty())
      << "These are depended on by programs, or are in ledgers, which keep them for ever. Put them "
         "back, and add what is new under a new number.";
}

// A file of one message, one enum and one service; tests change it in one place.
constexpr const char* kFile = R"pb(
  name: "thing.proto"
  package: "p"
  syntax: "proto3"
  message_type {
    name: "Thing"
    field { name: "name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
    field { name: "count" number: 2 type: TYPE_INT64 label: LABEL_OPTIONAL }
    field { name: "kinds" number: 3 type: TYPE_ENUM type_name: ".p.Kind" label: LABEL_REPEATED }
    reserved_range { start: 4 end: 5 }
    reserved_name: "old"
  }
  enum_type {
    name: "Kind"
    value { name: "KIND_UNSPECIFIED" number: 0 }
  }
  service {
    name: "Things"
    method { name: "Get" input_type: ".p.Thing" output_type: ".p.Thing" }
  }
)pb";

std::set<std::string> Of(const FileDescriptorProto& file) {
  DescriptorPool pool;
  const FileDescriptor* built = pool.BuildFile(file);
  EXPECT_NE(built, nullptr);
  return built == nullptr ? std::set<std::string>() : Declarations(*built);
}

FileDescriptorProto File() {
  FileDescriptorProto file;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kFile, &file));
  return file;
}

TEST(BaselineTest, ALineSaysWhatADependentReliesOn) {
  EXPECT_THAT(
      Of(File()),
      ElementsAre("p.Kind.KIND_UNSPECIFIED = 0", "p.Thing reserves 4 to 4", "p.Thing reserves old",
                  "p.Thing.count = 2: int64", "p.Thing.kinds = 3: repeated p.Kind",
                  "p.Thing.name = 1: string", "p.Things.Get(p.Thing): p.Thing"));
}

TEST(BaselineTest, WhatIsAddedBreaksNothing) {
  FileDescriptorProto grown = File();
  auto* field = grown.mutable_message_type(0)->add_field();
  *field = grown.message_type(0).field(0);
  field->set_name("title");
  field->set_number(5);
  grown.add_message_type()->set_name("Other");
  EXPECT_THAT(Breaches(Of(File()), Of(grown)), IsEmpty());
}

TEST(BaselineTest, EachKindOfBreachIsFound) {
  const std::set<std::string> before = Of(File());
  const auto breaches = [&](auto change) {
    FileDescriptorProto file = File();
    change(file);
    return Breaches(before, Of(file));
  };
  const auto first = [](FileDescriptorProto& file) {
    return file.mutable_message_type(0)->mutable_field(0);
  };
  const auto name = ElementsAre("p.Thing.name = 1: string");
  EXPECT_THAT(breaches([&](auto& file) { first(file)->set_number(7); }), name);
  EXPECT_THAT(breaches([&](auto& file) { first(file)->set_name("title"); }), name);
  EXPECT_THAT(breaches([&](auto& file) {
                first(file)->set_type(google::protobuf::FieldDescriptorProto::TYPE_BYTES);
              }),
              name);
  EXPECT_THAT(breaches([&](auto& file) {
                first(file)->set_label(google::protobuf::FieldDescriptorProto::LABEL_REPEATED);
              }),
              name);
  EXPECT_THAT(breaches([](auto& file) {
                file.mutable_message_type(0)->mutable_field()->DeleteSubrange(0, 1);
              }),
              name);
  EXPECT_THAT(breaches([](auto& file) { file.mutable_message_type(0)->clear_reserved_range(); }),
              ElementsAre("p.Thing reserves 4 to 4"));
  EXPECT_THAT(breaches([](auto& file) {
                file.mutable_enum_type(0)->mutable_value(0)->set_name("KIND_NONE");
              }),
              ElementsAre("p.Kind.KIND_UNSPECIFIED = 0"));
  EXPECT_THAT(breaches([](auto& file) {
                file.mutable_service(0)->mutable_method(0)->set_server_streaming(true);
              }),
              ElementsAre("p.Things.Get(p.Thing): p.Thing"));
}

}  // namespace
}  // namespace credence::proto_lint
