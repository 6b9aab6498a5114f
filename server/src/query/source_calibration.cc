#include "query/source_calibration.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/scoring/diagnosis.h"
#include "query/score_report.h"

namespace credence::server {
namespace {

constexpr double kDecibansPerNat = 4.342944819032518;

// Where bands of claimed weight begin, in decibans: 1 is about the least change that people notice,
// 3, 5 and 10 are odds of 2, 3 and 10 to 1.
constexpr std::array kBandStarts = {0.0, 1.0, 3.0, 5.0, 10.0};

double LogOdds(double probability) { return std::log(probability / (1.0 - probability)); }

// Claims for the favoured state, by weight.
struct Bands {
  struct Band {
    int64_t count = 0;
    double expected_sum = 0.0;
    int64_t observed = 0;
  };
  std::array<Band, kBandStarts.size()> bands;

  void Add(double weight_decibans, double posterior, bool happened) {
    const bool for_yes = weight_decibans > 0.0;
    const auto after =
        std::upper_bound(kBandStarts.begin(), kBandStarts.end(), std::abs(weight_decibans));
    Band& band = bands[static_cast<size_t>(after - kBandStarts.begin()) - 1];
    ++band.count;
    band.expected_sum += for_yes ? posterior : 1.0 - posterior;
    if (happened == for_yes) ++band.observed;
  }

  void Fill(v1::WeightCalibration& weights) const {
    for (size_t i = 0; i < bands.size(); ++i) {
      if (bands[i].count == 0) continue;
      v1::WeightBand& band = *weights.add_bands();
      const double count = static_cast<double>(bands[i].count);
      band.set_weight_min(kBandStarts[i]);
      if (i + 1 < bands.size()) band.set_weight_max(kBandStarts[i + 1]);
      band.set_claim_count(bands[i].count);
      band.set_expected_rate(bands[i].expected_sum / count);
      band.set_observed_rate(static_cast<double>(bands[i].observed) / count);
    }
  }
};

v1::ClaimOutcome ToOutcome(const QuestionState& question, const event::v1::EvidenceClaim& claim,
                           size_t happened) {
  v1::ClaimOutcome outcome;
  const int index = static_cast<int>(happened);
  const double prior = claim.prior_probabilities(index);
  const double posterior = claim.posterior_probabilities(index);
  outcome.set_question(Cat("questions/", question.id));
  for (const std::string& item : claim.evidence()) {
    outcome.add_evidence(Cat("networks/", question.network, "/evidence/", item));
  }
  outcome.set_prior_probability(prior);
  outcome.set_posterior_probability(posterior);
  if (prior > 0.0 && posterior > 0.0)
    outcome.set_gain_decibans(10.0 * std::log10(posterior / prior));
  *outcome.mutable_effective_time() = claim.effective_time();
  if (question.states.size() != 2) return outcome;
  const double weight =
      LogOdds(claim.posterior_probabilities(0)) - LogOdds(claim.prior_probabilities(0));
  if (std::isfinite(weight)) outcome.set_weight_decibans(weight * kDecibansPerNat);
  return outcome;
}

// Everything that is said of the claims together.
class Claims {
 public:
  void Add(const QuestionState& question, const event::v1::EvidenceClaim& claim, size_t happened,
           v1::WeightCalibration& weights) {
    v1::ClaimOutcome& outcome = *weights.add_claims();
    outcome = ToOutcome(question, claim, happened);
    if (!outcome.has_weight_decibans()) return;
    const bool first = happened == 0;
    ratios_.push_back(
        {claim.prior_probabilities(0), outcome.weight_decibans() / kDecibansPerNat, first});
    bands_.Add(outcome.weight_decibans(), claim.posterior_probabilities(0), first);
    if (last_question_ != question.id) ++question_count_;
    last_question_ = question.id;
  }

  absl::Status Fill(v1::WeightCalibration& weights) const {
    weights.set_claim_count(static_cast<int64_t>(ratios_.size()));
    weights.set_question_count(question_count_);
    bands_.Fill(weights);
    const bool says_something =
        std::any_of(ratios_.begin(), ratios_.end(), [](const scoring::WeightClaim& claim) {
          return claim.log_likelihood_ratio > 0.0 || claim.log_likelihood_ratio < 0.0;
        });
    if (!says_something) return absl::OkStatus();
    CREDENCE_ASSIGN_OR_RETURN(const scoring::WeightCalibration calibration,
                              scoring::CalibrateWeights(ratios_));
    weights.set_gain_decibans(calibration.gain_decibans);
    weights.set_expected_gain_decibans(calibration.expected_gain_decibans);
    if (!calibration.slope_is_finite) return absl::OkStatus();
    weights.set_slope(calibration.slope);
    weights.set_slope_standard_error(calibration.slope_standard_error);
    weights.set_p_value(calibration.p_value);
    return absl::OkStatus();
  }

 private:
  std::vector<scoring::WeightClaim> ratios_;
  Bands bands_;
  std::string last_question_;
  int64_t question_count_ = 0;
};

}  // namespace

absl::Status FillSourceCalibration(const std::vector<const QuestionState*>& questions,
                                   const v1::GetCalibrationRequest& request, absl::Time at,
                                   v1::GetCalibrationResponse& response) {
  const std::string_view source = std::string_view(request.subject()).substr(sizeof "sources/" - 1);
  v1::WeightCalibration& weights = *response.mutable_weights();
  Claims claims;
  double coverage_sum = 0.0;
  int64_t count = 0;
  for (const QuestionState* question : questions) {
    const ScoreVersionState* version = question->ScoresAt(at);
    const ResolutionState* resolution = question->ResolutionAt(at);
    if (version == nullptr || resolution == nullptr) continue;
    const SubjectScoreState* subject = FindSubject(*version, request.subject());
    if (subject == nullptr || subject->backfilled != request.filter().backfilled()) continue;
    ++count;
    coverage_sum += subject->coverage;
    const auto state =
        std::find(question->states.begin(), question->states.end(), resolution->outcome);
    if (state == question->states.end()) continue;
    const auto happened = static_cast<size_t>(state - question->states.begin());
    for (const event::v1::EvidenceClaim& claim : version->claims) {
      if (claim.source() == source) claims.Add(*question, claim, happened, weights);
    }
  }
  response.set_question_count(count);
  if (count > 0) response.set_coverage(coverage_sum / static_cast<double>(count));
  return claims.Fill(weights);
}

}  // namespace credence::server
