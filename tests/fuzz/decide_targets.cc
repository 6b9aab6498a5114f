#include <memory>
#include <string>

#include "../server/world.h"
#include "credence/base/check.h"
#include "fuzz_target.h"
#include "service/parse.h"

// Commands of any content, in any order, in a world that has a network, a question, sources and
// forecasters: whatever comes, decide refuses or gives events that fold.
namespace credence::fuzz {
namespace {

using server::Decision;
using server::DecisionOr;
using server::World;

constexpr int kCommandsMax = 16;

template <typename Request>
void Do(World& world, World::Decider<Request> decide, std::string_view bytes) {
  Request request;
  if (!server::ParseRequest(bytes, request).ok()) return;
  const DecisionOr decision = world.Do<Request>(decide, request);
  if (!decision.ok()) {
    CREDENCE_CHECK(!GetErrorDetail(decision.status()).reason.empty());
    return;
  }
  CREDENCE_CHECK(!decision->events.empty());
  for (const v1::PosteriorMove& move : decision->moves) {
    const double after = move.probability_after();
    CREDENCE_CHECK(after >= 0 && after <= 1);
  }
}

using Command = void (*)(World&, std::string_view);

template <typename Request, World::Decider<Request> decide>
void Run(World& world, std::string_view bytes) {
  Do<Request>(world, decide, bytes);
}

// A command's number is its place here: new ones go to the end, or the corpus means something else.
constexpr Command kCommands[] = {
    Run<v1::CreateSourceRequest, server::DecideCreateSource>,
    Run<v1::CreateForecasterRequest, server::DecideCreateForecaster>,
    Run<v1::SetGradeTableRequest, server::DecideSetGradeTable>,
    Run<v1::CreateNetworkRequest, server::DecideCreateNetwork>,
    Run<v1::ReviseNetworkRequest, server::DecideReviseNetwork>,
    Run<v1::CreateEvidenceRequest, server::DecideCreateEvidence>,
    Run<v1::BatchCreateEvidenceRequest, server::DecideBatchCreateEvidence>,
    Run<v1::RetractEvidenceRequest, server::DecideRetractEvidence>,
    Run<v1::SupersedeEvidenceRequest, server::DecideSupersedeEvidence>,
    Run<v1::ClusterEvidenceRequest, server::DecideClusterEvidence>,
    Run<v1::CreateQuestionRequest, server::DecideCreateQuestion>,
    Run<v1::BatchCreateQuestionsRequest, server::DecideBatchCreateQuestions>,
    Run<v1::UpdateQuestionRequest, server::DecideUpdateQuestion>,
    Run<v1::OpenQuestionRequest, server::DecideOpenQuestion>,
    Run<v1::CloseQuestionRequest, server::DecideCloseQuestion>,
    Run<v1::ResolveQuestionRequest, server::DecideResolveQuestion>,
};
constexpr size_t kCommandCount = sizeof kCommands / sizeof kCommands[0];

// Made once: a copy shares what is not changed.
const World& BeginWorld() {
  static const auto* const kWorld = [] {
    auto* const world = new World();
    (void)world->Do<v1::CreateNetworkRequest>(server::DecideCreateNetwork, R"pb(
      network_id: "n"
      network {
        title: "N"
        model {
          open_time { seconds: 1767225600 }
          deadline_time { seconds: 1798761600 }
          nodes {
            node: "d"
            role: NODE_ROLE_DRIVER
            states: "a"
            states: "b"
            rows { rows { fixed { probabilities: 0.5 probabilities: 0.5 } } }
          }
          nodes {
            node: "q"
            role: NODE_ROLE_QUESTION
            states: "yes"
            states: "no"
            parents: "d"
            rows {
              rows { fixed { probabilities: 0.8 probabilities: 0.2 } }
              rows { fixed { probabilities: 0.4 probabilities: 0.6 } }
            }
          }
        }
      })pb");
    (void)world->Do<v1::CreateQuestionRequest>(server::DecideCreateQuestion, R"pb(
      question_id: "q"
      question { title: "Q" network: "networks/n" node: "q" })pb");
    (void)world->Do<v1::CreateSourceRequest>(server::DecideCreateSource, R"pb(source_id: "s")pb");
    (void)world->Do<v1::CreateForecasterRequest>(server::DecideCreateForecaster,
                                                 R"pb(forecaster_id: "f")pb");
    CREDENCE_CHECK(world->state.size > 3);
    return world;
  }();
  return *kWorld;
}

// Records of a command's number, the length of its request in two bytes, and the request.
void Decide(std::string_view input) {
  World world = BeginWorld();
  for (int count = 0; count < kCommandsMax && input.size() >= 3; ++count) {
    const auto byte = [&](size_t index) {
      return static_cast<size_t>(static_cast<unsigned char>(input[index]));
    };
    const size_t command = byte(0) % kCommandCount;
    const size_t size = std::min(byte(1) << 8U | byte(2), input.size() - 3);
    kCommands[command](world, input.substr(3, size));
    input.remove_prefix(3 + size);
  }
}

}  // namespace

std::vector<FuzzTarget> DecideTargets() { return {{"decide", Decide}}; }

}  // namespace credence::fuzz
