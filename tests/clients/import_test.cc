#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zip.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "import/csv.h"
#include "import/fields.h"
#include "import/formats.h"
#include "import/json.h"
#include "import/plan.h"
#include "import/text_file.h"

// What other systems' files say, and what is wrong with them, before anything is sent.
namespace credence::cli {
namespace {

absl::Time At(const char* text) { return *ParseInstant(text); }

std::vector<std::vector<std::string>> RowsOf(const std::string& text) {
  const TextFile file{"t.csv", text};
  auto reader = CsvReader::Open(file);
  EXPECT_TRUE(reader.ok()) << reader.status();
  std::vector<std::vector<std::string>> rows;
  while (true) {
    const auto more = reader->Next();
    EXPECT_TRUE(more.ok()) << more.status();
    if (!more.ok() || !*more) return rows;
    std::vector<std::string>& row = rows.emplace_back();
    for (size_t i = 0; i < reader->columns().size(); ++i) row.emplace_back(reader->Get(i));
  }
}

using Rows = std::vector<std::vector<std::string>>;

TEST(CsvTest, QuotesLineEndsMarksAndTabsAreRead) {
  EXPECT_EQ(RowsOf("a,b\n1,\"x, \"\"y\"\"\nz\"\n"), (Rows{{"1", "x, \"y\"\nz"}}));
  EXPECT_EQ(RowsOf("\xEF\xBB\xBF"
                   "a,b\r\n1,2\r\n\r\n3,\r\n"),
            (Rows{{"1", "2"}, {"3", ""}}));
  EXPECT_EQ(RowsOf("a,b\r1,2\r3,4"), (Rows{{"1", "2"}, {"3", "4"}}));
  EXPECT_EQ(RowsOf("a\tb\n1\tx,y\n"), (Rows{{"1", "x,y"}}));
}

TEST(CsvTest, ARowOfAnotherLengthIsNamedByItsFirstLine) {
  const TextFile file{"t.csv", "a,b\n\"1\n2\",x\n3\n"};
  auto reader = CsvReader::Open(file);
  ASSERT_TRUE(reader.ok());
  ASSERT_TRUE(*reader->Next());
  EXPECT_EQ(reader->line(), 2);
  const auto wrong = reader->Next();
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.status().message(), "t.csv:4: has 1 fields where the header has 2");
}

TEST(FieldsTest, TimesOfAllTheFilesAreRead) {
  EXPECT_EQ(At("2026-06-01 12:00:00+00:00"), At("2026-06-01T12:00:00Z"));
  EXPECT_EQ(At("2026-06-01 12:00:00.500000+00:00"), At("2026-06-01T12:00:00.5Z"));
  EXPECT_EQ(At("9/1/11"), At("2011-09-01T00:00:00Z"));
  EXPECT_EQ(At("9/1/2011"), At("2011-09-01"));
  EXPECT_EQ(At("2011-09-01 09:08:07"), At("2011-09-01T09:08:07Z"));
  EXPECT_FALSE(ParseInstant("soon").has_value());
  EXPECT_EQ(*ParseUnixTime("1700000000000"), absl::FromUnixSeconds(1'700'000'000));
}

TEST(FieldsTest, ListsOfPythonAndJsonAreRead) {
  EXPECT_EQ(*ParseList("['It\\'s on', \"b, c\"]"), (std::vector<std::string>{"It's on", "b, c"}));
  EXPECT_EQ(*ParseList("[0.1, None, 0.9]"), (std::vector<std::string>{"0.1", "", "0.9"}));
  EXPECT_FALSE(ParseList("0.1, 0.9").has_value());
  EXPECT_EQ(ToUtf8("caf\xE9"), "caf\xC3\xA9");
}

TEST(LedgerIdTest, NamesBecomeLabelsAndDifferentNamesStayDifferent) {
  EXPECT_EQ(LedgerId("metaculus/5768", 'q'), "metaculus-5768");
  EXPECT_EQ(LedgerId("1285", 'q'), "q-1285");
  EXPECT_NE(LedgerId("manifold/AbC", 'q'), LedgerId("manifold/abc", 'q'));
  const std::string hex(64, 'f');
  const std::string a = LedgerId(absl::StrCat("polymarket/0x", hex, "1"), 'q');
  const std::string b = LedgerId(absl::StrCat("polymarket/0x", hex, "2"), 'q');
  EXPECT_LE(a.size(), 63U);
  EXPECT_NE(a, b);
}

class PlanTest : public testing::Test {
 protected:
  absl::Status Tables(const std::string& forecasts, const std::string& resolutions) {
    CREDENCE_RETURN_IF_ERROR(ReadTables({{"f.csv", forecasts}, {"r.csv", resolutions}}, strict));
    return strict.Finish();
  }

  Plan strict{{.widen_windows = false}};
  Plan plan{PlanOptions{}};
};

constexpr const char* kResolutions =
    "question,open_time,close_time,resolve_time,outcome,options\n"
    "q,2026-01-01,2026-02-01,2026-01-20,yes,\n"
    "m,2026-01-01,2026-02-01,2026-01-20,b,a|b|c\n"
    "v,2026-01-01,2026-02-01,2026-01-20,void,\n"
    "h,2026-01-01,2026-02-01,2026-01-20,0.5,\n";

TEST_F(PlanTest, EveryWrongRowIsNamedByFileAndLineAndNothingIsLeftOver) {
  const absl::Status status = Tables(
      "forecaster,question,time,option,probability\n"
      "ann,q,2026-01-02,,1.2\n"
      "ann,unknown,2026-01-02,,0.5\n"
      "ann,q,2026-03-02,,0.5\n"
      "ann,m,2026-01-02,a,0.5\n"
      "ann,m,2026-01-02,b,0.4\n"
      "ann,m,2026-01-02,d,0.1\n"
      "ann,q,someday,,0.5\n",
      kResolutions);
  ASSERT_FALSE(status.ok());
  const std::string message(status.message());
  for (const char* part :
       {"f.csv:2: probability 1.2 must lie between 0 and 1", "f.csv:3: question \"unknown\"",
        "f.csv:5: the probabilities sum to 0.9", "f.csv:7: option \"d\"",
        "f.csv:8: time \"someday\" is no time", "nothing was imported"}) {
    EXPECT_TRUE(absl::StrContains(message, part)) << part << " not in:\n" << message;
  }
}

TEST_F(PlanTest, ATimeOutsideTheWindowIsAProblemOfATable) {
  const absl::Status status = Tables("forecaster,question,time,probability\nann,q,2026-02-02,0.5\n",
                                     "question,open_time,close_time,resolve_time,outcome\nq,2026-"
                                     "01-01,2026-02-01,2026-03-01,yes\n");
  EXPECT_TRUE(absl::StrContains(status.message(), "f.csv:2: time 2026-02-02")) << status;
}

TEST_F(PlanTest, TablesGiveForecastsWithdrawalsAndAllKindsOfEnds) {
  ASSERT_TRUE(Tables("forecaster,question,time,option,probability,note\n"
                     "ann,q,2026-01-03,,withdraw,\n"
                     "ann,q,2026-01-02,,0.25,first\n"
                     "bob,m,2026-01-02,b,0.75,\n"
                     "bob,m,2026-01-02,a,0.25,\n",
                     kResolutions)
                  .ok());
  ASSERT_EQ(strict.rows().size(), 7U);
  const PlannedRow& first = strict.rows()[0];
  EXPECT_EQ(first.probabilities[0], 0.25);
  EXPECT_EQ(strict.attributes(*first.attributes), (Attributes{{"note", "first"}}));
  EXPECT_EQ(std::vector<double>(strict.rows()[1].probabilities.begin(),
                                strict.rows()[1].probabilities.end()),
            (std::vector<double>{0.25, 0.75, 0.0}));
  EXPECT_EQ(strict.rows()[2].kind, PlannedRow::Kind::kWithdrawal);
  std::vector<PlannedEnd::Kind> kinds;
  for (size_t i = 3; i < 7; ++i) kinds.push_back(strict.end(*strict.rows()[i].end).kind);
  EXPECT_EQ(kinds,
            (std::vector<PlannedEnd::Kind>{PlannedEnd::Kind::kState, PlannedEnd::Kind::kState,
                                           PlannedEnd::Kind::kVoid, PlannedEnd::Kind::kFraction}));
}

TEST_F(PlanTest, LinesOfJsonSayTheSameAsTables) {
  const std::string lines =
      "{\"question\":\"q\",\"open_time\":\"2026-01-01\",\"close_time\":\"2026-02-01\","
      "\"resolve_time\":\"2026-01-20\",\"outcome\":\"no\"}\n"
      "{\"forecaster\":\"ann\",\"question\":\"q\",\"time\":\"2026-01-02\",\"probability\":0.25}\n";
  ASSERT_TRUE(ReadTables({{"f.jsonl", lines}}, strict).ok());
  ASSERT_TRUE(strict.Finish().ok());
  ASSERT_EQ(strict.rows().size(), 2U);
  EXPECT_EQ(strict.rows()[0].probabilities[0], 0.25);
  EXPECT_EQ(strict.end(*strict.rows()[1].end).outcome, "no");
}

TEST_F(PlanTest, AStreamOfChangesIsForecastsResolutionsAndCorrections) {
  const std::string questions =
      "question,source,title,resolution_criteria,opened,closes,url,question_set,first_observed\n"
      "metaculus/1,metaculus,Will it?,Says so,2025-12-01,2026-01-02T00:00:00Z,u,s,x\n";
  const std::string changes =
      "observed_time,question,kind,value,resolved\n"
      "2025-12-30T00:00:00Z,metaculus/1,forecast,0.001,0\n"
      "2026-01-15T02:49:49Z,metaculus/1,resolution,0,1\n"
      "2026-01-18T02:15:35Z,metaculus/1,correction,1,1\n"
      "2026-01-18T02:15:35Z,infer/2,resolution,1,1\n";
  ASSERT_TRUE(
      ReadForecastBench({{"stream.csv", changes}, {"questions.csv", questions}}, plan).ok());
  ASSERT_TRUE(plan.Finish().ok());
  ASSERT_EQ(plan.rows().size(), 4U);
  EXPECT_FALSE(plan.rows()[1].amends);
  EXPECT_TRUE(plan.rows()[2].amends);
  EXPECT_EQ(plan.end(*plan.rows()[2].end).outcome, "yes");
  ASSERT_EQ(plan.questions().size(), 2U);
  EXPECT_EQ(plan.questions()[0].attributes[7],
            (std::pair<std::string, std::string>("question_set", "s")));
  EXPECT_GT(*plan.questions()[0].close_time, At("2025-12-30T00:00:00Z"));
  EXPECT_EQ(plan.questions()[1].title, "infer/2");
}

TEST_F(PlanTest, PublishedSetsGiveMarketsAndOneQuestionForEachDateOfASeries) {
  const std::string questions = R"({"forecast_due_date": "2025-03-02", "questions": [
    {"id": "m1", "source": "manifold", "question": "Market?", "freeze_datetime": "2025-02-20T00:00:00Z",
     "freeze_datetime_value": "0.4", "market_info_open_datetime": "2025-01-01T00:00:00Z",
     "market_info_close_datetime": "2025-06-01T00:00:00Z", "resolution_dates": "N/A"},
    {"id": "d1", "source": "fred", "question": "Series?", "freeze_datetime": "2025-02-20T00:00:00Z",
     "freeze_datetime_value": "4.5", "resolution_dates": ["2025-03-09", "2025-04-01"]},
    {"id": ["m1", "m2"], "source": "manifold", "question": "Both?"}]})";
  const std::string resolutions = R"({"forecast_due_date": "2025-03-02", "resolutions": [
    {"id": "m1", "source": "manifold", "resolution_date": "2025-03-09", "resolved_to": 0.7, "resolved": false},
    {"id": "d1", "source": "fred", "resolution_date": "2025-03-09", "resolved_to": 1.0, "resolved": true},
    {"id": "d1", "source": "fred", "resolution_date": "2025-04-01", "resolved_to": NaN, "resolved": false}]})";
  const std::string forecasts =
      R"({"organization": "Lab", "model": "M-1", "forecast_due_date": "2025-03-02",
    "forecasts": [{"id": "d1", "source": "fred", "forecast": 0.8, "resolution_date": "2025-03-09",
                   "reasoning": "trend"}]})";
  ASSERT_TRUE(ReadForecastBench(
                  {{"f.json", forecasts}, {"r.json", resolutions}, {"q.json", questions}}, plan)
                  .ok());
  ASSERT_TRUE(plan.Finish().ok());
  EXPECT_EQ(plan.questions().size(), 3U);
  EXPECT_EQ(plan.rows().size(), 4U);
  EXPECT_EQ(plan.skipped().at("combines two questions").count, 1);
  EXPECT_TRUE(plan.FindQuestion("fred/d1@2025-03-02..2025-04-01").has_value());
}

