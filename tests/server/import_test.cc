#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "convert/time.h"
#include "credence/cli/cli.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "served.h"

// Imports over a real socket into a real database.
namespace credence::server {
namespace {

constexpr const char* kQuestions =
    "question,source,title,resolution_criteria,opened,closes,url,question_set,first_observed\n"
    "metaculus/5768,metaculus,Will it?,Says so,2025-12-01,2026-06-01T00:00:00Z,u,s,x\n"
    "infer/2,infer,Will that?,,2025-12-01,2026-06-01T00:00:00Z,u,s,x\n";
constexpr const char* kChanges =
    "observed_time,question,kind,value,resolved\n"
    "2025-12-30T00:00:00Z,infer/2,forecast,0.25,0\n"
    "2025-12-30T00:00:00Z,metaculus/5768,forecast,0.001,0\n"
    "2026-01-10T00:00:00Z,infer/2,forecast,0.75,0\n"
    "2026-01-15T02:49:49Z,metaculus/5768,resolution,0,1\n"
    "2026-01-18T02:15:35Z,metaculus/5768,correction,1,1\n";

struct CommandRun {
  int exit_code = -1;
  std::string out;
  std::string err;
};

class ImportTest : public ServiceTest {
 protected:
  CommandRun Run(std::vector<std::string> args) {
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    cli::CliContext context({.in = in, .out = out, .err = err});
    args.insert(args.begin(), {"--endpoint", Cat("127.0.0.1:", served->server->port())});
    CommandRun run;
    run.exit_code = cli::RunCli(args, context);
    run.out = out.str();
    run.err = err.str();
    return run;
  }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = directory_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  // Numbers of an import's report, by name.
  std::map<std::string, double> Import(const std::vector<std::string>& files,
                                       const std::string& format = "forecastbench") {
    std::vector<std::string> args = {"--output", "json", "import", format};
    args.insert(args.end(), files.begin(), files.end());
    const CommandRun run = Run(args);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    google::protobuf::Struct report;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(run.out, &report).ok()) << run.out;
    std::map<std::string, double> counts;
    for (const auto& [name, value] : report.fields()) counts[name] = value.number_value();
    return counts;
  }

  // What a form extracts is what the ledger has.
  void ExpectExtractedLoadsAsNothingNew(const std::string& form, const std::string& format,
                                        double row_count) {
    const std::string directory = Cat(directory_.path(), "/", form);
    const CommandRun run = Run({"extract", form, directory});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    std::vector<std::string> files;
    for (const auto& file : std::filesystem::directory_iterator(directory)) {
      files.push_back(file.path().string());
    }
    const int64_t size = tree_size();
    const auto counts = Import(files, format);
    EXPECT_EQ(counts.at("presentRowCount"), row_count) << form;
    EXPECT_EQ(tree_size(), size) << form;
  }

