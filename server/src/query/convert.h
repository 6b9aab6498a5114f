#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "credence/ledger/event.h"
#include "credence/ledger/sequencer.h"
#include "credence/v1/common.pb.h"
#include "credence/v1/evidence_service.pb.h"
#include "credence/v1/forecast_service.pb.h"
#include "credence/v1/network_service.pb.h"
#include "credence/v1/question.pb.h"
#include "credence/v1/score.pb.h"
#include "state/state.h"

// From the projections and the log to the resources of the contract. Pure functions.
namespace credence::server {

[[nodiscard]] v1::Receipt ToReceipt(const ledger::Receipt& receipt);

void FillInclusionProof(ledger::Position leaf, ledger::TreeSize size,
                        const std::vector<ledger::Hash>& path, v1::InclusionProof& proof);

// The question with its state and resolution as of `at`: an active one whose close time has passed
// shows as closed.
[[nodiscard]] v1::Question ToQuestion(const State& state, const QuestionState& question,
                                      absl::Time at);

// What is declared of how it hangs together with others.
void FillRelations(const QuestionState& question, v1::Question& resource);

// What ToQuestion shows as the state.
[[nodiscard]] v1::Question::State QuestionStateAt(const QuestionState& question, absl::Time at);

// Without the model where not `with_model`.
[[nodiscard]] v1::Network ToNetworkResource(const State& state, const NetworkState& network,
                                            bool with_model);

[[nodiscard]] v1::NetworkRevision ToRevisionResource(const NetworkState& network,
                                                     const RevisionState& revision);

[[nodiscard]] v1::Evidence ToEvidenceResource(const State& state, const NetworkState& network,
                                              const EvidenceState& evidence);

// What ToEvidenceResource shows as the state.
[[nodiscard]] v1::Evidence::State EvidenceStateOf(const EvidenceState& evidence);

[[nodiscard]] v1::Source ToSourceResource(const SourceState& source);

// `state` and `at` say which sealed forecasts are overdue.
[[nodiscard]] v1::Forecaster ToForecasterResource(const State& state,
                                                  const ForecasterState& forecaster, absl::Time at);
// What became of a forecaster's sealed forecasts; nothing where it sealed none.
[[nodiscard]] std::optional<v1::SealCounts> ToSealCounts(const State& state,
                                                         const ForecasterState& forecaster,
                                                         absl::Time at);
// Tells them of `subject` where that is such a forecaster, in a message that has `seals`.
template <typename Message>
void FillSeals(const State& state, std::string_view subject, absl::Time at, Message& message) {
  constexpr std::string_view kForecasters = "forecasters/";
  if (subject.substr(0, kForecasters.size()) != kForecasters) return;
  const ForecasterState* forecaster = state.forecasters.Find(subject.substr(kForecasters.size()));
  if (forecaster == nullptr) return;
  if (auto seals = ToSealCounts(state, *forecaster, at); seals.has_value()) {
    *message.mutable_seals() = *std::move(seals);
  }
}

[[nodiscard]] v1::ForecastSeal ToSealResource(const SealState& seal);

[[nodiscard]] v1::GradeTable ToGradeTableResource(const GradeTableState& grades);

// A standing forecast of `forecaster` on `question`.
[[nodiscard]] v1::Forecast ToForecastResource(const QuestionState& question,
                                              std::string_view forecaster,
                                              const StandingForecast& standing);

// The scores of one subject of a version.
[[nodiscard]] v1::Score ToScoreResource(const QuestionState& question,
                                        const ScoreVersionState& version,
                                        const SubjectScoreState& subject);

// The probabilities by name of state; as many as both spans have.
void AddProbabilities(std::span<const std::string> states, std::span<const double> probabilities,
                      google::protobuf::RepeatedPtrField<v1::StateProbability>& out);

// A spread under the name of its state.
[[nodiscard]] v1::StateInterval ToStateInterval(const std::string& state,
                                                const event::v1::ProbabilitySpread& spread);

// RFC 3339 in the message form; unset for the infinite past and future.
void SetTime(absl::Time time, google::protobuf::Timestamp& timestamp);

}  // namespace credence::server
