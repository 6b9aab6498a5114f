#include "import/cdf_points.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace credence::cli {
namespace {

absl::Status CheckPoints(const std::vector<double>& values, const std::vector<double>& cumulative) {
  const auto wrong = [](const std::string& text) { return absl::InvalidArgumentError(text); };
  if (values.size() != cumulative.size()) {
    return wrong(absl::StrCat("has ", cumulative.size(), " cumulative probabilities for ",
                              values.size(), " values"));
  }
  if (values.size() < 2) return wrong("has fewer than two points of a distribution");
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) return wrong("has a value that is not finite");
    if (!(cumulative[i] >= 0.0 && cumulative[i] <= 1.0)) {
      return wrong(
          absl::StrCat("cumulative probability ", cumulative[i], " must lie between 0 and 1"));
    }
    if (i == 0) continue;
    if (values[i] < values[i - 1]) return wrong(absl::StrCat("value ", values[i], " falls"));
    if (cumulative[i] < cumulative[i - 1]) {
      return wrong(absl::StrCat("cumulative probability ", cumulative[i], " falls"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<event::v1::NumericDistribution> DistributionFromCdf(
    const std::vector<double>& values, const std::vector<double>& cumulative) {
  if (absl::Status valid = CheckPoints(values, cumulative); !valid.ok()) return valid;
  size_t first = 0;
  size_t last = values.size() - 1;
  while (first + 1 < last && !(cumulative[first + 1] > 0.0)) ++first;
  while (last > first + 1 && !(cumulative[last - 1] < 1.0)) --last;
  // From the top down, so that what is pressed down under 1 stays below it.
  std::vector<double> rising(cumulative.begin() + static_cast<std::ptrdiff_t>(first),
                             cumulative.begin() + static_cast<std::ptrdiff_t>(last) + 1);
  for (size_t i = rising.size() - 1; i > 0; --i) {
    if (!(rising[i - 1] < rising[i])) rising[i - 1] = std::nextafter(rising[i], 0.0);
  }
  // What was 0 at the bottom cannot be pressed further down; it is lifted from there up.
  for (size_t i = 1; i < rising.size(); ++i) {
    if (!(rising[i - 1] < rising[i])) rising[i] = std::nextafter(rising[i - 1], 1.0);
  }
  event::v1::NumericDistribution distribution;
  for (size_t i = 0; i < rising.size(); ++i) {
    event::v1::QuantilePoint& point = *distribution.mutable_quantiles()->add_points();
    point.set_probability(rising[i]);
    point.set_value(values[first + i]);
  }
  return distribution;
}

}  // namespace credence::cli