TEST_F(PlanTest, AMetaculusDownloadGivesPeopleAggregatesAndWithdrawals) {
  const std::string questions =
      "Question ID,Question Title,Question Type,MC Options (All),Open Time,Scheduled Close Time,"
      "Resolution,Resolution Known Time\n"
      "1,Binary?,binary,,2026-06-01 12:00:00+00:00,2026-06-10 12:00:00+00:00,yes,"
      "2026-06-11 09:00:00+00:00\n"
      "2,Choice?,multiple_choice,\"['a', 'b']\",2026-06-01 12:00:00+00:00,"
      "2026-06-10 12:00:00+00:00,annulled,2026-06-11 09:00:00+00:00\n"
      "3,Number?,numeric,,2026-06-01 12:00:00+00:00,2026-06-10 12:00:00+00:00,5,"
      "2026-06-11 09:00:00+00:00\n";
  const std::string forecasts =
      "Question ID,Forecaster ID,Forecaster Username,Start Time,End Time,Probability Yes,"
      "Probability Yes Per Category,Continuous CDF\n"
      "1,7,ann,2026-06-02 00:00:00+00:00,2026-06-03 00:00:00+00:00,0.6,,\n"
      "1,7,ann,2026-06-03 00:00:00+00:00,2026-06-04 00:00:00+00:00,0.7,,\n"
      "1,,recency_weighted,2026-06-02 00:00:00+00:00,,0.5,,\n"
      "2,7,ann,2026-06-02 00:00:00+00:00,,,\"[0.25, 0.75]\",\n"
      "3,7,ann,2026-06-02 00:00:00+00:00,,,,\"[0, 1]\"\n";
  ASSERT_TRUE(
      ReadMetaculus({{"question_data.csv", questions}, {"forecast_data.csv", forecasts}}, plan)
          .ok());
  const absl::Status finished = plan.Finish();
  ASSERT_TRUE(finished.ok()) << finished;
  int withdrawals = 0;
  int ends = 0;
  for (const PlannedRow& row : plan.rows()) {
    withdrawals += row.kind == PlannedRow::Kind::kWithdrawal ? 1 : 0;
    ends += row.kind == PlannedRow::Kind::kEnd ? 1 : 0;
  }
  EXPECT_EQ(plan.rows().size(), 7U);
  EXPECT_EQ(withdrawals, 1);
  EXPECT_EQ(ends, 2);
  EXPECT_EQ(plan.forecasters().size(), 2U);
  EXPECT_EQ(plan.skipped().size(), 2U);
}

