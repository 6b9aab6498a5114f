#pragma once

#include <string>

#include "command.h"
#include "scenario_flags.h"

namespace credence::cli {

// What an inference looks at, as flags.
struct TargetFlags {
  std::string target, network, effective_time, evidence_before;
  std::optional<int64_t> memory_budget_bytes;
  ScenarioFlags scenario;
};
void AddTargetFlags(CLI::App* command, TargetFlags* flags);

// The target of the flags. A full name is taken as it is. With --network the target is its node, or
// the network itself where no node is given. Else it is the question of that id where there is one,
// and the node of the only network where there is no such question. It has a scenario where a flag
// supposes something.
[[nodiscard]] absl::StatusOr<v1::InferenceTarget> MakeTarget(CliContext& context,
                                                             const TargetFlags& flags);

}  // namespace credence::cli
