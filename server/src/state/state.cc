#include "state/state.h"

#include <algorithm>
#include <cmath>
#include <limits>

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

const AuthorKeyState* AuthorState::FindKey(std::string_view public_key) const {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const AuthorKeyState& key) {
    return key.public_key == public_key;
  });
  return found == keys.end() ? nullptr : &*found;
}

const RevisionState& NetworkState::RevisionAt(absl::Time time) const {
  CREDENCE_CHECK(!revisions.empty());
  const RevisionState* in_force = revisions.front().get();
  for (const auto& candidate : revisions) {
    if (candidate->effective_time <= time) in_force = candidate.get();
  }
  return *in_force;
}

std::optional<size_t> ScoreVersionState::FindRule(std::string_view rule) const {
  const auto found = std::find(rules.begin(), rules.end(), rule);
  if (found == rules.end()) return std::nullopt;
  return static_cast<size_t>(found - rules.begin());
}

void ScoreVersionState::Add(const event::v1::SubjectScores& scores) {
  SubjectScoreState& subject = subjects.emplace_back();
  subject.kind = scores.kind();
  subject.subject = scores.subject();
  subject.coverage = scores.coverage();
  subject.forecast_count = scores.forecast_count();
  subject.backfilled = scores.backfilled();
  subject.across_versions = scores.across_versions();
  if (scores.has_final_probability()) subject.final_probability = scores.final_probability();
  subject.values.assign(rules.size(), std::numeric_limits<double>::quiet_NaN());
  for (const event::v1::RuleScore& score : scores.scores()) {
    std::optional<size_t> index = FindRule(score.rule());
    if (!index.has_value()) {
      index = rules.size();
      rules.push_back(score.rule());
    }
    subject.values.resize(rules.size(), std::numeric_limits<double>::quiet_NaN());
    subject.values[*index] =
        score.has_value() ? score.value() : std::numeric_limits<double>::infinity();
  }
}

event::v1::SubjectScores ScoreVersionState::ToEvent(const SubjectScoreState& subject) const {
  event::v1::SubjectScores scores;
  scores.set_kind(subject.kind);
  scores.set_subject(subject.subject);
  for (size_t i = 0; i < subject.values.size(); ++i) {
    if (std::isnan(subject.values[i])) continue;
    event::v1::RuleScore& score = *scores.add_scores();
    score.set_rule(rules[i]);
    if (std::isfinite(subject.values[i])) score.set_value(subject.values[i]);
  }
  scores.set_coverage(subject.coverage);
  scores.set_forecast_count(subject.forecast_count);
  scores.set_backfilled(subject.backfilled);
  if (subject.final_probability.has_value()) {
    scores.set_final_probability(*subject.final_probability);
  }
  scores.set_across_versions(subject.across_versions);
  return scores;
}

const ResolutionState* QuestionState::EndAt(absl::Time time) const {
  const ResolutionState* in_force = nullptr;
  for (const ResolutionState& candidate : resolutions) {
    if (candidate.effective_time <= time) in_force = &candidate;
  }
  return in_force;
}

const ResolutionState* QuestionState::ResolutionAt(absl::Time time) const {
  const ResolutionState* in_force = EndAt(time);
  return in_force != nullptr && in_force->outcome.empty() ? nullptr : in_force;
}

const ScoreVersionState* QuestionState::ScoresAt(absl::Time time) const {
  const ScoreVersionState* in_force = nullptr;
  for (const auto& candidate : scores) {
    if (candidate->effective_time <= time) in_force = candidate.get();
  }
  return in_force != nullptr && in_force->outcome.empty() ? nullptr : in_force;
}

int64_t QuestionState::VersionAt(absl::Time time) const {
  return 1 + std::count_if(versions.begin(), versions.end(),
                           [time](const auto& version) { return version.effective_time <= time; });
}

int64_t QuestionState::MaterialVersionAt(absl::Time time) const {
  int64_t number = 1;
  int64_t material = 1;
  for (const QuestionVersionState& version : versions) {
    if (version.effective_time > time) continue;
    ++number;
    if (!version.wording_only) material = number;
  }
  return material;
}

absl::Time QuestionState::MaterialChangeBy(absl::Time time) const {
  absl::Time change = absl::InfinitePast();
  for (const QuestionVersionState& version : versions) {
    if (!version.wording_only && version.effective_time <= time) {
      change = std::max(change, version.effective_time);
    }
  }
  return change;
}

SourceState::Tally SourceState::TallyAt(absl::Time at) const {
  Tally tally;
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    if (record->effective_time > at) continue;
    // What was recorded later about the same question, and counts by then, stands in its place.
    const bool replaced = std::any_of(records.rbegin(), record, [&](const SourceRecord& later) {
      return later.question == record->question && later.effective_time <= at;
    });
    if (replaced) continue;
    tally.success_count += record->success_count;
    tally.failure_count += record->failure_count;
  }
  return tally;
}

std::optional<double> SourceState::ReliabilityAt(absl::Time at) const {
  const Tally tally = TallyAt(at);
  const auto successes = static_cast<double>(tally.success_count);
  const auto failures = static_cast<double>(tally.failure_count);
  if (tally.success_count + tally.failure_count == 0) return std::nullopt;
  return (1.0 + successes) / (2.0 + successes + failures);
}

void AddInOrder(std::vector<std::string>& ids, std::string_view id) {
  const auto place = std::lower_bound(ids.begin(), ids.end(), id);
  if (place == ids.end() || *place != id) ids.insert(place, std::string(id));
}

const GradeTableState& LedgerState::GradesAt(absl::Time time) const {
  CREDENCE_CHECK(!grade_tables.empty());
  const GradeTableState* in_force = &grade_tables.front();
  for (const GradeTableState& candidate : grade_tables) {
    if (candidate.effective_time <= time) in_force = &candidate;
  }
  return *in_force;
}

void State::Relate(QuestionState& question, QuestionRelations relations) {
  if (relations.empty()) {
    question.relations = nullptr;
    related_questions.Erase(question.id, edition);
    return;
  }
  question.relations = std::make_shared<const QuestionRelations>(std::move(relations));
  related_questions.EditOrInsert(question.id, edition) = true;
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
