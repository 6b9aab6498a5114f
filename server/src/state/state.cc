#include "state/state.h"

#include "credence/base/check.h"
#include "credence/base/strings.h"

namespace credence::server {

forecaster::EvidenceItem EvidenceState::ItemAt(absl::Time time) const {
  forecaster::EvidenceItem at = item;
  for (const ClusterChange& change : cluster_changes) {
    if (change.effective_time > time) continue;
    at.cluster = change.cluster;
    at.cluster_correlation = change.correlation;
  }
  return at;
}

const EvidenceState* NetworkState::FindEvidence(std::string_view evidence_id) const {
  const auto found = evidence_index.find(ToAbsl(evidence_id));
  return found == evidence_index.end() ? nullptr : evidence[found->second].get();
}

const RevisionState& NetworkState::RevisionAt(absl::Time time) const {
  CREDENCE_CHECK(!revisions.empty());
  const RevisionState* in_force = revisions.front().get();
  for (const auto& candidate : revisions) {
    if (candidate->effective_time <= time) in_force = candidate.get();
  }
  return *in_force;
}

const ResolutionState* QuestionState::ResolutionAt(absl::Time time) const {
  const ResolutionState* in_force = nullptr;
  for (const ResolutionState& candidate : resolutions) {
    if (candidate.effective_time <= time) in_force = &candidate;
  }
  return in_force != nullptr && in_force->outcome.empty() ? nullptr : in_force;
}

const GradeTableState& LedgerState::GradesAt(absl::Time time) const {
  CREDENCE_CHECK(!grade_tables.empty());
  const GradeTableState* in_force = &grade_tables.front();
  for (const GradeTableState& candidate : grade_tables) {
    if (candidate.effective_time <= time) in_force = &candidate;
  }
  return *in_force;
}

State State::Fork() const {
  // Far from any edition that the original will reach, so that nothing shared is taken for its own.
  constexpr uint64_t kForkDistance = uint64_t{1} << 40;
  State copy = *this;
  copy.edition += kForkDistance;
  return copy;
}

State State::Snapshot() {
  State copy = *this;
  ++edition;
  return copy;
}

}  // namespace credence::server
