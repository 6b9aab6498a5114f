#include <thread>

#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "http/codec.h"
#include "http_served.h"

// The contract over HTTP: what curl, a browser and a client of the Connect protocol meet.
namespace credence::server {
namespace {

using ::testing::HasSubstr;

constexpr const char* kGetQuestion = "/credence.v1.QuestionService/GetQuestion";
constexpr const char* kWatchEvents = "/credence.v1.LedgerService/WatchEvents";

class HttpTest : public HttpServiceTest {};

google::protobuf::Struct Json(const std::string& text) {
  google::protobuf::Struct json;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(text, &json).ok()) << text;
  return json;
}

TEST_F(HttpTest, JsonCallsAnswerAsGrpcDoes) {
  const auto response = Connect().Post(kGetQuestion, R"({"name":"questions/q"})");
  EXPECT_EQ(response.result_int(), 200U);
  EXPECT_EQ(response[http::field::content_type], "application/json");
  v1::GetQuestionResponse answer;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(response.body(), &answer).ok());
  v1::GetQuestionRequest request;
  request.set_name("questions/q");
  const auto expected = client->GetQuestion(request);
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_EQ(answer.SerializeAsString(), expected->SerializeAsString());
}

TEST_F(HttpTest, ProtobufCallsAnswerInProtobuf) {
  v1::GetQuestionRequest request;
  request.set_name("questions/q");
  const auto response =
      Connect().Post(kGetQuestion, request.SerializeAsString(), "application/proto");
  EXPECT_EQ(response[http::field::content_type], "application/proto");
  v1::GetQuestionResponse answer;
  ASSERT_TRUE(answer.ParseFromString(response.body()));
  EXPECT_EQ(answer.question().title(), "Will it happen?");
}

TEST_F(HttpTest, WritesAreRecorded) {
  const int64_t before = tree_size();
  const auto response = Connect().Post("/credence.v1.EvidenceService/CreateEvidence",
                                       R"({"parent":"networks/n","evidenceId":"report-1",
          "evidence":{"model":{"node":"q","likelihoodRatio":3}}})");
  EXPECT_EQ(response.result_int(), 200U) << response.body();
  EXPECT_GT(tree_size(), before);
}

TEST_F(HttpTest, ErrorsCarryCodeReasonAndField) {
  const auto missing = Connect().Post(kGetQuestion, R"({"name":"questions/none"})");
  EXPECT_EQ(missing.result_int(), 404U);
  EXPECT_EQ(Json(missing.body()).fields().at("code").string_value(), "not_found");

  const auto malformed = Connect().Post(kGetQuestion, R"({"name":7})");
  EXPECT_EQ(malformed.result_int(), 400U);
  const auto unknown_field = Connect().Post(kGetQuestion, R"({"nam":"x"})");
  EXPECT_EQ(unknown_field.result_int(), 400U);
  const auto json = Json(unknown_field.body());
  EXPECT_EQ(json.fields().at("code").string_value(), "invalid_argument");
  const auto& info = json.fields().at("details").list_value().values(0).struct_value().fields();
  EXPECT_EQ(info.at("type").string_value(), "google.rpc.ErrorInfo");
  EXPECT_EQ(info.at("debug").struct_value().fields().at("reason").string_value(), "FIELD_INVALID");
}

TEST_F(HttpTest, MethodsAndTypesThatDoNotFitAreRefused) {
  HttpClient browser = Connect();
  const auto put = browser.Send(HttpClient::Request(http::verb::put, kGetQuestion));
  EXPECT_EQ(put.result_int(), 405U);
  EXPECT_EQ(put[http::field::allow], "GET, POST");
  const auto get_write = browser.Get("/credence.v1.QuestionService/CreateQuestion?message=%7B%7D");
  EXPECT_EQ(get_write.result_int(), 405U);
  EXPECT_EQ(get_write[http::field::allow], "POST");
  EXPECT_EQ(browser.Post(kGetQuestion, "x", "text/plain").result_int(), 415U);
  EXPECT_EQ(browser.Post("/credence.v1.QuestionService/Nothing", "{}").result_int(), 404U);
  auto encoded = HttpClient::Request(http::verb::post, kGetQuestion, "x");
  encoded.set(http::field::content_encoding, "br");
  const auto unknown = browser.Send(encoded);
  EXPECT_EQ(unknown.result_int(), 501U);
  EXPECT_THAT(unknown.body(), HasSubstr("gzip"));
  auto version = HttpClient::Request(http::verb::post, kGetQuestion, "{}");
  version.set("Connect-Protocol-Version", "2");
  EXPECT_EQ(browser.Send(version).result_int(), 400U);
  auto timeout = HttpClient::Request(http::verb::post, kGetQuestion, "{}");
  timeout.set("Connect-Timeout-Ms", "soon");
  EXPECT_EQ(browser.Send(timeout).result_int(), 400U);
}

