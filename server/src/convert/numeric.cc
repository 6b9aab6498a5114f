#include "convert/numeric.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "credence/base/check.h"
#include "credence/base/error.h"

namespace credence::server {
namespace {

using event::v1::EvidenceModel;
using event::v1::NumericDistribution;
using event::v1::NumericModel;

forecaster::Measurement ToMeasurement(const event::v1::NumericMeasurement& message) {
  forecaster::Measurement measurement;
  measurement.value = message.value();
  if (message.has_deviation()) measurement.deviation = message.deviation();
  if (message.has_sample_count()) measurement.sample_count = message.sample_count();
  measurement.sample_deviation = message.sample_deviation();
  return measurement;
}

forecaster::QuantileDistribution ToQuantiles(const event::v1::QuantileDistribution& message) {
  forecaster::QuantileDistribution quantiles;
  for (const auto& point : message.points()) {
    quantiles.points.push_back({point.probability(), point.value()});
  }
  return quantiles;
}

struct MessageOf {
  NumericDistribution& message;

  void operator()(const forecaster::PointMass& d) const {
    message.mutable_point()->set_value(d.value);
  }
  void operator()(const forecaster::NormalDistribution& d) const {
    message.mutable_normal()->set_mean(d.mean);
    message.mutable_normal()->set_standard_deviation(d.standard_deviation);
  }
  void operator()(const forecaster::StudentDistribution& d) const {
    message.mutable_student()->set_location(d.location);
    message.mutable_student()->set_scale(d.scale);
    message.mutable_student()->set_degrees_of_freedom(d.degrees_of_freedom);
  }
  void operator()(const forecaster::LogNormalDistribution& d) const {
    message.mutable_log_normal()->set_log_mean(d.log_mean);
    message.mutable_log_normal()->set_log_standard_deviation(d.log_standard_deviation);
  }
  void operator()(const forecaster::BetaBinomialDistribution& d) const {
    message.mutable_beta_binomial()->set_trial_count(d.trial_count);
    message.mutable_beta_binomial()->set_alpha(d.alpha);
    message.mutable_beta_binomial()->set_beta(d.beta);
  }
  void operator()(const forecaster::NegativeBinomialDistribution& d) const {
    message.mutable_negative_binomial()->set_size(d.size);
    message.mutable_negative_binomial()->set_success_probability(d.success_probability);
  }
  void operator()(const forecaster::QuantileDistribution& d) const {
    for (const forecaster::QuantilePoint& point : d.points) {
      auto* added = message.mutable_quantiles()->add_points();
      added->set_probability(point.probability);
      added->set_value(point.value);
    }
  }
};

std::vector<double> ParametersOf(const NumericDistribution& message) {
  switch (message.family_case()) {
    case NumericDistribution::kPoint:
      return {message.point().value()};
    case NumericDistribution::kNormal:
      return {message.normal().mean(), message.normal().standard_deviation()};
    case NumericDistribution::kStudent:
      return {message.student().location(), message.student().scale(),
              message.student().degrees_of_freedom()};
    case NumericDistribution::kLogNormal:
      return {message.log_normal().log_mean(), message.log_normal().log_standard_deviation()};
    case NumericDistribution::kBetaBinomial:
      return {static_cast<double>(message.beta_binomial().trial_count()),
              message.beta_binomial().alpha(), message.beta_binomial().beta()};
    case NumericDistribution::kNegativeBinomial:
      return {message.negative_binomial().size(),
              message.negative_binomial().success_probability()};
    case NumericDistribution::kQuantiles: {
      std::vector<double> parameters;
      for (const auto& point : message.quantiles().points()) {
        parameters.push_back(point.probability());
        parameters.push_back(point.value());
      }
      return parameters;
    }
    case NumericDistribution::FAMILY_NOT_SET:
      break;
  }
  return {};
}

}  // namespace

absl::StatusOr<forecaster::NumericPrior> ToPrior(const NumericModel& model) {
  switch (model.prior_case()) {
    case NumericModel::kNormal:
      return forecaster::NormalPrior{model.normal().mean(), model.normal().deviation(),
                                     model.normal().value_deviation(),
                                     model.normal().logarithmic()};
    case NumericModel::kNormalInverseGamma:
      return forecaster::NormalInverseGammaPrior{
          model.normal_inverse_gamma().mean(), model.normal_inverse_gamma().strength(),
          model.normal_inverse_gamma().shape(), model.normal_inverse_gamma().scale()};
    case NumericModel::kBetaBinomial:
      return forecaster::BetaPrior{model.beta_binomial().alpha(), model.beta_binomial().beta(),
                                   model.beta_binomial().trial_count()};
    case NumericModel::kGammaPoisson:
      return forecaster::GammaPrior{model.gamma_poisson().shape(),
                                    model.gamma_poisson().rate_days(),
                                    model.gamma_poisson().exposure_days()};
    case NumericModel::PRIOR_NOT_SET:
      break;
  }
  return InvalidField("FIELD_REQUIRED", "prior",
                      "must be one of normal, normal_inverse_gamma, beta_binomial, gamma_poisson");
}

absl::StatusOr<forecaster::NumericStatement> ToNumericStatement(const EvidenceModel& model) {
  const auto with_states = [](std::string_view field) {
    return InvalidField("STATEMENT_UNSUITABLE", field,
                        "is for nodes with states; a question that asks for a number has none");
  };
  if (model.has_spread_decibans()) return with_states("spread_decibans");
  switch (model.statement_case()) {
    case EvidenceModel::kMeasurement:
      return ToMeasurement(model.measurement());
    case EvidenceModel::kCount:
      if (model.count().success_probabilities_size() > 0) {
        return with_states("count.success_probabilities");
      }
      return forecaster::TrialReport{model.count().success_count(), model.count().trial_count()};
    case EvidenceModel::kExposureCount:
      if (model.exposure_count().daily_rates_size() > 0) {
        return with_states("exposure_count.daily_rates");
      }
      return forecaster::ExposureReport{model.exposure_count().event_count(),
                                        model.exposure_count().exposure_days()};
    default:
      return InvalidField("STATEMENT_UNSUITABLE", "statement",
                          "must be measurement, count or exposure_count: the question asks for a "
                          "number");
  }
}

absl::StatusOr<forecaster::Distribution> ToDistribution(const NumericDistribution& message) {
  switch (message.family_case()) {
    case NumericDistribution::kPoint:
      return forecaster::PointMass{message.point().value()};
    case NumericDistribution::kNormal:
      return forecaster::NormalDistribution{message.normal().mean(),
                                            message.normal().standard_deviation()};
    case NumericDistribution::kStudent:
      return forecaster::StudentDistribution{message.student().location(),
                                             message.student().scale(),
                                             message.student().degrees_of_freedom()};
    case NumericDistribution::kLogNormal:
      return forecaster::LogNormalDistribution{message.log_normal().log_mean(),
                                               message.log_normal().log_standard_deviation()};
    case NumericDistribution::kBetaBinomial:
      return forecaster::BetaBinomialDistribution{message.beta_binomial().trial_count(),
                                                  message.beta_binomial().alpha(),
                                                  message.beta_binomial().beta()};
    case NumericDistribution::kNegativeBinomial:
      return forecaster::NegativeBinomialDistribution{
          message.negative_binomial().size(), message.negative_binomial().success_probability()};
    case NumericDistribution::kQuantiles:
      return ToQuantiles(message.quantiles());
    case NumericDistribution::FAMILY_NOT_SET:
      break;
  }
  return InvalidField("FIELD_REQUIRED", "family",
                      "must be one of point, normal, student, log_normal, beta_binomial, "
                      "negative_binomial, quantiles");
}

NumericDistribution ToMessage(const forecaster::Distribution& distribution) {
  NumericDistribution message;
  std::visit(MessageOf{message}, distribution);
  return message;
}

bool SameDistribution(const NumericDistribution& left, const NumericDistribution& right,
                      double tolerance) {
  if (left.family_case() != right.family_case()) return false;
  const std::vector<double> ours = ParametersOf(left);
  const std::vector<double> theirs = ParametersOf(right);
  if (ours.size() != theirs.size()) return false;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double size = std::max({1.0, std::abs(ours[i]), std::abs(theirs[i])});
    if (!(std::abs(ours[i] - theirs[i]) <= tolerance * size)) return false;
  }
  return true;
}

const std::vector<double>& DefaultLevels() {
  static const auto* const levels = new std::vector<double>{0.05, 0.25, 0.5, 0.75, 0.95};
  return *levels;
}

v1::NumericPosterior Describe(const NumericDistribution& message,
                              const std::vector<double>& levels) {
  v1::NumericPosterior described;
  *described.mutable_distribution() = message;
  const absl::StatusOr<forecaster::Distribution> distribution = ToDistribution(message);
  if (!distribution.ok()) return described;
  const double mean = forecaster::Mean(*distribution);
  if (std::isfinite(mean)) described.set_mean(mean);
  const double deviation = forecaster::StandardDeviation(*distribution);
  if (std::isfinite(deviation)) described.set_standard_deviation(deviation);
  for (const double level : levels) {
    const double value = forecaster::Quantile(*distribution, level);
    if (!std::isfinite(value)) continue;
    auto* point = described.add_quantiles();
    point->set_probability(level);
    point->set_value(value);
  }
  return described;
}

std::string NumberText(double value) {
  char text[32];
  const std::to_chars_result result = std::to_chars(text, text + sizeof(text), value);
  CREDENCE_CHECK(result.ec == std::errc());
  return {text, result.ptr};
}

}  // namespace credence::server
