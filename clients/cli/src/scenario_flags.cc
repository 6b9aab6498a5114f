#include "scenario_flags.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "credence/cli/exit_code.h"
#include "credence/v1/evidence_service.pb.h"
#include "format.h"
#include "yaml_message.h"

namespace credence::cli {
namespace {

// "node=state".
absl::StatusOr<std::pair<std::string, std::string>> NodeAndState(const std::string& flag,
                                                                 const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return UsageError(absl::StrCat(flag, ": '", text, "' is no NODE=STATE"));
  }
  return std::make_pair(text.substr(0, equals), text.substr(equals + 1));
}

absl::Status AddSupposed(CliContext& context, const ScenarioFlags& flags, v1::Scenario* scenario) {
  for (const std::string& text : flags.observations) {
    CREDENCE_ASSIGN_OR_RETURN(const auto pair, NodeAndState("--observe", text));
    auto* item = scenario->add_hypothetical_evidence();
    item->set_node(pair.first);
    item->set_observed_state(pair.second);
    item->set_summary(absl::StrCat("what if ", text));
  }
  for (const std::string& file : flags.files) {
    v1::Evidence evidence;
    CREDENCE_RETURN_IF_ERROR(ReadMessage(file, context.in(), &evidence));
    *scenario->add_hypothetical_evidence() = evidence.model();
  }
  for (const std::string& text : flags.interventions) {
    CREDENCE_ASSIGN_OR_RETURN(const auto pair, NodeAndState("--do", text));
    v1::Intervention* intervention = scenario->add_interventions();
    intervention->set_node(pair.first);
    intervention->set_state(pair.second);
  }
  return absl::OkStatus();
}

}  // namespace

void AddScenarioFlags(CLI::App* command, ScenarioFlags* flags) {
  command->add_option("--observe", flags->observations, "Suppose that NODE=STATE is seen")
      ->delimiter(',');
  command->add_option("--do", flags->interventions, "Force NODE=STATE from outside")
      ->delimiter(',');
  command->add_option("--withhold", flags->withheld, "Leave out items by id")->delimiter(',');
  command->add_option("--hypothetical", flags->files,
                      "Suppose the item of this file, as {model: {...}}");
  command->add_option("--grade", flags->grades, "Suppose that a grade is worth this, such as B=0.7")
      ->delimiter(',');
  command->add_option("--default-cluster-correlation", flags->cluster_correlation,
                      "Suppose this correlation in clusters whose items state none");
}

absl::StatusOr<v1::Scenario> MakeScenario(CliContext& context, const ScenarioFlags& flags) {
  v1::Scenario scenario;
  CREDENCE_RETURN_IF_ERROR(AddSupposed(context, flags, &scenario));
  for (const std::string& item : flags.withheld) scenario.add_withheld_evidence(IdOf(item));
  for (const std::string& text : flags.grades) {
    CREDENCE_ASSIGN_OR_RETURN(*scenario.add_grades(), ParseGrade(text));
  }
  if (flags.cluster_correlation) {
    scenario.set_default_cluster_correlation(*flags.cluster_correlation);
  }
  return scenario;
}

absl::StatusOr<event::v1::GradeProbability> ParseGrade(const std::string& text) {
  const size_t equals = text.find('=');
  double probability = 0;
  if (equals == std::string::npos || !absl::SimpleAtod(text.substr(equals + 1), &probability)) {
    return UsageError(absl::StrCat("'", text, "' is no grade such as B=0.8"));
  }
  event::v1::GradeProbability grade;
  grade.set_grade(text.substr(0, equals));
  grade.set_probability(probability);
  return grade;
}

}  // namespace credence::cli
