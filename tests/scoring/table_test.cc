#include "credence/scoring/table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "scoring_test_util.h"

namespace credence::scoring {
namespace {

ForecastRow YesRow(std::uint32_t forecaster, std::uint32_t question, double day,
                   double probability) {
  return {.time = At(day),
          .probability = probability,
          .question = question,
          .forecaster = forecaster,
          .option = ForecastRow::kYesNo,
          .withdrawn = false};
}

ForecastRow OptionRow(std::uint32_t forecaster, std::uint32_t question, double day,
                      std::int32_t option, double probability) {
  ForecastRow row = YesRow(forecaster, question, day, probability);
  row.option = option;
  return row;
}

ForecastRow WithdrawRow(std::uint32_t forecaster, std::uint32_t question, double day) {
  ForecastRow row = YesRow(forecaster, question, day, 0);
  row.withdrawn = true;
  return row;
}

std::vector<const Rule*> RulesOf(const std::vector<std::string_view>& ids) {
  std::vector<const Rule*> rules;
  rules.reserve(ids.size());
  for (const std::string_view id : ids) rules.push_back(&RuleOf(id));
  return rules;
}

std::vector<const Rule*> EveryRule() {
  std::vector<const Rule*> rules;
  rules.reserve(AllRules().size());
  for (const Rule& rule : AllRules()) rules.push_back(&rule);
  return rules;
}

// Owns what a table borrows.
struct Table {
  std::vector<ScoredQuestion> questions;
  std::vector<ForecastRow> rows;
  std::vector<const Rule*> rules = EveryRule();
  std::size_t forecaster_count = 3;
  bool calibration = false;
  bool refuse_times_outside_window = false;

