#include <utility>

#include "convert/time.h"
#include "fold/handlers.h"

// Questions, their resolutions and their scores.
namespace credence::server {
namespace {

// The states of the question's node; empty where the network is not in `state`.
std::vector<std::string> NodeStates(const State& state, const QuestionState& question) {
  const NetworkState* network = state.networks.Find(question.network);
  if (network == nullptr) return {};
  const auto& compiled = *network->latest().compiled;
  const auto node = compiled.FindNode(question.node);
  return node.ok() ? compiled.network().nodes[static_cast<size_t>(*node)].states
                   : std::vector<std::string>();
}

template <typename Payload>
QuestionRelations RelationsOf(const Payload& payload) {
  return {{payload.implied_questions().begin(), payload.implied_questions().end()},
          {payload.conjuncts().begin(), payload.conjuncts().end()}};
}

template <typename Payload>
void AddResolution(QuestionState& question, const ledger::SequencedEvent& event,
                   const Payload& payload) {
  ResolutionState resolution;
  resolution.outcome = payload.outcome();
  if (payload.has_fraction()) resolution.fraction = payload.fraction();
  resolution.unscored = payload.unscored();
  if (payload.has_occur_time()) resolution.occur_time = ToTime(payload.occur_time());
  resolution.rationale = payload.rationale();
  resolution.effective_time = event.effective_time;
  resolution.position = event.position.value;
  resolution.version = static_cast<int64_t>(question.resolutions.size()) + 1;
  if (payload.has_value()) resolution.value = payload.value();
  question.resolutions.push_back(std::move(resolution));
  question.phase = QuestionPhase::kResolved;
}

}  // namespace

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::QuestionCreated& payload) {
  QuestionState& question = state.questions.EditOrInsert(payload.question(), state.edition);
  question.id = payload.question();
  question.title = payload.title();
  question.resolution_criteria = payload.resolution_criteria();
  question.network = payload.network();
  question.node = payload.node();
  question.states = NodeStates(state, question);
  question.open_time = ToTime(payload.open_time());
  question.close_time = ToTime(payload.close_time());
  question.tags.assign(payload.tags().begin(), payload.tags().end());
  if (payload.has_pool()) question.pool = payload.pool();
  if (payload.has_auto_resolution()) {
    question.auto_resolution =
        AutoResolutionState{payload.auto_resolution().outcome(),
                            ToAbslDuration(payload.auto_resolution().grace_duration())};
  }
  question.record_time = event.record_time;
  question.position = event.position.value;
  question.phase = payload.draft() ? QuestionPhase::kDraft : QuestionPhase::kActive;
  question.without_model = payload.without_model();
  question.ordered = payload.ordered();
  question.hides_pool = payload.hides_pool();
  if (!payload.attributes().empty()) {
    question.attributes = std::make_shared<const std::vector<event::v1::Attribute>>(
        payload.attributes().begin(), payload.attributes().end());
  }
  state.Relate(question, RelationsOf(payload));
  if (NetworkState* network = state.networks.Edit(payload.network(), state.edition)) {
    question.numeric = network->numeric();
    network->questions.push_back(payload.question());
  }
}

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::QuestionUpdated& payload) {
  QuestionState* question = state.questions.Edit(payload.question(), state.edition);
  if (question == nullptr) return;
  const bool same_texts = question->title == payload.title() &&
                          question->resolution_criteria == payload.resolution_criteria();
  if (!same_texts) {
    question->versions.push_back(
        {event.effective_time, event.position.value, payload.wording_only()});
  }
  question->title = payload.title();
  question->resolution_criteria = payload.resolution_criteria();
  question->tags.assign(payload.tags().begin(), payload.tags().end());
  state.Relate(*question, RelationsOf(payload));
}

void FoldEvent(State& state, const ledger::SequencedEvent&,
               const event::v1::QuestionOpened& payload) {
  if (auto* question = state.questions.Edit(payload.question(), state.edition)) {
    question->phase = QuestionPhase::kActive;
  }
}

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::QuestionClosed& payload) {
  if (auto* question = state.questions.Edit(payload.question(), state.edition)) {
    question->phase = QuestionPhase::kClosed;
    question->closed_time = event.effective_time;
  }
}

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::QuestionResolved& payload) {
  if (auto* question = state.questions.Edit(payload.question(), state.edition)) {
    AddResolution(*question, event, payload);
  }
}

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::ResolutionAmended& payload) {
  if (auto* question = state.questions.Edit(payload.question(), state.edition)) {
    AddResolution(*question, event, payload);
  }
}

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::QuestionAnnulled& payload) {
  QuestionState* question = state.questions.Edit(payload.question(), state.edition);
  if (question == nullptr) return;
  ResolutionState resolution;
  resolution.annulled = true;
  resolution.rationale = payload.rationale();
  resolution.effective_time = event.effective_time;
  resolution.position = event.position.value;
  resolution.version = static_cast<int64_t>(question->resolutions.size()) + 1;
  question->resolutions.push_back(std::move(resolution));
  question->phase = QuestionPhase::kAnnulled;
}

void FoldEvent(State& state, const ledger::SequencedEvent& event,
               const event::v1::QuestionScored& payload) {
  QuestionState* question = state.questions.Edit(payload.question(), state.edition);
  if (question == nullptr) return;
  std::shared_ptr<ScoreVersionState> version;
  if (payload.part_index() > 0 && !question->scores.empty()) {
    version = std::make_shared<ScoreVersionState>(*question->scores.back());
    question->scores.pop_back();
  } else {
    version = std::make_shared<ScoreVersionState>();
    version->version = payload.score_version();
    version->outcome = payload.outcome();
    version->position = event.position.value;
    version->cause_position = event.cause.has_value() ? event.cause->value : event.position.value;
    version->record_time = event.record_time;
    version->effective_time = event.effective_time;
  }
  for (const event::v1::SubjectScores& scores : payload.subjects()) version->Add(scores);
  version->claims.insert(version->claims.end(), payload.claims().begin(), payload.claims().end());
  question->scores.push_back(std::move(version));
}

}  // namespace credence::server
