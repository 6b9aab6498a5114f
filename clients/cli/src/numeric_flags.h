#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/cli/table.h"
#include "credence/event/v1/numeric_model.pb.h"
#include "credence/v1/common.pb.h"

// Numbers on the command line: models, distributions and quantiles in one argument each.
namespace credence::cli {

// What --numeric takes, for --help.
[[nodiscard]] std::string NumericModelHelp();

// "FAMILY:NAME=NUMBER,...", such as "gamma-poisson:shape=2,rate-days=30,exposure-days=30". The
// families are normal, log-normal, unknown-variance, beta-binomial and gamma-poisson; the names are
// those of the message's fields with hyphens. USAGE naming what is wrong.
[[nodiscard]] absl::Status FillNumericModel(const std::string& text,
                                            event::v1::NumericModel* model);

// What --distribution takes, for --help.
[[nodiscard]] std::string DistributionHelp();

// Likewise with the families point, normal, student, log-normal, beta-binomial and
// negative-binomial.
[[nodiscard]] absl::Status FillDistribution(const std::string& text,
                                            event::v1::NumericDistribution* distribution);

// "0.1=20" for each quantile; sorted by probability. `flag` is named in errors.
[[nodiscard]] absl::Status FillQuantiles(const std::string& flag,
                                         const std::vector<std::string>& texts,
                                         event::v1::NumericDistribution* distribution);

// "normal, mean 3, standard deviation 0.5".
[[nodiscard]] std::string DistributionText(const event::v1::NumericDistribution& distribution);

// The value of a point, else the quantile at 50 %; nothing where there is neither.
[[nodiscard]] std::optional<double> MedianOf(const v1::NumericPosterior& posterior);

// "12.3 (5 % 8.1, 95 % 17)": the median and the outermost quantiles shown.
[[nodiscard]] std::string NumericText(const v1::NumericPosterior& posterior);

// One line for each quantile and each point of the distribution function.
void AddNumericRows(const std::string& node, const v1::NumericPosterior& posterior, Table* table);

}  // namespace credence::cli
