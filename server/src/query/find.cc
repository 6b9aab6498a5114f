#include "query/find.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "decide/checks.h"

namespace credence::server {
namespace {

template <typename Map>
auto FindIn(const Map& map, std::string_view collection, std::string_view name,
            std::string_view field) -> absl::StatusOr<decltype(map.Find(name))> {
  CREDENCE_ASSIGN_OR_RETURN(const std::string id, ParseName(name, collection, field));
  const auto* found = map.Find(id);
  if (found == nullptr) return NotFound(name);
  return found;
}

}  // namespace

absl::StatusOr<const QuestionState*> FindQuestion(const State& state, std::string_view name,
                                                  std::string_view field) {
  return FindIn(state.questions, "questions", name, field);
}

absl::StatusOr<const NetworkState*> FindNetwork(const State& state, std::string_view name,
                                                std::string_view field) {
  return FindIn(state.networks, "networks", name, field);
}

absl::StatusOr<const ForecasterState*> FindForecaster(const State& state, std::string_view name,
                                                      std::string_view field) {
  return FindIn(state.forecasters, "forecasters", name, field);
}

absl::StatusOr<const SourceState*> FindSource(const State& state, std::string_view name,
                                              std::string_view field) {
  return FindIn(state.sources, "sources", name, field);
}

absl::StatusOr<const NetworkState*> FindEvidenceParent(const State& state, std::string_view name,
                                                       std::string_view field) {
  if (!absl::StartsWith(ToAbsl(name), "questions/")) return FindNetwork(state, name, field);
  CREDENCE_ASSIGN_OR_RETURN(const QuestionState* question, FindQuestion(state, name, field));
  const NetworkState* network = state.networks.Find(question->network);
  if (network == nullptr) return NotFound(Cat("networks/", question->network));
  return network;
}

EvidenceName SplitEvidenceName(std::string_view name) {
  const std::vector<std::string> parts = absl::StrSplit(ToAbsl(name), '/');
  if (parts.size() != 4 || parts[2] != "evidence") return {};
  return {Cat(parts[0], "/", parts[1]), parts[3]};
}

absl::StatusOr<FoundEvidence> FindEvidence(const State& state, std::string_view name,
                                           std::string_view field) {
  const EvidenceName split = SplitEvidenceName(name);
  if (split.parent.empty()) {
    return InvalidField(name.empty() ? "FIELD_REQUIRED" : "NAME_INVALID", field,
                        "must have the form networks/{id}/evidence/{id}");
  }
  const absl::StatusOr<const NetworkState*> network =
      FindEvidenceParent(state, split.parent, field);
  if (!network.ok()) {
    return absl::IsNotFound(network.status()) ? NotFound(name) : network.status();
  }
  const EvidenceState* evidence = (*network)->FindEvidence(split.id);
  if (evidence == nullptr) return NotFound(name);
  return FoundEvidence{*network, evidence};
}

}  // namespace credence::server
