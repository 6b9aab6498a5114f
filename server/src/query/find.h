#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "state/state.h"

// Resources by name, for reads. Errors: INVALID_ARGUMENT (FIELD_REQUIRED, NAME_INVALID) with
// `field` for a malformed name, NOT_FOUND for one that the state does not hold. What they point to
// lives as long as the state.
namespace credence::server {

[[nodiscard]] absl::StatusOr<const QuestionState*> FindQuestion(const State& state,
                                                                std::string_view name,
                                                                std::string_view field);
[[nodiscard]] absl::StatusOr<const NetworkState*> FindNetwork(const State& state,
                                                              std::string_view name,
                                                              std::string_view field);
[[nodiscard]] absl::StatusOr<const ForecasterState*> FindForecaster(const State& state,
                                                                    std::string_view name,
                                                                    std::string_view field);
[[nodiscard]] absl::StatusOr<const SourceState*> FindSource(const State& state,
                                                            std::string_view name,
                                                            std::string_view field);

// The network that `name` names, directly or as `questions/{question}`.
[[nodiscard]] absl::StatusOr<const NetworkState*> FindEvidenceParent(const State& state,
                                                                     std::string_view name,
                                                                     std::string_view field);

struct FoundEvidence {
  const NetworkState* network;
  const EvidenceState* evidence;
};

// `networks/{network}/evidence/{evidence}` or `questions/{question}/evidence/{evidence}`.
[[nodiscard]] absl::StatusOr<FoundEvidence> FindEvidence(const State& state, std::string_view name,
                                                         std::string_view field);

// The part of a name of an item before "/evidence/", and the item's id; both empty where it is not
// of that form.
struct EvidenceName {
  std::string parent;
  std::string id;
};
[[nodiscard]] EvidenceName SplitEvidenceName(std::string_view name);

}  // namespace credence::server
