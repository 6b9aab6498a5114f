#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/ledger/event.h"
#include "credence/v1/author_service.pb.h"
#include "credence/v1/common.pb.h"
#include "credence/v1/evidence_service.pb.h"
#include "credence/v1/forecast_service.pb.h"
#include "credence/v1/network_service.pb.h"
#include "credence/v1/question_service.pb.h"
#include "state/state.h"

// What becomes of a command: the events that it causes, or why it is refused. Pure functions of the
// state and the facts given; nothing is changed here, and nothing that the log may later refuse to
// hold is judged anywhere else.
//
// Errors: INVALID_ARGUMENT with field paths of the request; NOT_FOUND, ALREADY_EXISTS,
// FAILED_PRECONDITION as error_reason.proto says. A command that would change nothing is refused
// with FAILED_PRECONDITION (WRONG_STATE).
namespace credence::server {

// One statement about a question, as the log holds it: a forecaster's or a published posterior.
struct RecordedForecast {
  // Empty for a published posterior.
  std::string forecaster;
  absl::Time effective_time;
  // Empty where withdrawn, and where the question asks for a number.
  std::vector<double> probabilities;
  bool backfilled = false;
  // Absent where withdrawn, and where the question asks for a state.
  std::optional<event::v1::NumericDistribution> distribution;
  // Of a forecast that was sealed: when others learned it. It counts for its forecaster from the
  // effective time, in pools from here.
  std::optional<absl::Time> revealed_time;
  // Of a published posterior: why it was, and the event that caused it.
  event::v1::PosteriorCause cause = event::v1::POSTERIOR_CAUSE_UNSPECIFIED;
  std::optional<int64_t> cause_position;

