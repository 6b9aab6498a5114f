#include <cmath>
#include <limits>

#include "scoring_test_util.h"

namespace credence::scoring {
namespace {

std::vector<std::optional<Score>> ScoreEverybody(std::string_view rule,
                                                 const ScoredQuestion& question,
                                                 const std::vector<ForecastSeries>& series) {
  const auto scores = ScoreAll(RuleOf(rule), question, Views(series));
  EXPECT_TRUE(scores.ok()) << scores.status();
  return *scores;
}

TEST(PeerTest, TwoForecastersMeetTheCheckValue) {
  const ScoredQuestion question = BinaryQuestion(HappenedYes());
  for (const char* rule : {"metaculus.peer", "metaculus.spot_peer"}) {
    const auto scores =
        ScoreEverybody(rule, question, {Series({Yes(0, 0.1)}), Series({Yes(0, 0.9)})});
    EXPECT_NEAR(scores[0]->value, 100 * std::log(1.0 / 9), 1e-11) << rule;
    EXPECT_NEAR(scores[1]->value, -100 * std::log(1.0 / 9), 1e-11) << rule;
  }
}

TEST(PeerTest, NumericQuestionsCountHalf) {
  const ScoredQuestion question = CategoryQuestion(QuestionKind::kNumeric, 3, 1);
  const auto scores =
      ScoreEverybody("metaculus.peer", question,
                     {Series({States(0, {.6, .3, .1})}, 3), Series({States(0, {.2, .6, .2})}, 3)});
  EXPECT_NEAR(scores[0]->value, -50 * std::log(2.0), 1e-11);
}

TEST(PeerTest, ScoresSumToZeroWhereAllCoverEqually) {
  constexpr unsigned kSeed = 7;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  std::mt19937_64 generator(kSeed);
  std::vector<ForecastSeries> series;
  for (int i = 0; i < 9; ++i) {
    std::vector<ForecastPoint> points;
    for (int day = 0; day < 8; ++day) {
      points.push_back(States(day == 0 ? 0 : day + 0.1 * i, RandomProbabilities(generator, 4)));
    }
    series.push_back(Series(points, 4));
  }
  const ScoredQuestion question = CategoryQuestion(QuestionKind::kMultipleChoice, 4, 2);
  double sum = 0;
  for (const auto& score : ScoreEverybody("metaculus.peer", question, series)) {
    sum += score->value;
    EXPECT_GT(std::abs(score->value), 0.01);
  }
  EXPECT_NEAR(sum, 0, 1e-9);
}

TEST(PeerTest, OneAloneScoresZeroAndIsCovered) {
  const ScoredQuestion question = BinaryQuestion(HappenedYes());
  const auto scores = ScoreEverybody("metaculus.peer", question, {Series({Yes(5, 0.1)})});
  EXPECT_DOUBLE_EQ(scores[0]->value, 0);
  EXPECT_DOUBLE_EQ(scores[0]->coverage, 0.5);
}

TEST(PeerTest, AbsentForecastersHaveNoScore) {
  const ScoredQuestion question = BinaryQuestion(HappenedYes());
  const auto scores =
      ScoreEverybody("metaculus.peer", question,
                     {Series({Yes(0, 0.1)}), ForecastSeries(2),
                      Series({Yes(-4, 0.7), Withdraw(-1)}), Series({Yes(10, 0.7)})});
  EXPECT_TRUE(scores[0].has_value());
  EXPECT_EQ(scores[1], std::nullopt);
  EXPECT_EQ(scores[2], std::nullopt);
  EXPECT_EQ(scores[3], std::nullopt);
}

TEST(PeerTest, RulingOutWhatHappenedIsMinusInfinityAndLiftsTheOthers) {
  const ScoredQuestion question = BinaryQuestion(HappenedYes());
  for (const char* rule : {"metaculus.peer", "metaculus.spot_peer"}) {
    const auto scores = ScoreEverybody(
        rule, question, {Series({Yes(0, 0)}), Series({Yes(0, 0.9)}), Series({Yes(0, 0)})});
    const double infinity = std::numeric_limits<double>::infinity();
    EXPECT_DOUBLE_EQ(scores[0]->value, -infinity) << rule;
    EXPECT_DOUBLE_EQ(scores[1]->value, infinity) << rule;
    EXPECT_DOUBLE_EQ(scores[2]->value, -infinity) << rule;
  }
}

TEST(PeerTest, AnInfiniteMomentThatNobodyElseSawLeavesNoTrace) {
  const ScoredQuestion question = BinaryQuestion(HappenedYes());
  // The first rules it out while alone, and mends that as the second arrives.
  const auto scores = ScoreEverybody("metaculus.peer", question,
                                     {Series({Yes(0, 0), Yes(5, 0.1)}), Series({Yes(5, 0.9)})});
  EXPECT_NEAR(scores[0]->value, 50 * std::log(1.0 / 9), 1e-11);
  EXPECT_NEAR(scores[1]->value, -50 * std::log(1.0 / 9), 1e-11);
}

TEST(PeerTest, ASeriesOutsideTheFieldIsRefused) {
  const ScoredQuestion question = BinaryQuestion(HappenedYes());
  const ForecastSeries inside = Series({Yes(0, 0.1)});
  const ForecastSeries outside = Series({Yes(0, 0.1)});
  const std::vector<SeriesView> all = {inside.view()};
  const auto score = ScoreSeries(RuleOf("metaculus.peer"), question, outside.view(), all);
  EXPECT_EQ(ReasonOf(score.status()), "FIELD_INVALID");
}

TEST(PeerTest, SeriesOfAnotherStateCountIsRefused) {
  const ScoredQuestion question = BinaryQuestion(HappenedYes());
  const ForecastSeries three = Series({States(0, {.2, .3, .5})}, 3);
  const auto score = ScoreSeries(RuleOf("brier.half.last"), question, three.view(), {});
  EXPECT_EQ(ReasonOf(score.status()), "FIELD_INVALID");
  const auto scores = ScoreAll(RuleOf("brier.half.last"), question, Views({three}));
  EXPECT_EQ(GetErrorDetail(scores.status()).fields[0].field, "all[0].series");
}

// The definition, hour by hour: exact for series that change on whole hours.
double HourByHour(const ScoredQuestion& question, const std::vector<SeriesView>& all,
                  std::size_t own) {
  double sum = 0;
  const TimeWindow window = question.ScoringWindow();
  for (absl::Time t = window.start; t < window.end; t += absl::Hours(1)) {
    double others = 0;
    int other_count = 0;
    std::optional<double> own_log;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto step = all[i].StepAt(t);
      if (!step || !all[i].steps[*step].standing) continue;
      const double log = std::log(all[i].Probabilities(*step)[question.outcome.state()]);
      if (i == own) {
        own_log = log;
      } else {
        others += log;
        ++other_count;
      }
    }
    if (own_log && other_count > 0) sum += 100 * (*own_log - others / other_count);
  }
  return sum / absl::FDivDuration(question.ScheduledWindow().length(), absl::Hours(1));
}

TEST(PeerTest, RandomFieldsScoreAsTheDefinitionHourByHour) {
  constexpr unsigned kSeed = 31;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  std::mt19937_64 generator(kSeed);
  std::uniform_int_distribution<int> hour(-48, 260);
  for (int trial = 0; trial < 60; ++trial) {
    ScoredQuestion question = BinaryQuestion(HappenedYes());
    if (trial % 2 == 0) question.resolve_time = At(0) + absl::Hours(1 + trial * 3);
    std::vector<ForecastSeries> series;
    for (int i = 0; i < 1 + trial % 6; ++i) {
      std::vector<ForecastPoint> points;
      for (int change = 0; change < 8; ++change) {
        ForecastPoint point = Yes(0, 0.5);
        point.time = At(0) + absl::Hours(hour(generator));
        point.probabilities = RandomProbabilities(generator, 2);
        point.withdrawn = generator() % 3 == 0;
        points.push_back(point);
      }
      series.push_back(Series(points));
    }
    const auto scores = ScoreEverybody("metaculus.peer", question, series);
    for (std::size_t i = 0; i < series.size(); ++i) {
      const double expected = HourByHour(question, Views(series), i);
      EXPECT_NEAR(scores[i] ? scores[i]->value : 0, expected, 1e-9) << trial << " " << i;
    }
  }
}

TEST(SummaryTest, MeanAndWeightedSumOfOneRule) {
  const Rule& rule = RuleOf("brier.half.last");
  const std::vector<Score> scores = {{&rule, 0.1, 1.0, 2.0}, {&rule, 0.3, 0.5, 1.0}};
  const auto summary = SummarizeScores(scores);
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(summary->count, 2U);
  EXPECT_DOUBLE_EQ(summary->mean, 0.2);
  EXPECT_DOUBLE_EQ(summary->weighted_sum, 0.5);
  EXPECT_DOUBLE_EQ(summary->mean_coverage, 0.75);
}

TEST(SummaryTest, DifferentRulesAreNeverAveraged) {
  const std::vector<Score> scores = {{&RuleOf("brier.half.last"), 0.1, 1, 1},
                                     {&RuleOf("brier.full.last"), 0.2, 1, 1}};
  const auto summary = SummarizeScores(scores);
  EXPECT_EQ(ReasonOf(summary.status()), "FIELD_INVALID");
  const std::string message(summary.status().message());
  EXPECT_NE(message.find("brier.half.last"), std::string::npos);
  EXPECT_NE(message.find("brier.full.last"), std::string::npos);
}

TEST(SummaryTest, NothingHasNoMean) {
  EXPECT_EQ(ReasonOf(SummarizeScores({}).status()), "FIELD_REQUIRED");
}

TEST(SummaryTest, OneInfiniteScoreMakesTheMeanInfinite) {
  const Rule& rule = RuleOf("log.last");
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<Score> scores = {{&rule, 0.1, 1, 1}, {&rule, infinity, 1, 0}};
  const auto summary = SummarizeScores(scores);
  EXPECT_DOUBLE_EQ(summary->mean, infinity);
  EXPECT_DOUBLE_EQ(summary->weighted_sum, 0.1);
}

}  // namespace
}  // namespace credence::scoring