  [[nodiscard]] absl::StatusOr<ScoredTable> Run() const {
    return ScoreTable({.questions = questions,
                       .forecaster_count = forecaster_count,
                       .rows = rows,
                       .rules = rules,
                       .calibration = calibration,
                       .refuse_times_outside_window = refuse_times_outside_window});
  }
};

TEST(TableTest, MeansCoverageAndWeightedSumsByForecaster) {
  Table table;
  table.rules = RulesOf({"brier.half.last", "log.last"});
  table.questions = {BinaryQuestion(HappenedYes()), BinaryQuestion(HappenedNo()),
                     BinaryQuestion(Outcome::Void())};
  table.questions[1].weight = 3;
  table.rows = {YesRow(0, 0, 0, .9), YesRow(0, 1, 5, .4), YesRow(1, 1, 0, .2), YesRow(1, 2, 0, .2)};
  const auto scored = table.Run();
  ASSERT_TRUE(scored.ok()) << scored.status();
  const auto forecasters = scored->forecasters();
  ASSERT_EQ(forecasters.size(), 3U);
  EXPECT_EQ(forecasters[0].question_count, 2U);
  EXPECT_DOUBLE_EQ(forecasters[0].mean_coverage, 0.75);
  EXPECT_NEAR(forecasters[0].summaries[0]->mean, (.01 + .16) / 2, 1e-15);
  EXPECT_NEAR(forecasters[0].summaries[0]->weighted_sum, .01 + 3 * .16, 1e-15);
  EXPECT_NEAR(forecasters[1].summaries[1]->mean, -std::log(.8), 1e-15);
  EXPECT_EQ(forecasters[1].question_count, 1U);
  EXPECT_EQ(forecasters[2].question_count, 0U);
  EXPECT_EQ(forecasters[2].summaries[0], std::nullopt);
  EXPECT_EQ(scored->unscored_question_count(), 1U);
}

TEST(TableTest, OptionRowsOfOneTimeMakeOneForecast) {
  Table table;
  table.rules = RulesOf({"brier.full.last", "rps.last"});
  table.questions = {CategoryQuestion(QuestionKind::kOrdered, 4, 2)};
  // Out of order, with an earlier forecast that says otherwise and an option left at 0.
  table.rows = {OptionRow(0, 0, 2, 2, .44), OptionRow(0, 0, 2, 1, .32), OptionRow(0, 0, 1, 3, 1),
                OptionRow(0, 0, 2, 0, .01), OptionRow(0, 0, 2, 3, .23)};
  const auto scored = table.Run();
  ASSERT_TRUE(scored.ok()) << scored.status();
  EXPECT_NEAR(*scored->Value(0, 1), 0.1619, 1e-12);
}

TEST(TableTest, OfEqualTimesTheLastRowCountsAndWithdrawalEnds) {
  Table table;
  table.rules = RulesOf({"brier.half.last"});
  table.questions = {BinaryQuestion(HappenedYes())};
  table.rows = {YesRow(0, 0, 1, .1), YesRow(0, 0, 1, .9), YesRow(1, 0, 1, .5),
                WithdrawRow(1, 0, 2)};
  const auto scored = table.Run();
  ASSERT_TRUE(scored.ok());
  EXPECT_NEAR(*scored->Value(0, 0), .01, 1e-15);
  EXPECT_EQ(scored->Value(1, 0), std::nullopt);
  EXPECT_DOUBLE_EQ(scored->entries()[1].coverage, 0.1);
}

TEST(TableTest, WrongRowsAreNamedTogetherAndNothingIsScored) {
  Table table;
  table.questions = {BinaryQuestion(HappenedYes()),
                     CategoryQuestion(QuestionKind::kMultipleChoice, 3, 0)};
  table.rows = {YesRow(0, 0, 1, .5), YesRow(0, 0, 1, 1.2),      YesRow(9, 0, 1, .5),
                YesRow(0, 7, 1, .5), OptionRow(0, 1, 1, 3, .5), YesRow(0, 1, 1, .5)};
  const auto scored = table.Run();
  EXPECT_EQ(scored.status().code(), absl::StatusCode::kInvalidArgument);
  const ErrorDetail detail = GetErrorDetail(scored.status());
  EXPECT_EQ(detail.reason, "PROBABILITY_INVALID");
  std::vector<std::string> fields;
  for (const FieldViolation& violation : detail.fields) fields.push_back(violation.field);
  EXPECT_EQ(fields, (std::vector<std::string>{"forecasts[1].probability", "forecasts[2].forecaster",
                                              "forecasts[3].question", "forecasts[4].option",
                                              "forecasts[5].option"}));
}

TEST(TableTest, OptionsThatDoNotSumToOneAreRefused) {
  Table table;
  table.questions = {CategoryQuestion(QuestionKind::kMultipleChoice, 3, 0)};
  table.rows = {OptionRow(0, 0, 1, 0, .5), OptionRow(0, 0, 1, 1, .4)};
  EXPECT_EQ(ReasonOf(table.Run().status()), "PROBABILITY_INVALID");
  EXPECT_EQ(GetErrorDetail(table.Run().status()).fields[0].field, "forecasts[0]");
  table.rows = {OptionRow(0, 0, 1, 0, .5), OptionRow(0, 0, 1, 0, .5)};
  EXPECT_EQ(ReasonOf(table.Run().status()), "PROBABILITY_INVALID");
}

TEST(TableTest, OfAnOptionGivenTwiceAtOneTimeTheLastRowCounts) {
  Table table;
  table.questions = {CategoryQuestion(QuestionKind::kMultipleChoice, 3, 0)};
  table.rows = {OptionRow(0, 0, 1, 0, .1), OptionRow(0, 0, 1, 1, .6), OptionRow(0, 0, 1, 2, .3),
                OptionRow(0, 0, 1, 2, .2), OptionRow(0, 0, 1, 1, .3), OptionRow(0, 0, 1, 0, .5)};
  const auto scored = table.Run();
  ASSERT_TRUE(scored.ok()) << scored.status();
  EXPECT_NEAR(*scored->Value(0, 0), (.25 + .09 + .04) / 2, 1e-15);
}

TEST(TableTest, TimesOutsideTheWindowAreRefusedOnlyOnRequest) {
  Table table;
  table.questions = {BinaryQuestion(HappenedYes())};
  table.rows = {YesRow(0, 0, -1, .5), YesRow(0, 0, 10, .5)};
  EXPECT_TRUE(table.Run().ok());
  table.refuse_times_outside_window = true;
  const absl::Status status = table.Run().status();
  EXPECT_EQ(ReasonOf(status), "TIME_INVALID");
  EXPECT_EQ(GetErrorDetail(status).fields.size(), 2U);
}

TEST(TableTest, AtMostAHundredWrongRowsAreNamed) {
  Table table;
  table.questions = {BinaryQuestion(HappenedYes())};
  table.rows.assign(1000, YesRow(0, 0, 1, -1));
  EXPECT_EQ(GetErrorDetail(table.Run().status()).fields.size(), kRowViolationsMax);
}

TEST(TableTest, WrongQuestionIsNamed) {
  Table table;
  table.questions = {BinaryQuestion(HappenedYes()), BinaryQuestion(Outcome::State(5))};
  const absl::Status status = table.Run().status();
  EXPECT_EQ(ReasonOf(status), "UNKNOWN_STATE");
  EXPECT_EQ(GetErrorDetail(status).fields[0].field, "questions[1].outcome");
}

TEST(TableTest, CalibrationReadsTheLastForecastsOnSettledYesNoQuestions) {
  Table table;
  table.calibration = true;
  table.rules = RulesOf({"brier.half.last"});
  const double probabilities[] = {.4, .3, .2, .1, .5, .9};
  for (std::uint32_t q = 0; q < 6; ++q) {
    table.questions.push_back(BinaryQuestion(q < 3 ? HappenedNo() : HappenedYes()));
    table.rows.push_back(YesRow(0, q, 1, 0.77));
    table.rows.push_back(YesRow(0, q, 2, probabilities[q]));
  }
  table.questions.push_back(BinaryQuestion(*Outcome::Fraction(0.5)));
  table.rows.push_back(YesRow(0, 6, 1, 0.9));
  const auto scored = table.Run();
  ASSERT_TRUE(scored.ok());
  ASSERT_TRUE(scored->forecasters()[0].calibration.has_value());
  const ForecasterCalibration& calibration = *scored->forecasters()[0].calibration;
  EXPECT_NEAR(calibration.corp.miscalibration, .1016667, 5e-8);
  EXPECT_NEAR(calibration.corp.score, .2266667, 5e-8);
  EXPECT_NEAR(calibration.murphy.uncertainty, .25, 1e-15);
  EXPECT_FALSE(scored->forecasters()[1].calibration.has_value());
}

// A table of random changes, with the same changes as series by (question, forecaster).
struct RandomTable {
  Table table;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<ForecastPoint>> points;
};

void AddRandomForecast(RandomTable& random, std::mt19937_64& generator, std::uint32_t q,
                       std::uint32_t f) {
  // Distinct times, so that the order of rows says nothing.
  const double day = static_cast<double>(random.table.rows.size()) * 1e-3 +
                     static_cast<double>(generator() % 12) - 1;
  const ScoredQuestion& question = random.table.questions[q];
  auto& points = random.points[{q, f}];
  if (generator() % 5 == 0) {
    random.table.rows.push_back(WithdrawRow(f, q, day));
    points.push_back(Withdraw(day));
    return;
  }
  const std::vector<double> p = RandomProbabilities(generator, question.state_count);
  points.push_back(States(day, p));
  if (question.kind == QuestionKind::kBinary) {
    random.table.rows.push_back(YesRow(f, q, day, p[0]));
    return;
  }
  for (std::size_t k = 0; k < p.size(); ++k) {
    random.table.rows.push_back(OptionRow(f, q, day, static_cast<std::int32_t>(k), p[k]));
  }
}

RandomTable MakeRandomTable(std::mt19937_64& generator) {
  RandomTable random;
  random.table.forecaster_count = 6;
  constexpr QuestionKind kKinds[] = {QuestionKind::kBinary, QuestionKind::kMultipleChoice,
                                     QuestionKind::kOrdered, QuestionKind::kNumeric};
  for (std::uint32_t q = 0; q < 24; ++q) {
    const QuestionKind kind = kKinds[q % 4];
    const std::size_t count = kind == QuestionKind::kBinary ? 2 : 3 + q % 3;
    ScoredQuestion question = CategoryQuestion(kind, count, q % 2);
    if (q % 5 == 0) question.resolve_time = At(1 + q % 9);
    random.table.questions.push_back(question);
    for (std::uint32_t f = 0; f < 6; ++f) {
      const std::size_t change_count = generator() % 5;
      for (std::size_t i = 0; i < change_count; ++i) AddRandomForecast(random, generator, q, f);
    }
  }
  std::shuffle(random.table.rows.begin(), random.table.rows.end(), generator);
  return random;
}

TEST(TableTest, RandomTablesScoreAsTheirSeriesWhateverTheOrderOfRows) {
  constexpr unsigned kSeed = 1950;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  std::mt19937_64 generator(kSeed);
  const RandomTable random = MakeRandomTable(generator);
  const auto scored = random.table.Run();
  ASSERT_TRUE(scored.ok()) << scored.status();
  ASSERT_EQ(scored->entries().size(), random.points.size());
  std::size_t entry = 0;
  for (std::uint32_t q = 0; q < random.table.questions.size(); ++q) {
    const ScoredQuestion& question = random.table.questions[q];
    std::vector<ForecastSeries> series;
    for (std::uint32_t f = 0; f < random.table.forecaster_count; ++f) {
      const auto found = random.points.find({q, f});
      if (found != random.points.end()) {
        series.push_back(Series(found->second, question.state_count));
      }
    }
    for (std::size_t r = 0; r < random.table.rules.size(); ++r) {
      const auto expected = ScoreAll(*random.table.rules[r], question, Views(series));
      ASSERT_TRUE(expected.ok());
      for (std::size_t m = 0; m < series.size(); ++m) {
        const auto value = scored->Value(entry + m, r);
        ASSERT_EQ(value.has_value(), (*expected)[m].has_value()) << random.table.rules[r]->id;
        if (!value) continue;
        EXPECT_NEAR(*value, (*expected)[m]->value, 1e-9) << random.table.rules[r]->id;
      }
    }
    entry += series.size();
  }
}

TEST(TableTest, EntriesOfAForecasterAreInTheOrderOfQuestions) {
  constexpr unsigned kSeed = 5;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  std::mt19937_64 generator(kSeed);
  const RandomTable random = MakeRandomTable(generator);
  const auto scored = random.table.Run();
  ASSERT_TRUE(scored.ok());
  std::size_t total = 0;
  for (std::uint32_t f = 0; f < random.table.forecaster_count; ++f) {
    const auto entries = scored->EntriesOf(f);
    total += entries.size();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      EXPECT_EQ(scored->entries()[entries[i]].forecaster, f);
      if (i == 0) continue;
      EXPECT_LT(scored->entries()[entries[i - 1]].question, scored->entries()[entries[i]].question);
    }
  }
  EXPECT_EQ(total, scored->entries().size());
}

}  // namespace
}  // namespace credence::scoring
