#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "credence/base/strings.h"
#include "credence/cli/cli.h"
#include "credence/cli/exit_code.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "main/commands.h"
#include "program_run.h"

// Networks of other programs, queried and converted without a server. The values are those of
// 40-digit arithmetic.
namespace credence::server {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;
using ::testing::Not;

Ran RunProgram(const std::vector<std::string>& args, const std::string& in = "") {
  return RunCommands(args, {RegisterNetworkFiles, RegisterImportNetworks}, in);
}

Ran Query(const std::string& network, std::vector<std::string> more) {
  std::vector<std::string> args = {"network", "query", "--file", "-", "--output", "json"};
  args.insert(args.end(), more.begin(), more.end());
  return RunProgram(args, network);
}

double NumberAt(const Ran& ran, const std::vector<std::string>& path) {
  google::protobuf::Value value;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(ran.out, &value).ok())
      << ran.out << ran.err;
  for (const std::string& name : path) {
    google::protobuf::Value next;
    if (value.has_list_value()) {
      next = value.list_value().values(std::stoi(name));
    } else {
      next = value.struct_value().fields().contains(name) ? value.struct_value().fields().at(name)
                                                          : google::protobuf::Value();
    }
    value = next;
  }
  EXPECT_EQ(value.kind_case(), google::protobuf::Value::kNumberValue) << ran.out << ran.err;
  return value.number_value();
}

constexpr char kAsia[] = R"(network asia {}
variable asia { type discrete [ 2 ] { yes, no }; }
variable tub { type discrete [ 2 ] { yes, no }; }
variable smoke { type discrete [ 2 ] { yes, no }; }
variable lung { type discrete [ 2 ] { yes, no }; }
variable bronc { type discrete [ 2 ] { yes, no }; }
variable either { type discrete [ 2 ] { yes, no }; }
variable xray { type discrete [ 2 ] { yes, no }; }
variable dysp { type discrete [ 2 ] { yes, no }; }
probability ( asia ) { table 0.01, 0.99; }
probability ( tub | asia ) { (yes) 0.05, 0.95; (no) 0.01, 0.99; }
probability ( smoke ) { table 0.5, 0.5; }
probability ( lung | smoke ) { (yes) 0.1, 0.9; (no) 0.01, 0.99; }
probability ( bronc | smoke ) { (yes) 0.6, 0.4; (no) 0.3, 0.7; }
probability ( either | lung, tub ) {
  (yes, yes) 1.0, 0.0; (no, yes) 1.0, 0.0; (yes, no) 1.0, 0.0; (no, no) 0.0, 1.0;
}
probability ( xray | either ) { (yes) 0.98, 0.02; (no) 0.05, 0.95; }
probability ( dysp | bronc, either ) {
  (yes, yes) 0.9, 0.1; (no, yes) 0.7, 0.3; (yes, no) 0.8, 0.2; (no, no) 0.1, 0.9;
}
)";

TEST(ForeignNetworkTest, SoftFindingsOnOneNodeMultiply) {
  const Ran one = Query(kAsia, {"--likelihood", "xray=9,1"});
  EXPECT_THAT(NumberAt(one, {"marginals", "lung", "yes"}), DoubleNear(0.25829822630826194, 1e-14));
  const Ran two = Query(kAsia, {"--likelihood", "xray=9,1", "--likelihood", "xray=4,1"});
  EXPECT_THAT(NumberAt(two, {"marginals", "lung", "yes"}), DoubleNear(0.3994731522149701, 1e-14));
}

TEST(ForeignNetworkTest, ImpossibleEvidenceNamesWhatClashes) {
  const Ran ran = Query(kAsia, {"--evidence", "lung=yes,either=no,bronc=yes", "--target", "smoke"});
  EXPECT_EQ(ran.exit_code, cli::kExitPrecondition);
  EXPECT_THAT(ran.err, HasSubstr("lung=yes"));
  EXPECT_THAT(ran.err, HasSubstr("either=no"));
  EXPECT_THAT(ran.err, Not(HasSubstr("bronc")));
}