  std::optional<double> Brier(const std::string& subject, const char* time) {
    v1::GetLeaderboardRequest request;
    request.set_rule("brier.half.last");
    request.set_backfilled(true);
    *request.mutable_effective_time() = ToTimestamp(Instant(time));
    const auto board = client->GetLeaderboard(request);
    EXPECT_TRUE(board.ok()) << board.status();
    for (const auto& entry : board->entries()) {
      if (entry.subject() == subject) return entry.mean();
    }
    return std::nullopt;
  }
};

TEST_F(ImportTest, ACorrectedOutcomeIsScoredAsOfEachTimeAndEveryReportFollows) {
  const auto counts = Import({Write("q.csv", kQuestions), Write("s.csv", kChanges)});
  EXPECT_EQ(counts.at("forecastCount"), 3);
  EXPECT_EQ(counts.at("resolutionCount"), 1);
  EXPECT_EQ(counts.at("correctionCount"), 1);
  EXPECT_EQ(Brier("forecasters/metaculus", "2026-01-14T00:00:00Z"), std::nullopt);
  EXPECT_NEAR(*Brier("forecasters/metaculus", "2026-01-17T00:00:00Z"), 1e-6, 1e-15);
  EXPECT_NEAR(*Brier("forecasters/metaculus", "2026-01-19T00:00:00Z"), 0.998001, 1e-15);

  const auto versions = client->ListScores(Text<v1::ListScoresRequest>(
      "question: 'questions/metaculus-5768' subject: 'forecasters/metaculus' all_versions: true"));
  ASSERT_TRUE(versions.ok()) << versions.status();
  ASSERT_EQ(versions->scores_size(), 2);
  EXPECT_EQ(versions->scores(0).outcome(), "no");
  EXPECT_EQ(versions->scores(1).outcome(), "yes");
  EXPECT_LT(versions->scores(0).cause_position(), versions->scores(1).cause_position());

  auto request = Text<v1::GetLeaderboardRequest>("rule: 'log.last' backfilled: true");
  *request.mutable_effective_time() = ToTimestamp(Instant("2026-01-17T00:00:00Z"));
  const auto before = client->GetLeaderboard(request);
  request.clear_effective_time();
  const auto after = client->GetLeaderboard(request);
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_EQ(before->version().version(), 1);
  EXPECT_EQ(after->version().version(), 2);
  EXPECT_EQ(after->version().cause_position(), versions->scores(1).cause_position());

  const auto card = client->GetScorecard(Text<v1::GetScorecardRequest>(
      "subject: 'forecasters/metaculus' detail_rule: 'brier.half.last' detail_backfilled: true"));
  ASSERT_TRUE(card.ok()) << card.status();
  ASSERT_EQ(card->history_size(), 2);
  EXPECT_NEAR(card->history(0).mean(), 1e-6, 1e-15);
  EXPECT_NEAR(card->history(1).mean(), 0.998001, 1e-15);
  EXPECT_TRUE(card->live().empty());
}

TEST_F(ImportTest, AnImportThatIsRepeatedOrGoesOnChangesOnlyWhatIsMissing) {
  const std::string questions = Write("q.csv", kQuestions);
  const std::string half = std::string(kChanges).substr(0, 160);
  const auto first = Import({questions, Write("h.csv", half.substr(0, half.rfind('\n') + 1))});
  EXPECT_EQ(first.at("forecastCount"), 2);
  const std::string whole = Write("s.csv", kChanges);
  const auto second = Import({questions, whole});
  EXPECT_EQ(second.at("forecastCount"), 1);
  EXPECT_EQ(second.at("presentRowCount"), 2);
  EXPECT_EQ(second.at("correctionCount"), 1);
  const int64_t size = tree_size();
  const auto third = Import({questions, whole});
  EXPECT_EQ(third.at("presentRowCount"), 5);
  EXPECT_EQ(tree_size(), size);
  Restart();
  Import({questions, whole});
  EXPECT_EQ(tree_size(), size);
}

TEST_F(ImportTest, ABadRowStopsTheWholeImportBeforeAnythingIsSent) {
  const int64_t size = tree_size();
  const CommandRun run =
      Run({"import", "forecastbench", Write("q.csv", kQuestions),
           Write("s.csv", Cat(kChanges, "2026-01-19T00:00:00Z,infer/2,forecast,1.2,0\n"))});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_NE(run.err.find("s.csv:7: value \"1.2\""), std::string::npos) << run.err;
  EXPECT_EQ(tree_size(), size);
}

TEST_F(ImportTest, WhatASourceSaidComesBackAsItWas) {
  Import({Write("q.csv", kQuestions), Write("s.csv", kChanges)});
  const auto question =
      client->GetQuestion(Text<v1::GetQuestionRequest>("name: 'questions/metaculus-5768'"));
  ASSERT_TRUE(question.ok()) << question.status();
  std::string row;
  for (const auto& attribute : question->question().attributes()) {
    row += (row.empty() ? "" : ",") + attribute.value();
  }
  EXPECT_EQ(row, "metaculus/5768,metaculus,Will it?,Says so,2025-12-01,2026-06-01T00:00:00Z,u,s,x");
  EXPECT_TRUE(question->question().without_model());
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(ImportTest, ChangesAreExtractedAsTheyCame) {
  Import({Write("q.csv", kQuestions), Write("s.csv", kChanges)});
  const CommandRun run = Run({"extract", "changes", directory_.path() + "/out"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(ReadAll(directory_.path() + "/out/stream.csv"), kChanges);
  std::string questions = kQuestions;
  const size_t infer = questions.find("infer/2");
  const size_t metaculus = questions.find("metaculus/");
  EXPECT_EQ(ReadAll(directory_.path() + "/out/questions.csv"),
            Cat(questions.substr(0, metaculus), questions.substr(infer),
                questions.substr(metaculus, infer - metaculus)));
}

// Two rounds of ForecastBench: a market that stands in both, one that did not resolve, and a series
// of data on two dates that stands in both sets of the first round.
constexpr const char* kData =
    R"({"id":"DGS10","source":"fred","question":"Will it rise by {resolution_date}?",)"
    R"("resolution_criteria":"As published.","background":"N/A","weight":2.5,"note":null,)"
    R"("freeze_datetime":"2025-12-20T00:00:00+00:00","freeze_datetime_value":"4.1",)"
    R"("resolution_dates":["2026-01-08","2026-01-31"]})";
std::string MarketEntry(const char* id, const char* freeze, const char* value) {
  return Cat(R"({"id":")", id, R"(","source":"manifold","question":"Will )", id,
             R"( happen?","resolution_criteria":"If \"so\", yes.",)"
             R"("market_info_open_datetime":"2025-12-01T00:00:00+00:00",)"
             R"("market_info_close_datetime":"2026-06-01T00:00:00+00:00","freeze_datetime":")",
             freeze, R"(","freeze_datetime_value":")", value, R"(","resolution_dates":"N/A"})");
}
std::string SetOf(const char* members, const char* list, const std::vector<std::string>& entries) {
  std::string text = Cat("{", members, ",\"", list, "\":[");
  for (const std::string& entry : entries) text += (text.back() == '[' ? "" : ",") + entry;
  return text + "]}";
}
std::string Resolved(const char* source, const char* id, const char* date, const char* value,
                     const char* resolved) {
  return Cat(R"({"id":")", id, R"(","source":")", source,
             R"(","direction":null,"resolution_date":")", date, R"(","resolved_to":)", value,
             R"(,"resolved":)", resolved, "}");
}
google::protobuf::Value Json(const std::string& text) {
  google::protobuf::Value value;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(text, &value).ok()) << text;
  return value;
}
std::string Canonical(const google::protobuf::Value& value) {
  std::string text;
  switch (value.kind_case()) {
    case google::protobuf::Value::kStructValue: {
      std::map<std::string, std::string> members;
      for (const auto& [name, member] : value.struct_value().fields()) {
        members[name] = Canonical(member);
      }
      for (const auto& [name, member] : members) text += Cat(name, "=", member, ";");
      return Cat("{", text, "}");
    }
    case google::protobuf::Value::kListValue: {
      std::vector<std::string> entries;
      for (const auto& entry : value.list_value().values()) entries.push_back(Canonical(entry));
      std::sort(entries.begin(), entries.end());
      for (const std::string& entry : entries) text += entry + ",\n";
      return Cat("[", text, "]");
    }
    default:
      return value.DebugString();
  }
}