  // Takes what a recorded statement says; the rest is the event's.
  template <typename Recorded>
  void Take(const Recorded& recorded) {
    probabilities.assign(recorded.probabilities().begin(), recorded.probabilities().end());
    if (recorded.has_distribution()) distribution = recorded.distribution();
  }
};

// The past of a question, read from the log where a decision needs it (scoring).
class QuestionHistory {
 public:
  virtual ~QuestionHistory() = default;
  // All forecasts that count, withdrawals among them, in the order of their positions; see
  // ForecastHistory.
  [[nodiscard]] virtual absl::StatusOr<std::vector<RecordedForecast>> Forecasts(
      const QuestionState& question) const = 0;
  // All published posteriors in the order of their positions.
  [[nodiscard]] virtual absl::StatusOr<std::vector<RecordedForecast>> Posteriors(
      const QuestionState& question) const = 0;
};

// The facts of a decision besides the state.
struct DecideFacts {
  int64_t next_position = 0;
  absl::Time record_time;
  // Of the ledger.
  std::string_view origin;
  // As WriteOptions has them; `actor` is not empty.
  std::string actor;
  std::optional<absl::Time> effective_time;
  // Only for commands that score; null else.
  const QuestionHistory* history = nullptr;
};

// What a command causes.
struct Decision {
  // At least one.
  std::vector<ledger::EventDraft> events;
  // Ids that the server made or that the request gave, in the order of its items.
  std::vector<std::string> ids;
  // How questions moved; of every question of the network that moved.
  std::vector<v1::PosteriorMove> moves;
};

using DecisionOr = absl::StatusOr<Decision>;

// Most items of one batch.
inline constexpr int kBatchQuestionsMax = 1'000;
inline constexpr int kBatchForecastsMax = 10'000;
inline constexpr int kBatchForecastersMax = 10'000;

// The stream that a write's expected_revision speaks of, such as "networks/x"; for evidence an
// alias `questions/q` has been replaced by the network's. NOT_FOUND or INVALID_ARGUMENT for a bad
// name.
[[nodiscard]] absl::StatusOr<std::string> EvidenceStream(const State& state,
                                                         std::string_view parent);

[[nodiscard]] DecisionOr DecideCreateSource(const State& state, const DecideFacts& facts,
                                            const v1::CreateSourceRequest& request);
[[nodiscard]] DecisionOr DecideCreateForecaster(const State& state, const DecideFacts& facts,
                                                const v1::CreateForecasterRequest& request);
[[nodiscard]] DecisionOr DecideBatchCreateForecasters(
    const State& state, const DecideFacts& facts, const v1::BatchCreateForecastersRequest& request);
[[nodiscard]] DecisionOr DecideSetGradeTable(const State& state, const DecideFacts& facts,
                                             const v1::SetGradeTableRequest& request);

[[nodiscard]] DecisionOr DecideCreateNetwork(const State& state, const DecideFacts& facts,
                                             const v1::CreateNetworkRequest& request);
[[nodiscard]] DecisionOr DecideReviseNetwork(const State& state, const DecideFacts& facts,
                                             const v1::ReviseNetworkRequest& request);

[[nodiscard]] DecisionOr DecideCreateEvidence(const State& state, const DecideFacts& facts,
                                              const v1::CreateEvidenceRequest& request);
[[nodiscard]] DecisionOr DecideBatchCreateEvidence(const State& state, const DecideFacts& facts,
                                                   const v1::BatchCreateEvidenceRequest& request);
[[nodiscard]] DecisionOr DecideRetractEvidence(const State& state, const DecideFacts& facts,
                                               const v1::RetractEvidenceRequest& request);
[[nodiscard]] DecisionOr DecideSupersedeEvidence(const State& state, const DecideFacts& facts,
                                                 const v1::SupersedeEvidenceRequest& request);
[[nodiscard]] DecisionOr DecideClusterEvidence(const State& state, const DecideFacts& facts,
                                               const v1::ClusterEvidenceRequest& request);

[[nodiscard]] DecisionOr DecideCreateQuestion(const State& state, const DecideFacts& facts,
                                              const v1::CreateQuestionRequest& request);
[[nodiscard]] DecisionOr DecideBatchCreateQuestions(const State& state, const DecideFacts& facts,
                                                    const v1::BatchCreateQuestionsRequest& request);
[[nodiscard]] DecisionOr DecideUpdateQuestion(const State& state, const DecideFacts& facts,
                                              const v1::UpdateQuestionRequest& request);
[[nodiscard]] DecisionOr DecideOpenQuestion(const State& state, const DecideFacts& facts,
                                            const v1::OpenQuestionRequest& request);
[[nodiscard]] DecisionOr DecideCloseQuestion(const State& state, const DecideFacts& facts,
                                             const v1::CloseQuestionRequest& request);
// These four need `facts.history`.
[[nodiscard]] DecisionOr DecideResolveQuestion(const State& state, const DecideFacts& facts,
                                               const v1::ResolveQuestionRequest& request);
[[nodiscard]] DecisionOr DecideAmendResolution(const State& state, const DecideFacts& facts,
                                               const v1::AmendResolutionRequest& request);
[[nodiscard]] DecisionOr DecideAnnulQuestion(const State& state, const DecideFacts& facts,
                                             const v1::AnnulQuestionRequest& request);
[[nodiscard]] DecisionOr DecideBatchResolveQuestions(
    const State& state, const DecideFacts& facts, const v1::BatchResolveQuestionsRequest& request);

[[nodiscard]] DecisionOr DecideCreateForecast(const State& state, const DecideFacts& facts,
                                              const v1::CreateForecastRequest& request);
[[nodiscard]] DecisionOr DecideBatchCreateForecasts(const State& state, const DecideFacts& facts,
                                                    const v1::BatchCreateForecastsRequest& request);
[[nodiscard]] DecisionOr DecideWithdrawForecast(const State& state, const DecideFacts& facts,
                                                const v1::WithdrawForecastRequest& request);

[[nodiscard]] DecisionOr DecideSealForecast(const State& state, const DecideFacts& facts,
                                            const v1::SealForecastRequest& request);
[[nodiscard]] DecisionOr DecideRevealForecast(const State& state, const DecideFacts& facts,
                                              const v1::RevealForecastRequest& request);

[[nodiscard]] DecisionOr DecideRegisterAuthorKey(const State& state, const DecideFacts& facts,
                                                 const v1::RegisterAuthorKeyRequest& request);
[[nodiscard]] DecisionOr DecideRevokeAuthorKey(const State& state, const DecideFacts& facts,
                                               const v1::RevokeAuthorKeyRequest& request);

// The daily ticks of a network up to the record time, by the system. A decision without events
// where no midnight has passed or nothing moved.
[[nodiscard]] DecisionOr DecideTick(const State& state, const DecideFacts& facts,
                                    std::string_view network);

}  // namespace credence::server
