#include <gtest/gtest.h>
#include <CLI/CLI.hpp>

#include <sstream>

#include "absl/strings/match.h"
#include "credence/base/error.h"
#include "credence/cli/exit_code.h"
#include "credence/cli/reference.h"
#include "credence/client/client.h"
#include "fake_server.h"
#include "run_cli.h"

namespace credence::cli {
namespace {

using client::Answer;
using client::FakeReply;
using client::FakeServer;
using client::Refusal;

CliRun RunOn(const FakeServer& server, std::vector<std::string> args, const std::string& in = "") {
  args.insert(args.end(), {"--endpoint", server.endpoint(), "--timeout", "200ms"});
  return RunWith(args, in);
}

void Put(const std::string& state, double probability,
         google::protobuf::RepeatedPtrField<v1::StateProbability>* states) {
  v1::StateProbability* entry = states->Add();
  entry->set_state(state);
  entry->set_probability(probability);
}

v1::QueryPosteriorResponse Posterior() {
  v1::QueryPosteriorResponse response;
  response.mutable_posterior()->set_node("rain");
  Put("yes", 0.25, response.mutable_posterior()->mutable_states());
  Put("no", 0.75, response.mutable_posterior()->mutable_states());
  response.set_view_position(12);
  response.set_network("networks/weather");
  return response;
}

void ServeQuestions(FakeServer& server, const std::string& known) {
  server.On<v1::GetQuestionRequest>([known](const v1::GetQuestionRequest& request) {
    if (request.name() != known) return Refusal(absl::StatusCode::kNotFound, "no such question");
    v1::GetQuestionResponse response;
    response.mutable_question()->set_name(known);
    return Answer(response);
  });
}

TEST(ExitCodeTest, EachStatusHasItsCode) {
  const std::pair<absl::StatusCode, int> kCases[] = {{absl::StatusCode::kOk, 0},
                                                     {absl::StatusCode::kCancelled, 1},
                                                     {absl::StatusCode::kUnknown, 1},
                                                     {absl::StatusCode::kInvalidArgument, 1},
                                                     {absl::StatusCode::kDeadlineExceeded, 6},
                                                     {absl::StatusCode::kNotFound, 3},
                                                     {absl::StatusCode::kAlreadyExists, 4},
                                                     {absl::StatusCode::kPermissionDenied, 7},
                                                     {absl::StatusCode::kResourceExhausted, 1},
                                                     {absl::StatusCode::kFailedPrecondition, 5},
                                                     {absl::StatusCode::kAborted, 4},
                                                     {absl::StatusCode::kOutOfRange, 1},
                                                     {absl::StatusCode::kUnimplemented, 1},
                                                     {absl::StatusCode::kInternal, 1},
                                                     {absl::StatusCode::kUnavailable, 6},
                                                     {absl::StatusCode::kDataLoss, 8},
                                                     {absl::StatusCode::kUnauthenticated, 7}};
  for (const auto& [code, exit_code] : kCases) {
    EXPECT_EQ(ExitCode(absl::Status(code, "x")), exit_code) << absl::StatusCodeToString(code);
  }
  EXPECT_EQ(ExitCode(UsageError("x")), 2);
}

TEST(ExitCodeTest, AServersStatusBecomesTheExitCode) {
  for (const auto& [code, exit_code] :
       {std::pair{absl::StatusCode::kNotFound, 3}, std::pair{absl::StatusCode::kAborted, 4},
        std::pair{absl::StatusCode::kFailedPrecondition, 5},
        std::pair{absl::StatusCode::kPermissionDenied, 7},
        std::pair{absl::StatusCode::kInternal, 1}}) {
    FakeServer server;
    server.On<v1::GetTreeHeadRequest>(
        [code = code](const v1::GetTreeHeadRequest&) { return Refusal(code, "because"); });
    const CliRun run = RunOn(server, {"ledger", "head"});
    EXPECT_EQ(run.exit_code, exit_code);
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(run.err, "credence: because\n");
  }
}

TEST(ExitCodeTest, FieldsAndSubjectsStandOnLinesOfTheirOwn) {
  ErrorDetail detail;
  detail.reason = "ROW_INVALID";
  detail.fields = {{"a.b", "is wrong"}, {"c", "too"}};
  detail.subjects = {"networks/n/evidence/e"};
  std::ostringstream err;
  PrintError(MakeError(absl::StatusCode::kInvalidArgument, "two fields", detail), err);
  EXPECT_EQ(err.str(),
            "credence: two fields [ROW_INVALID]\n  a.b: is wrong\n  c: too\n"
            "  in the way: networks/n/evidence/e\n");
}

TEST(UsageTest, AMistypedWordSuggestsTheNearest) {
  CliRun run = RunWith({"questoin", "list"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_TRUE(absl::StrContains(run.err, "unknown command 'questoin' (did you mean 'question'?)"));
  run = RunWith({"question", "lsit"});
  EXPECT_TRUE(absl::StrContains(run.err, "did you mean 'list'?")) << run.err;
  run = RunWith({"question", "list", "--ouput=json"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_TRUE(absl::StrContains(run.err, "unknown flag '--ouput' (did you mean '--output'?)"));
  EXPECT_EQ(run.out, "");
}

TEST(UsageTest, IncompleteAndContradictoryLinesAreUsageErrors) {
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {},
           {"question"},
           {"question", "get"},
           {"question", "update", "q"},
           {"ledger", "head", "--output", "xml"},
           {"ledger", "head", "--timeout", "soon"},
           {"ledger", "head", "--as-of", "yesterday"},
           {"evidence", "get", "e"},
           {"evidence", "add", "q", "--node", "n"},
           {"evidence", "add", "q", "--decibans", "1", "--observed", "yes"},
           {"question", "list", "--state", "opne"},
           {"ledger", "watch", "--output", "csv"},
           {"posterior", "get"}}) {
    const CliRun run = RunWith(args);
    EXPECT_EQ(run.exit_code, 2) << run.err;
    EXPECT_NE(run.err, "");
    EXPECT_EQ(run.out, "");
  }
}

TEST(UsageTest, HelpIsDataAndNamesTheCommand) {
  const CliRun run = RunWith({"posterior", "get", "--help"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(run.out, "credence posterior get")) << run.out;
  EXPECT_EQ(run.err, "");
}

TEST(UsageTest, OfflineCommandsJoinTheProgramAndMayExtendAnother) {
  const OfflineCommandRegistrar serve = [](CLI::App& app, CliContext& context) {
    context.SetAction(app.add_subcommand("serve", "Serve"), [&context] {
      context.out() << "serving\n";
      return absl::OkStatus();
    });
    CLI::App* show = app.get_subcommand("network")->get_subcommand("show");
    context.SetAction(show, [] { return absl::DataLossError("broken"); });
  };
  EXPECT_EQ(RunWith({"serve"}, "", true, {serve}).out, "serving\n");
  EXPECT_EQ(RunWith({"network", "show", "n"}, "", true, {serve}).exit_code, 8);
}

TEST(OutputTest, JsonIsTheCanonicalFormOfTheResponse) {
  FakeServer server;
  ServeQuestions(server, "questions/rain");
  server.On<v1::QueryPosteriorRequest>(
      [](const v1::QueryPosteriorRequest&) { return Answer(Posterior()); });
  const CliRun run = RunOn(server, {"posterior", "get", "rain", "--output", "jsonl"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(
      run.out,
      "{\"posterior\":{\"node\":\"rain\",\"states\":[{\"state\":\"yes\",\"probability\":0.25},"
      "{\"state\":\"no\",\"probability\":0.75}]},\"viewPosition\":\"12\","
      "\"network\":\"networks/weather\"}\n");
}

TEST(OutputTest, EachFormShowsTheSameList) {
  FakeServer server;
  server.On<v1::ListSourcesRequest>([](const v1::ListSourcesRequest&) {
    v1::ListSourcesResponse response;
    response.add_sources()->set_name("sources/a");
    v1::Source& source = *response.add_sources();
    source.set_name("sources/wire");
    source.set_display_name("The \"Wire\", daily");
    source.set_evidence_count(3);
    return Answer(response);
  });
  const std::vector<std::string> list = {"source", "list", "--output"};
  const auto run = [&](const std::string& form) {
    std::vector<std::string> args = list;
    args.push_back(form);
    return RunOn(server, args).out;
  };
  EXPECT_EQ(run("name"), "sources/a\nsources/wire\n");
  EXPECT_EQ(run("jsonl"),
            "{\"name\":\"sources/a\"}\n{\"name\":\"sources/wire\",\"displayName\":\"The "
            "\\\"Wire\\\", daily\",\"evidenceCount\":\"3\"}\n");
  EXPECT_EQ(run("csv"),
            "SOURCE,NAME,ITEMS,URL,DESCRIPTION\na,,0,,\nwire,\"The \"\"Wire\"\", daily\",3,,\n");
  EXPECT_EQ(run("table"),
            "SOURCE  NAME               ITEMS  URL  DESCRIPTION\n"
            "a                              0\n"
            "wire    The \"Wire\", daily      3\n");
  EXPECT_TRUE(absl::StrContains(run("json"), "\"sources\": ["));
}

TEST(OutputTest, ListsJoinPagesUpToTheLimitAndSayWhatIsLeft) {
  FakeServer server;
  server.On<v1::ListSourcesRequest>([](const v1::ListSourcesRequest& request) {
    v1::ListSourcesResponse response;
    const std::string& token = request.page().page_token();
    response.add_sources()->set_name(token.empty() ? "sources/a" : "sources/b");
    if (token.empty()) response.set_next_page_token("more");
    return Answer(response);
  });
  EXPECT_EQ(RunOn(server, {"source", "list", "--output", "name"}).out, "sources/a\nsources/b\n");
  const CliRun run = RunOn(server, {"source", "list", "--limit", "1", "--output", "name"});
  EXPECT_EQ(run.out, "sources/a\n");
  EXPECT_TRUE(absl::StrContains(run.err, "--page-token more")) << run.err;
}

TEST(WriteTest, ShowsTheMovesAndTheReceipt) {
  FakeServer server;
  v1::CreateEvidenceRequest seen;
  server.On<v1::CreateEvidenceRequest>([&](const v1::CreateEvidenceRequest& request) {
    seen = request;
    v1::CreateEvidenceResponse response;
    response.mutable_evidence()->set_name("networks/weather/evidence/clouds");
    v1::PosteriorMove& move = *response.add_moves();
    move.set_question("questions/rain");
    move.set_state("yes");
    move.set_probability_before(0.25);
    move.set_probability_after(0.4);
    move.set_weight_decibans(3.0103);
    response.mutable_receipt()->set_position(7);
    response.mutable_receipt()->set_event_count(2);
    response.mutable_receipt()->set_request_id("id-1");
    return Answer(response);
  });
  const CliRun run =
      RunOn(server, {"evidence", "add", "rain", "--node", "rain", "--likelihood-ratio", "2",
                     "--source", "wire", "--occur-time", "2022-01-07", "--request-id", "id-1",
                     "--actor", "forecasters/me", "--effective-time", "1d", "--half-life", "30d"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_TRUE(absl::StrContains(run.out, "questions/rain  yes    25.00 %  40.00 %  +15.00 pp"));
  EXPECT_TRUE(absl::StrContains(run.out, "+3.01"));
  EXPECT_TRUE(absl::StrContains(run.out, "recorded at position 7 (2 events)")) << run.out;
  EXPECT_EQ(seen.parent(), "questions/rain");
  EXPECT_EQ(seen.options().request_id(), "id-1");
  EXPECT_EQ(seen.options().actor(), "forecasters/me");
  // A week after the epoch of these tests less one day; noon where only a date is given.
  EXPECT_EQ(seen.options().effective_time().seconds(), 1641513600);
  EXPECT_EQ(seen.evidence().model().occur_time().seconds(), 1641513600 + 43200);
  EXPECT_EQ(seen.evidence().model().half_life_duration().seconds(), 30 * 86400);
  EXPECT_EQ(seen.evidence().model().source(), "sources/wire");
}

TEST(WriteTest, ADryRunOnlyValidatesAndSaysSo) {
  FakeServer server;
  bool validate_only = false;
  server.On<v1::CreateSourceRequest>([&](const v1::CreateSourceRequest& request) {
    validate_only = request.options().validate_only();
    return Answer(v1::CreateSourceResponse());
  });
  const CliRun run = RunOn(server, {"source", "create", "wire", "--dry-run"});
  EXPECT_TRUE(validate_only);
  EXPECT_TRUE(absl::StrContains(run.out, "dry run: nothing was recorded"));
}

TEST(TargetTest, AnIdIsAQuestionElseTheNodeOfTheOnlyNetwork) {
  FakeServer server;
  ServeQuestions(server, "questions/rain");
  std::vector<std::string> networks = {"networks/weather"};
  server.On<v1::ListNetworksRequest>([&](const v1::ListNetworksRequest&) {
    v1::ListNetworksResponse response;
    for (const std::string& network : networks) response.add_networks()->set_name(network);
    return Answer(response);
  });
  v1::InferenceTarget target;
  server.On<v1::QueryPosteriorRequest>([&](const v1::QueryPosteriorRequest& request) {
    target = request.target();
    return Answer(Posterior());
  });
  const auto name_of = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"posterior", "get"});
    target.Clear();
    EXPECT_EQ(RunOn(server, args).exit_code, 0);
    return target.name();
  };
  EXPECT_EQ(name_of({"rain"}), "questions/rain");
  EXPECT_EQ(name_of({"clouds"}), "networks/weather/nodes/clouds");
  EXPECT_EQ(name_of({"weather"}), "networks/weather");
  EXPECT_EQ(name_of({"clouds", "--network", "other"}), "networks/other/nodes/clouds");
  EXPECT_EQ(name_of({"--network", "other"}), "networks/other");
  EXPECT_EQ(name_of({"questions/x"}), "questions/x");
  networks.emplace_back("networks/second");
  const CliRun run = RunOn(server, {"posterior", "get", "clouds"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_TRUE(absl::StrContains(run.err, "--network")) << run.err;
}

TEST(TargetTest, ViewsTakeAPositionOrATimeAndALimitOfEvidence) {
  FakeServer server;
  ServeQuestions(server, "questions/rain");
  v1::InferenceTarget target;
  server.On<v1::QueryPosteriorRequest>([&](const v1::QueryPosteriorRequest& request) {
    target = request.target();
    return Answer(Posterior());
  });
  ASSERT_EQ(RunOn(server, {"posterior", "get", "rain", "--as-of", "12", "--effective-time",
                           "2021-08-15", "--evidence-before", "2021-08-15T06:00:00+02:00"})
                .exit_code,
            0);
  EXPECT_EQ(target.view().position(), 12);
  EXPECT_EQ(target.effective_time().seconds(), 1628985600);
  EXPECT_EQ(target.view().evidence_occur_time_limit().seconds(), 1628985600 + 4 * 3600);
  ASSERT_EQ(RunOn(server, {"posterior", "get", "rain", "--as-of", "7d"}).exit_code, 0);
  EXPECT_EQ(target.view().record_time().seconds(), 1640995200);
}

TEST(WatchCommandTest, GivesOneLineForEachEventAndStopsAtItsCount) {
  FakeServer server;
  server.On<v1::WatchEventsRequest>([](const v1::WatchEventsRequest& request) {
    v1::WatchEventsResponse response;
    for (int64_t position = request.start_position(); position < 9; ++position) {
      v1::Event& event = *response.add_events();
      event.mutable_envelope()->set_position(position);
      event.mutable_envelope()->mutable_payload()->set_type_url("type.googleapis.com/x.y.Novel");
      event.mutable_envelope()->mutable_payload()->set_value("abc");
    }
    response.set_next_position(9);
    return Answer(response);
  });
  const CliRun run = RunOn(
      server, {"ledger", "watch", "--start-position", "5", "--count", "2", "--output", "jsonl"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 2);
  // A type of a newer server is shown by its name and its bytes.
  EXPECT_TRUE(absl::StrContains(run.out, "x.y.Novel")) << run.out;
  EXPECT_TRUE(absl::StrContains(run.out, "YWJj")) << run.out;
}

TEST(ReferenceTest, CompletionAndManualNameEveryCommandAndFlag) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const CliRun run = RunWith({"completion", shell});
    EXPECT_EQ(run.exit_code, 0);
    for (const char* word : {"question", "leaderboard", "effective-time", "endpoint"}) {
      EXPECT_TRUE(absl::StrContains(run.out, word)) << shell << ": " << word;
    }
  }
  EXPECT_TRUE(absl::StrContains(RunWith({"completion", "zsh"}).out, "#compdef credence"));
  const std::string page = RunWith({"man"}).out;
  EXPECT_TRUE(absl::StrContains(page, ".TH CREDENCE 1"));
  EXPECT_TRUE(absl::StrContains(page, ".SS \"credence posterior explain\""));
  EXPECT_TRUE(absl::StrContains(page, "\\-\\-evidence\\-before"));
}

}  // namespace
}  // namespace credence::cli
