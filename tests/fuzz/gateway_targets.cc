#include <boost/beast/http.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "credence/base/check.h"
#include "credence/v1/admin_service.pb.h"
#include "credence/v1/evidence_service.pb.h"
#include "credence/v1/forecast_service.pb.h"
#include "credence/v1/inference_service.pb.h"
#include "credence/v1/ledger_service.pb.h"
#include "credence/v1/network_service.pb.h"
#include "credence/v1/question_service.pb.h"
#include "credence/v1/score_service.pb.h"
#include "fuzz_target.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/dynamic_message.h"
#include "http/codec.h"
#include "http/connect_gateway.h"
#include "http/http.h"
#include "service/parse.h"
#include "service/router.h"

// What comes in over HTTP, from the bytes on the wire to the request that a method gets.
namespace credence::fuzz {
namespace {

using google::protobuf::MessageFactory;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;
using server::HttpExchange;
using server::HttpRequest;
using server::HttpResponse;
using server::Router;

namespace http = boost::beast::http;

// A stream of one message.
class OneMessage final : public server::MessageSource {
 public:
  absl::StatusOr<std::optional<std::string>> Next(
      std::function<void(const absl::Status&)> /*ready*/) override {
    if (std::exchange(ended_, true)) return std::optional<std::string>();
    return std::optional<std::string>("");
  }
  [[nodiscard]] bool ended() const override { return ended_; }
  bool Cancel() override { return true; }

 private:
  bool ended_ = false;
};

absl::Status ParseAs(const MethodDescriptor& method, std::string_view bytes) {
  const std::unique_ptr<google::protobuf::Message> request(
      MessageFactory::generated_factory()->GetPrototype(method.input_type())->New());
  return server::ParseRequest(bytes, *request);
}

// Methods that parse their request as all do, and then answer nothing.
void AddMethods(Router& router, const ServiceDescriptor& service) {
  for (int i = 0; i < service.method_count(); ++i) {
    const MethodDescriptor& method = *service.method(i);
    if (method.server_streaming()) {
      router.AddStream(service.full_name(), method.name(),
                       [&method](const server::CallContext&, std::string_view request)
                           -> absl::StatusOr<std::unique_ptr<server::MessageSource>> {
                         if (absl::Status parsed = ParseAs(method, request); !parsed.ok()) {
                           return parsed;
                         }
                         return std::make_unique<OneMessage>();
                       });
    } else {
      router.AddUnary(service.full_name(), method.name(),
                      [&method](const server::CallContext&, std::string_view request,
                                const server::Answer& answer) {
                        const absl::Status parsed = ParseAs(method, request);
                        answer(parsed.ok() ? absl::StatusOr<std::string>("") : parsed);
                      });
    }
  }
}

const Router& FullRouter() {
  static const auto* const kRouter = [] {
    auto* const router = new Router();
    // A message of each file, so that the file is linked and its service known.
    for (const google::protobuf::Descriptor* type :
         {v1::GetQuestionRequest::descriptor(), v1::GetNetworkRequest::descriptor(),
          v1::GetSourceRequest::descriptor(), v1::CreateForecastRequest::descriptor(),
          v1::QueryPosteriorRequest::descriptor(), v1::GetScorecardRequest::descriptor(),
          v1::WatchEventsRequest::descriptor(), v1::CreateBackupRequest::descriptor()}) {
      for (int i = 0; i < type->file()->service_count(); ++i) {
        AddMethods(*router, *type->file()->service(i));
      }
    }
    return router;
  }();
  return *kRouter;
}

// Takes an answer, and holds it to the protocol. Runs what is posted at once.
class RecordedExchange final : public HttpExchange {
 public:
  explicit RecordedExchange(HttpRequest request) : request_(std::move(request)) {}

  [[nodiscard]] const HttpRequest& request() const override { return request_; }
  void Respond(HttpResponse response) override {
    CREDENCE_CHECK(answers_++ == 0);
    CREDENCE_CHECK(response.status >= 200 && response.status < 600);
  }
  void BeginStream(int status, server::HttpHeaders /*headers*/) override {
    CREDENCE_CHECK(answers_++ == 0);
    CREDENCE_CHECK(status == 200);
  }
  void Write(std::string /*bytes*/, std::function<void(bool)> done) override {
    CREDENCE_CHECK(answers_ == 1);
    done(++writes_ < 100);
  }
  void EndStream() override { CREDENCE_CHECK(answers_ == 1); }
  void OnInterrupt(std::function<void(server::HttpInterrupt)> /*interrupted*/) override {}
  void Post(std::function<void()> task) override { task(); }
  void PostAt(absl::Time /*time*/, std::function<void()> /*task*/) override {}

 private:
  const HttpRequest request_;
  int answers_ = 0;
  int writes_ = 0;
};

// Bytes as a client sends them, read by the library as the server reads them.
void ServeHttp(std::string_view input) {
  http::request_parser<http::string_body> parser;
  parser.header_limit(32'768);
  parser.body_limit(1 << 20);
  parser.eager(true);
  boost::beast::error_code error;
  std::string_view rest = input;
  while (!parser.is_done() && !error && !rest.empty()) {
    const size_t used = parser.put(boost::asio::buffer(rest.data(), rest.size()), error);
    if (used == 0) break;
    rest.remove_prefix(used);
  }
  if (error || !parser.is_done()) return;
  const auto message = parser.release();
  HttpRequest request;
  request.method = std::string(message.method_string());
  const std::string target(message.target());
  const size_t mark = std::min(target.find('?'), target.size());
  request.path = target.substr(0, mark);
  if (mark < target.size()) request.query = target.substr(mark + 1);
  for (const auto& field : message) {
    request.headers.emplace_back(field.name_string(), field.value());
  }
  request.body = message.body();
  static const server::ConnectGateway* const kGateway = new server::ConnectGateway(FullRouter());
  (void)kGateway->Serve(std::make_shared<RecordedExchange>(std::move(request)));
}

// JSON of a request with every kind of field, into protobuf and back.
void ReadMessageJson(std::string_view input) {
  for (const auto* type :
       {v1::CreateNetworkRequest::descriptor(), v1::BatchCreateEvidenceRequest::descriptor()}) {
    const auto bytes =
        server::DecodeMessage(server::MessageCodec::kJson, *type, std::string(input));
    if (!bytes.ok()) continue;
    const auto json = server::EncodeMessage(server::MessageCodec::kJson, *type, *bytes);
    CREDENCE_CHECK(json.ok());
    const auto again = server::DecodeMessage(server::MessageCodec::kJson, *type, *json);
    CREDENCE_CHECK(again.ok());
  }
}

void ReadUrl(std::string_view input) {
  std::string decoded;
  if (server::DecodeUrl(input, decoded)) CREDENCE_CHECK(decoded.size() <= input.size());
  (void)server::QueryParameter(input, "message", decoded);
}

void ReadGzipBody(std::string_view input) {
  constexpr size_t kBytesMax = 1 << 20;
  const auto bytes = server::Gunzip(input, kBytesMax);
  if (bytes.ok()) CREDENCE_CHECK(bytes->size() <= kBytesMax);
  const auto back = server::Gunzip(server::Gzip(input), kBytesMax);
  if (input.size() <= kBytesMax) CREDENCE_CHECK(back.ok() && *back == input);
}

}  // namespace

std::vector<FuzzTarget> GatewayTargets() {
  return {{"http", ServeHttp},
          {"message-json", ReadMessageJson},
          {"url", ReadUrl},
          {"gzip-body", ReadGzipBody}};
}

}  // namespace credence::fuzz
