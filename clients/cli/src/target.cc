#include "target.h"

#include "absl/strings/str_cat.h"
#include "credence/cli/exit_code.h"
#include "format.h"

namespace credence::cli {
namespace {

// The node of the only network. `no_question` tells why it is not a question.
absl::StatusOr<std::string> NodeOfOnlyNetwork(CliContext& context, const std::string& id,
                                              const v1::ReadView& view,
                                              const absl::Status& no_question) {
  v1::ListNetworksRequest request;
  request.mutable_page()->set_page_size(2);
  *request.mutable_view() = view;
  CREDENCE_ASSIGN_OR_RETURN(const auto response,
                            CallRpc<v1::ListNetworksResponse>(context, std::move(request)));
  if (response.networks().empty()) return no_question;
  if (response.networks_size() > 1) {
    return absl::NotFoundError(absl::StrCat(
        "there is no question '", id, "'; for a node say in which network: --network NETWORK"));
  }
  const std::string& network = response.networks(0).name();
  return IdOf(network) == id ? network : absl::StrCat(network, "/nodes/", id);
}

absl::StatusOr<std::string> TargetName(CliContext& context, const TargetFlags& flags,
                                       const v1::ReadView& view) {
  if (flags.target.find('/') != std::string::npos) return flags.target;
  if (!flags.network.empty()) {
    const std::string network = NameIn("networks", flags.network);
    return flags.target.empty() ? network : absl::StrCat(network, "/nodes/", flags.target);
  }
  if (flags.target.empty()) return UsageError("give a question or a node, or --network");
  v1::GetQuestionRequest request;
  request.set_name(NameIn("questions", flags.target));
  *request.mutable_view() = view;
  const std::string question = request.name();
  const absl::Status status =
      CallRpc<v1::GetQuestionResponse>(context, std::move(request)).status();
  if (status.ok()) return question;
  if (!absl::IsNotFound(status)) return status;
  return NodeOfOnlyNetwork(context, flags.target, view, status);
}

}  // namespace

void AddTargetFlags(CLI::App* command, TargetFlags* flags) {
  command->add_option("TARGET", flags->target, "Question, node, or full resource name");
  command->add_option("--network", flags->network,
                      "Network of the node; without a node, all of its nodes");
  command->add_option("--effective-time", flags->effective_time,
                      "Instant at which deadlines are evaluated; the as-of time or now");
  command->add_option("--evidence-before", flags->evidence_before,
                      "Leave out evidence that occurred at or after this time");
  command->add_option("--memory-budget", flags->memory_budget_bytes,
                      "Refuse what needs tables of more than this many bytes");
  AddScenarioFlags(command, &flags->scenario);
}

absl::StatusOr<v1::InferenceTarget> MakeTarget(CliContext& context, const TargetFlags& flags) {
  v1::InferenceTarget target;
  CREDENCE_ASSIGN_OR_RETURN(*target.mutable_view(), MakeView(context, flags.evidence_before));
  CREDENCE_ASSIGN_OR_RETURN(const auto time,
                            TimeFlag(context, "--effective-time", flags.effective_time));
  if (time) *target.mutable_effective_time() = *time;
  CREDENCE_ASSIGN_OR_RETURN(const v1::Scenario scenario, MakeScenario(context, flags.scenario));
  if (scenario.ByteSizeLong() > 0) *target.mutable_scenario() = scenario;
  if (flags.memory_budget_bytes) target.set_memory_budget_bytes(*flags.memory_budget_bytes);
  v1::ReadView view = target.view();
  view.clear_evidence_occur_time_limit();
  CREDENCE_ASSIGN_OR_RETURN(*target.mutable_name(), TargetName(context, flags, view));
  return target;
}

}  // namespace credence::cli
