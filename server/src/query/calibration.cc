#include <cmath>

#include "absl/strings/match.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/scoring/decomposition.h"
#include "credence/scoring/reliability.h"
#include "query/resampling.h"
#include "query/score_queries.h"
#include "query/score_report.h"
#include "query/source_calibration.h"

// What a subject said last against what came true.
namespace credence::server {
namespace {

constexpr int kResamplesDefault = 1'000;

struct Said {
  std::vector<scoring::BinaryForecast> forecasts;
  double coverage_sum = 0.0;
  int64_t across_versions_count = 0;
};

// The subject's last words on the yes/no questions that were settled one way or the other.
Said Collect(const std::vector<const QuestionState*>& questions,
             const v1::GetCalibrationRequest& request, absl::Time at) {
  Said said;
  for (const QuestionState* question : questions) {
    const ScoreVersionState* version = question->ScoresAt(at);
    const ResolutionState* resolution = question->ResolutionAt(at);
    if (version == nullptr || resolution == nullptr || question->states.size() != 2) continue;
    const SubjectScoreState* subject = FindSubject(*version, request.subject());
    if (subject == nullptr || subject->backfilled != request.filter().backfilled() ||
        !subject->final_probability.has_value()) {
      continue;
    }
    said.forecasts.push_back(
        {*subject->final_probability, resolution->outcome == question->states.front()});
    said.coverage_sum += subject->coverage;
    if (subject->across_versions) ++said.across_versions_count;
  }
  return said;
}

void FillMoments(const Said& said, v1::GetCalibrationResponse& response) {
  const double count = static_cast<double>(said.forecasts.size());
  double sum = 0.0;
  double happened = 0.0;
  for (const scoring::BinaryForecast& forecast : said.forecasts) {
    sum += forecast.probability;
    happened += forecast.happened ? 1.0 : 0.0;
  }
  const double mean = sum / count;
  double squares = 0.0;
  for (const scoring::BinaryForecast& forecast : said.forecasts) {
    squares += (forecast.probability - mean) * (forecast.probability - mean);
  }
  response.set_coverage(said.coverage_sum / count);
  response.set_base_rate(happened / count);
  response.set_forecast_variance(squares / count);
}

absl::Status AddCorp(const std::vector<scoring::BinaryForecast>& forecasts,
                     scoring::BinaryLoss loss, std::string_view rule,
                     v1::GetCalibrationResponse& response) {
  const auto corp = scoring::DecomposeCorp(forecasts, loss);
  // A log score that is infinite cannot be taken apart.
  if (absl::IsFailedPrecondition(corp.status())) return absl::OkStatus();
  CREDENCE_RETURN_IF_ERROR(corp.status());
  v1::CorpParts& parts = *response.add_corp();
  parts.set_rule(std::string(rule));
  parts.set_score(corp->score);
  parts.set_miscalibration(corp->miscalibration);
  parts.set_discrimination(corp->discrimination);
  parts.set_uncertainty(corp->uncertainty);
  return absl::OkStatus();
}

absl::Status FillDiagram(const std::vector<scoring::BinaryForecast>& forecasts,
                         v1::GetCalibrationResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const auto blocks, scoring::RecalibrateIsotonic(forecasts));
  for (const scoring::CalibrationBlock& block : blocks) {
    v1::CalibrationStep& step = *response.add_steps();
    step.set_probability_min(block.probability_min);
    step.set_probability_max(block.probability_max);
    step.set_observed_rate(block.recalibrated);
    step.set_forecast_count(static_cast<int64_t>(block.count));
  }
  return absl::OkStatus();
}

// The band and the test; the band is told at each forecast that occurs.
absl::Status FillBand(const std::vector<scoring::BinaryForecast>& forecasts,
                      const v1::GetCalibrationRequest& request,
                      v1::GetCalibrationResponse& response) {
  scoring::ReliabilityOptions options;
  CREDENCE_ASSIGN_OR_RETURN(options.resample_count,
                            ParseResampleCount(request.resample_count(), kResamplesDefault));
  options.seed = SeedOf(request.seed());
  CREDENCE_ASSIGN_OR_RETURN(const auto diagram, scoring::DrawReliability(forecasts, options));
  for (const scoring::ReliabilityPoint& point : diagram.points) {
    v1::CalibrationBand& band = *response.add_band();
    band.set_probability(point.probability);
    band.set_low(point.band_lower);
    band.set_high(point.band_upper);
  }
  response.set_miscalibration_p_value(diagram.miscalibration_p_value);
  return absl::OkStatus();
}

absl::Status FillParts(const std::vector<scoring::BinaryForecast>& forecasts,
                       v1::GetCalibrationResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const auto murphy, scoring::DecomposeMurphy(forecasts));
  response.mutable_murphy()->set_reliability(murphy.reliability);
  response.mutable_murphy()->set_resolution(murphy.resolution);
  response.mutable_murphy()->set_uncertainty(murphy.uncertainty);
  CREDENCE_RETURN_IF_ERROR(
      AddCorp(forecasts, scoring::BinaryLoss::kHalfBrier, "brier.half.last", response));
  CREDENCE_RETURN_IF_ERROR(AddCorp(forecasts, scoring::BinaryLoss::kLog, "log.last", response));
  return FillDiagram(forecasts, response);
}

}  // namespace

absl::Status FillCalibration(const State& state, const v1::GetCalibrationRequest& request,
                             v1::GetCalibrationResponse& response) {
  CREDENCE_RETURN_IF_ERROR(CheckSubject(request.subject(), "subject"));
  CREDENCE_ASSIGN_OR_RETURN(const ReportScope scope,
                            ScopeOf(request.filter(), "filter.effective_time"));
  std::vector<const QuestionState*> questions = EndedQuestions(state, scope);
  std::erase_if(questions, [&](const QuestionState* question) {
    return !HadForecast(state, *question, request.subject());
  });
  response.set_subject(request.subject());
  *response.mutable_settlement() = Settle(questions, scope.at);
  if (absl::StartsWith(request.subject(), "sources/")) {
    return FillSourceCalibration(questions, request, scope.at, response);
  }
  const Said said = Collect(questions, request, scope.at);
  response.set_question_count(static_cast<int64_t>(said.forecasts.size()));
  response.set_across_versions_count(said.across_versions_count);
  if (said.forecasts.empty()) return absl::OkStatus();
  FillMoments(said, response);
  CREDENCE_RETURN_IF_ERROR(FillParts(said.forecasts, response));
  return FillBand(said.forecasts, request, response);
}

}  // namespace credence::server