TEST_F(PlanTest, GoodJudgmentRowsOfOneForecastAreJoined) {
  const std::string questions =
      "ifp_id,q_type,q_text,q_desc,q_status,date_start,date_suspend,date_to_close,date_closed,"
      "outcome,short_title,days_open,n_opts,options\r"
      "1001-0,0,Will it?,\"caf\xE9\",closed,9/1/11,,12/31/11,10/1/11,a,T,30,2,(a) Yes\r"
      "1002-0,0,Void?,d,voided,9/1/11,,12/31/11,10/1/11,NA,T,30,3,(a) x\r";
  const std::string forecasts =
      "ifp_id,ctt,cond,user_id,forecast_id,fcast_type,answer_option,value,fcast_date,timestamp\n"
      "1001-0,4a,4,55,900,0,a,0.7,2011-09-02,2011-09-02 10:00:00\n"
      "1001-0,4a,4,55,900,0,b,0.3,2011-09-02,2011-09-02 10:00:00\n"
      "1001-0,4a,4,55,901,4,a,0.7,2011-09-05,2011-09-05 10:00:00\n"
      "1001-0,4a,4,55,901,4,b,0.3,2011-09-05,2011-09-05 10:00:00\n"
      "1002-0,4a,4,56,902,0,c,1,2011-09-02,NA\n";
  ASSERT_TRUE(
      ReadGoodJudgment({{"ifps.csv", questions}, {"survey_fcasts.yr1.csv", forecasts}}, plan).ok());
  const absl::Status finished = plan.Finish();
  ASSERT_TRUE(finished.ok()) << finished;
  ASSERT_EQ(plan.rows().size(), 5U);
  EXPECT_EQ(plan.questions()[0].resolution_criteria, "caf\xC3\xA9");
  EXPECT_EQ(plan.questions()[0].states, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(plan.end(*plan.rows()[4].end).kind, PlannedEnd::Kind::kVoid);
}

TEST_F(PlanTest, ManifoldMarketsSpeakThroughTheirPrices) {
  const std::string markets = R"([{"id": "M1", "question": "Will it?", "outcomeType": "BINARY",
      "createdTime": 1700000000000, "closeTime": 1710000000000, "isResolved": true, "resolution": "MKT",
      "resolutionProbability": 0.25, "resolutionTime": 1705000000000},
     {"id": "M2", "question": "Which?", "outcomeType": "MULTIPLE_CHOICE"}])";
  const std::string bets =
      "{\"id\":\"b1\",\"contractId\":\"M1\",\"userId\":\"u1\",\"probAfter\":0.6,"
      "\"createdTime\":1701000000000,\"amount\":10}\n"
      "{\"id\":\"b2\",\"contractId\":\"M2\",\"userId\":\"u1\",\"probAfter\":0.6,"
      "\"createdTime\":1701000000000}\n";
  ASSERT_TRUE(ReadManifold({{"bets.jsonl", bets}, {"markets.json", markets}}, false, plan).ok());
  ASSERT_TRUE(plan.Finish().ok());
  ASSERT_EQ(plan.rows().size(), 2U);
  EXPECT_EQ(plan.forecasters()[0].display_name, "manifold");
  EXPECT_EQ(plan.end(*plan.rows()[1].end).fraction, 0.25);
  EXPECT_EQ(plan.skipped().size(), 2U);
}

