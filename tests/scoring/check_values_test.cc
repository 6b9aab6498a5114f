#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "credence/scoring/diagnosis.h"
#include "scoring_test_util.h"

// Each rule's stated check value, computed; and the reference page, which is made from the rules.
namespace credence::scoring {
namespace {

std::vector<double> ScoresOf(std::string_view rule, const ScoredQuestion& question,
                             const std::vector<ForecastSeries>& series) {
  const auto scores = ScoreAll(RuleOf(rule), question, Views(series));
  EXPECT_TRUE(scores.ok()) << scores.status();
  std::vector<double> values;
  for (const auto& score : *scores) {
    EXPECT_TRUE(score.has_value()) << rule;
    values.push_back(score ? score->value : -12345);
  }
  return values;
}

// What a check says in words, as a case: a question and everybody's forecasts.
struct CheckCase {
  ScoredQuestion question;
  std::vector<ForecastSeries> series;
  // The scores, in order; each must stand in the rule's text with these digits.
  std::vector<std::string> expected;
};

ScoredQuestion Third(QuestionKind kind, std::size_t count = 4) {
  return CategoryQuestion(kind, count, 2);
}

ForecastSeries Always(const std::vector<double>& probabilities) {
  return Series({States(0, probabilities)}, probabilities.size());
}

// A week of which three days stood at .9 and four at .95.
CheckCase CultivateWeek(const std::string& expected) {
  ScoredQuestion question = BinaryQuestion(HappenedYes());
  question.close_time = At(7);
  return {question, {Series({Yes(0, .9), Yes(3, .95)})}, {expected}};
}

std::map<std::string_view, CheckCase> CheckCases() {
  const ScoredQuestion yes = BinaryQuestion(HappenedYes());
  const ScoredQuestion no = BinaryQuestion(HappenedNo());
  const ScoredQuestion third = Third(QuestionKind::kOrdered);
  ScoredQuestion second = CategoryQuestion(QuestionKind::kOrdered, 4, 1);
  ScoredQuestion wide = Third(QuestionKind::kNumeric);
  wide.bin_width = 5;
  const ForecastSeries bins = Always({.01, .32, .44, .23});
  const std::vector<ForecastSeries> against = {Always({.1, .9}), Always({.9, .1})};
  const std::vector<ForecastSeries> three = {Always({.9, .1}), Always({.8, .2}), Always({.5, .5})};
  return {
      {"brier.half.last", {no, {Always({.271, .729})}, {"0.073441"}}},
      {"brier.full.last", {no, {Always({.271, .729})}, {"0.146882"}}},
      {"brier.half.daily", CultivateWeek("0.0057")},
      {"brier.full.daily", CultivateWeek("0.0114")},
      {"brier.half.timeweighted", {yes, {Series({Yes(0, .5), Yes(5, .9)})}, {"0.13"}}},
      {"brier.full.timeweighted", {yes, {Series({Yes(0, .5), Yes(5, .9)})}, {"0.26"}}},
      {"brier.ordered.last", {third, {Always({.15, .45, .25, .15})}, {"0.27"}}},
      {"brier.ordered.daily", {third, {Always({.15, .45, .25, .15})}, {"0.27"}}},
      {"brier.full.daily.relative", {yes, three, {"-0.06", "0", "0.42"}}},
      {"brier.full.daily.accuracy", {yes, three, {}}},
      {"brier.ordered.daily.relative",
       {third, {Always({.15, .45, .25, .15}), Always({0, 0, 1, 0})}, {"0.135"}}},
      {"fatebook.brier", {yes, {Always({.7, .3})}, {"0.18"}}},
      {"fatebook.relative", {yes, {Always({.7, .3}), Always({.5, .5})}, {"-0.16", "0.16"}}},
      {"log.last", {no, {Always({.481, .519})}, {"0.6558514"}}},
      {"log.floor1e-2.last", {yes, {Always({0, 1})}, {"4.6051702"}}},
      {"log.floor1e-3.last", {yes, {Always({0, 1})}, {"6.9077553"}}},
      {"log.timeweighted", {yes, {Series({Yes(0, .5), Yes(5, .25)})}, {"1.0397208"}}},
      {"log.floor1e-2.timeweighted", {yes, {Always({0, 1})}, {"4.6051702"}}},
      {"log.floor1e-3.timeweighted", {yes, {Always({0, 1})}, {"6.9077553"}}},
      {"ranked_log.last", {second, {Always({.21, .31, .32, .16})}, {"1.064002"}}},
      {"spherical.last", {yes, {Always({.7, .3})}, {"0.919145"}}},
      {"spherical.timeweighted", {yes, {Always({.7, .3})}, {"0.919145"}}},
      {"rps.last", {third, {bins}, {"0.1619"}}},
      {"rps.normalized.last",
       {CategoryQuestion(QuestionKind::kOrdered, 3, 0), {Always({.2, .5, .3})}, {"0.365"}}},
      {"rps.timeweighted", {third, {bins}, {"0.1619"}}},
      {"crps.last", {wide, {bins}, {"0.8095"}}},
      {"crps.timeweighted", {wide, {bins}, {"0.8095"}}},
      {"metaculus.baseline", {yes, against, {"-232.19280949", "84.79969066"}}},
      {"metaculus.spot_baseline", {yes, {Always({.9, .1})}, {"84.79969066"}}},
      {"metaculus.peer", {yes, against, {"-219.7224577", "219.7224577"}}},
      {"metaculus.spot_peer", {yes, against, {"-219.7224577", "219.7224577"}}},
      {"metaculus.relative_legacy",
       {yes, {Always({.8, .2}), Always({.2, .8})}, {"0.6780719", "-1.3219281"}}},
  };
}

TEST(CheckValuesTest, EveryRuleMeetsTheValueThatItStates) {
  const auto cases = CheckCases();
  for (const Rule& rule : AllRules()) {
    SCOPED_TRACE(std::string(rule.id));
    // Of sources, not of forecasts: see EvidenceGainTest.
    if (rule.kernel == Kernel::kEvidenceGain) continue;
    const auto found = cases.find(rule.id);
    ASSERT_NE(found, cases.end());
    const CheckCase& check = found->second;
    const std::vector<double> values = ScoresOf(rule.id, check.question, check.series);
    for (std::size_t i = 0; i < check.expected.size(); ++i) {
      const std::string& text = check.expected[i];
      EXPECT_NE(rule.check.find(text), std::string_view::npos) << text;
      const std::size_t point = text.find('.');
      const auto digits = point == std::string::npos ? 0 : text.size() - point - 1;
      EXPECT_NEAR(values[i], std::stod(text), 0.5000001 * std::pow(10, -static_cast<int>(digits)));
    }
  }
}

TEST(CheckValuesTest, EvidenceGainMeetsTheValuesThatItStates) {
  const double before[] = {.2, .8};
  const double after[] = {.5, .5};
  const std::string_view check = RuleOf("evidence.gain").check;
  EXPECT_NE(check.find("3.9794001"), std::string_view::npos);
  EXPECT_NEAR(EvidenceGain(HappenedYes(), before, after), 3.9794001, 5e-8);
  EXPECT_NE(check.find("-2.0411998"), std::string_view::npos);
  EXPECT_NEAR(EvidenceGain(HappenedNo(), before, after), -2.0411998, 5e-8);
}

TEST(CheckValuesTest, AccuracyIsTheRelativeScoreTimesParticipation) {
  const ScoredQuestion yes = BinaryQuestion(HappenedYes());
  const std::vector<ForecastSeries> series = {Series({Yes(0, .9)}), Series({Yes(0, .7)}),
                                              Series({Yes(6, .2)})};
  const auto relative = ScoresOf("brier.full.daily.relative", yes, series);
  const auto accuracy = ScoresOf("brier.full.daily.accuracy", yes, series);
  EXPECT_NEAR(accuracy[0], relative[0], 1e-15);
  EXPECT_NEAR(accuracy[2], relative[2] * 0.4, 1e-15);
}

TEST(CheckValuesTest, RelativeScoresCompareDayByDayWithTheMedianOfScores) {
  const ScoredQuestion yes = BinaryQuestion(HappenedYes());
  // Days 0 to 3: .9 and .7; days 4 to 9: .9, .7 and .2.
  const std::vector<ForecastSeries> series = {Series({Yes(0, .9)}), Series({Yes(0, .7)}),
                                              Series({Yes(4, .2)})};
  const auto scores = ScoresOf("brier.full.daily.relative", yes, series);
  const double best = .02;
  const double middle = .18;
  const double worst = 1.28;
  EXPECT_NEAR(scores[0], (4 * (best - (best + middle) / 2) + 6 * (best - middle)) / 10, 1e-15);
  EXPECT_NEAR(scores[1], 4 * (middle - (best + middle) / 2) / 10, 1e-15);
  EXPECT_NEAR(scores[2], worst - middle, 1e-15);
}

TEST(CheckValuesTest, OneAloneHasNoRelativeScore) {
  const ScoredQuestion yes = BinaryQuestion(HappenedYes());
  for (const char* rule : {"brier.full.daily.relative", "fatebook.relative"}) {
    EXPECT_EQ(ScoreOf(rule, yes, Series({Yes(0, .7)})), std::nullopt);
  }
}

TEST(CheckValuesTest, FatebookAveragesWithinThePeriodAndScalesTheLastFraction) {
  ScoredQuestion yes = BinaryQuestion(HappenedYes());
  yes.close_time = At(2.5);
  // The first period averages .5 and .9 by halves; the second stands at .9; half of a third.
  const std::vector<ForecastSeries> series = {Series({Yes(0, .5), Yes(.5, .9)})};
  EXPECT_NEAR(ScoresOf("fatebook.brier", yes, series)[0], (2 * .09 + .02 + .5 * .02) / 2.5, 1e-15);
  // Starting within the first period, its last forecast counts for the time before; a start in
  // the second leaves the first out of the sum but in the divisor.
  EXPECT_NEAR(ScoresOf("fatebook.brier", yes, {Series({Yes(.75, .9)})})[0], 2.5 * .02 / 2.5, 1e-15);
  EXPECT_NEAR(ScoresOf("fatebook.brier", yes, {Series({Yes(1.5, .9)})})[0], 1.5 * .02 / 2.5, 1e-15);
}

TEST(CheckValuesTest, CrowdGivesMoreWeightToTheNewest) {
  const ScoredQuestion yes = BinaryQuestion(HappenedYes());
  // Of three, the newest weighs 1, then exp(sqrt 2 - sqrt 3) = .728 and exp(1 - sqrt 3) = .481: the
  // half of 2.209 is reached at the middle one while they stand in this order.
  const auto scores =
      ScoresOf("metaculus.relative_legacy", yes,
               {Series({Yes(-3, .2)}), Series({Yes(-2, .4)}), Series({Yes(-1, .8)})});
  EXPECT_NEAR(scores[0], -1, 1e-12);
  EXPECT_NEAR(scores[1], 0, 1e-12);
  EXPECT_NEAR(scores[2], 1, 1e-12);
  // With the middle value the oldest, .2 and .8 hold 1.728 and .481 of the weight: .2 is the crowd.
  const auto moved =
      ScoresOf("metaculus.relative_legacy", yes,
               {Series({Yes(-1, .2)}), Series({Yes(-3, .4)}), Series({Yes(-2, .1)})});
  EXPECT_NEAR(moved[1], 1, 1e-12);
}

// The crowd at an instant by its definition: who stands, oldest first, weighted and halved.
double CrowdByDefinition(const std::vector<SeriesView>& all, absl::Time time) {
  std::vector<std::pair<absl::Time, double>> standing;  // since, probability
  for (const SeriesView& series : all) {
    const auto step = series.StepAt(time);
    if (!step || !series.steps[*step].standing) continue;
    standing.emplace_back(series.steps[*step].start, series.Probabilities(*step)[0]);
  }
  std::stable_sort(standing.begin(), standing.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::pair<double, double>> weighted;  // probability, weight
  double sum = 0;
  for (std::size_t n = 0; n < standing.size(); ++n) {
    const double age = std::sqrt(static_cast<double>(n + 1));
    const double weight =
        standing.size() <= 2 ? 1 : std::exp(age - std::sqrt(static_cast<double>(standing.size())));
    weighted.emplace_back(standing[n].second, weight);
    sum += weight;
  }
  std::sort(weighted.begin(), weighted.end());
  double below = 0;
  for (std::size_t i = 0; i + 1 < weighted.size(); ++i) {
    below += weighted[i].second;
    if (below > sum / 2) return weighted[i].first;
    if (below >= sum / 2) return (weighted[i].first + weighted[i + 1].first) / 2;
  }
  return weighted.back().first;
}

TEST(CheckValuesTest, CrowdScoresOfRandomSeriesAreTheirDefinitionHourByHour) {
  constexpr unsigned kSeed = 2015;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  std::mt19937_64 generator(kSeed);
  std::uniform_int_distribution<int> hour(-24, 239);
  std::uniform_real_distribution<double> uniform(0.01, 0.99);
  std::vector<ForecastSeries> series;
  std::set<int> used;
  for (int m = 0; m < 9; ++m) {
    std::vector<ForecastPoint> points;
    for (int i = 0; i < 6; ++i) {
      // No two changes at one instant, where the order of age would be open.
      int at = hour(generator);
      while (!used.insert(at).second) at = hour(generator);
      const double day = at / 24.0;
      points.push_back(i % 4 == 3 ? Withdraw(day) : Yes(day, uniform(generator)));
    }
    series.push_back(Series(points));
  }
  const ScoredQuestion yes = BinaryQuestion(HappenedYes());
  const std::vector<SeriesView> all = Views(series);
  const auto scores = ScoreAll(RuleOf("metaculus.relative_legacy"), yes, all);
  ASSERT_TRUE(scores.ok()) << scores.status();
  for (std::size_t m = 0; m < all.size(); ++m) {
    double sum = 0;
    for (int h = 0; h < 240; ++h) {
      const absl::Time middle = At((h + 0.5) / 24);
      const auto step = all[m].StepAt(middle);
      if (!step || !all[m].steps[*step].standing) continue;
      sum += std::log2(all[m].Probabilities(*step)[0] / CrowdByDefinition(all, middle)) / 240;
    }
    ASSERT_TRUE((*scores)[m].has_value());
    EXPECT_NEAR((*scores)[m]->value, sum, 1e-9) << m;
  }
}

// Good Judgment Open's relative score by its words: each full day that one has a score on, its
// difference to the median of all scores of the day.
double RelativeByDefinition(const std::vector<SeriesView>& all, std::size_t member, int day_count) {
  double sum = 0;
  int own_days = 0;
  for (int day = 0; day < day_count; ++day) {
    std::vector<double> scores;
    std::optional<double> own;
    for (std::size_t m = 0; m < all.size(); ++m) {
      const auto step = all[m].StepBefore(At(day + 1));
      if (!step || !all[m].steps[*step].standing) continue;
      const double miss = 1 - all[m].Probabilities(*step)[0];
      scores.push_back(2 * miss * miss);
      if (m == member) own = scores.back();
    }
    if (!own) continue;
    std::sort(scores.begin(), scores.end());
    const std::size_t half = scores.size() / 2;
    sum += *own - (scores.size() % 2 == 1 ? scores[half] : (scores[half - 1] + scores[half]) / 2);
    ++own_days;
  }
  return own_days == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / own_days;
}

TEST(CheckValuesTest, RelativeScoresOfRandomSeriesAreTheirDefinitionDayByDay) {
  constexpr unsigned kSeed = 1907;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  std::mt19937_64 generator(kSeed);
  std::uniform_real_distribution<double> time(-2, 10);
  // Few values, so that scores tie.
  std::uniform_int_distribution<int> tenth(1, 9);
  for (int round = 0; round < 20; ++round) {
    std::vector<ForecastSeries> series;
    for (int m = 0; m < 7; ++m) {
      std::vector<ForecastPoint> points;
      for (int i = 0; i < 5; ++i) {
        points.push_back(i % 4 == 3 ? Withdraw(time(generator))
                                    : Yes(time(generator), tenth(generator) / 10.0));
      }
      series.push_back(Series(points));
    }
    const std::vector<SeriesView> all = Views(series);
    const auto scores =
        ScoreAll(RuleOf("brier.full.daily.relative"), BinaryQuestion(HappenedYes()), all);
    ASSERT_TRUE(scores.ok()) << scores.status();
    for (std::size_t m = 0; m < all.size(); ++m) {
      const double expected = RelativeByDefinition(all, m, 10);
      EXPECT_EQ((*scores)[m].has_value(), !std::isnan(expected)) << m;
      if (!(*scores)[m]) continue;
      EXPECT_NEAR((*scores)[m]->value, expected, 1e-14) << m;
    }
  }
}

TEST(CheckValuesTest, WhoeverIsTheMedianHasARelativeScoreOfExactlyNothing) {
  const std::vector<ForecastSeries> series = {Series({Yes(0, 0.1)}), Series({Yes(0, 0.3)}),
                                              Series({Yes(0, 0.7)})};
  const auto scores =
      ScoreAll(RuleOf("brier.full.daily.relative"), BinaryQuestion(HappenedYes()), Views(series));
  ASSERT_TRUE(scores.ok()) << scores.status();
  EXPECT_EQ((*scores)[1]->value, 0.0);
}

TEST(CheckValuesTest, OptionsThatCameLaterAreReadFromTheLastOne) {
  constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();
  const double other = 1 / std::sqrt(3.0);
  const std::vector<double> stated = {1.0 / 3, 1 - other - 1.0 / 3, kAbsent, other};
  const auto score = [&](std::string_view rule, std::size_t state) {
    return EvaluateKernel(RuleOf(rule).kernel,
                          CategoryQuestion(QuestionKind::kMultipleChoice, 4, state), stated);
  };
  EXPECT_NEAR(score("metaculus.baseline", 0), 0, 1e-10);
  EXPECT_NEAR(score("metaculus.baseline", 2), 50, 1e-10);
  EXPECT_NEAR(score("metaculus.baseline", 3), 50, 1e-10);
  EXPECT_NEAR(score("brier.full.last", 0), std::pow(2.0 / 3, 2) + stated[1] * stated[1] + 1.0 / 3,
              1e-15);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Set CREDENCE_UPDATE_DOCS to write the page instead.
TEST(CheckValuesTest, ReferencePageIsWhatTheRegistrySays) {
  const std::string path = std::string(CREDENCE_SOURCE_DIR) + "/docs/reference/scoring-rules.md";
  if (std::getenv("CREDENCE_UPDATE_DOCS") != nullptr) std::ofstream(path) << RulesPage();
  EXPECT_EQ(ReadFile(path), RulesPage()) << path << " is not what the rules say";
}

}  // namespace
}  // namespace credence::scoring