TEST(ForeignNetworkTest, BadLikelihoodsAndNamesAreRefused) {
  for (const char* bad : {"xray=-1,2", "xray=nan,2", "xray=inf,1", "xray=0,0", "xray=1"}) {
    EXPECT_EQ(Query(kAsia, {"--likelihood", bad}).exit_code, cli::kExitFailed) << bad;
  }
  EXPECT_EQ(Query(kAsia, {"--evidence", "xry=yes"}).exit_code, cli::kExitNotFound);
  EXPECT_THAT(Query(kAsia, {"--evidence", "xry=yes"}).err, HasSubstr("did you mean \"xray\"?"));
  EXPECT_EQ(Query(kAsia, {"--evidence", "xray=ys"}).exit_code, cli::kExitNotFound);
}

TEST(ForeignNetworkTest, JointsConflictAndInterventionsAreAnswered) {
  const Ran ran = Query(kAsia, {"--evidence", "dysp=yes", "--joint", "lung,bronc", "--conflict"});
  double sum = 0.0;
  for (const char* cell : {"0", "1", "2", "3"})
    sum += NumberAt(ran, {"joint", cell, "probability"});
  EXPECT_THAT(sum, DoubleNear(1, 1e-12));
  EXPECT_THAT(
      NumberAt(ran, {"joint", "0", "probability"}) + NumberAt(ran, {"joint", "1", "probability"}),
      DoubleNear(NumberAt(ran, {"marginals", "lung", "yes"}), 1e-12));
  EXPECT_THAT(NumberAt(ran, {"conflict"}), DoubleNear(0, 1e-12));
  const Ran forced = Query(kAsia, {"--do", "lung=yes", "--target", "smoke,dysp"});
  EXPECT_THAT(NumberAt(forced, {"marginals", "smoke", "yes"}), DoubleNear(0.5, 1e-12));
  EXPECT_THAT(NumberAt(forced, {"logEvidence"}), DoubleNear(0, 1e-12));
}

TEST(ForeignNetworkTest, TheMostProbableConfigurationIsFound) {
  const Ran ran = Query(kAsia, {"--evidence", "dysp=yes", "--mpe"});
  EXPECT_THAT(NumberAt(ran, {"mpe", "probability"}), DoubleNear(0.4613, 5e-5));
  EXPECT_THAT(NumberAt(ran, {"mpe", "logWeight"}), DoubleNear(std::log(0.20111652), 1e-8));
  EXPECT_THAT(ran.out, HasSubstr("\"bronc\": \"yes\", \"either\": \"no\""));
}

TEST(ForeignNetworkTest, ApproximateAnswersCarryTheirStandardErrors) {
  const std::vector<std::string> args = {"--evidence", "dysp=yes", "--approximate",
                                         "--samples",  "20000",    "--seed",
                                         "7",          "--target", "lung"};
  const Ran ran = Query(kAsia, args);
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const double error = NumberAt(ran, {"standardErrors", "lung", "yes"});
  EXPECT_GT(error, 0.0);
  EXPECT_LT(error, 0.02);
  EXPECT_THAT(NumberAt(ran, {"marginals", "lung", "yes"}), DoubleNear(0.102759, 5 * error));
  EXPECT_THAT(NumberAt(ran, {"logEvidence"}), DoubleNear(-0.8301804690993484, 0.05));
  EXPECT_EQ(Query(kAsia, args).out, ran.out);
  EXPECT_EQ(Query(kAsia, {"--approximate", "--mpe"}).exit_code, cli::kExitUsage);
}

