#include "query/target.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "convert/model.h"
#include "convert/time.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "decide/checks.h"
#include "query/find.h"

namespace credence::server {
namespace {

// Most things that one scenario holds of each kind.
constexpr int kSupposedMax = 1'000;
constexpr int64_t kBudgetMin = 1'024;
constexpr int64_t kBudgetMax = int64_t{1} << 30;

// A node that the network does not have, as an error of the target.
absl::Status UnknownNode(const absl::Status& status) {
  return InvalidField("UNKNOWN_NODE", "target.name", FromAbsl(status.message()));
}

// Fields of a scenario, by their paths in the request.
class ScenarioFields {
 public:
  explicit ScenarioFields(std::string_view path) : path_(path) {}

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string Field(std::string_view field) const {
    return Cat(path_, path_.empty() ? "" : ".", field);
  }
  [[nodiscard]] std::string Entry(std::string_view field, int index) const {
    return Cat(Field(field), "[", index, "]");
  }

 private:
  std::string path_;
};

absl::Status CheckCount(int count, const std::string& field) {
  if (count <= kSupposedMax) return absl::OkStatus();
  return InvalidField("FIELD_INVALID", field,
                      Cat("has ", count, " entries; at most ", kSupposedMax, " are taken"));
}

absl::Status AddHypothetical(const v1::Scenario& scenario, const ScenarioFields& fields,
                             ResolvedTarget& target) {
  for (int i = 0; i < scenario.hypothetical_evidence_size(); ++i) {
    const std::string path = fields.Entry("hypothetical_evidence", i);
    event::v1::EvidenceModel model = scenario.hypothetical_evidence(i);
    // A report that does not say when it happened is taken to be news of the instant.
    const absl::Time at = target.input.options.at;
    if (!model.has_occur_time()) *model.mutable_occur_time() = ToTimestamp(at);
    absl::StatusOr<forecaster::EvidenceItem> item =
        ToEvidenceItem(Cat("hypothetical-", target.hypothetical.size() + 1), model, at);
    if (!item.ok()) return WithFieldPrefix(item.status(), path);
    const absl::Status valid = forecaster::ValidateEvidence(target.compiled(), *item);
    if (!valid.ok()) return WithFieldPrefix(valid, path);
    target.input.items.push_back(*std::move(item));
    target.hypothetical.push_back(std::move(model));
  }
  return absl::OkStatus();
}

absl::Status AddWithheld(const v1::Scenario& scenario, const ScenarioFields& fields,
                         ResolvedTarget& target) {
  for (int i = 0; i < scenario.withheld_evidence_size(); ++i) {
    const std::string& given = scenario.withheld_evidence(i);
    const EvidenceName name = SplitEvidenceName(given);
    const std::string& id = name.id.empty() ? given : name.id;
    if (target.network->FindEvidence(id) == nullptr) {
      return InvalidField(
          "FIELD_INVALID", fields.Entry("withheld_evidence", i),
          Cat("\"", id.substr(0, 80), "\" is no item of networks/", target.network->id));
    }
    target.input.options.withheld.push_back(id);
  }
  return absl::OkStatus();
}

absl::Status AddInterventions(const v1::Scenario& scenario, const ScenarioFields& fields,
                              ResolvedTarget& target) {
  std::vector<forecaster::Intervention>& interventions = target.input.options.interventions;
  for (int i = 0; i < scenario.interventions_size(); ++i) {
    const v1::Intervention& forced = scenario.interventions(i);
    const std::string path = fields.Entry("interventions", i);
    const absl::StatusOr<int> node = target.compiled().FindNode(forced.node());
    if (!node.ok()) {
      return InvalidField("UNKNOWN_NODE", Cat(path, ".node"), FromAbsl(node.status().message()));
    }
    const absl::StatusOr<int> state = target.compiled().FindState(*node, forced.state());
    if (!state.ok()) {
      return InvalidField("UNKNOWN_STATE", Cat(path, ".state"), FromAbsl(state.status().message()));
    }
    if (std::any_of(interventions.begin(), interventions.end(),
                    [&](const auto& other) { return other.node == forced.node(); })) {
      return InvalidField("FIELD_INVALID", Cat(path, ".node"), "is forced twice");
    }
    interventions.push_back({forced.node(), forced.state()});
  }
  return absl::OkStatus();
}

absl::Status ApplyJudgement(const v1::Scenario& scenario, const ScenarioFields& fields,
                            forecaster::InferenceOptions& options) {
  const absl::Status graded = ApplyGrades(scenario.grades(), options.grades);
  CREDENCE_RETURN_IF_ERROR(fields.path().empty() ? graded : WithFieldPrefix(graded, fields.path()));
  if (!scenario.has_default_cluster_correlation()) return absl::OkStatus();
  const double correlation = scenario.default_cluster_correlation();
  if (!(correlation >= 0.0 && correlation <= 1.0)) {
    return InvalidField("NUMBER_INVALID", fields.Field("default_cluster_correlation"),
                        "must lie between 0 and 1");
  }
  options.default_cluster_correlation = correlation;
  return absl::OkStatus();
}

absl::Status TakeInstant(const v1::InferenceTarget& target, absl::Time& at) {
  if (!target.has_effective_time()) return absl::OkStatus();
  CREDENCE_ASSIGN_OR_RETURN(at, ParseTime(target.effective_time(), "target.effective_time"));
  return absl::OkStatus();
}

absl::Status TakeLimits(const v1::InferenceTarget& target, forecaster::InferenceOptions& options) {
  if (target.view().has_evidence_occur_time_limit()) {
    CREDENCE_ASSIGN_OR_RETURN(options.occur_time_limit,
                              ParseTime(target.view().evidence_occur_time_limit(),
                                        "target.view.evidence_occur_time_limit"));
  }
  if (!target.has_memory_budget_bytes()) return absl::OkStatus();
  options.memory_budget_bytes = target.memory_budget_bytes();
  if (options.memory_budget_bytes >= kBudgetMin && options.memory_budget_bytes <= kBudgetMax) {
    return absl::OkStatus();
  }
  return InvalidField("NUMBER_INVALID", "target.memory_budget_bytes",
                      Cat("must be from ", kBudgetMin, " to ", kBudgetMax));
}

}  // namespace

absl::StatusOr<NamedTarget> FindTarget(const State& state, std::string_view name) {
  constexpr std::string_view kField = "target.name";
  if (absl::StartsWith(ToAbsl(name), "questions/")) {
    CREDENCE_ASSIGN_OR_RETURN(const QuestionState* question, FindQuestion(state, name, kField));
    const NetworkState* network = state.networks.Find(question->network);
    if (network == nullptr) return NotFound(Cat("networks/", question->network));
    return NamedTarget{network, question->node};
  }
  const std::vector<std::string> parts = absl::StrSplit(ToAbsl(name), '/');
  if (parts.size() == 4 && parts[2] == "nodes") {
    CREDENCE_ASSIGN_OR_RETURN(const NetworkState* network,
                              FindNetwork(state, Cat(parts[0], "/", parts[1]), kField));
    return NamedTarget{network, parts[3]};
  }
  if (parts.size() != 2) {
    return InvalidField(
        name.empty() ? "FIELD_REQUIRED" : "NAME_INVALID", kField,
        "must have the form questions/{id}, networks/{id} or networks/{id}/nodes/{node}");
  }
  CREDENCE_ASSIGN_OR_RETURN(const NetworkState* network, FindNetwork(state, name, kField));
  return NamedTarget{network, ""};
}

const event::v1::EvidenceModel* ResolvedTarget::FindHypothetical(std::string_view id) const {
  for (size_t i = 0; i < hypothetical.size(); ++i) {
    if (id == Cat("hypothetical-", i + 1)) return &hypothetical[i];
  }
  return nullptr;
}

absl::StatusOr<ResolvedTarget> ResolveTarget(const QueryView& view,
                                             const v1::InferenceTarget& target) {
  const State& state = *view.state;
  CREDENCE_ASSIGN_OR_RETURN(NamedTarget named, FindTarget(state, target.name()));
  absl::Time at = view.time;
  CREDENCE_RETURN_IF_ERROR(TakeInstant(target, at));
  if (named.network->numeric()) {
    return InvalidField("FIELD_INVALID", "target.name",
                        Cat("networks/", named.network->id,
                            " asks for a number; what is asked here is about states. Its "
                            "distribution can be read with QueryPosterior"));
  }
  ResolvedTarget resolved;
  resolved.network = named.network;
  resolved.node = std::move(named.node);
  resolved.input = MakeInferenceInput(state, *resolved.network, at);
  CREDENCE_RETURN_IF_ERROR(TakeLimits(target, resolved.input.options));
  resolved.input.options.may_go_on = view.may_go_on;
  if (!resolved.node.empty()) {
    const absl::StatusOr<int> index = resolved.compiled().FindNode(resolved.node);
    if (!index.ok()) return UnknownNode(index.status());
  }
  if (target.has_scenario()) {
    CREDENCE_RETURN_IF_ERROR(ApplyScenario(target.scenario(), "target.scenario", resolved));
  }
  return resolved;
}

absl::Status ApplyScenario(const v1::Scenario& scenario, std::string_view path,
                           ResolvedTarget& target) {
  const ScenarioFields fields(path);
  CREDENCE_RETURN_IF_ERROR(
      CheckCount(scenario.hypothetical_evidence_size(), fields.Field("hypothetical_evidence")));
  CREDENCE_RETURN_IF_ERROR(
      CheckCount(scenario.withheld_evidence_size(), fields.Field("withheld_evidence")));
  CREDENCE_RETURN_IF_ERROR(
      CheckCount(scenario.interventions_size(), fields.Field("interventions")));
  CREDENCE_RETURN_IF_ERROR(AddHypothetical(scenario, fields, target));
  CREDENCE_RETURN_IF_ERROR(AddWithheld(scenario, fields, target));
  CREDENCE_RETURN_IF_ERROR(AddInterventions(scenario, fields, target));
  return ApplyJudgement(scenario, fields, target.input.options);
}

absl::Status CheckSingleNode(const ResolvedTarget& target) {
  if (!target.node.empty()) return absl::OkStatus();
  return InvalidField("NAME_INVALID", "target.name",
                      "must name a question or a node, not a whole network");
}

absl::StatusOr<std::string> StateOfTarget(const ResolvedTarget& target, const std::string& state) {
  CREDENCE_RETURN_IF_ERROR(CheckSingleNode(target));
  CREDENCE_ASSIGN_OR_RETURN(const int node, target.compiled().FindNode(target.node));
  if (state.empty()) {
    return target.compiled().network().nodes[static_cast<size_t>(node)].states.front();
  }
  const absl::StatusOr<int> index = target.compiled().FindState(node, state);
  if (index.ok()) return state;
  return InvalidField("UNKNOWN_STATE", "state", FromAbsl(index.status().message()));
}

}  // namespace credence::server
