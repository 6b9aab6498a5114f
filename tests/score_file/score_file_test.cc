#include <gmock/gmock.h>

#include <cmath>

#include "credence/cli/exit_code.h"
#include "credence/scoring/rules.h"
#include "score_file_util.h"

namespace credence::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kResolutions[] =
    "question,open_time,close_time,resolve_time,outcome,type,options\n"
    "q1,2022-01-01,2022-01-11,,yes,,\n"
    "q2,2022-01-01,2022-01-11,,b,multiple_choice,a|b|c\n"
    "q3,2022-01-01,2022-01-11,,ambiguous,,\n";

constexpr char kHeader[] = "forecaster,question,time,option,probability\n";

Ran ScoreRows(const std::string& rows, const std::vector<std::string>& more = {}) {
  std::vector<std::string> args = {"--rule", "brier.half.last", "--output", "json"};
  args.insert(args.end(), more.begin(), more.end());
  return Score({kHeader + rows, kResolutions}, args);
}

TEST(ScoreFileTest, AllWrongRowsAreNamedByFileAndLineAndNothingIsScored) {
  const Ran ran = ScoreRows(
      "alice,q1,2022-01-02,,0.5\n"
      "alice,q1,2022-01-03,,1.2\n"
      "alice,q9,2022-01-03,,0.5\n"
      "alice,q1,2022-01-11,,0.5\n"
      "alice,q1,2022-13-01,,0.5\n"
      "alice,q2,2022-01-03,d,0.5\n"
      "alice,q2,2022-01-03,,0.5\n"
      "alice,q1,2021-12-31T23:59:59Z,,0.5\n");
  EXPECT_EQ(ran.exit_code, cli::kExitFailed);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("forecasts.csv: 7 rows are wrong; nothing was scored"));
  EXPECT_THAT(ran.err, Not(HasSubstr("forecasts.csv:2:")));
  const size_t first = ran.err.find("forecasts.csv:3:");
  EXPECT_EQ(ran.err.find("forecasts.csv:3:", first + 1), std::string::npos) << "named once";
  EXPECT_THAT(ran.err, HasSubstr("forecasts.csv:3: probability: 1.2 is not in [0, 1]"));
  EXPECT_THAT(ran.err, HasSubstr("forecasts.csv:4: question: q9 has no resolution"));
  EXPECT_THAT(ran.err, HasSubstr("forecasts.csv:5: time: 2022-01-11 is not before the close"));
  EXPECT_THAT(ran.err, HasSubstr("forecasts.csv:6: time: "));
  EXPECT_THAT(ran.err, HasSubstr("forecasts.csv:7: option: 'd' is none of the question's"));
  EXPECT_THAT(ran.err, HasSubstr("forecasts.csv:8: option: must name"));
  EXPECT_THAT(ran.err, HasSubstr("forecasts.csv:9: time: 2021-12-31T23:59:59Z is before the open"));
}

TEST(ScoreFileTest, OptionsThatDoNotSumToOneAreNamed) {
  const Ran ran = ScoreRows(
      "alice,q2,2022-01-03,a,0.5\nalice,q2,2022-01-03,b,0.5\n"
      "bob,q2,2022-01-03,a,0.5\nbob,q2,2022-01-03,b,0.4\n");
  EXPECT_EQ(ran.exit_code, cli::kExitFailed);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("forecasts.csv:4"), HasSubstr("sum to 0.9")));
}

