#include "decide/posterior.h"

#include <utility>

#include "absl/strings/strip.h"
#include "convert/numeric.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/strings.h"
#include "decide/learning.h"

namespace credence::server {
namespace {

// The occur time where it says when the event of a hazard node happened; else it says nothing that
// the state does not.
std::optional<absl::Time> EventTime(const forecaster::CompiledNetwork& network,
                                    std::string_view node, const ResolutionState& resolution) {
  const absl::StatusOr<int> index = network.FindNode(node);
  if (!index.ok() || !network.IsHazard(*index)) return std::nullopt;
  const absl::StatusOr<int> state = network.FindState(*index, resolution.outcome);
  return state.ok() && *state == 0 ? resolution.occur_time : std::nullopt;
}

// The question about `node`; empty where there is none.
std::string QuestionAbout(const State& state, const NetworkState& network, std::string_view node) {
  for (const std::string& id : network.questions) {
    const QuestionState* question = state.questions.Find(id);
    if (question != nullptr && question->node == node) return Cat("questions/", id);
  }
  return "";
}

}  // namespace

absl::Status NameSubjects(const State& state, const NetworkState& network,
                          const absl::Status& status) {
  ErrorDetail detail = GetErrorDetail(status);
  if (detail.subjects.empty()) return status;
  for (std::string& subject : detail.subjects) {
    absl::string_view node = subject;
    if (absl::ConsumePrefix(&node, "resolved:")) {
      const std::string question = QuestionAbout(state, network, FromAbsl(node));
      if (!question.empty()) subject = question;
    } else if (network.FindEvidence(subject) != nullptr) {
      subject = Cat("networks/", network.id, "/evidence/", subject);
    }
  }
  return MakeError(status.code(), std::string(status.message()), detail);
}

forecaster::EvidenceItem JudgedItem(const State& state, const EvidenceState& evidence,
                                    absl::Time at) {
  forecaster::EvidenceItem item = evidence.ItemAt(at);
  if (const auto learned = LearnedReliability(state, evidence, at)) item.reliability = learned;
  return item;
}

NumericInput MakeNumericInput(const State& state, const NetworkState& network, absl::Time at) {
  NumericInput input;
  const RevisionState& revision = network.RevisionAt(at);
  CREDENCE_CHECK(revision.numeric.has_value());
  input.prior = *revision.numeric;
  input.network_revision = revision.number;
  for (const auto& evidence : network.evidence) {
    if (!evidence->InForce(at)) continue;
    absl::StatusOr<forecaster::NumericStatement> statement = ToNumericStatement(evidence->model);
    // What was recorded was checked to fit.
    CREDENCE_CHECK(statement.ok());
    input.items.push_back({JudgedItem(state, *evidence, at), *statement});
  }
  const GradeTableState& grades = state.ledger.GradesAt(at);
  input.options.at = at;
  input.options.grades = grades.grades;
  input.options.default_cluster_correlation = grades.default_cluster_correlation;
  for (const std::string& id : network.questions) {
    const QuestionState* question = state.questions.Find(id);
    if (question == nullptr) continue;
    const ResolutionState* resolution = question->ResolutionAt(at);
    if (resolution != nullptr) input.options.resolved = resolution->value;
  }
  return input;
}

InferenceInput MakeInferenceInput(const State& state, const NetworkState& network, absl::Time at) {
  InferenceInput input;
  const RevisionState& revision = network.RevisionAt(at);
  input.network = LearnedNetwork(state, network, revision, at);
  input.network_revision = revision.number;
  for (const auto& evidence : network.evidence) {
    if (evidence->InForce(at)) input.items.push_back(JudgedItem(state, *evidence, at));
  }
  const GradeTableState& grades = state.ledger.GradesAt(at);
  input.options.at = at;
  input.options.grades = grades.grades;
  input.options.default_cluster_correlation = grades.default_cluster_correlation;
  input.options.with_conflict = false;
  for (const std::string& id : network.questions) {
    const QuestionState* question = state.questions.Find(id);
    if (question == nullptr) continue;
    const ResolutionState* resolution = question->ResolutionAt(at);
    if (resolution == nullptr) continue;
    forecaster::Observation observation;
    observation.node = question->node;
    observation.state = resolution->outcome;
    observation.event_time = EventTime(*input.network, question->node, *resolution);
    observation.effective_time = resolution->effective_time;
    input.options.resolved.push_back(std::move(observation));
  }
  return input;
}

}  // namespace credence::server