TEST(TextFileTest, PlainCompressedAndArchivedFilesSayTheSame) {
  const auto directory =
      std::filesystem::temp_directory_path() / absl::StrCat("credence-import-", getpid());
  std::filesystem::create_directories(directory);
  const std::string text = "a,b\n1,2\n";
  std::ofstream(directory / "p.csv") << text;
  gzFile packed = gzopen((directory / "g.csv.gz").c_str(), "wb");
  gzwrite(packed, text.data(), static_cast<unsigned>(text.size()));
  gzclose(packed);
  int error = 0;
  zip_t* archive = zip_open((directory / "z.zip").c_str(), ZIP_CREATE, &error);
  zip_file_add(archive, "m.csv", zip_source_buffer(archive, text.data(), text.size(), 0), 0);
  ASSERT_EQ(zip_close(archive), 0);
  const auto files = ReadTextFiles({(directory / "z.zip").string(), directory.string()});
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_EQ(files->size(), 4U);
  for (const TextFile& file : *files) EXPECT_EQ(file.text, text) << file.name;
  EXPECT_TRUE(absl::EndsWith(files->front().name, "z.zip/m.csv"));
  EXPECT_EQ(ReadTextFiles({(directory / "absent").string()}).status().code(),
            absl::StatusCode::kNotFound);
  std::filesystem::remove_all(directory);
}

