#include <algorithm>

#include "absl/strings/numbers.h"
#include "credence/base/strings.h"
#include "credence/v1/score_service.pb.h"
#include "query/find.h"
#include "query/scores.h"
#include "service/method.h"
#include "service/services.h"

namespace credence::server {
namespace {

constexpr std::string_view kService = "credence.v1.ScoreService";

// The scores of one question that a list shows, by version.
std::vector<v1::Score> ShownScores(const QuestionState& question,
                                   const v1::ListScoresRequest& request) {
  std::vector<v1::Score> shown;
  const ScoreVersionState* in_force = ScoresInForce(question);
  for (const auto& version : question.scores) {
    if (!request.all_versions() && version.get() != in_force) continue;
    for (v1::Score& score : ToScoreResources(question, *version)) {
      if (!request.subject().empty() && score.subject() != request.subject()) continue;
      shown.push_back(std::move(score));
    }
  }
  return shown;
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
  const ScoreKey from = ParseKey(call.page);
  for (auto id = std::lower_bound(ids.begin(), ids.end(), from.question); id != ids.end(); ++id) {
    const std::vector<v1::Score> shown = ShownScores(*state.questions.Find(*id), request);
    for (size_t i = *id == from.question ? from.index : 0; i < shown.size(); ++i) {
      if (static_cast<size_t>(response.scores_size()) == call.page.size) {
        call.next_key = Cat(*id, "/", i);
        return absl::OkStatus();
      }
      *response.add_scores() = shown[i];
    }
  }
  return absl::OkStatus();
}

absl::Status Scorecard(ReadCall& call, const v1::GetScorecardRequest& request,
                       v1::GetScorecardResponse& response) {
  return FillScorecard(*call.view.state, request.subject(), response);
}

absl::Status Leaderboard(ReadCall& call, const v1::GetLeaderboardRequest& request,
                         v1::GetLeaderboardResponse& response) {
  return FillLeaderboard(*call.view.state, request, response);
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
}

}  // namespace credence::server
