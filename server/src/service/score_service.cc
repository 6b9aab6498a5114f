#include <algorithm>

#include "absl/strings/numbers.h"
#include "credence/base/strings.h"
#include "credence/v1/score_service.pb.h"
#include "decide/checks.h"
#include "query/find.h"
#include "query/score_queries.h"
#include "query/score_report.h"
#include "service/method.h"
#include "service/services.h"

namespace credence::server {
namespace {

constexpr std::string_view kService = "credence.v1.ScoreService";

// Calls `show` for the scores of one question that a list shows, by version.
template <typename Show>
void ForEachShown(const QuestionState& question, const v1::ListScoresRequest& request,
                  absl::Time at, const Show& show) {
  const ScoreVersionState* in_force = question.ScoresAt(at);
  for (const auto& version : question.scores) {
    if (version->effective_time > at) continue;
    if (!request.all_versions() && version.get() != in_force) continue;
    for (const SubjectScoreState& subject : version->subjects) {
      if (request.subject().empty() || subject.subject == request.subject()) {
        show(*version, subject);
      }
    }
  }
}

// Where a list goes on: a question and how many of its scores were shown.
struct ScoreKey {
  std::string question;
  size_t index = 0;
};

ScoreKey ParseKey(const PageStart& page) {
  ScoreKey key;
  if (!page.key.has_value()) return key;
  const size_t slash = page.key->find('/');
  key.question = page.key->substr(0, slash);
  uint64_t index = 0;
  if (slash != std::string::npos && absl::SimpleAtoi(page.key->substr(slash + 1), &index)) {
    key.index = index;
  }
  return key;
}

absl::Status List(ReadCall& call, const v1::ListScoresRequest& request,
                  v1::ListScoresResponse& response) {
  const State& state = *call.view.state;
  std::vector<std::string> ids;
  if (request.question().empty()) {
    ids = state.questions.SortedIds();
  } else {
    CREDENCE_ASSIGN_OR_RETURN(const QuestionState* question,
                              FindQuestion(state, request.question(), "question"));
    ids.push_back(question->id);
  }
  if (!request.subject().empty()) {
    CREDENCE_RETURN_IF_ERROR(CheckSubject(request.subject(), "subject"));
  }
  absl::Time at = absl::InfiniteFuture();
  if (request.has_effective_time()) {
    CREDENCE_ASSIGN_OR_RETURN(at, ParseTime(request.effective_time(), "effective_time"));
  }
  const ScoreKey from = ParseKey(call.page);
  for (auto id = std::lower_bound(ids.begin(), ids.end(), from.question); id != ids.end(); ++id) {
    const QuestionState& question = *state.questions.Find(*id);
    const size_t first = *id == from.question ? from.index : 0;
    size_t index = 0;
    ForEachShown(question, request, at, [&](const auto& version, const auto& subject) {
      const size_t here = index++;
      if (here < first || !call.next_key.empty()) return;
      if (static_cast<size_t>(response.scores_size()) == call.page.size) {
        call.next_key = Cat(*id, "/", here);
      } else {
        *response.add_scores() = ToScoreResource(question, version, subject);
      }
    });
    if (!call.next_key.empty()) break;
  }
  return absl::OkStatus();
}

absl::Status Scorecard(ReadCall& call, const v1::GetScorecardRequest& request,
                       v1::GetScorecardResponse& response) {
  CREDENCE_RETURN_IF_ERROR(FillScorecard(*call.view.state, request, response));
  FillSeals(*call.view.state, request.subject(), call.view.time, response);
  return absl::OkStatus();
}

absl::Status Leaderboard(ReadCall& call, const v1::GetLeaderboardRequest& request,
                         v1::GetLeaderboardResponse& response) {
  CREDENCE_RETURN_IF_ERROR(FillLeaderboard(*call.view.state, request, response));
  for (v1::LeaderboardEntry& entry : *response.mutable_entries()) {
    FillSeals(*call.view.state, entry.subject(), call.view.time, entry);
  }
  return absl::OkStatus();
}

absl::Status Calibration(ReadCall& call, const v1::GetCalibrationRequest& request,
                         v1::GetCalibrationResponse& response) {
  return FillCalibration(*call.view.state, request, response);
}

absl::Status Comparison(ReadCall& call, const v1::CompareForecastersRequest& request,
                        v1::CompareForecastersResponse& response) {
  return FillComparison(*call.view.state, request, response);
}

}  // namespace

void AddScoreService(Router& router, Engine& engine) {
  AddRead<v1::ListScoresRequest, v1::ListScoresResponse>(
      router, engine, kService, "ListScores",
      {.scope = [](const v1::ListScoresRequest& request) { return request.question(); },
       .answer = List});
  AddRead<v1::GetScorecardRequest, v1::GetScorecardResponse>(
      router, engine, kService, "GetScorecard", {.scope = WholeLedger, .answer = Scorecard});
  AddRead<v1::GetLeaderboardRequest, v1::GetLeaderboardResponse>(
      router, engine, kService, "GetLeaderboard", {.scope = WholeLedger, .answer = Leaderboard});
  AddRead<v1::GetCalibrationRequest, v1::GetCalibrationResponse>(
      router, engine, kService, "GetCalibration", {.scope = WholeLedger, .answer = Calibration});
  AddRead<v1::CompareForecastersRequest, v1::CompareForecastersResponse>(
      router, engine, kService, "CompareForecasters", {.scope = WholeLedger, .answer = Comparison});
}

}  // namespace credence::server