// A directory with one zip archive in it.
class ArchiveTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() / absl::StrCat("credence-zip-", getpid());
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path() const { return (directory_ / "a.zip").string(); }

  void Write(const std::vector<std::string>& members) const {
    int error = 0;
    zip_t* archive = zip_open(path().c_str(), ZIP_CREATE, &error);
    for (size_t i = 0; i < members.size(); ++i) {
      zip_file_add(archive, absl::StrCat("m", i).c_str(),
                   zip_source_buffer(archive, members[i].data(), members[i].size(), 0), 0);
    }
    ASSERT_EQ(zip_close(archive), 0);
  }

  // Has the archive state another size for its one member, in both of its headers.
  void StateSize(uint32_t actual, uint32_t claimed) const {
    std::ifstream in(path(), std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    const auto text = [](uint32_t number) {
      std::string little(4, '\0');
      for (int i = 0; i < 4; ++i) little[i] = static_cast<char>(number >> (8 * i));
      return little;
    };
    int replaced = 0;
    for (size_t at = bytes.find(text(actual)); at != std::string::npos;
         at = bytes.find(text(actual), at + 4)) {
      bytes.replace(at, 4, text(claimed));
      ++replaced;
    }
    ASSERT_EQ(replaced, 2);
    std::ofstream(path(), std::ios::binary) << bytes;
  }

  std::filesystem::path directory_;
};

TEST_F(ArchiveTest, MemoryFollowsWhatIsReadAndNotWhatAnArchiveStates) {
  const std::string text(5'000, 'x');
  Write({text});
  StateSize(5'000, 0xfffffff0U);
  const auto peak_kibibytes = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const auto before = peak_kibibytes();
  const auto files = ReadTextFiles({path()}, size_t{8} << 30);
  EXPECT_EQ(files.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(files.status().message(), "damaged")) << files.status();
  EXPECT_LT(peak_kibibytes() - before, 1 << 20);
}

TEST_F(ArchiveTest, MoreThanTheLimitIsRefusedHoweverItIsSpreadOverMembers) {
  Write({std::string(600, 'a'), std::string(600, 'b')});
  EXPECT_TRUE(ReadTextFiles({path()}, 1'200).ok());
  const auto files = ReadTextFiles({path()}, 1'199);
  EXPECT_EQ(files.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(files.status().message(), "more than 1199 bytes"));
}

}  // namespace
}  // namespace credence::cli