TEST_F(ImportTest, SetsOfForecastBenchComeBackWithEveryMember) {
  const std::string first_market = MarketEntry("m1", "2025-12-20T00:00:00+00:00", "0.25");
  const std::string still_open = MarketEntry("m2", "2025-12-20T00:00:00+00:00", "0.5");
  const std::map<std::string, std::string> sets = {
      {"2026-01-01-llm.json",
       SetOf(R"("forecast_due_date":"2026-01-01","question_set":"2026-01-01-llm.json")",
             "questions", {first_market, still_open, kData})},
      {"2026-01-01-human.json",
       SetOf(R"("forecast_due_date":"2026-01-01","question_set":"2026-01-01-human.json")",
             "questions", {first_market, kData})},
      {"2026-01-15-llm.json",
       SetOf(R"("forecast_due_date":"2026-01-15","question_set":"2026-01-15-llm.json")",
             "questions", {MarketEntry("m1", "2026-01-03T00:00:00+00:00", "0.75"), kData})},
      {"2026-01-01_resolution_set.json",
       SetOf(R"("forecast_due_date":"2026-01-01","question_set":"2026-01-01-llm.json")",
             "resolutions",
             {Resolved("manifold", "m1", "2026-01-08", "1", "true"),
              Resolved("manifold", "m1", "2026-01-31", "1", "true"),
              Resolved("manifold", "m2", "2026-01-08", "0.4375", "false"),
              Resolved("fred", "DGS10", "2026-01-08", "0", "true"),
              Resolved("fred", "DGS10", "2026-01-31", "1", "true")})},
      {"2026-01-15_resolution_set.json",
       SetOf(R"("forecast_due_date":"2026-01-15","question_set":"2026-01-15-llm.json")",
             "resolutions", {Resolved("fred", "DGS10", "2026-01-31", "0", "true")})},
      {"2026-01-01.Lab.model-1.json",
       SetOf(R"("organization":"Lab","model":"model-1","forecast_due_date":"2026-01-01",)"
             R"("question_set":"2026-01-01-llm.json")",
             "forecasts",
             {R"({"id":"m1","source":"manifold","forecast":0.625,"resolution_date":null,)"
              R"("reasoning":"Says so."})",
              R"({"id":"DGS10","source":"fred","forecast":0.1,"resolution_date":"2026-01-08",)"
              R"("reasoning":null})"})}};
  std::vector<std::string> files;
  for (const auto& [name, text] : sets) files.push_back(Write(name, text));
  // The frozen prices, what the open market said later, and the model's forecasts.
  EXPECT_EQ(Import(files).at("forecastCount"), 4 + 1 + 2);
  // A series is another question in each round, and may end otherwise.
  EXPECT_EQ(Import(files).at("presentQuestionCount"), 2 + 4);
  const CommandRun run = Run({"extract", "forecastbench", directory_.path() + "/out"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  size_t file_count = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory_.path() + "/out")) {
    const auto given = sets.find(file.path().filename().string());
    ASSERT_NE(given, sets.end()) << file.path();
    EXPECT_EQ(Canonical(Json(ReadAll(file.path().string()))), Canonical(Json(given->second)));
    ++file_count;
  }
  EXPECT_EQ(file_count, sets.size());
  ExpectExtractedLoadsAsNothingNew("forecastbench", "forecastbench", 7 + 4);
}