TEST_F(HttpTest, AReadAsOfAPositionMayBeCachedForEver) {
  HttpClient browser = Connect();
  const std::string get = Cat(kGetQuestion, "?connect=v1&encoding=json&message=");
  const auto fixed = browser.Get(
      get + "%7B%22name%22%3A%22questions%2Fq%22%2C%22view%22%3A%7B%22position%22%3A3%7D%7D");
  EXPECT_EQ(fixed.result_int(), 200U) << fixed.body();
  EXPECT_THAT(std::string(fixed[http::field::cache_control]), HasSubstr("immutable"));
  const auto head = browser.Get(get + "%7B%22name%22%3A%22questions%2Fq%22%7D");
  EXPECT_EQ(head.result_int(), 200U) << head.body();
  EXPECT_EQ(head[http::field::cache_control], "no-store");
}

TEST_F(HttpTest, GzipWorksBothWaysAndBombsAreRefused) {
  HttpClient browser = Connect();
  auto request = HttpClient::Request(http::verb::post, "/credence.v1.NetworkService/GetNetwork",
                                     Gzip(R"({"name":"networks/n"})"));
  request.set(http::field::content_encoding, "gzip");
  request.set(http::field::accept_encoding, "br, gzip;q=0.5");
  const auto response = browser.Send(request);
  EXPECT_EQ(response.result_int(), 200U);
  const auto body = response[http::field::content_encoding] == "gzip"
                        ? Gunzip(response.body(), 1 << 20)
                        : absl::StatusOr<std::string>(response.body());
  ASSERT_TRUE(body.ok()) << body.status();
  EXPECT_THAT(*body, HasSubstr("A network"));

  auto bomb = HttpClient::Request(http::verb::post, kGetQuestion, Gzip(std::string(64 << 20, ' ')));
  bomb.set(http::field::content_encoding, "gzip");
  const auto refused = browser.Send(bomb);
  EXPECT_EQ(refused.result_int(), 400U);
  EXPECT_THAT(refused.body(), HasSubstr("FIELD_TOO_LARGE"));
}

