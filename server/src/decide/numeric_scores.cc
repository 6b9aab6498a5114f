#include "decide/numeric_scores.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "convert/numeric.h"
#include "credence/base/check.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/scoring/crps.h"
#include "credence/scoring/series.h"
#include "decide/forecast_history.h"

namespace credence::server {
namespace {

constexpr const char* kRule = "crps.last";

struct CrpsOf {
  double value;

  absl::StatusOr<double> operator()(const forecaster::PointMass& d) const {
    return std::abs(value - d.value);
  }
  absl::StatusOr<double> operator()(const forecaster::NormalDistribution& d) const {
    return scoring::Crps(scoring::NormalDistribution{d.mean, d.standard_deviation}, value);
  }
  absl::StatusOr<double> operator()(const forecaster::StudentDistribution& d) const {
    return scoring::Crps(scoring::StudentTDistribution{d.degrees_of_freedom, d.location, d.scale},
                         value);
  }
  absl::StatusOr<double> operator()(const forecaster::LogNormalDistribution& d) const {
    return scoring::Crps(scoring::LogNormalDistribution{d.log_mean, d.log_standard_deviation},
                         value);
  }
  absl::StatusOr<double> operator()(const forecaster::BetaBinomialDistribution& d) const {
    return scoring::Crps(scoring::BetaBinomialDistribution{d.trial_count, d.alpha, d.beta}, value);
  }
  absl::StatusOr<double> operator()(const forecaster::NegativeBinomialDistribution& d) const {
    return scoring::Crps(scoring::NegativeBinomialDistribution{d.size, d.success_probability},
                         value);
  }
  absl::StatusOr<double> operator()(const forecaster::QuantileDistribution& d) const {
    std::vector<scoring::CdfPoint> points;
    for (const forecaster::QuantilePoint& point : d.points) {
      points.push_back({point.value, point.probability});
    }
    return scoring::CrpsOfPiecewiseLinearCdf(points, value);
  }
};

// What one subject said within the scoring window.
struct Said {
  // In the order of effective times; of equal ones the later recorded is last.
  std::vector<const RecordedForecast*> forecasts;

