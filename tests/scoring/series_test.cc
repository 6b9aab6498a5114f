#include "credence/scoring/series.h"

#include <limits>

#include "scoring_test_util.h"

namespace credence::scoring {
namespace {

TEST(SeriesTest, StepIsInForceFromItsStartUpToButNotAtTheNext) {
  const ForecastSeries series = Series({Yes(1, 0.2), Yes(3, 0.4)});
  const SeriesView view = series.view();
  EXPECT_EQ(view.StepAt(At(1) - absl::Nanoseconds(1)), std::nullopt);
  EXPECT_EQ(view.StepAt(At(1)), 0U);
  EXPECT_EQ(view.StepAt(At(3) - absl::Nanoseconds(1)), 0U);
  EXPECT_EQ(view.StepAt(At(3)), 1U);
  EXPECT_EQ(view.StepAt(At(1e4)), 1U);
}

TEST(SeriesTest, StepBeforeAnInstantLeavesOutWhatStartsThere) {
  const ForecastSeries series = Series({Yes(1, 0.2), Yes(3, 0.4)});
  EXPECT_EQ(series.view().StepBefore(At(1)), std::nullopt);
  EXPECT_EQ(series.view().StepBefore(At(3)), 0U);
  EXPECT_EQ(series.view().StepBefore(At(3) + absl::Nanoseconds(1)), 1U);
}

TEST(SeriesTest, OfEqualTimesTheLastGivenCounts) {
  const ForecastSeries series = Series({Yes(2, 0.9), Yes(1, 0.2), Yes(1, 0.3)});
  const SeriesView view = series.view();
  ASSERT_EQ(view.steps.size(), 3U);
  EXPECT_DOUBLE_EQ(view.Probabilities(*view.StepAt(At(1)))[0], 0.3);
  EXPECT_DOUBLE_EQ(view.Probabilities(*view.StepAt(At(2)))[0], 0.9);
}

TEST(SeriesTest, CoverageCountsStandingTimeInsideTheWindowOnly) {
  const ForecastSeries series = Series({Yes(-5, 0.2), Withdraw(2), Yes(4, 0.4), Withdraw(20)});
  EXPECT_DOUBLE_EQ(Coverage(series.view(), {At(0), At(10)}), 0.8);
  EXPECT_DOUBLE_EQ(Coverage(series.view(), {At(2), At(4)}), 0);
  EXPECT_DOUBLE_EQ(Coverage(series.view(), {At(10), At(10)}), 0);
  EXPECT_DOUBLE_EQ(Coverage(ForecastSeries(2).view(), {At(0), At(10)}), 0);
}

TEST(SeriesTest, BadVectorsAreRefusedByFieldAndReason) {
  const auto too_large = ForecastSeries::Create(2, {Yes(0, 0.5), States(1, {1.2, -0.2})});
  EXPECT_EQ(ReasonOf(too_large.status()), "PROBABILITY_INVALID");
  EXPECT_EQ(GetErrorDetail(too_large.status()).fields[0].field, "points[1].probabilities[0]");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(ReasonOf(ForecastSeries::Create(2, {States(0, {nan, 0.5})}).status()),
            "PROBABILITY_INVALID");
  EXPECT_EQ(ReasonOf(ForecastSeries::Create(2, {States(0, {0.5, 0.4})}).status()),
            "PROBABILITY_INVALID");
  EXPECT_EQ(ReasonOf(ForecastSeries::Create(3, {Yes(0, 0.5)}).status()), "FIELD_INVALID");
  EXPECT_EQ(ReasonOf(ForecastSeries::Create(1, {}).status()), "FIELD_INVALID");
  const ForecastPoint never{absl::InfiniteFuture(), {0.5, 0.5}, false};
  EXPECT_EQ(ReasonOf(ForecastSeries::Create(2, {never}).status()), "TIME_INVALID");
}

TEST(SeriesTest, SumsWithinTheToleranceAreTakenAsGiven) {
  const ForecastSeries series = Series({States(0, {0.333333, 0.333333, 0.333333})}, 3);
  EXPECT_DOUBLE_EQ(series.view().Probabilities(0)[2], 0.333333);
}

TEST(QuestionTest, ScoringWindowEndsAtTheEarlierOfCloseAndResolution) {
  ScoredQuestion question = BinaryQuestion(HappenedYes());
  EXPECT_EQ(question.ScoringWindow().end, At(10));
  question.resolve_time = At(4);
  EXPECT_EQ(question.ScoringWindow().end, At(4));
  question.resolve_time = At(12);
  EXPECT_EQ(question.ScoringWindow().end, At(10));
  question.resolve_time = At(-1);
  EXPECT_TRUE(question.ScoringWindow().empty());
}

TEST(QuestionTest, WrongQuestionsAreRefusedByReason) {
  const auto reason = [](auto change) {
    ScoredQuestion question = BinaryQuestion(HappenedYes());
    change(question);
    const ErrorDetail detail = GetErrorDetail(CheckQuestion(question));
    return detail.fields.empty() ? std::string() : detail.reason + " " + detail.fields[0].field;
  };
  EXPECT_EQ(reason([](ScoredQuestion&) {}), "");
  EXPECT_EQ(reason([](ScoredQuestion& q) { q.state_count = 3; }), "FIELD_INVALID state_count");
  EXPECT_EQ(reason([](ScoredQuestion& q) { q.state_count = 1; }), "FIELD_INVALID state_count");
  EXPECT_EQ(reason([](ScoredQuestion& q) { q.kind = QuestionKind::kNumeric; }),
            "FIELD_INVALID state_count");
  EXPECT_EQ(reason([](ScoredQuestion& q) { q.close_time = q.open_time; }),
            "TIME_INVALID close_time");
  EXPECT_EQ(reason([](ScoredQuestion& q) { q.open_time = absl::InfinitePast(); }),
            "TIME_INVALID open_time");
  EXPECT_EQ(reason([](ScoredQuestion& q) { q.outcome = Outcome::State(2); }),
            "UNKNOWN_STATE outcome");
  EXPECT_EQ(reason([](ScoredQuestion& q) {
              q.kind = QuestionKind::kOrdered;
              q.outcome = *Outcome::Fraction(0.5);
            }),
            "UNKNOWN_STATE outcome");
  EXPECT_EQ(reason([](ScoredQuestion& q) { q.weight = -1; }), "FIELD_INVALID weight");
  EXPECT_EQ(reason([](ScoredQuestion& q) { q.open_bound_count = 3; }),
            "FIELD_INVALID open_bound_count");
  EXPECT_EQ(reason([](ScoredQuestion& q) { q.bin_width = 0; }), "FIELD_INVALID bin_width");
  EXPECT_EQ(ReasonOf(Outcome::Fraction(1.5).status()), "PROBABILITY_INVALID");
}

}  // namespace
}  // namespace credence::scoring
