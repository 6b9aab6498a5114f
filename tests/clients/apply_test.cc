#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "apply_file.h"
#include "credence/v1/evidence_service.pb.h"
#include "fake_ledger.h"
#include "run_cli.h"
#include "yaml_message.h"

namespace credence::cli {
namespace {

using client::FakeLedger;

// Out of order on purpose.
constexpr const char* kFile = R"(
kind: Resolution
parent: questions/rain
effectiveTime: 2022-01-05
spec: {outcome: "no", rationale: it stayed dry}
---
kind: EvidenceList
parent: networks/weather
backfill: true
actor: forecasters/me
items:
  - id: clouds
    spec:
      model: {node: rain, summary: dark clouds, source: wire, occurTime: 2022-01-03, likelihoodRatio: 2}
  - id: wind
    spec:
      model: {node: rain, summary: west wind, occur_time: "2022-01-01T06:00:00Z", likelihoods: {values: [1, 0.5]}}
---
kind: ForecastList
parent: questions/rain
items:
  - {id: first, effectiveTime: 2022-01-02, spec: {forecaster: me, probability: 0.3}}
---
kind: Withdrawal
parent: questions/rain
effectiveTime: 2022-01-04
spec: {forecaster: me}
---
kind: Retraction
parent: networks/weather
id: wind
effectiveTime: 2022-01-03T18:00:00Z
spec: {rationale: misread}
---
kind: Question
id: rain
spec:
  title: Will it rain?
  network: networks/weather
  closeTime: 2022-01-06
  tags: [weather]
---
kind: Network
id: weather
spec:
  title: Weather
  model:
    nodes:
      - node: rain
        role: NODE_ROLE_QUESTION
        states: [yes, no]
        rows: {rows: [{fixed: {probabilities: [0.25, 0.75]}}]}
---
kind: GradeTable
spec: {grades: [{grade: A, probability: 0.9}], defaultClusterCorrelation: 0.5}
---
kind: Forecaster
id: me
spec: {displayName: "007"}
---
kind: Source
id: wire
spec: {displayName: The Wire}
)";

CliRun ApplyText(const FakeLedger& ledger, const std::string& text,
                 const std::vector<std::string>& flags = {}) {
  std::vector<std::string> args = {"apply", "-f", "-", "--endpoint", ledger.endpoint()};
  args.insert(args.end(), flags.begin(), flags.end());
  return RunWith(args, text);
}

const std::vector<std::string>& AllWrites() {
  static const auto* const kWrites =
      new std::vector<std::string>{"CreateSource wire",
                                   "CreateForecaster me",
                                   "SetGradeTable",
                                   "CreateNetwork weather",
                                   "CreateQuestion rain",
                                   "CreateEvidence wind",
                                   "CreateForecast first",
                                   "CreateEvidence clouds",
                                   "RetractEvidence networks/weather/evidence/wind",
                                   "WithdrawForecast forecasters/me",
                                   "ResolveQuestion questions/rain"};
  return *kWrites;
}

TEST(ApplyTest, StructureComesFirstAndDatedThingsInTheOrderOfTheirTimes) {
  FakeLedger ledger;
  const CliRun run = ApplyText(ledger, kFile);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(ledger.writes(), AllWrites());
  EXPECT_EQ(run.out,
            "Source: 1 created\nForecaster: 1 created\nGradeTable: 1 revised\n"
            "Network: 1 created\nQuestion: 1 created\nEvidence: 2 created\n"
            "Forecast: 1 created\nWithdrawal: 1 created\nRetraction: 1 created\n"
            "Resolution: 1 created\n");
}

TEST(ApplyTest, BackfillCountsFromTheOccurTimeAndKeepsTheActor) {
  FakeLedger ledger;
  ASSERT_EQ(ApplyText(ledger, kFile, {"--actor", "importer"}).exit_code, 0);
  const v1::WriteOptions& clouds = ledger.options_of("CreateEvidence clouds");
  EXPECT_EQ(clouds.effective_time().seconds(), 1641211200);  // 2022-01-03T12:00:00Z
  EXPECT_EQ(clouds.actor(), "forecasters/me");
  EXPECT_EQ(ledger.options_of("CreateEvidence wind").effective_time().seconds(), 1641016800);
  EXPECT_EQ(ledger.options_of("CreateForecast first").effective_time().seconds(), 1641081600);
  EXPECT_EQ(ledger.options_of("CreateForecast first").actor(), "importer");
  EXPECT_FALSE(ledger.options_of("CreateSource wire").has_effective_time());
}

TEST(ApplyTest, ASecondRunChangesNothing) {
  FakeLedger ledger;
  ASSERT_EQ(ApplyText(ledger, kFile).exit_code, 0);
  const CliRun run = ApplyText(ledger, kFile);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(ledger.writes(), AllWrites());
  EXPECT_FALSE(absl::StrContains(run.out, "created")) << run.out;
  EXPECT_FALSE(absl::StrContains(run.out, "revised")) << run.out;
  EXPECT_TRUE(absl::StrContains(run.out, "Evidence: 2 unchanged"));
}

TEST(ApplyTest, AChangedModelIsRevisedAndMayReturn) {
  FakeLedger ledger;
  const std::string changed = absl::StrReplaceAll(kFile, {{"[0.25, 0.75]", "[0.5, 0.5]"}});
  ASSERT_EQ(ApplyText(ledger, kFile).exit_code, 0);
  for (const std::string& text : {changed, std::string(kFile), changed}) {
    const CliRun run = ApplyText(ledger, text);
    EXPECT_TRUE(absl::StrContains(run.out, "Network: 1 revised")) << run.out << run.err;
  }
  EXPECT_EQ(ledger.networks.at("networks/weather").model_revision(), 4);
}

TEST(ApplyTest, AChangedTextOfAQuestionIsUpdatedByItsMask) {
  FakeLedger ledger;
  ASSERT_EQ(ApplyText(ledger, kFile).exit_code, 0);
  const CliRun run = ApplyText(
      ledger,
      absl::StrReplaceAll(kFile, {{"Will it rain?", "Does it rain?"}, {"[weather]", "[]"}}));
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(ledger.writes().back(), "UpdateQuestion questions/rain title tags");
  EXPECT_TRUE(absl::StrContains(run.out, "Question: 1 revised"));
}

TEST(ApplyTest, AChangedResolutionAmends) {
  FakeLedger ledger;
  ASSERT_EQ(ApplyText(ledger, kFile).exit_code, 0);
  const CliRun run =
      ApplyText(ledger, absl::StrReplaceAll(kFile, {{"outcome: \"no\"", "outcome: \"yes\""}}));
  EXPECT_EQ(ledger.writes().back(), "AmendResolution questions/rain") << run.err;
  EXPECT_TRUE(absl::StrContains(run.out, "Resolution: 1 revised"));
}

TEST(ApplyTest, WhatWasSaidIsNotSaidOtherwise) {
  for (const auto& [from, to, id] :
       {std::tuple{"likelihoodRatio: 2", "likelihoodRatio: 3", "clouds"},
        std::tuple{"probability: 0.3", "probability: 0.4", "first"},
        std::tuple{"The Wire", "Another", "wire"}, std::tuple{"\"007\"", "\"008\"", "me"},
        std::tuple{"closeTime: 2022-01-06", "closeTime: 2022-01-07", "rain"}}) {
    FakeLedger ledger;
    ASSERT_EQ(ApplyText(ledger, kFile).exit_code, 0);
    const CliRun run = ApplyText(ledger, absl::StrReplaceAll(kFile, {{from, to}}));
    EXPECT_EQ(run.exit_code, 4) << to;
    EXPECT_TRUE(absl::StrContains(run.err, absl::StrCat("'", id, "' exists with other content")))
        << run.err;
    EXPECT_EQ(ledger.writes(), AllWrites());
  }
}

TEST(ApplyTest, ADryRunReadsAndValidatesAndWritesNothing) {
  FakeLedger ledger;
  const CliRun run = ApplyText(ledger, kFile, {"--dry-run"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_TRUE(absl::StrContains(run.out, "Evidence: 2 created")) << run.out;
  EXPECT_TRUE(absl::StrContains(run.out, "dry run: nothing was recorded"));
  EXPECT_TRUE(ledger.writes().empty());
  const CliRun bad = ApplyText(
      ledger, absl::StrReplaceAll(kFile, {{"- node: rain", "- node: bad"}}), {"--dry-run"});
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_TRUE(absl::StrContains(bad.err, "Network weather: a cycle")) << bad.err;
}

TEST(ApplyTest, AnErrorInAnyDocumentIsFoundBeforeAnythingIsWritten) {
  struct Case {
    const char* from;
    const char* to;
    const char* message;
  };
  for (const Case& test :
       {Case{"likelihoodRatio: 2", "likelihoodRato: 2",
             "-: document 2, line 14: "
             "items[0].spec.model.likelihoodRato: is no field of EvidenceModel (did you mean "
             "'likelihoodRatio'?)"},
        Case{"likelihoodRatio: 2", "likelihoodRatio: much",
             "items[0].spec.model.likelihoodRatio: 'much' is not a finite number"},
        Case{"likelihoodRatio: 2", "likelihoodRatio: .nan", "is not a finite number"},
        Case{"likelihoodRatio: 2", "likelihoodRatio: 2, weightDecibans: 3",
             "is given beside likelihoodRatio"},
        Case{"occurTime: 2022-01-03, ", "", "items[0].spec.model.occurTime: is required"},
        Case{"occurTime: 2022-01-03", "occurTime: Monday", "'Monday' is no time"},
        Case{", likelihoodRatio: 2", "", "spec.model: needs a statement, such as likelihoodRatio"},
        Case{"id: wind\n    spec", "id: clouds\n    spec", "is declared twice, first on line"},
        Case{"kind: Withdrawal", "kind: Withdrawl", "(did you mean 'Withdrawal'?)"},
        Case{"kind: Withdrawal\n", "", "kind: is required"},
        Case{"parent: questions/rain", "parent: networks/rain", "must be questions/QUESTION"},
        Case{"NODE_ROLE_QUESTION", "NODE_ROLE_QUESTIN", "(did you mean 'NODE_ROLE_QUESTION'?)"},
        Case{"id: weather\n", "", "id: is required"},
        Case{"title: Will it rain?", "title: [a, b]", "spec.title: must be a single value"},
        Case{"states: [yes, no]", "states: yes", "states: must be a list"},
        Case{"backfill: true", "backfill: perhaps", "must be true or false"},
        Case{"title: Weather", "title: Weather\n  title: Twice", "spec.title: is given twice"},
        Case{"spec: {displayName: The Wire}", "spec: {displayName: The Wire", "line"}}) {
    FakeLedger ledger;
    const std::string text = absl::StrReplaceAll(kFile, {{test.from, test.to}});
    ASSERT_NE(text, kFile) << test.from;
    const CliRun run = ApplyText(ledger, text);
    EXPECT_EQ(run.exit_code, 1) << test.to;
    EXPECT_TRUE(absl::StrContains(run.err, test.message)) << run.err;
    EXPECT_TRUE(ledger.writes().empty()) << test.to;
  }
}

TEST(ApplyTest, TheServersRefusalNamesThePlaceInTheFile) {
  FakeLedger ledger;
  const CliRun run = ApplyText(
      ledger, "kind: Source\nid: a\nspec: {}\n---\nkind: Retraction\nid: x\nparent: networks/n\n");
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_TRUE(
      absl::StrContains(run.err, "-: document 2, line 5: Retraction networks/n/evidence/x: "))
      << run.err;
  EXPECT_EQ(ledger.writes(), std::vector<std::string>{"CreateSource a"});
}

TEST(ApplyTest, SeveralFilesAreOneDeclaration) {
  const std::filesystem::path directory =
      std::filesystem::path(testing::TempDir()) / "credence-apply-several";
  std::filesystem::create_directories(directory);
  const std::string evidence = (directory / "a.yaml").string();
  const std::string network = (directory / "b.json").string();
  std::ofstream(evidence) << "kind: Evidence\nid: e\nparent: networks/n\nspec: {model: {node: x, "
                             "observedState: y}}\n";
  std::ofstream(network)
      << R"({"kind": "Network", "id": "n", "spec": {"model": {"nodes": [{"node": "x"}]}}})";
  FakeLedger ledger;
  const CliRun run =
      RunWith({"apply", "-f", evidence, "-f", network, "--endpoint", ledger.endpoint()});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(ledger.writes(), (std::vector<std::string>{"CreateNetwork n", "CreateEvidence e"}));
  std::filesystem::remove_all(directory);
}

TEST(ApplyFileTest, RequestIdsFollowContentActorTimeAndCircumstance) {
  const auto id_of = [](const std::string& text, const std::string& circumstance) {
    const auto declarations = ParseApplyFile("f", text);
    EXPECT_TRUE(declarations.ok()) << declarations.status();
    return declarations.ok() ? RequestIdOf(declarations->front(), circumstance) : "";
  };
  const std::string base = "kind: Source\nid: a\nspec: {displayName: A}\n";
  EXPECT_EQ(id_of(base, "create"),
            id_of("spec: {displayName: A}\nid: a\nkind: Source\n", "create"));
  EXPECT_NE(id_of(base, "create"), id_of(base, "revise"));
  EXPECT_NE(id_of(base, "create"), id_of(base + "actor: me\n", "create"));
  EXPECT_NE(id_of(base, "create"), id_of(base + "effectiveTime: 2022-01-01\n", "create"));
  EXPECT_NE(id_of(base, "create"),
            id_of("kind: Source\nid: a\nspec: {displayName: B}\n", "create"));
}

TEST(ApplyFileTest, AnItemWithoutAnIdGetsOneOfItsContent) {
  const std::string text =
      "kind: Evidence\nparent: questions/q\nspec: {model: {observedState: STATE}}\n";
  const auto id_of = [&](const std::string& state) {
    return ParseApplyFile("f", absl::StrReplaceAll(text, {{"STATE", state}}))->front().id;
  };
  EXPECT_EQ(id_of("a"), id_of("a"));
  EXPECT_NE(id_of("a"), id_of("b"));
  EXPECT_EQ(id_of("a").size(), 14u);
}

TEST(YamlTest, ScalarsAreReadByTheTypeOfTheirField) {
  const auto documents = ParseYaml("f", R"(
model:
  node: 007
  summary: yes
  url: ~
  grade: 1e5
  half_life_duration: 30d
  reliability: "0.5"
  count: {successCount: "3", trialCount: 10, successProbabilities: [0.5, 1e-3]}
state: 1
)");
  ASSERT_TRUE(documents.ok());
  v1::Evidence evidence;
  const absl::Status status =
      YamlToMessage(documents->front(), documents->front().node(), "", &evidence);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(evidence.model().node(), "007");
  EXPECT_EQ(evidence.model().summary(), "yes");
  EXPECT_EQ(evidence.model().url(), "");
  EXPECT_EQ(evidence.model().grade(), "1e5");
  EXPECT_EQ(evidence.model().half_life_duration().seconds(), 30 * 86400);
  EXPECT_EQ(evidence.model().count().success_count(), 3);
  EXPECT_EQ(evidence.model().count().success_probabilities_size(), 2);
  EXPECT_EQ(evidence.state(), v1::Evidence::STATE_ACTIVE);
}

TEST(YamlTest, DeepNestingIsAnErrorAndNotACrash) {
  EXPECT_FALSE(ParseYaml("f", std::string(100000, '[')).ok());
}

}  // namespace
}  // namespace credence::cli
