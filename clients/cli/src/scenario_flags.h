#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "command.h"
#include "credence/v1/inference_service.pb.h"

namespace credence::cli {

// What to suppose, as flags.
struct ScenarioFlags {
  std::vector<std::string> observations, interventions, withheld, files, grades;
  std::optional<double> cluster_correlation;
};
void AddScenarioFlags(CLI::App* command, ScenarioFlags* flags);

// The scenario of the flags; empty where none is given.
[[nodiscard]] absl::StatusOr<v1::Scenario> MakeScenario(CliContext& context,
                                                        const ScenarioFlags& flags);

// A grade such as "B=0.8".
[[nodiscard]] absl::StatusOr<event::v1::GradeProbability> ParseGrade(const std::string& text);

}  // namespace credence::cli