  void Sort() {
    std::stable_sort(forecasts.begin(), forecasts.end(), [](const auto* left, const auto* right) {
      return left->effective_time < right->effective_time;
    });
  }
  // What stood just before `end`; null where nothing did.
  [[nodiscard]] const RecordedForecast* StandingBefore(absl::Time end) const {
    const RecordedForecast* standing = nullptr;
    for (const RecordedForecast* forecast : forecasts) {
      if (forecast->effective_time < end) standing = forecast;
    }
    return standing != nullptr && standing->distribution.has_value() ? standing : nullptr;
  }
};

// True where something that counts in the window was said before `change`.
bool SaidBefore(absl::Time change, const Said& said, const scoring::TimeWindow& window) {
  for (size_t i = 0; i < said.forecasts.size(); ++i) {
    const RecordedForecast& forecast = *said.forecasts[i];
    const absl::Time end = i + 1 < said.forecasts.size() ? said.forecasts[i + 1]->effective_time
                                                         : absl::InfiniteFuture();
    if (forecast.distribution.has_value() && forecast.effective_time < change &&
        forecast.effective_time < window.end && end > window.start) {
      return true;
    }
  }
  return false;
}

// Share of the window in which something stood: of a series that says only that.
double CoverageOf(const Said& said, const scoring::TimeWindow& window) {
  scoring::ForecastSeries series(2);
  constexpr double kStands[] = {1.0, 0.0};
  for (const RecordedForecast* forecast : said.forecasts) {
    if (forecast->distribution.has_value()) {
      series.Append(forecast->effective_time, kStands);
    } else {
      series.AppendWithdrawal(forecast->effective_time);
    }
  }
  return scoring::Coverage(series.view(), window);
}

absl::StatusOr<event::v1::SubjectScores> MakeScores(event::v1::ScoreSubjectKind kind,
                                                    std::string subject, const Said& said,
                                                    const forecaster::Distribution& last,
                                                    double value,
                                                    const scoring::TimeWindow& window) {
  event::v1::SubjectScores scores;
  scores.set_kind(kind);
  scores.set_subject(std::move(subject));
  CREDENCE_ASSIGN_OR_RETURN(const double crps, NumericCrps(last, value));
  event::v1::RuleScore& entry = *scores.add_scores();
  entry.set_rule(kRule);
  if (std::isfinite(crps)) entry.set_value(crps);
  scores.set_coverage(CoverageOf(said, window));
  int64_t count = 0;
  for (const RecordedForecast* forecast : said.forecasts) {
    if (forecast->backfilled) scores.set_backfilled(true);
    if (forecast->distribution.has_value() && forecast->effective_time >= window.start &&
        forecast->effective_time < window.end) {
      ++count;
    }
  }
  scores.set_forecast_count(count);
  return scores;
}

// What everybody said as the others knew it, in `storage`; the forecasts themselves where nothing
// was sealed first.
std::map<std::string, Said> KnownOf(const std::map<std::string, Said>& everybody,
                                    std::vector<std::vector<RecordedForecast>>& storage) {
  std::map<std::string, Said> known = everybody;
  for (auto& [forecaster, said] : known) {
    const bool sealed =
        std::any_of(said.forecasts.begin(), said.forecasts.end(),
                    [](const auto* forecast) { return forecast->revealed_time.has_value(); });
    if (!sealed) continue;
    const std::vector<RecordedForecast>& kept = storage.emplace_back(AsOthersKnew(said.forecasts));
    said.forecasts.clear();
    for (const RecordedForecast& forecast : kept) said.forecasts.push_back(&forecast);
    said.Sort();
  }
  return known;
}

// All forecasts of everybody, for what a pool's line says besides its score.
Said Together(const std::map<std::string, Said>& everybody) {
  Said all;
  for (const auto& [forecaster, said] : everybody) {
    all.forecasts.insert(all.forecasts.end(), said.forecasts.begin(), said.forecasts.end());
  }
  all.Sort();
  return all;
}

}  // namespace

absl::StatusOr<double> NumericCrps(const forecaster::Distribution& distribution, double value) {
  return std::visit(CrpsOf{value}, distribution);
}

forecaster::QuantileDistribution PoolQuantiles(std::span<const forecaster::Distribution> members) {
  CREDENCE_CHECK(!members.empty());
  constexpr int kLevelCount = 199;
  forecaster::QuantileDistribution pool;
  std::vector<double> values(members.size());
  for (int i = 1; i <= kLevelCount; ++i) {
    const double level = static_cast<double>(i) / (kLevelCount + 1);
    for (size_t m = 0; m < members.size(); ++m) {
      values[m] = forecaster::Quantile(members[m], level);
    }
    std::sort(values.begin(), values.end());
    const size_t middle = values.size() / 2;
    const double median =
        values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2.0;
    pool.points.push_back({level, median});
  }
  return pool;
}

absl::StatusOr<std::vector<event::v1::SubjectScores>> ScoreNumericQuestion(
    const QuestionState& question, const ResolutionState& resolution,
    const scoring::TimeWindow& window, const std::vector<RecordedForecast>& forecasts,
    const std::vector<RecordedForecast>& posteriors) {
  CREDENCE_CHECK(resolution.value.has_value());
  const double value = *resolution.value;
  const absl::Time change = question.MaterialChangeBy(resolution.effective_time);
  std::map<std::string, Said> everybody;
  for (const RecordedForecast& forecast : forecasts) {
    everybody[forecast.forecaster].forecasts.push_back(&forecast);
  }
  std::vector<event::v1::SubjectScores> result;
  if (window.empty()) return result;
  std::vector<forecaster::Distribution> members;
  for (auto& [forecaster, said] : everybody) {
    said.Sort();
    const RecordedForecast* last = said.StandingBefore(window.end);
    if (last == nullptr) continue;
    CREDENCE_ASSIGN_OR_RETURN(forecaster::Distribution stated, ToDistribution(*last->distribution));
    CREDENCE_ASSIGN_OR_RETURN(
        event::v1::SubjectScores scores,
        MakeScores(event::v1::SCORE_SUBJECT_KIND_FORECASTER, Cat("forecasters/", forecaster), said,
                   stated, value, window));
    scores.set_across_versions(SaidBefore(change, said, window));
    result.push_back(std::move(scores));
  }
  std::vector<std::vector<RecordedForecast>> storage;
  const std::map<std::string, Said> known = KnownOf(everybody, storage);
  for (const auto& [forecaster, said] : known) {
    const RecordedForecast* last = said.StandingBefore(window.end);
    if (last == nullptr) continue;
    CREDENCE_ASSIGN_OR_RETURN(members.emplace_back(), ToDistribution(*last->distribution));
  }
  if (!members.empty()) {
    CREDENCE_ASSIGN_OR_RETURN(event::v1::SubjectScores scores,
                              MakeScores(event::v1::SCORE_SUBJECT_KIND_POOL, "pools/median",
                                         Together(known), PoolQuantiles(members), value, window));
    scores.set_across_versions(std::any_of(
        result.begin(), result.end(), [](const auto& member) { return member.across_versions(); }));
    result.push_back(std::move(scores));
  }
  Said model;
  for (const RecordedForecast& posterior : posteriors) model.forecasts.push_back(&posterior);
  model.Sort();
  if (const RecordedForecast* last = model.StandingBefore(window.end); last != nullptr) {
    CREDENCE_ASSIGN_OR_RETURN(const forecaster::Distribution published,
                              ToDistribution(*last->distribution));
    CREDENCE_ASSIGN_OR_RETURN(
        event::v1::SubjectScores scores,
        MakeScores(event::v1::SCORE_SUBJECT_KIND_MODEL, "model", model, published, value, window));
    scores.set_across_versions(SaidBefore(change, model, window));
    result.push_back(std::move(scores));
  }
  return result;
}

}  // namespace credence::server