TEST_F(HttpTest, RequestsThatAreTooLargeOrNoHttpAreRefused) {
  HttpServerOptions small;
  small.request_bytes_max = 1'000;
  small.header_bytes_max = 1'000;
  Listen(small);
  EXPECT_EQ(Connect().Post(kGetQuestion, std::string(2'000, ' ')).result_int(), 413U);
  EXPECT_EQ(Connect().Get("/" + std::string(2'000, 'x')).result_int(), 431U);
  HttpClient browser = Connect();
  boost::asio::write(browser.stream(), boost::asio::buffer(std::string("NO SUCH THING\r\n\r\n")));
  EXPECT_EQ(browser.Read().result_int(), 400U);
}

TEST_F(HttpTest, AHostNameThatIsNotOfThisMachineIsRefused) {
  auto request = HttpClient::Request(http::verb::get, "/healthz");
  request.set(http::field::host, "ledger.example:7701");
  EXPECT_EQ(Connect().Send(request).result_int(), 403U);
  EXPECT_TRUE(IsLoopback("127.0.0.1:7701"));
  EXPECT_TRUE(IsLoopback("[::1]:7701"));
  EXPECT_FALSE(IsLoopback("127.example.com:7701"));
  EXPECT_FALSE(IsLoopback("0.0.0.0:7701"));
}

TEST_F(HttpTest, StreamsCatchUpAndThenFollow) {
  HttpClient watcher = Connect();
  watcher.BeginStream(kWatchEvents, Envelope(R"({"startPosition":"0"})"));
  EXPECT_EQ(watcher.stream_status(), 200U);
  int64_t next = 0;
  while (next < tree_size()) {
    const auto [flag, payload] = watcher.NextEnvelope();
    ASSERT_EQ(flag, 0) << payload;
    v1::WatchEventsResponse message;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(payload, &message).ok()) << payload;
    for (const auto& event : message.events()) EXPECT_EQ(event.name(), Cat("events/", next++));
    next = std::max(next, message.next_position());
  }
  ASSERT_TRUE(client->CreateSource(Text<v1::CreateSourceRequest>(R"pb(source_id: "s")pb")).ok());
  for (bool seen = false; !seen;) {
    const auto [flag, payload] = watcher.NextEnvelope();
    ASSERT_EQ(flag, 0) << payload;
    seen = payload.find("sources/s") != std::string::npos;
  }
}

TEST_F(HttpTest, ABadStreamRequestEndsWithAnError) {
  for (const std::string& body :
       {std::string("x"), Envelope("{}", 7), Envelope("{") + "more", Envelope("{\"nothing\":1}"),
        Envelope(R"({"startPosition":"-1"})")}) {
    HttpClient watcher = Connect();
    watcher.BeginStream(kWatchEvents, body);
    EXPECT_EQ(watcher.stream_status(), 200U);
    const auto [flag, payload] = watcher.NextEnvelope();
    EXPECT_EQ(flag, 2);
    EXPECT_THAT(payload, HasSubstr("invalid_argument"));
  }
}

TEST_F(HttpTest, AStreamEndsAtItsDeadline) {
  HttpClient watcher = Connect();
  auto request = HttpClient::Request(http::verb::post, kWatchEvents, Envelope("{}"),
                                     "application/connect+json");
  request.set("Connect-Timeout-Ms", "50");
  const auto response = watcher.Send(request);
  EXPECT_THAT(response.body(), HasSubstr("deadline_exceeded"));
}

TEST_F(HttpTest, ADrainEndsStreamsAndSaysSo) {
  HttpClient watcher = Connect();
  watcher.BeginStream(kWatchEvents, Envelope("{}"));
  EXPECT_EQ(watcher.NextEnvelope().first, 0);
  EXPECT_EQ(Connect().Get("/readyz").result_int(), 200U);
  site->BeginDrain();
  EXPECT_EQ(Connect().Get("/readyz").result_int(), 503U);
  std::thread drain([this] { http_server->Drain(absl::Now() + absl::Seconds(30)); });
  std::pair<int, std::string> last;
  while (last.first != 2) last = watcher.NextEnvelope();
  EXPECT_THAT(last.second, HasSubstr("unavailable"));
  drain.join();
}

TEST_F(HttpTest, TilesAreServedByTheirOneRightPath) {
  HttpClient browser = Connect();
  const auto tile = browser.Get(Cat("/tile/0/000.p/", tree_size()));
  EXPECT_EQ(tile.result_int(), 200U);
  EXPECT_EQ(tile.body().size(), static_cast<size_t>(tree_size()) * 32);
  EXPECT_THAT(std::string(tile[http::field::cache_control]), HasSubstr("immutable"));
  EXPECT_EQ(browser.Get(Cat("/tile/entries/000.p/", tree_size())).result_int(), 200U);
  for (const char* path : {"/tile/0/000", "/tile/0/000.p/255", "/tile/0/0", "/tile/00/000.p/1",
                           "/tile/0/x000/000.p/1", "/tile/0/../0/000.p/1", "/tile/-1/000.p/1",
                           "/tile/0/000.p/0", "/tile/entries", "/tile/x/000.p/1"}) {
    EXPECT_EQ(browser.Get(path).result_int(), 404U) << path;
  }
}

TEST_F(HttpTest, TheCheckpointIsThatOfTheLogAndIsNotCached) {
  HttpClient browser = Connect();
  const std::string signed_note =
      client->GetCheckpoint(v1::GetCheckpointRequest()).value().checkpoint();
  const auto checkpoint = browser.Get("/checkpoint");
  EXPECT_EQ(checkpoint.result_int(), 200U);
  EXPECT_EQ(checkpoint.body(), signed_note);
  EXPECT_EQ(std::string(checkpoint[http::field::content_type]), "text/plain; charset=utf-8");
  EXPECT_EQ(std::string(checkpoint[http::field::cache_control]), "no-cache");
}

TEST_F(HttpTest, AThousandWatchesThatAreIdleHoldNoThread) {
  std::vector<std::unique_ptr<HttpClient>> watchers;
  for (int i = 0; i < 1'000; ++i) {
    watchers.push_back(std::make_unique<HttpClient>(http_server->port()));
    watchers.back()->BeginStream(kWatchEvents, Envelope("{}"));
    ASSERT_EQ(watchers.back()->NextEnvelope().first, 0);
  }
  EXPECT_EQ(Connect().Get("/healthz").result_int(), 200U);
  ASSERT_TRUE(client->CreateSource(Text<v1::CreateSourceRequest>(R"pb(source_id: "s")pb")).ok());
  for (const auto& watcher : watchers) {
    EXPECT_THAT(watcher->NextEnvelope().second, HasSubstr("sources/s"));
  }
}

}  // namespace
}  // namespace credence::server