TEST(ScoreFileTest, OnRequestUnresolvedQuestionsAreLeftOutAndEarlyForecastsCountFromTheOpen) {
  const Ran ran = ScoreRows("alice,q9,2022-01-03,,0.5\nalice,q1,2021-12-25,,0.7\n",
                            {"--skip-unresolved", "--count-early"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("1 forecasts are on questions without a resolution"));
  EXPECT_THAT(ran.err, HasSubstr("forecasts.csv:3: 1 forecasts were made before"));
  EXPECT_NEAR(NumberAt(ran.out, {"forecasters", "0", "coverage"}), 1, 1e-15);
  EXPECT_NEAR(NumberAt(ran.out, {"forecasters", "0", "scores", "brier.half.last"}), .09, 1e-15);
}

TEST(ScoreFileTest, QuotesCarriageReturnsAndByteOrderMarksAreRead) {
  const Ran ran = Score(
      {"\xEF\xBB\xBF\"forecaster\",\"question\",time,probability\r\n"
       "\"Smith, \"\"Jo\"\"\",q1,2022-01-02T03:04:05.5+01:00,1e-1\r\n",
       "question,open_time,close_time,resolve_time,outcome\r\nq1,2022-01-01,2022-02-29,,no\r\n"},
      {"--rule", "brier.half.last", "--output", "json"});
  // 2022 is no leap year.
  EXPECT_EQ(ran.exit_code, cli::kExitFailed);
  EXPECT_THAT(ran.err, HasSubstr("resolutions.csv:2: close_time"));
  const Ran again = Score(
      {"\xEF\xBB\xBF\"forecaster\",\"question\",time,probability\r\n"
       "\"Smith, \"\"Jo\"\"\",q1,2022-01-02T03:04:05.5+01:00,1e-1\r\n",
       "question,open_time,close_time,resolve_time,outcome\r\nq1,2022-01-01,2022-02-28,,no\r\n"},
      {"--rule", "brier.half.last", "--output", "json"});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(ValueAt(again.out, {"forecasters", "0", "forecaster"}).string_value(), "Smith, \"Jo\"");
  EXPECT_NEAR(NumberAt(again.out, {"forecasters", "0", "scores", "brier.half.last"}), .01, 1e-15);
}

TEST(ScoreFileTest, ASpaceMayStandBetweenDateAndTime) {
  const Ran ran = Score({"forecaster,question,time,probability\n"
                         "a,q,2022-01-01 12:00:00+00:00,0.5\na,q,2022-01-02 00:00:00.5+01:00,0.9\n",
                         "question,open_time,close_time,resolve_time,outcome\n"
                         "q,2022-01-01 12:00:00Z,2022-01-02T12:00:00Z,,yes\n"},
                        {"--rule", "brier.half.timeweighted", "--output", "json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  // Eleven hours and half a second of a day at .5.
  const double share = (11 * 3600 + .5) / 86400;
  EXPECT_NEAR(NumberAt(ran.out, {"forecasters", "0", "scores", "brier.half.timeweighted"}),
              share * .25 + (1 - share) * .01, 1e-12);
}

TEST(ScoreFileTest, PlainTimesAreReadAsTheGeneralParserDoes) {
  // Bare dates take the general parser, times with a Z the quick one. One day of four around leap
  // days and the ends of years must be a quarter.
  struct Days {
    const char* first;
    const char* second;
    const char* fifth;
  };
  for (const Days& days : {Days{"1999-12-31", "2000-01-01", "2000-01-04"},
                           {"2000-02-28", "2000-02-29", "2000-03-03"},
                           {"2000-02-29", "2000-03-01", "2000-03-04"},
                           {"2023-02-28", "2023-03-01", "2023-03-04"},
                           {"2024-12-31", "2025-01-01", "2025-01-04"},
                           {"1969-12-31", "1970-01-01", "1970-01-04"},
                           {"2100-02-28", "2100-03-01", "2100-03-04"}}) {
    const Ran ran = Score({Cat("forecaster,question,time,probability\na,q,", days.first,
                               "T00:00:00Z,0.5\na,q,", days.second, "T00:00:00Z,withdraw\n"),
                           Cat("question,open_time,close_time,resolve_time,outcome\nq,", days.first,
                               ",", days.fifth, ",,yes\n")},
                          {"--rule", "brier.half.timeweighted", "--output", "json"});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(ran.err, "") << days.first;
    EXPECT_NEAR(NumberAt(ran.out, {"forecasters", "0", "coverage"}), .25, 1e-12) << days.first;
  }
}

// Two good forecasters and a bad one on thirty questions.
Files ThreeForecasters() {
  Files files{"forecaster,question,time,probability\n",
              "question,open_time,close_time,resolve_time,outcome,cluster\n"};
  for (int q = 0; q < 30; ++q) {
    files.resolutions += Cat("q", q, ",2022-01-01,2022-02-0", 1 + q % 9, ",,",
                             q % 3 == 0 ? "yes" : "no", ",c", q / 2, "\n");
    const double good = q % 3 == 0 ? .8 : .2;
    files.forecasts += Cat("good,q", q, ",2022-01-01,", good, "\n");
    files.forecasts += Cat("same,q", q, ",2022-01-01,", q % 2 == 0 ? good + .01 : good - .01, "\n");
    files.forecasts += Cat("bad,q", q, ",2022-01-01,", q % 5 == 0 ? good : 1 - good, "\n");
  }
  return files;
}

TEST(ScoreFileTest, BootstrapAndComparisonSayWhatIsLuck) {
  const std::vector<std::string> args = {
      "--rule", "brier.half.last,log.last", "--compare", "good", "--output", "json"};
  const Ran ran = Score(ThreeForecasters(), args);
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const std::string rule = "brier.half.last";
  EXPECT_NEAR(NumberAt(ran.out, {"bootstrap", rule, "good", "mean"}), .04, 1e-12);
  EXPECT_NEAR(NumberAt(ran.out, {"bootstrap", rule, "bad", "rank"}), 3, 0);
  EXPECT_NEAR(NumberAt(ran.out, {"bootstrap", rule, "bad", "rankLower"}), 3, 0);
  EXPECT_EQ(ValueAt(ran.out, {"compare", "reference"}).string_value(), "good");
  EXPECT_NEAR(NumberAt(ran.out, {"compare", rule, "bad", "difference"}), .48, 1e-12);
  EXPECT_LT(NumberAt(ran.out, {"compare", rule, "bad", "pTwoSided"}), .01);
  EXPECT_GT(NumberAt(ran.out, {"compare", rule, "same", "pTwoSided"}), .2);
  EXPECT_GE(NumberAt(ran.out, {"compare", rule, "same", "pAdjusted"}),
            NumberAt(ran.out, {"compare", rule, "same", "pTwoSided"}));
  EXPECT_NEAR(NumberAt(ran.out, {"compare", rule, "bad", "skill"}), 1 - .52 / .04, 1e-9);
  EXPECT_GT(NumberAt(ran.out, {"compare", rule, "bad", "dieboldMariano", "statistic"}), 3);
  EXPECT_EQ(Score(ThreeForecasters(), args).out, ran.out);
  const Ran unknown = Score(ThreeForecasters(), {"--rule", rule, "--compare", "nobody"});
  EXPECT_EQ(unknown.exit_code, cli::kExitUsage);
  EXPECT_THAT(unknown.err, HasSubstr("nobody is no forecaster"));
}

TEST(ScoreFileTest, ReliabilityComesWithBandAndTest) {
  const Ran ran =
      Score(ThreeForecasters(), {"--rule", "brier.half.last", "--reliability", "--output", "json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NEAR(NumberAt(ran.out, {"calibration", "good", "reliability", "0", "probability"}), .2, 0);
  EXPECT_NEAR(NumberAt(ran.out, {"calibration", "good", "reliability", "0", "count"}), 20, 0);
  EXPECT_NEAR(NumberAt(ran.out, {"calibration", "good", "reliability", "1", "recalibrated"}), 1, 0);
  EXPECT_LT(NumberAt(ran.out, {"calibration", "bad", "miscalibrationPValue"}), .05);
  const Ran table = Score(ThreeForecasters(), {"--rule", "brier.half.last", "--reliability"});
  EXPECT_THAT(table.out, HasSubstr("MISCALIBRATION P"));
}

TEST(ScoreFileTest, DifficultyIsTakenOutOnRequestAndTheVoidAreCounted) {
  // Equally good forecasters on an easy and a hard question, of which each of two answered one.
  const Files files{
      "forecaster,question,time,probability\n"
      "both,easy,2022-01-01,0.9\nboth,hard,2022-01-01,0.4\n"
      "lucky,easy,2022-01-01,0.9\nbrave,hard,2022-01-01,0.4\n",
      "question,open_time,close_time,resolve_time,outcome\n"
      "easy,2022-01-01,2022-02-01,,yes\nhard,2022-01-01,2022-02-01,,yes\n"
      "odd,2022-01-01,2022-02-01,,ambiguous\n"};
  const Ran ran =
      Score(files, {"--rule", "brier.half.last", "--difficulty-adjusted", "--output", "json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  for (const char* name : {"both", "lucky", "brave"}) {
    EXPECT_NEAR(NumberAt(ran.out, {"difficultyAdjusted", "forecasters", name, "adjusted"}),
                (.01 + .36) / 2, 1e-12);
  }
  EXPECT_NEAR(NumberAt(ran.out, {"questions", "notScored"}), 1, 0);
  EXPECT_NEAR(NumberAt(ran.out, {"questions", "count"}), 3, 0);
  const Ran table = Score(files, {"--rule", "brier.half.last", "--difficulty-adjusted"});
  EXPECT_THAT(table.out, AllOf(HasSubstr("1 of 3 questions were void"), HasSubstr("BRIER INDEX")));
  EXPECT_EQ(Score(files, {"--rule", "log.last", "--difficulty-adjusted"}).exit_code,
            cli::kExitUsage);
}

TEST(ScoreFileTest, NothingScoredIsNoError) {
  const Files files{"forecaster,question,time,probability\na,q,2022-01-01,0.5\n",
                    "question,open_time,close_time,resolve_time,outcome\n"
                    "q,2022-01-01,2022-02-01,,void\n"};
  const Ran ran = Score(files, {"--rule", "brier.half.last", "--calibration", "--bootstrap", "9",
                                "--difficulty-adjusted", "--output", "json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NEAR(NumberAt(ran.out, {"forecasters", "0", "questionCount"}), 0, 0);
}

TEST(ScoreFileTest, InfiniteScoresAreNotResampled) {
  Files files = ThreeForecasters();
  files.forecasts += "good,q0,2022-01-02,0\n";
  const Ran ran = Score(files, {"--rule", "log.last", "--bootstrap", "19"});
  EXPECT_EQ(ran.exit_code, cli::kExitFailed);
  EXPECT_THAT(ran.err, HasSubstr("a rule with a floor gives finite scores"));
  EXPECT_EQ(Score(files, {"--rule", "log.floor1e-2.last", "--bootstrap", "19"}).exit_code, 0);
}

TEST(ScoreRulesTest, RulesAreListedInEveryFormat) {
  EXPECT_EQ(RunProgram({"score", "rules", "--markdown"}).out, scoring::RulesPage());
  EXPECT_THAT(RunProgram({"score", "rules"}).out, HasSubstr("brier.half.last"));
  const Ran json = RunProgram({"score", "rules", "--output", "json"});
  EXPECT_EQ(ValueAt(json.out, {"rules", "0", "id"}).string_value(), "brier.half.last");
  EXPECT_EQ(ValueAt(json.out, {"rules", "0", "direction"}).string_value(), "LOWER_IS_BETTER");
}

}  // namespace
}  // namespace credence::server