TEST_F(ImportTest, ASetThatComesLaterIsKeptBesideTheFirst) {
  const std::string market = MarketEntry("m1", "2025-12-20T00:00:00+00:00", "0.25");
  const auto set = [&](const char* name) {
    return Write(
        name,
        SetOf(Cat(R"("forecast_due_date":"2026-01-01","question_set":")", name, R"(")").c_str(),
              "questions", {market}));
  };
  Import({set("llm.json")});
  Import({set("human.json")});
  const int64_t size = tree_size();
  EXPECT_EQ(Import({set("human.json"), set("llm.json")}).at("presentRowCount"), 2);
  EXPECT_EQ(tree_size(), size);
  EXPECT_EQ(Run({"extract", "forecastbench", directory_.path() + "/out"}).exit_code, 0);
  for (const char* name : {"llm.json", "human.json"}) {
    EXPECT_EQ(Canonical(Json(ReadAll(directory_.path() + "/out/" + name))),
              Canonical(Json(ReadAll(directory_.path() + "/" + name))));
  }
  // Its texts are no table of changes.
  EXPECT_EQ(Run({"extract", "changes", directory_.path() + "/changes"}).exit_code, 0);
  EXPECT_EQ(ReadAll(directory_.path() + "/changes/stream.csv"),
            "observed_time,question,kind,value,resolved\n");
}