// Pairs of causes with many common effects, all seen, and next to no memory.
TEST(ForeignNetworkTest, WhatIsTooCostlyIsRefusedWithTheEstimate) {
  std::string uai = "BAYES\n44\n";
  for (int i = 0; i < 44; ++i) uai += "3 ";
  std::string scopes;
  std::string tables;
  int factors = 0;
  for (int i = 0; i < 22; ++i) {
    scopes += Cat("1 ", i, "\n");
    tables += "3\n.2 .3 .5\n";
    ++factors;
  }
  for (int i = 22; i < 44; ++i) {
    scopes += Cat("4 ", i - 22, " ", (i - 21) % 22, " ", (i - 17) % 22, " ", i, "\n");
    tables += "81\n";
    for (int row = 0; row < 27; ++row) tables += ".25 .25 .5\n";
    ++factors;
  }
  uai += Cat("\n", factors, "\n", scopes, tables);
  std::vector<std::string> args = {"--memory-budget", "10kB"};
  for (int i = 22; i < 44; ++i) args.insert(args.end(), {"--evidence", Cat(i, "=0")});
  const Ran ran = Query(uai, args);
  EXPECT_EQ(ran.exit_code, cli::kExitFailed);
  EXPECT_THAT(ran.err, HasSubstr("cells"));
  EXPECT_THAT(ran.err, HasSubstr("INFERENCE_BUDGET_EXCEEDED"));
  EXPECT_EQ(Query(uai, {"--memory-budget", "10 kB"}).exit_code, cli::kExitUsage);
}

// A square of 45 by 45 yes/no nodes, each copying the one above and the one to the left in a
// manner: its cliques take 2^45 cells, and its first corner nine nodes.
std::string Square(int side) {
  std::string text = "network square { }\n";
  const auto name = [side](int i) { return Cat("n", i / side, "_", i % side); };
  for (int i = 0; i < side * side; ++i) {
    text += Cat("variable ", name(i), " { type discrete [ 2 ] { yes, no }; }\n");
  }
  for (int i = 0; i < side * side; ++i) {
    const bool above = i >= side;
    const bool left = i % side > 0;
    if (above && left) {
      text += Cat("probability ( ", name(i), " | ", name(i - side), ", ", name(i - 1),
                  " ) { (yes, yes) 0.9, 0.1; (yes, no) 0.5, 0.5; (no, yes) 0.4, 0.6; (no, no) "
                  "0.2, 0.8; }\n");
    } else if (above || left) {
      text += Cat("probability ( ", name(i), " | ", name(above ? i - side : i - 1),
                  " ) { (yes) 0.7, 0.3; (no) 0.2, 0.8; }\n");
    } else {
      text += Cat("probability ( ", name(i), " ) { table 0.3, 0.7; }\n");
    }
  }
  return text;
}

TEST(ForeignNetworkTest, WhatDoesNotBearOnTheTargetCostsNothing) {
  const std::string large = Square(45);
  EXPECT_THAT(Query(large, {}).err, HasSubstr("INFERENCE_BUDGET_EXCEEDED"));
  const std::vector<std::string> corner = {"--evidence", "n2_2=yes", "--target", "n0_0,n1_1"};
  const Ran part = Query(large, corner);
  const Ran whole = Query(Square(3), corner);
  for (const char* node : {"n0_0", "n1_1"}) {
    EXPECT_THAT(NumberAt(part, {"marginals", node, "yes"}),
                DoubleNear(NumberAt(whole, {"marginals", node, "yes"}), 1e-14));
  }
  EXPECT_THAT(NumberAt(part, {"logEvidence"}), DoubleNear(NumberAt(whole, {"logEvidence"}), 1e-12));
  // What was seen far away bears on everything before it.
  EXPECT_THAT(Query(large, {"--evidence", "n44_44=yes", "--target", "n0_0"}).err,
              HasSubstr("INFERENCE_BUDGET_EXCEEDED"));
}

// A thousand steps, each of which is unlikely: ln P = -961.4, far below what a double holds.
TEST(ForeignNetworkTest, ImprobableEvidenceIsAnOrdinaryNumber) {
  std::string text;
  std::vector<std::string> evidence;
  double log_p = std::log(0.5);
  for (int i = 0; i < 1000; ++i) {
    text += Cat("variable x", i, " { type discrete [ 2 ] { a, b }; }\n");
    if (i == 0) {
      text += "probability ( x0 ) { table 0.5, 0.5; }\n";
    } else {
      text += Cat("probability ( x", i, " | x", i - 1, " ) { (a) 0.6, 0.4; (b) 0.3, 0.7; }\n");
    }
    if (i % 2 == 1) {
      evidence.push_back("--evidence");
      evidence.push_back(Cat("x", i, "=a"));
    }
  }
  // Between two observed states a: .6 * .6 + .4 * .3 = .48; before the first .5 * .6 + .5 * .3.
  log_p = std::log(0.45) + 499 * std::log(0.48);
  evidence.insert(evidence.end(), {"--target", "x998"});
  const Ran ran = Query(text, evidence);
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(NumberAt(ran, {"logEvidence"}), DoubleNear(log_p, 1e-9));
  EXPECT_THAT(NumberAt(ran, {"marginals", "x998", "a"}), DoubleNear(.36 / .48, 1e-12));
}

