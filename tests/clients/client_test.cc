#include "credence/client/client.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "absl/synchronization/notification.h"
#include "credence/client/error.h"
#include "credence/client/request_id.h"
#include "fake_server.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "prepare.h"

namespace credence::client {
namespace {

ClientOptions OptionsFor(const FakeServer& server) {
  ClientOptions options;
  options.endpoint = server.endpoint();
  options.backoff = absl::Milliseconds(1);
  options.backoff_max = absl::Milliseconds(2);
  return options;
}

v1::CreateSourceResponse Recorded(int64_t position, int64_t event_count = 1) {
  v1::CreateSourceResponse response;
  response.mutable_receipt()->set_position(position);
  response.mutable_receipt()->set_event_count(event_count);
  return response;
}

std::string DetailsOf(const std::vector<const google::protobuf::Message*>& parts) {
  google::rpc::Status status;
  for (const auto* part : parts) status.add_details()->PackFrom(*part);
  return status.SerializeAsString();
}

bool IsUuid(const std::string& text, char version) {
  if (text.size() != 36 || text[14] != version) return false;
  return text.find_first_not_of("0123456789abcdef-") == std::string::npos &&
         std::string("89ab").find(text[19]) != std::string::npos;
}

TEST(ClientTest, RepeatsAnUnavailableWriteWithTheSameRequestId) {
  FakeServer server;
  std::vector<std::string> ids;
  server.On<v1::CreateSourceRequest>([&](const v1::CreateSourceRequest& request) {
    ids.push_back(request.options().request_id());
    return ids.size() < 3 ? Refusal(absl::StatusCode::kUnavailable, "draining")
                          : Answer(Recorded(7));
  });
  Client client(OptionsFor(server));
  ASSERT_TRUE(client.CreateSource(v1::CreateSourceRequest()).ok());
  ASSERT_EQ(ids.size(), 3u);
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_EQ(ids[1], ids[2]);
  EXPECT_TRUE(IsUuid(ids[0], '4')) << ids[0];
}

TEST(ClientTest, EachWriteHasItsOwnRequestIdAndKeepsOneThatIsGiven) {
  FakeServer server;
  std::vector<std::string> ids;
  server.On<v1::CreateSourceRequest>([&](const v1::CreateSourceRequest& request) {
    ids.push_back(request.options().request_id());
    return Answer(Recorded(0));
  });
  Client client(OptionsFor(server));
  v1::CreateSourceRequest named;
  named.mutable_options()->set_request_id("mine");
  ASSERT_TRUE(client.CreateSource(v1::CreateSourceRequest()).ok());
  ASSERT_TRUE(client.CreateSource(v1::CreateSourceRequest()).ok());
  ASSERT_TRUE(client.CreateSource(named).ok());
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_EQ(ids[2], "mine");
}

TEST(ClientTest, GivesUpAfterItsRetries) {
  FakeServer server;
  server.On<v1::GetSourceRequest>(
      [](const v1::GetSourceRequest&) { return Refusal(absl::StatusCode::kUnavailable, "down"); });
  ClientOptions options = OptionsFor(server);
  options.retries = 2;
  Client client(options);
  EXPECT_TRUE(absl::IsUnavailable(client.GetSource(v1::GetSourceRequest()).status()));
  EXPECT_EQ(server.calls().size(), 3u);
}

TEST(ClientTest, RepeatsNoOtherErrorUnlessTheServerAsksForIt) {
  FakeServer server;
  server.On<v1::GetSourceRequest>([](const v1::GetSourceRequest&) {
    return Refusal(absl::StatusCode::kResourceExhausted, "full");
  });
  Client client(OptionsFor(server));
  EXPECT_FALSE(client.GetSource(v1::GetSourceRequest()).ok());
  EXPECT_EQ(server.calls().size(), 1u);

  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(1000000);
  const std::string details = DetailsOf({&retry});
  int count = 0;
  server.On<v1::GetSourceRequest>([&](const v1::GetSourceRequest&) {
    return ++count == 1 ? Refusal(absl::StatusCode::kResourceExhausted, "full", details)
                        : Answer(v1::GetSourceResponse());
  });
  EXPECT_TRUE(client.GetSource(v1::GetSourceRequest()).ok());
  EXPECT_EQ(count, 2);
}

TEST(ClientTest, AnEndpointThatNobodyServesIsUnavailable) {
  ClientOptions options;
  {
    FakeServer gone;
    options = OptionsFor(gone);
  }
  options.retries = 1;
  Client client(options);
  EXPECT_TRUE(absl::IsUnavailable(client.GetTreeHead(v1::GetTreeHeadRequest()).status()));
}

TEST(ClientTest, ReadsWaitForTheLastPositionThatWasWritten) {
  FakeServer server;
  server.On<v1::CreateSourceRequest>(
      [](const v1::CreateSourceRequest&) { return Answer(Recorded(10, 3)); });
  std::vector<v1::GetSourceRequest> reads;
  server.On<v1::GetSourceRequest>([&](const v1::GetSourceRequest& request) {
    reads.push_back(request);
    return Answer(v1::GetSourceResponse());
  });
  Client client(OptionsFor(server));
  ASSERT_TRUE(client.GetSource(v1::GetSourceRequest()).ok());
  ASSERT_TRUE(client.CreateSource(v1::CreateSourceRequest()).ok());
  EXPECT_EQ(client.written_position(), 12);
  ASSERT_TRUE(client.GetSource(v1::GetSourceRequest()).ok());
  v1::GetSourceRequest past;
  past.mutable_view()->set_position(4);
  ASSERT_TRUE(client.GetSource(past).ok());
  EXPECT_FALSE(reads[0].view().has_min_position());
  EXPECT_EQ(reads[1].view().min_position(), 12);
  EXPECT_FALSE(reads[2].view().has_min_position());
}

TEST(ClientTest, ReadYourWritesCanBeSwitchedOff) {
  FakeServer server;
  server.On<v1::CreateSourceRequest>(
      [](const v1::CreateSourceRequest&) { return Answer(Recorded(10)); });
  bool waits = true;
  server.On<v1::GetSourceRequest>([&](const v1::GetSourceRequest& request) {
    waits = request.view().has_min_position();
    return Answer(v1::GetSourceResponse());
  });
  ClientOptions options = OptionsFor(server);
  options.read_your_writes = false;
  Client client(options);
  ASSERT_TRUE(client.CreateSource(v1::CreateSourceRequest()).ok());
  ASSERT_TRUE(client.GetSource(v1::GetSourceRequest()).ok());
  EXPECT_FALSE(waits);
}

TEST(ClientTest, ErrorsCarryReasonMetadataFieldsAndSubjects) {
  google::rpc::ErrorInfo info;
  info.set_reason("CONTRADICTORY_EVIDENCE");
  (*info.mutable_metadata())["network"] = "n";
  google::rpc::BadRequest bad_request;
  auto* violation = bad_request.add_field_violations();
  violation->set_field("evidence.model");
  violation->set_description("contradicts");
  google::rpc::PreconditionFailure failure;
  failure.add_violations()->set_subject("networks/n/evidence/a");
  const std::string details = DetailsOf({&info, &bad_request, &failure});
  FakeServer server;
  server.On<v1::CreateEvidenceRequest>([&](const v1::CreateEvidenceRequest&) {
    return Refusal(absl::StatusCode::kFailedPrecondition, "impossible", details);
  });
  Client client(OptionsFor(server));
  const absl::Status status = client.CreateEvidence(v1::CreateEvidenceRequest()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(std::string(status.message()), "impossible");
  const ErrorDetail detail = GetErrorDetail(status);
  EXPECT_EQ(detail.reason, "CONTRADICTORY_EVIDENCE");
  EXPECT_EQ(detail.metadata.at("network"), "n");
  ASSERT_EQ(detail.fields.size(), 1u);
  EXPECT_EQ(detail.fields[0], (FieldViolation{"evidence.model", "contradicts"}));
  EXPECT_EQ(detail.subjects, std::vector<std::string>{"networks/n/evidence/a"});
}

TEST(ClientTest, MalformedDetailsAndUnknownCodesStillMakeAnError) {
  const absl::Status status = StatusOfRpc(99, "odd", "\xff\xff");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(GetErrorDetail(status).reason, "");
}

TEST(ClientTest, FindsAnRpcForEveryRequestOfTheContract) {
  std::set<std::string> methods;
  int count = 0;
  for (const auto* any :
       {v1::GetQuestionRequest::descriptor(), v1::GetNetworkRequest::descriptor(),
        v1::GetEvidenceRequest::descriptor(), v1::GetPoolRequest::descriptor(),
        v1::QueryPosteriorRequest::descriptor(), v1::ListScoresRequest::descriptor(),
        v1::GetTreeHeadRequest::descriptor()}) {
    const auto* service = any->file()->service(0);
    for (int index = 0; index < service->method_count(); ++index, ++count) {
      methods.insert(MethodOf(*service->method(index)->input_type()));
    }
  }
  EXPECT_EQ(methods.count(""), 0u);
  EXPECT_EQ(methods.size(), static_cast<size_t>(count));
  EXPECT_EQ(MethodOf(*v1::Question::descriptor()), "");
}

v1::WatchEventsResponse Events(const std::vector<int64_t>& positions, int64_t next_position) {
  v1::WatchEventsResponse response;
  for (const int64_t position : positions) {
    response.add_events()->mutable_envelope()->set_position(position);
  }
  response.set_next_position(next_position);
  return response;
}

FakeReply Broken(const std::vector<v1::WatchEventsResponse>& messages) {
  FakeReply reply = Refusal(absl::StatusCode::kUnavailable, "connection lost");
  for (const auto& message : messages) reply.messages.push_back(message.SerializeAsString());
  return reply;
}

TEST(WatchTest, ResumesWithoutGapOrRepeat) {
  FakeServer server;
  std::vector<int64_t> starts;
  server.On<v1::WatchEventsRequest>([&](const v1::WatchEventsRequest& request) {
    starts.push_back(request.start_position());
    if (starts.size() == 1) return Broken({Events({2, 3}, 4), Events({}, 6)});
    if (starts.size() == 2) return Broken({});
    // A server that begins a little early gives nothing twice all the same.
    return Broken({Events({3, 6, 7}, 8), Events({8}, 9)});
  });
  Client client(OptionsFor(server));
  v1::WatchEventsRequest request;
  request.set_start_position(2);
  std::vector<int64_t> seen;
  const absl::Status status =
      client.WatchEvents(request, [&](const v1::WatchEventsResponse& message) {
        for (const auto& event : message.events()) seen.push_back(event.envelope().position());
        return seen.size() < 5;
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(seen, (std::vector<int64_t>{2, 3, 6, 7, 8}));
  EXPECT_EQ(starts, (std::vector<int64_t>{2, 6, 6}));
}

TEST(WatchTest, PinsTheHeadBeforeItBegins) {
  FakeServer server;
  server.On<v1::GetTreeHeadRequest>([](const v1::GetTreeHeadRequest&) {
    v1::GetTreeHeadResponse response;
    response.mutable_tree_head()->set_tree_size(41);
    return Answer(response);
  });
  int64_t start = -1;
  server.On<v1::WatchEventsRequest>([&](const v1::WatchEventsRequest& request) {
    start = request.start_position();
    return Broken({Events({41}, 42)});
  });
  Client client(OptionsFor(server));
  const absl::Status status = client.WatchEvents(
      v1::WatchEventsRequest(), [](const v1::WatchEventsResponse&) { return false; });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(start, 41);
}

TEST(WatchTest, EndsAfterItsRetriesWithoutProgressAndAtOtherErrors) {
  FakeServer server;
  server.On<v1::WatchPosteriorsRequest>(
      [](const v1::WatchPosteriorsRequest&) { return Broken({}); });
  ClientOptions options = OptionsFor(server);
  options.retries = 2;
  Client client(options);
  v1::WatchPosteriorsRequest request;
  request.set_start_position(0);
  const auto keep_on = [](const v1::WatchPosteriorsResponse&) { return true; };
  EXPECT_TRUE(absl::IsUnavailable(client.WatchPosteriors(request, keep_on)));
  EXPECT_EQ(server.calls().size(), 3u);
  server.On<v1::WatchPosteriorsRequest>([](const v1::WatchPosteriorsRequest&) {
    return Refusal(absl::StatusCode::kNotFound, "no such question");
  });
  EXPECT_TRUE(absl::IsNotFound(client.WatchPosteriors(request, keep_on)));
  EXPECT_EQ(server.calls().size(), 4u);
}

TEST(WatchTest, CanBeCancelledFromAnotherThread) {
  FakeServer server;
  server.On<v1::WatchEventsRequest>(
      [](const v1::WatchEventsRequest&) { return Broken({Events({0}, 1)}); });
  Client client(OptionsFor(server));
  absl::Notification first;
  absl::Notification cancelled;
  std::jthread canceller([&] {
    first.WaitForNotification();
    client.CancelWatches();
    cancelled.Notify();
  });
  v1::WatchEventsRequest request;
  request.set_start_position(0);
  const absl::Status status = client.WatchEvents(request, [&](const v1::WatchEventsResponse&) {
    first.Notify();
    cancelled.WaitForNotification();
    return true;
  });
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
}

TEST(RequestIdTest, IdsOfContentDependOnItAlone) {
  EXPECT_EQ(RequestIdOf("a"), RequestIdOf("a"));
  EXPECT_NE(RequestIdOf("a"), RequestIdOf("b"));
  EXPECT_TRUE(IsUuid(RequestIdOf("a"), '8')) << RequestIdOf("a");
  EXPECT_TRUE(IsUuid(RequestIdOf(""), '8'));
}

}  // namespace
}  // namespace credence::client