TEST_F(ImportTest, ExtractedTablesLoadAsTheSameLedger) {
  const char* forecasts =
      "forecaster,question,time,option,probability\n"
      "ann,m,2026-01-02T00:00:00Z,a,0.25\n"
      "ann,m,2026-01-02T00:00:00Z,b,0.5\n"
      "ann,m,2026-01-02T00:00:00Z,c,0.25\n"
      "ann,q,2026-01-02T00:00:00Z,,0.1\n"
      "ann,q,2026-01-03T00:00:00Z,,withdraw\n";
  const char* resolutions =
      "question,title,tags,open_time,close_time,resolve_time,outcome,options,type\n"
      "m,\"One, two\",t|u,2026-01-01T00:00:00Z,2026-01-20T00:00:00Z,2026-01-21T00:00:00Z,b,a|b|c,"
      "ordered\n"
      "q,Q,,2026-01-01T00:00:00Z,2026-01-20T00:00:00Z,2026-01-21T00:00:00Z,0.5,,\n";
  Import({Write("f.csv", forecasts), Write("r.csv", resolutions)}, "csv");
  const CommandRun run = Run({"extract", "tables", directory_.path() + "/out"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(ReadAll(directory_.path() + "/out/forecasts.csv"), forecasts);
  EXPECT_EQ(ReadAll(directory_.path() + "/out/resolutions.csv"), resolutions);
}

// A download of Metaculus with a question of each type; ranges of four values, as the real ones
// have two hundred and one.
constexpr const char* kMetaculusQuestions =
    "Question ID,Question Title,Question Type,MC Options (All),Lower Bound,Open Lower Bound,Upper "
    "Bound,Open Upper Bound,Continuous Range,Open Time,Scheduled Close Time,Actual Close "
    "Time,Resolution,Resolution Known Time\n"
    "1,How much?,numeric,,0.0,True,30.0,False,\"[0.0, 10.0, 20.0, 30.0]\",2026-01-01 "
    "00:00:00+00:00,2026-01-20 00:00:00+00:00,2026-01-20 00:00:00+00:00,12.5,2026-01-21 "
    "00:00:00+00:00\n"
    "2,When?,date,,,False,,True,\"['2026-02-01 00:00:00+00:00', '2026-03-01 00:00:00+00:00', "
    "'2026-04-01 00:00:00+00:00']\",2026-01-01 00:00:00+00:00,2026-01-20 00:00:00+00:00,2026-01-20 "
    "00:00:00+00:00,above_upper_bound,2026-01-21 00:00:00+00:00\n"
    "3,Will it?,binary,,,,,,,2026-01-01 00:00:00+00:00,2026-01-20 00:00:00+00:00,2026-01-20 "
    "00:00:00+00:00,yes,2026-01-21 00:00:00+00:00\n";
constexpr const char* kMetaculusForecasts =
    "Question ID,Forecaster ID,Forecaster Username,Start Time,End Time,Probability Yes,Probability "
    "Yes Per Category,Continuous CDF\n"
    "1,7,,2026-01-02 00:00:00+00:00,,,,\"[0.1, 0.4, 0.4, 1.0]\"\n"
    "1,,geometric_means,2026-01-03 00:00:00+00:00,,,\"[0.05, 0.15, 0.3, 0.5, 0.0]\",\n"
    "2,7,,2026-01-02 00:00:00+00:00,,,,\"[0.0, 0.25, 0.5]\"\n"
    "3,7,,2026-01-02 00:00:00+00:00,,0.7,,\n"
    "3,,geometric_means,2026-01-03 00:00:00+00:00,,,\"[0.25, 0.75]\",\n";

TEST_F(ImportTest, NumbersAndDatesOfMetaculusAreScoredByTheirDistributionFunctions) {
  const std::vector<std::string> files = {Write("question_data.csv", kMetaculusQuestions),
                                          Write("forecast_data.csv", kMetaculusForecasts)};
  const auto counts = Import(files, "metaculus");
  EXPECT_EQ(counts.at("questionCount"), 3);
  EXPECT_EQ(counts.at("forecastCount"), 5);
  EXPECT_EQ(counts.at("resolutionCount"), 3);
  const int64_t size = tree_size();
  EXPECT_EQ(Import(files, "metaculus").at("presentRowCount"), 8);
  EXPECT_EQ(tree_size(), size);

  ExpectExtractedLoadsAsNothingNew("metaculus", "metaculus", 8);
  ExpectExtractedLoadsAsNothingNew("jsonl", "jsonl", 8);

  const auto question =
      client->GetQuestion(Text<v1::GetQuestionRequest>("name: 'questions/metaculus-1'"));
  ASSERT_TRUE(question.ok()) << question.status();
  EXPECT_TRUE(question->question().has_numeric());
  EXPECT_EQ(question->question().numeric().prior_case(), event::v1::NumericModel::PRIOR_NOT_SET);
  EXPECT_EQ(question->question().resolution().value(), 12.5);
  const auto forecasts =
      client->ListForecasts(Text<v1::ListForecastsRequest>("parent: 'questions/metaculus-1'"));
  ASSERT_TRUE(forecasts.ok()) << forecasts.status();
  ASSERT_EQ(forecasts->forecasts_size(), 2);
  std::string cdf;
  for (const auto& attribute : forecasts->forecasts(0).attributes()) {
    if (attribute.key() == "Continuous CDF") cdf = attribute.value();
  }
  EXPECT_EQ(cdf, "[0.1, 0.4, 0.4, 1.0]");

  const auto crps = [&](const char* id, const char* subject) {
    const auto scores = client->ListScores(Text<v1::ListScoresRequest>(
        Cat("question: 'questions/metaculus-", id, "' subject: 'forecasters/", subject, "'")));
    EXPECT_TRUE(scores.ok()) << scores.status();
    EXPECT_EQ(scores->scores_size(), 1);
    return scores->scores(0).scores(0).value();
  };
  // From 0 to 10 the function runs from .1 to .4, from there flat to 20 and straight to 1; the
  // outcome's step is at 12.5.
  const double below = (.4 * .4 * .4 - .1 * .1 * .1) / (3 * .03) + 2.5 * .16;
  const double above = 7.5 * .36 + 10 * .36 / 3;
  EXPECT_NEAR(crps("1", "metaculus-7"), below + above, 1e-9);
  // The date's outcome lies at the end of its range, where half of the mass stands.
  const double days = 86'400;
  EXPECT_NEAR(crps("2", "metaculus-7"),
              28 * days * .0625 / 3 + 31 * days * (.125 - .015625) / (3 * .25), 1e-3);
}

TEST_F(ImportTest, NumbersComeBackFromTheTablesThatTheyWereExtractedTo) {
  const std::string resolutions =
      Write("r.csv",
            "question,open_time,close_time,resolve_time,outcome,type,unit\n"
            "rain,2026-01-01,2026-01-20,2026-01-21,14.5,numeric,mm\n");
  const std::string forecasts = Write(
      "f.csv",
      "forecaster,question,time,value,cumulative,distribution\n"
      "ann,rain,2026-01-02,10,0.2,\nann,rain,2026-01-02,15,0.5,\nann,rain,2026-01-02,20,0.9,\n"
      "bob,rain,2026-01-03,,,\"{\"\"normal\"\":{\"\"mean\"\":14,\"\"standardDeviation\"\":3}}\"\n");
  EXPECT_EQ(Import({resolutions, forecasts}, "csv").at("forecastCount"), 2);
  const CommandRun run = Run({"extract", "tables", directory_.path() + "/out"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const std::string numbers = directory_.path() + "/out/number_resolutions.csv";
  const std::string said = directory_.path() + "/out/number_forecasts.csv";
  EXPECT_NE(ReadAll(numbers).find(",14.5,numeric,mm\n"), std::string::npos) << ReadAll(numbers);
  const int64_t size = tree_size();
  const auto again = Import({numbers, said}, "csv");
  EXPECT_EQ(again.at("presentRowCount"), 3);
  EXPECT_EQ(tree_size(), size);
  const CommandRun falling =
      Run({"import", "csv", resolutions,
           Write("g.csv",
                 "forecaster,question,time,value,cumulative\n"
                 "cat,rain,2026-01-02,10,0.5\ncat,rain,2026-01-02,12,0.4\n")});
  EXPECT_EQ(falling.exit_code, 1);
  EXPECT_NE(falling.err.find("g.csv:2: cumulative probability 0.4 falls"), std::string::npos)
      << falling.err;
}

TEST_F(ImportTest, EachAnswerOfAManifoldMarketIsAQuestionAndANumberSettlesAtItsShare) {
  const std::string markets = Write(
      "markets.json",
      R"([{"id":"M1","outcomeType":"MULTIPLE_CHOICE","question":"Who?","createdTime":1767225600000,)"
      R"("closeTime":1768867200000,"isResolved":true,"resolution":"A2","resolutionTime":)"
      R"(1768953600000,"answers":[{"id":"A1","text":"Ann"},{"id":"A2","text":"Bob"}]},)"
      R"({"id":"M2","outcomeType":"PSEUDO_NUMERIC","question":"How many?","min":0,"max":100,)"
      R"("createdTime":1767225600000,"closeTime":1768867200000,"isResolved":true,)"
      R"("resolution":"MKT","resolutionValue":25,"resolutionTime":1768953600000}])");
  const std::string bets = Write(
      "bets.json",
      R"([{"id":"b1","contractId":"M1","answerId":"A1","probAfter":0.4,"createdTime":1767312000000},)"
      R"({"id":"b2","contractId":"M1","answerId":"A2","probAfter":0.6,"createdTime":1767312000000},)"
      R"({"id":"b3","contractId":"M2","probAfter":0.35,"createdTime":1767312000000}])");
  const auto counts = Import({markets, bets}, "manifold");
  EXPECT_EQ(counts.at("questionCount"), 3);
  EXPECT_EQ(counts.at("forecastCount"), 3);
  EXPECT_EQ(counts.at("resolutionCount"), 3);
  v1::ListQuestionsRequest list;
  const auto questions = client->ListQuestions(list);
  ASSERT_TRUE(questions.ok()) << questions.status();
  std::map<std::string, std::string> outcomes;
  for (const v1::Question& question : questions->questions()) {
    const v1::Resolution& resolution = question.resolution();
    outcomes[question.title()] =
        resolution.has_fraction() ? Cat(resolution.fraction()) : resolution.outcome();
  }
  EXPECT_EQ(outcomes["Who? - Ann"], "no");
  EXPECT_EQ(outcomes["Who? - Bob"], "yes");
  EXPECT_EQ(outcomes["How many?"], "0.25");
  ExpectExtractedLoadsAsNothingNew("manifold", "manifold", 6);
}

TEST_F(ImportTest, TheGoodJudgmentProjectComesBackInItsOwnColumns) {
  const std::string questions = Write(
      "ifps.csv",
      "ifp_id,q_type,q_text,q_desc,q_status,date_start,date_to_close,date_closed,outcome,n_opts\n"
      "1001-6,6,How many?,Counted by the port,closed,2012-01-01,2012-02-01,2012-01-20,b,3\n"
      "1002-0,0,Will it?,Says so,voided,2012-01-01,2012-02-01,2012-01-20,NA,2\n");
  const std::string said =
      Write("survey_fcasts.yr1.csv",
            "ifp_id,forecast_id,user_id,timestamp,fcast_type,answer_option,value\n"
            "1001-6,1,7,2012-01-02 10:00:00,0,a,0.2\n1001-6,1,7,2012-01-02 10:00:00,0,b,0.5\n"
            "1001-6,1,7,2012-01-02 10:00:00,0,c,0.3\n1002-0,2,7,2012-01-03 10:00:00,0,a,0.7\n"
            "1002-0,2,7,2012-01-03 10:00:00,0,b,0.3\n1002-0,3,7,2012-01-04 10:00:00,4,a,0.7\n");
  const auto counts = Import({questions, said}, "gjp");
  EXPECT_EQ(counts.at("forecastCount"), 2);
  EXPECT_EQ(counts.at("withdrawalCount"), 1);
  EXPECT_EQ(counts.at("resolutionCount"), 2);
  ExpectExtractedLoadsAsNothingNew("gjp", "gjp", 5);
  const auto scores = client->ListScores(
      Text<v1::ListScoresRequest>("question: 'questions/gjp-1001-6' subject: 'forecasters/gjp-7'"));
  ASSERT_TRUE(scores.ok()) << scores.status();
  std::map<std::string, double> by_rule;
  for (const auto& score : scores->scores(0).scores()) by_rule[score.rule()] = score.value();
  // The order of the options counts: (.2^2 + .3^2) and not .04 + .25 + .09.
  EXPECT_NEAR(by_rule["brier.ordered.last"], .13, 1e-12);
  EXPECT_NEAR(by_rule["brier.full.last"], .38, 1e-12);
}

TEST_F(ImportTest, SubjectsAreComparedAndTheirCalibrationIsTakenApart) {
  std::string forecasts = "forecaster,question,time,probability\n";
  std::string resolutions = "question,open_time,close_time,resolve_time,outcome,tags\n";
  for (int i = 0; i < 40; ++i) {
    const bool yes = i % 4 != 0;
    resolutions +=
        Cat("q", i, ",2026-01-01,2026-01-20,2026-01-21,", yes ? "yes" : "no", ",t", i % 2, "\n");
    forecasts += Cat("sharp,q", i, ",2026-01-02,", yes ? "0.9" : "0.2", "\n");
    forecasts += Cat("flat,q", i, ",2026-01-02,0.5\n");
  }
  resolutions += "void,2026-01-01,2026-01-20,2026-01-21,void,t0\n";
  forecasts += "sharp,void,2026-01-02,0.5\n";
  Import({Write("f.csv", forecasts), Write("r.csv", resolutions)}, "csv");

  const auto compared = client->CompareForecasters(Text<v1::CompareForecastersRequest>(
      "subjects: 'forecasters/sharp' subjects: 'forecasters/flat' rule: 'brier.half.last' "
      "filter { backfilled: true }"));
  ASSERT_TRUE(compared.ok()) << compared.status();
  ASSERT_EQ(compared->comparisons_size(), 1);
  const auto& pair = compared->comparisons(0);
  EXPECT_EQ(pair.question_count(), 40);
  EXPECT_NEAR(pair.left_mean(), 0.75 * 0.01 + 0.25 * 0.04, 1e-12);
  EXPECT_NEAR(pair.difference(), pair.left_mean() - 0.25, 1e-12);
  EXPECT_LT(pair.high(), 0.0);
  EXPECT_LT(pair.adjusted_p_value(), 0.01);
  EXPECT_NEAR(pair.skill(), 1.0 - pair.left_mean() / 0.25, 1e-12);
  EXPECT_EQ(compared->settlement().void_count(), 1);

  const auto calibration = client->GetCalibration(
      Text<v1::GetCalibrationRequest>("subject: 'forecasters/sharp' filter { backfilled: true }"));
  ASSERT_TRUE(calibration.ok()) << calibration.status();
  EXPECT_EQ(calibration->question_count(), 40);
  EXPECT_NEAR(calibration->base_rate(), 0.75, 1e-12);
  ASSERT_EQ(calibration->corp_size(), 2);
  const auto& corp = calibration->corp(0);
  EXPECT_NEAR(corp.score(), corp.miscalibration() - corp.discrimination() + corp.uncertainty(),
              1e-12);
  ASSERT_EQ(calibration->steps_size(), 2);
  ASSERT_EQ(calibration->band_size(), 2);
  EXPECT_LT(calibration->band(0).low(), 0.2);
  EXPECT_GT(calibration->band(0).high(), 0.2);
  EXPECT_GT(calibration->miscalibration_p_value(), 0.0);
  EXPECT_NEAR(calibration->settlement().void_rate(), 1.0 / 41.0, 1e-12);

  const auto card = client->GetScorecard(Text<v1::GetScorecardRequest>(
      "subject: 'forecasters/sharp' detail_rule: 'brier.half.last' detail_backfilled: true"));
  ASSERT_TRUE(card.ok()) << card.status();
  EXPECT_EQ(card->tags_size(), 2);
  EXPECT_EQ(card->settlement().void_count(), 1);
  for (const std::string command : {"get", "calibration"}) {
    const CommandRun run = Run({"score", command, "sharp", "--backfilled"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_NE(run.out.find("void rate 2.44 %"), std::string::npos) << run.out;
  }
  const CommandRun table = Run({"score", "compare", "sharp", "flat", "--backfilled", "--rule",
                                "log.last", "--output", "csv"});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_NE(table.out.find("forecasters/sharp,forecasters/flat,40,"), std::string::npos)
      << table.out;
}

TEST_F(ImportTest, ALeaderboardStatesIntervalsThatHoldItsMeans) {
  std::string forecasts = "forecaster,question,time,probability\n";
  std::string resolutions = "question,open_time,close_time,resolve_time,outcome\n";
  for (int i = 0; i < 20; ++i) {
    resolutions +=
        Cat("q", i, ",2026-01-01,2026-01-20,2026-01-21,", i % 2 == 0 ? "yes" : "no", "\n");
    forecasts += Cat("ann,q", i, ",2026-01-02,0.", 1 + i % 9, "\n");
  }
  Import({Write("f.csv", forecasts), Write("r.csv", resolutions)}, "csv");
  const auto board = client->GetLeaderboard(Text<v1::GetLeaderboardRequest>(
      "rule: 'brier.half.last' backfilled: true resample_count: 500 seed: 7 "
      "kind: SCORE_SUBJECT_KIND_FORECASTER"));
  ASSERT_TRUE(board.ok()) << board.status();
  ASSERT_EQ(board->entries_size(), 1);
  EXPECT_LT(board->entries(0).low(), board->entries(0).mean());
  EXPECT_GT(board->entries(0).high(), board->entries(0).mean());
  auto live = Text<v1::GetLeaderboardRequest>("rule: 'brier.half.last'");
  EXPECT_TRUE(client->GetLeaderboard(live)->entries().empty());
  ExpectError(client->GetLeaderboard(
                  Text<v1::GetLeaderboardRequest>("rule: 'brier.half.last' resample_count: -1")),
              absl::StatusCode::kInvalidArgument, "FIELD_INVALID", "resample_count");
}

// --- The stream of real markets ---

std::string SharedData(const std::string& file) {
  return (std::filesystem::path(SHARED_DATA_PATH) / "forecastbench" / file).string();
}

struct Change {
  absl::Time time;
  std::string question;
  std::string kind;
  double value = 0.0;
};

class StreamTest : public ImportTest {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(SharedData("stream.csv.gz"))) {
      GTEST_SKIP() << "the stream of market forecasts is not at hand";
    }
    ImportTest::SetUp();
  }

  static std::string Unpacked(const std::string& file) {
    std::string text;
    FILE* pipe = popen(Cat("gzip -dc ", SharedData(file)).c_str(), "r");
    char buffer[4096];
    while (const size_t count = fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, count);
    pclose(pipe);
    return text;
  }

  static std::vector<Change> ReadChanges() {
    std::vector<Change> changes;
    std::istringstream lines(Unpacked("stream.csv.gz"));
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) {
      std::istringstream fields(line);
      std::string time;
      std::string value;
      Change change;
      std::getline(fields, time, ',');
      std::getline(fields, change.question, ',');
      std::getline(fields, change.kind, ',');
      std::getline(fields, value, ',');
      change.time = Instant(time.c_str());
      change.value = std::strtod(value.c_str(), nullptr);
      changes.push_back(std::move(change));
    }
    return changes;
  }

  // What the stream said of a question at a time; absent where it said nothing yet.
  static std::optional<Change> SaidAt(const std::vector<Change>& changes,
                                      const std::string& question, absl::Time time) {
    std::optional<Change> said;
    for (const Change& change : changes) {
      if (change.question == question && change.time <= time) said = change;
    }
    return said;
  }

  void ExpectAsSaid(const Change& said, const std::string& id, absl::Time time) {
    v1::GetQuestionRequest get;
    get.set_name(Cat("questions/", id));
    *get.mutable_effective_time() = ToTimestamp(time);
    const auto question = client->GetQuestion(get);
    ASSERT_TRUE(question.ok()) << question.status();
    if (said.kind == "forecast") {
      v1::ListForecastsRequest list;
      list.set_parent(get.name());
      list.set_standing_only(true);
      *list.mutable_effective_time() = ToTimestamp(time);
      const auto standing = client->ListForecasts(list);
      ASSERT_TRUE(standing.ok()) << standing.status();
      ASSERT_EQ(standing->forecasts_size(), 1) << id;
      EXPECT_EQ(standing->forecasts(0).probability(), said.value) << id;
      EXPECT_FALSE(question->question().has_resolution());
    } else {
      EXPECT_EQ(question->question().resolution().outcome(), said.value > 0.5 ? "yes" : "no") << id;
    }
  }
};

TEST_F(StreamTest, AnyPastInstantIsAsTheStreamSaidAndImportingAgainChangesNothing) {
  const std::vector<std::string> files = {SharedData("questions.csv.gz"),
                                          SharedData("stream.csv.gz")};
  const absl::Time begin = absl::Now();
  const auto counts = Import(files);
  const absl::Duration imported = absl::Now() - begin;
  EXPECT_EQ(counts.at("questionCount"), 1701);
  EXPECT_EQ(counts.at("forecastCount"), 22512);
  EXPECT_EQ(counts.at("resolutionCount"), 880);
  EXPECT_EQ(counts.at("correctionCount"), 1);
  const int64_t size = tree_size();

  // A leaderboard under four rules after each day.
  const absl::Time rescored = absl::Now();
  int64_t boards = 0;
  for (absl::Time day = Instant("2024-10-27T00:00:00Z"); day < Instant("2026-02-01T00:00:00Z");
       day += absl::Hours(24)) {
    for (const char* rule :
         {"brier.half.last", "brier.half.timeweighted", "log.last", "metaculus.baseline"}) {
      v1::GetLeaderboardRequest request;
      request.set_rule(rule);
      request.set_backfilled(true);
      *request.mutable_effective_time() = ToTimestamp(day);
      ASSERT_TRUE(client->GetLeaderboard(request).ok());
      ++boards;
    }
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << "import " << imported << " (" << size << " events), " << boards << " leaderboards "
            << absl::Now() - rescored << ", " << usage.ru_maxrss / 1024 << " MiB resident\n";

  const std::vector<Change> changes = ReadChanges();
  ASSERT_EQ(changes.size(), 23393U);
  std::mt19937_64 random(20260131);
  std::cout << "seed 20260131\n";
  for (int i = 0; i < 400; ++i) {
    const Change& some = changes[random() % changes.size()];
    const absl::Time time = changes[random() % changes.size()].time + absl::Seconds(random() % 2);
    const auto said = SaidAt(changes, some.question, time);
    if (!said.has_value()) continue;
    // The ids of the others end in a digest.
    const bool plain = some.question.size() <= 40 &&
                       std::none_of(some.question.begin(), some.question.end(),
                                    [](unsigned char byte) { return std::isupper(byte) != 0; });
    if (!plain) continue;
    std::string id = some.question;
    std::replace(id.begin(), id.end(), '/', '-');
    ExpectAsSaid(*said, id, time);
  }
  const CommandRun extracted = Run({"extract", "changes", directory_.path() + "/out"});
  EXPECT_EQ(extracted.exit_code, 0) << extracted.err;
  EXPECT_EQ(ReadAll(directory_.path() + "/out/stream.csv"), Unpacked("stream.csv.gz"));
  EXPECT_EQ(Import(files).at("presentRowCount"), 23393);
  EXPECT_EQ(tree_size(), size);
}

}  // namespace
}  // namespace credence::server
