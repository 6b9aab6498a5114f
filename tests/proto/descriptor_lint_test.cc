#include "descriptor_lint.h"

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"

namespace credence::proto_lint {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The contract as protoc compiled it, with source locations.
class Contract : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream stream(CREDENCE_DESCRIPTORS, std::ios::binary);
    FileDescriptorSet set;
    ASSERT_TRUE(set.ParseFromIstream(&stream)) << CREDENCE_DESCRIPTORS;
    for (const FileDescriptorProto& file : set.file()) {
      const FileDescriptor* built = pool_.BuildFile(file);
      ASSERT_NE(built, nullptr) << file.name();
      if (absl::StartsWith(file.name(), "credence/")) files_.push_back(built);
    }
  }

  DescriptorPool pool_;
  std::vector<const FileDescriptor*> files_;
};

TEST_F(Contract, KeepsTheRulesOfNamesAndComments) {
  ASSERT_GE(files_.size(), 15U);
  for (const FileDescriptor* file : files_) EXPECT_THAT(LintFile(*file), IsEmpty());
}

TEST_F(Contract, GivesEachRpcItsOwnRequestAndResponse) {
  EXPECT_THAT(LintServices(files_), IsEmpty());
}

// A small file that keeps every rule; tests break it in one place.
constexpr absl::string_view kCleanFile = R"(syntax = "proto3";

package credence.sample.v1;

// Things.
service ThingService {
  // Reads a thing.
  rpc GetThing(GetThingRequest) returns (GetThingResponse) {
    option idempotency_level = NO_SIDE_EFFECTS;
  }
}

// Request of GetThing.
message GetThingRequest {
  // REQUIRED. Name.
  string name = 1;
  // How.
  oneof how {
    // OPTIONAL. Fast.
    int64 fast_count = 2;
  }
}

// Response of GetThing.
message GetThingResponse {
  // Kind.
  ThingKind kind = 1;
}

// Kind.
enum ThingKind {
  // Not stated.
  THING_KIND_UNSPECIFIED = 0;
  // Big.
  THING_KIND_BIG = 1;
}
)";

// A directory of this test's own.
std::filesystem::path ScratchDirectory() {
  std::string made = absl::StrCat(testing::TempDir(), "descriptor-lint-", std::string(6, 'X'));
  EXPECT_NE(mkdtemp(made.data()), nullptr) << made;
  return made;
}

// The descriptor of `text`, as protoc compiles it, with source locations.
FileDescriptorProto Compile(absl::string_view text, const std::string& path) {
  const std::filesystem::path directory = ScratchDirectory();
  std::filesystem::create_directories((directory / path).parent_path());
  std::ofstream(directory / path) << text;
  const std::filesystem::path output = directory / "out.binpb";
  const std::string command =
      absl::StrCat("cd ", directory.string(), " && ", CREDENCE_PROTOC,
                   " --include_source_info --descriptor_set_out=", output.string(), " ", path);
  EXPECT_EQ(std::system(command.c_str()), 0) << text;
  std::ifstream stream(output, std::ios::binary);
  FileDescriptorSet set;
  EXPECT_TRUE(set.ParseFromIstream(&stream));
  std::filesystem::remove_all(directory);
  return set.file_size() == 1 ? set.file(0) : FileDescriptorProto();
}

// The findings on the clean file after `from`, which must occur in it, became `to`.
std::vector<std::string> FindingsWith(absl::string_view from, absl::string_view to,
                                      const std::string& path = "credence/sample/v1/thing.proto") {
  EXPECT_TRUE(absl::StrContains(kCleanFile, from)) << from;
  const std::string text = absl::StrReplaceAll(kCleanFile, {{from, to}});
  DescriptorPool pool;
  const FileDescriptor* file = pool.BuildFile(Compile(text, path));
  EXPECT_NE(file, nullptr) << text;
  return file == nullptr ? std::vector<std::string>{"does not build"} : LintFile(*file);
}

TEST(DescriptorLintTest, CleanFileHasNoFinding) {
  EXPECT_THAT(FindingsWith("Things.", "Things."), IsEmpty());
}

struct Breach {
  absl::string_view from;
  absl::string_view to;
  absl::string_view finding;
};

