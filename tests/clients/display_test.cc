#include <gtest/gtest.h>

#include <sstream>

#include "absl/strings/match.h"
#include "credence/cli/suggestion.h"
#include "credence/cli/table.h"
#include "credence/cli/time.h"
#include "explain.h"
#include "format.h"
#include "history.h"
#include "live_screen.h"

namespace credence::cli {
namespace {

const absl::Time kNow = absl::FromCivil(absl::CivilDay(2022, 1, 8), absl::UTCTimeZone());

std::string Shown(const absl::StatusOr<absl::Time>& time) {
  return time.ok() ? FormatInstant(*time) : "error";
}

TEST(TimeTest, ReadsAbsoluteAndRelativeTimes) {
  EXPECT_EQ(Shown(ParseTime("2021-08-15T01:02:03.5Z", kNow)), "2021-08-15T01:02:03.5Z");
  EXPECT_EQ(Shown(ParseTime("2021-08-15T01:00:00+02:00", kNow)), "2021-08-14T23:00:00Z");
  EXPECT_EQ(Shown(ParseTime("2021-08-15", kNow)), "2021-08-15T00:00:00Z");
  EXPECT_EQ(Shown(ParseTime("2021-08-15", kNow, absl::Hours(12))), "2021-08-15T12:00:00Z");
  EXPECT_EQ(Shown(ParseTime("now", kNow)), "2022-01-08T00:00:00Z");
  EXPECT_EQ(Shown(ParseTime("7d", kNow)), "2022-01-01T00:00:00Z");
  EXPECT_EQ(Shown(ParseTime("-7d", kNow)), "2022-01-01T00:00:00Z");
  EXPECT_EQ(Shown(ParseTime("+1w12h", kNow)), "2022-01-15T12:00:00Z");
}

TEST(TimeTest, RefusesWhatIsNoTime) {
  for (const char* text : {"", "2021-13-01", "2021-02-30", "yesterday", "7", "d", "1y", "7d3",
                           "infinite-future", "-", "99999999d"}) {
    EXPECT_EQ(Shown(ParseTime(text, kNow)), "error") << text;
  }
  EXPECT_EQ(Shown(ParseFixedTime("7d", absl::ZeroDuration())), "error");
}

TEST(TimeTest, ReadsDurationsOfSeveralUnits) {
  EXPECT_EQ(*ParseDuration("1h30m"), absl::Minutes(90));
  EXPECT_EQ(*ParseDuration("1.5s"), absl::Milliseconds(1500));
  EXPECT_EQ(*ParseDuration("250ms"), absl::Milliseconds(250));
  EXPECT_EQ(*ParseDuration("2592000s"), absl::Hours(24 * 30));
  EXPECT_FALSE(ParseDuration("1.2.3s").ok());
  EXPECT_FALSE(ParseDuration("-1s").ok());
}

TEST(FormatTest, ProbabilitiesNearTheEndsKeepTheirDigits) {
  EXPECT_EQ(Percent(0.095221961536), "9.52 %");
  EXPECT_EQ(Percent(0.0001234), "0.0123 %");
  EXPECT_EQ(Percent(0.99991), "99.9910 %");
  EXPECT_EQ(Percent(0), "0.00 %");
  EXPECT_EQ(Exact(0.1), "0.1");
  EXPECT_EQ(PercentagePoints(-0.015), "-1.50 pp");
}

TEST(FormatTest, BarsAreTrueToHalfACell) {
  EXPECT_EQ(Bar(1, 1, 4, true), "████");
  EXPECT_EQ(Bar(0.6, 1, 4, true), "██▌");
  EXPECT_EQ(Bar(0.6, 1, 4, true, BarSide::kLeftward), "▐██");
  EXPECT_EQ(Bar(0.6, 1, 4, false), "##");
  EXPECT_EQ(Bar(0.01, 1, 4, true), "");
  EXPECT_EQ(Bar(0, 0, 4, true), "");
}

TEST(TableTest, AlignsByCodePointsAndKeepsCellsOnOneLine) {
  Table table({{"NAME"}, {"N", Table::Align::kRight}, {"TEXT"}});
  table.AddRow({"é", "10", "two\nlines"});
  table.AddRow({"long", "5", ""});
  std::ostringstream out;
  table.WriteText(out);
  EXPECT_EQ(out.str(), "NAME   N  TEXT\né     10  two lines\nlong   5\n");
}

TEST(TableTest, CsvQuotesAndGivesRawValues) {
  Table table({{"P"}, {"TEXT"}});
  table.AddRow({{"25 %", "0.25"}, "a\n\"b\""});
  std::ostringstream out;
  table.WriteCsv(out);
  EXPECT_EQ(out.str(), "P,TEXT\n0.25,\"a\n\"\"b\"\"\"\n");
}

TEST(NearestTest, SuggestsWhatIsNearAndNothingElse) {
  EXPECT_EQ(Nearest("lsit", {"list", "get"}), "list");
  EXPECT_EQ(Nearest("lis", {"list", "get"}), "list");
  EXPECT_EQ(Nearest("posteror", {"posterior", "question"}), "posterior");
  EXPECT_EQ(Nearest("zzz", {"list", "get"}), "");
  EXPECT_EQ(Nearest("", {"a"}), "");
}

google::protobuf::RepeatedPtrField<v1::PublishedPosterior> Series(
    const std::vector<std::pair<int64_t, double>>& points) {
  google::protobuf::RepeatedPtrField<v1::PublishedPosterior> series;
  for (const auto& [day, probability] : points) {
    v1::PublishedPosterior& posterior = *series.Add();
    posterior.mutable_effective_time()->set_seconds(day * 86400);
    v1::StateProbability& state = *posterior.add_probabilities();
    state.set_state("yes");
    state.set_probability(probability);
  }
  return series;
}

std::string Chart(const std::vector<std::pair<int64_t, double>>& points, bool unicode) {
  std::ostringstream out;
  WriteChart(Series(points), {10, 3, unicode}, out);
  return out.str();
}

TEST(ChartTest, ABeliefHoldsUntilItIsChanged) {
  EXPECT_EQ(Chart({{0, 0.2}, {5, 0.6}, {10, 0.6}}, true),
            "  62.00 % ┤    ╭─────\n"
            "  40.00 % ┤    │\n"
            "  18.00 % ┤────╯\n"
            "           1970-01-01 1970-01-11\n");
}

TEST(ChartTest, ADumbTerminalGetsAscii) {
  const std::string chart = Chart({{0, 0.2}, {5, 0.6}, {10, 0.6}}, false);
  for (const char byte : chart) EXPECT_GE(byte, 0);
  EXPECT_TRUE(absl::StrContains(chart, "____+")) << chart;
}

TEST(ChartTest, OfANumberTheMedianIsDrawnInItsUnit) {
  google::protobuf::RepeatedPtrField<v1::PublishedPosterior> series;
  for (const auto& [day, median] :
       std::vector<std::pair<int64_t, double>>{{0, 10}, {5, 20}, {10, 20}}) {
    v1::PublishedPosterior& posterior = *series.Add();
    posterior.mutable_effective_time()->set_seconds(day * 86400);
    posterior.mutable_numeric()->set_unit("cases");
    for (const double probability : {0.05, 0.5, 0.95}) {
      auto& point = *posterior.mutable_numeric()->add_quantiles();
      point.set_probability(probability);
      point.set_value(median * 2 * probability);
    }
  }
  std::ostringstream out;
  WriteChart(series, {10, 3, true}, out);
  EXPECT_EQ(out.str(),
            "     20.5 ┤    ╭─────\n"
            "       15 ┤    │\n"
            "      9.5 ┤────╯\n"
            "           1970-01-01 1970-01-11\n");
  EXPECT_EQ(ChartTitle(series.Get(0)), "median, in cases");
  EXPECT_EQ(ChartTitle(Series({{0, 0.5}}).Get(0)), "probability of yes");
}

TEST(ChartTest, OnePointAndNoneAreDrawnToo) {
  EXPECT_TRUE(absl::StrContains(Chart({{3, 0.5}}, true), "──────────"));
  EXPECT_EQ(Chart({}, true), "");
}

TEST(LiveScreenTest, LinesAreCutByCodePoints) {
  EXPECT_EQ(CutToColumns("abc", 3), "abc");
  EXPECT_EQ(CutToColumns("abc", 2), "ab");
  EXPECT_EQ(CutToColumns("╭─╮ 5 %", 4), "╭─╮ ");
  EXPECT_EQ(CutToColumns("", 0), "");
}

TEST(LiveScreenTest, ASparklineIsAsHighAsItsNumbersAreBesideTheLargest) {
  EXPECT_EQ(Sparkline({0, 1, 4, 8}, true), " ▁▄█");
  EXPECT_EQ(Sparkline({0, 0.001, 8}, false), " .@");
  EXPECT_EQ(Sparkline({0, 0}, true), "  ");
}

TEST(BridgeTest, ShowsEachStepOnItsSideOfTheAxis) {
  v1::ExplainPosteriorResponse response;
  response.set_node("rain");
  response.set_state("yes");
  v1::ExplanationStep& prior = *response.add_steps();
  prior.set_kind(v1::EXPLANATION_STEP_KIND_PRIOR);
  prior.set_weight_decibans(-12);
  prior.set_probability(0.06);
  v1::ExplanationStep& item = *response.add_steps();
  item.set_kind(v1::EXPLANATION_STEP_KIND_EVIDENCE);
  item.set_summary("dark clouds");
  item.set_source("sources/window");
  item.set_grade("A1");
  item.set_weight_decibans(6);
  item.set_leave_one_out_decibans(-6);
  item.set_probability(0.2);
  response.set_probability(0.2);
  response.set_log_odds_decibans(-6);
  std::ostringstream out;
  WriteBridge(response, true, out);
  EXPECT_TRUE(absl::StrContains(out.str(), "-12.00  ████████████│")) << out.str();
  EXPECT_TRUE(absl::StrContains(out.str(), "│██████ ")) << out.str();
  EXPECT_TRUE(absl::StrContains(out.str(), "A1     window"));
  EXPECT_TRUE(absl::StrContains(out.str(), "sum: -6.00 decibans, 20.00 %"));
}

}  // namespace
}  // namespace credence::cli