TEST(ForeignNetworkTest, UaiIsAskedByNumber) {
  const Ran ran = Query("BAYES\n2\n2 3\n2\n1 0\n2 0 1\n2\n.25 .75\n6\n.2 .2 .6 .5 .25 .25\n",
                        {"--evidence", "1=2"});
  EXPECT_THAT(NumberAt(ran, {"logEvidence"}), DoubleNear(std::log(.15 + .1875), 1e-14));
  EXPECT_THAT(NumberAt(ran, {"marginals", "0", "0"}), DoubleNear(.15 / .3375, 1e-14));
}

TEST(ForeignNetworkTest, MarkovNetworksGiveTheLogarithmOfTheirPartitionFunction) {
  const Ran ran = Query("MARKOV\n2\n2 3\n2\n1 0\n2 0 1\n2\n 3 1\n6\n 1 2 3\n 4 0 10\n", {});
  EXPECT_THAT(NumberAt(ran, {"logEvidence"}), DoubleNear(std::log(32.0), 1e-12));
  EXPECT_THAT(NumberAt(ran, {"marginals", "1", "1"}), DoubleNear(6.0 / 32, 1e-12));
  EXPECT_THAT(ran.out, Not(HasSubstr("factor-0")));
}

TEST(ForeignNetworkTest, RowsThatWereDividedAreReported) {
  std::string text = kAsia;
  text.replace(text.find("0.05, 0.95"), 10, "0.05, 0.9500005");
  const Ran ran = Query(text, {"--target", "lung"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.err, HasSubstr("line 11: node tub: 1 row missed 1 by up to 5e-07"));
  text.replace(text.find("0.9500005"), 9, "0.9500025");
  const Ran refused = Query(text, {});
  EXPECT_EQ(refused.exit_code, cli::kExitFailed);
  EXPECT_THAT(refused.err, HasSubstr("line 11: node \"tub\""));
}

TEST(ForeignNetworkTest, NamesWithCommasAndBracketsCanBeAskedFor) {
  const std::string text =
      "variable \"a, b\" { type discrete [ 2 ] { \"x, y\", High (>3) }; }\n"
      "variable c { type discrete [ 2 ] { <5, 1 }; }\n"
      "probability ( \"a, b\" ) { table 0.25, 0.75; }\n"
      "probability ( c | \"a, b\" ) { (\"x, y\") 1, 0; (High (>3)) 0.5, 0.5; }\n";
  const Ran ran = Query(text, {"--evidence", "a, b=x, y,c=<5", "--target", "c,a, b"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(NumberAt(ran, {"logEvidence"}), DoubleNear(std::log(.25), 1e-14));
  EXPECT_THAT(NumberAt(ran, {"marginals", "a, b", "High (>3)"}), DoubleNear(0, 0));
}

TEST(ForeignNetworkTest, ShowAndValidateTakeThem) {
  const Ran show = RunProgram({"network", "show", "--file", "-"}, kAsia);
  ASSERT_EQ(show.exit_code, 0) << show.err;
  EXPECT_THAT(show.out, HasSubstr("lung, tub"));
  const Ran valid = RunProgram({"network", "validate", "--file", "-"}, kAsia);
  ASSERT_EQ(valid.exit_code, 0) << valid.err;
  EXPECT_THAT(valid.out, HasSubstr("arcs"));
}

TEST(ConvertTest, YamlIsReadAgainWithTheSameNumbers) {
  const std::string text =
      "// by hand\nnetwork \"My Net\" {}\n"
      "variable Big.Node { type discrete [ 3 ] { <5, High (>3), ok }; property position = (1, 2); "
      "}\n"
      "variable b { type discrete [ 2 ] { yes, no }; }\n"
      "probability ( Big.Node ) { table 0.1, 0.2, 0.7; }\n"
      "probability ( b | Big.Node ) { (<5) 0.3, 0.7; (High (>3)) 1, 0; (ok) 1e-30, 1; }\n";
  const Ran yaml = RunProgram({"network", "convert", "--file", "-", "--to", "yaml"}, text);
  ASSERT_EQ(yaml.exit_code, 0) << yaml.err;
  EXPECT_THAT(yaml.out, HasSubstr("# by hand"));
  EXPECT_THAT(yaml.out, HasSubstr("# property position = (1, 2)"));
  EXPECT_THAT(yaml.out, HasSubstr("description: \"Big.Node\""));
  EXPECT_THAT(yaml.err, HasSubstr("the node \"Big.Node\" is now big-node"));
  const Ran before = Query(text, {"--evidence", "b=yes"});
  const Ran after = Query(yaml.out, {"--evidence", "b=yes"});
  ASSERT_EQ(after.exit_code, 0) << after.err << yaml.out;
  EXPECT_EQ(NumberAt(before, {"marginals", "Big.Node", "High (>3)"}),
            NumberAt(after, {"marginals", "big-node", "High_(>3)"}));
  EXPECT_EQ(NumberAt(before, {"logEvidence"}), NumberAt(after, {"logEvidence"}));
  const Ran back = RunProgram({"network", "convert", "--file", "-", "--to", "bif"}, yaml.out);
  ASSERT_EQ(back.exit_code, 0) << back.err;
  EXPECT_THAT(back.out, HasSubstr("(ok) 1e-30, 1;"));
}

TEST(ConvertTest, EveryTableFormComesThroughYaml) {
  const std::string yaml = R"(kind: Network
id: forms
spec:
  model:
    openTime: 2022-01-01
    deadlineTime: 2022-02-01
    nodes:
      - {node: a, role: NODE_ROLE_DRIVER, states: ["y", "n"], rows: {rows: [{dirichlet: {counts: [1, 3]}}]}}
      - {node: b, role: NODE_ROLE_QUESTION, states: ["y", "n"], parents: [a], rows: {rows: [{hazard: {shape: 2, rateDays: 10}}, {fixed: {probabilities: [0, 1]}}]}}
      - {node: c, role: NODE_ROLE_INDICATOR, states: ["y", "n"], parents: [a], noisyOr: {leak: 0.1, parents: [{strengths: [0.5, 0]}]}}
      - {node: d, role: NODE_ROLE_INDICATOR, states: ["y", "n"], parents: [a], noisyMax: {leak: {probabilities: [0.25, 0.75]}, parents: [{states: [{probabilities: [1, 0]}, {probabilities: [0, 1]}]}]}}
      - {node: e, role: NODE_ROLE_INDICATOR, states: ["y", "n"], parents: [a, c], deterministic: {expression: "a == y && c == n"}}
      - {node: f, role: NODE_ROLE_INDICATOR, states: ["y", "n"], parents: [a], logit: {bias: -1, parents: [{weights: [2, 0]}]}}
)";
  const Ran again = RunProgram({"network", "convert", "--file", "-", "--to", "yaml"}, yaml);
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(Query(yaml, {"--evidence", "c=y"}).out, Query(again.out, {"--evidence", "c=y"}).out);
  const Ran bif = RunProgram({"network", "convert", "--file", "-", "--to", "bif"}, yaml);
  EXPECT_EQ(bif.exit_code, cli::kExitFailed);
  EXPECT_THAT(bif.err, HasSubstr("hazard rows, which this format cannot say"));
  EXPECT_EQ(RunProgram({"network", "convert", "--file", "-", "--to", "net"}, yaml).exit_code,
            cli::kExitUsage);
}

TEST(ConvertTest, Latin1FilesAreRead) {
  const Ran ran = Query(
      "variable caf\xE9 { type discrete [ 1 ] { x }; }\n"
      "probability ( caf\xE9 ) { table 1; }\n",
      {});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, HasSubstr("caf\xC3\xA9"));
  EXPECT_THAT(ran.err, HasSubstr("Latin-1"));
}

}  // namespace
}  // namespace credence::server