const std::vector<Breach>& Breaches() {
  static const std::vector<Breach> breaches = {
      Breach{"// Things.", "", "ThingService: has no comment"},
      Breach{"// Reads a thing.", "", "GetThing: has no comment"},
      Breach{"// Kind.\nenum", "enum", "ThingKind: has no comment"},
      Breach{"// Big.", "", "THING_KIND_BIG: has no comment"},
      Breach{"// Request of GetThing.", "", "GetThingRequest: has no comment"},
      Breach{"// REQUIRED. Name.", "", "name: has no comment"},
      Breach{"// How.", "", "how: has no comment"},
      Breach{"// REQUIRED. Name.", "// Name.", "neither REQUIRED nor OPTIONAL"},
      Breach{"sample.v1", "sample", "no version suffix"},
      Breach{"sample.v1", "other.v1", "does not match the directory"},
      Breach{"ThingService", "Things", "does not end in Service"},
      Breach{"GetThingRequest", "ThingQuery", "request is not named after the rpc"},
      Breach{"GetThingResponse", "Thing", "response is not named after the rpc"},
      Breach{"GetThing(", "getThing(", "is not PascalCase"},
      Breach{"option idempotency_level = NO_SIDE_EFFECTS;", "", "or neither"},
      Breach{"GetThing(GetThingRequest)", "GetThing(stream GetThingRequest)",
             "streams from the client"},
      Breach{"string name", "string Name", "is not lower_snake_case"},
      Breach{"oneof how", "oneof How", "is not lower_snake_case"},
      Breach{"int64 fast_count", "uint64 fast_count", "is unsigned"},
      Breach{"fast_count", "is_fast", "begins with is_"},
      Breach{"ThingKind", "Thing_Kind", "is not PascalCase"},
      Breach{"THING_KIND_UNSPECIFIED", "THING_KIND_NONE", "not named _UNSPECIFIED"},
      Breach{"THING_KIND_BIG", "BIG_THING", "does not begin with its enum's name"},
      Breach{"THING_KIND_BIG", "THING_KIND_big", "is not UPPER_SNAKE_CASE"},
      Breach{"THING_KIND_BIG = 1;",
             "THING_KIND_BIG = 1;\n// Same.\nTHING_KIND_X = 1;\noption allow_alias = true;",
             "allows aliases"}};
  return breaches;
}

TEST(DescriptorLintTest, EachBreachIsFound) {
  for (const Breach& breach : Breaches()) {
    SCOPED_TRACE(absl::StrCat(breach.from, " became ", breach.to));
    EXPECT_THAT(FindingsWith(breach.from, breach.to),
                Contains(HasSubstr(std::string(breach.finding))));
  }
}

TEST(DescriptorLintTest, FileNameMustBeSnakeCase) {
  EXPECT_THAT(FindingsWith("Things.", "Things.", "credence/sample/v1/Thing.proto"),
              ElementsAre(HasSubstr("file name is not lower_snake_case")));
}

TEST(DescriptorLintTest, UnusedImportIsFound) {
  FileDescriptorProto imported;
  imported.set_name("credence/sample/v1/other.proto");
  imported.set_package("credence.sample.v1");
  imported.set_syntax("proto3");
  FileDescriptorProto importing = imported;
  importing.set_name("credence/sample/v1/thing.proto");
  importing.add_dependency(imported.name());
  DescriptorPool pool;
  ASSERT_NE(pool.BuildFile(imported), nullptr);
  EXPECT_THAT(LintFile(*pool.BuildFile(importing)),
              ElementsAre(HasSubstr("other.proto: is imported and not used")));
}

TEST(DescriptorLintTest, MessageOfTwoRpcsIsFound) {
  FileDescriptorProto file;
  file.set_name("credence/sample/v1/thing.proto");
  file.set_package("credence.sample.v1");
  file.set_syntax("proto3");
  file.add_message_type()->set_name("Thing");
  auto* method = file.add_service()->add_method();
  file.mutable_service(0)->set_name("ThingService");
  method->set_name("GetThing");
  method->set_input_type(".credence.sample.v1.Thing");
  method->set_output_type(".credence.sample.v1.Thing");
  DescriptorPool pool;
  EXPECT_THAT(LintServices({pool.BuildFile(file)}),
              ElementsAre(HasSubstr("credence.sample.v1.Thing: is used by two rpcs")));
}

}  // namespace
}  // namespace credence::proto_lint
