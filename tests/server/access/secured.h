#pragma once

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "access/access_control.h"
#include "access/access_file.h"
#include "access/access_gate.h"
#include "access/act_audit.h"
#include "access/audit_log.h"
#include "certificates.h"
#include "credence/base/status_macros.h"
#include "http/http_server.h"
#include "http/site.h"
#include "http_client.h"
#include "served.h"

// A ledger behind the gate, over gRPC and HTTP, and clients that say who they are.
namespace credence::server {

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// What a test chooses before the server is started.
struct Choices {
  TlsOptions tls;
  AccessOptions access;
  BudgetOptions budgets;
  HttpServerOptions http;
  absl::Duration stall_max = absl::Seconds(60);
  absl::Duration query_max = absl::InfiniteDuration();
};

class SecuredTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(
        ledger::Log::Create({.directory = data(), .origin = kOrigin, .clock = &clock}).ok());
    admin_token = MakeToken("operator-1", {"admin"});
  }
  void TearDown() override { Stop(); }

  [[nodiscard]] std::string data() const { return directory_.path() + "/data"; }
  [[nodiscard]] std::string path(const std::string& name) const {
    return directory_.path() + "/" + name;
  }

  // Makes a grant on the files, as `credence token create --data` does; roles are "reader" or
  // "reader:tag".
  MadeGrant MakeGrantOf(v1::AccessGrant grant, const std::vector<std::string>& roles) {
    for (const std::string& text : roles) {
      const size_t colon = text.find(':');
      auto& role = *grant.add_roles();
      role.set_role(ParseRole(text.substr(0, colon)));
      if (colon != std::string::npos) role.set_tag(text.substr(colon + 1));
    }
    MadeGrant made;
    const absl::Status status = UpdateAccessFile(
        AccessPath(data()), kOrigin, [&](internal::v1::AccessFile& file) -> absl::Status {
          CREDENCE_ASSIGN_OR_RETURN(made, MakeGrant(file, grant, "operator", now));
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
    return made;
  }
  std::string MakeToken(const std::string& principal, const std::vector<std::string>& roles) {
    v1::AccessGrant grant;
    grant.set_principal(principal);
    return MakeGrantOf(grant, roles).token;
  }

  void Start(Choices choices = {}) {
    ledger::OpenOptions open;
    open.directory = data();
    open.clock = &clock;
    auto opened = ledger::Log::Open(open);
    ASSERT_TRUE(opened.ok()) << opened.status();
    log = *std::move(opened);
    engine = std::make_unique<Engine>(log.get(), &clock);
    ASSERT_TRUE(engine->Start().ok());
    auto audit_opened = AuditLog::Open(path("audit.jsonl"));
    ASSERT_TRUE(audit_opened.ok()) << audit_opened.status();
    audit = *std::move(audit_opened);
    choices.access.path = AccessPath(data());
    choices.access.origin = kOrigin;
    choices.access.refresh = absl::ZeroDuration();
    choices.access.now = [this] { return now; };
    auto made = AccessControl::Make(choices.access, audit.get());
    ASSERT_TRUE(made.ok()) << made.status();
    control = *std::move(made);
    gate = std::make_unique<AccessGate>(control.get(), engine.get(), choices.budgets);
    router = std::make_unique<Router>();
    AddServices(*router, *engine, {.access = control.get(), .query_max = choices.query_max});
    AuditActs(*router, audit.get(), [this] { return now; });
    gate->Guard(*router);
    Listen(choices);
  }

  void Listen(const Choices& choices) {
    auto started = GrpcServer::Start(*router, engine->executor(),
                                     {.listen = "127.0.0.1:0",
                                      .tls = choices.tls,
                                      .with_credentials = true,
                                      .stall_max = choices.stall_max});
    ASSERT_TRUE(started.ok()) << started.status();
    server = *std::move(started);
    site = std::make_unique<Site>(
        *router, *engine,
        SiteOptions{
            .listen = "127.0.0.1:0", .metrics = [] { return "up 1\n"; }, .gate = gate.get()});
    HttpServerOptions http_options = choices.http;
    http_options.listen = "127.0.0.1:0";
    http_options.tls = choices.tls;
    auto http_started = HttpServer::Start(
        [this](const std::shared_ptr<HttpExchange>& exchange) { site->Serve(exchange); },
        http_options);
    ASSERT_TRUE(http_started.ok()) << http_started.status();
    http_server = *std::move(http_started);
  }

  void Stop() {
    if (server != nullptr) server->Drain(absl::Now() + absl::Seconds(5));
    http_server.reset();
    site.reset();
    server.reset();
    if (engine != nullptr) engine->Stop();
    router.reset();
    gate.reset();
    control.reset();
    engine.reset();
    log.reset();
    audit.reset();
  }

  [[nodiscard]] client::ClientOptions OptionsOf(const std::string& token) const {
    client::ClientOptions options;
    options.endpoint = Cat("127.0.0.1:", server->port());
    options.timeout = absl::Seconds(30);
    options.retries = 0;
    options.token = token;
    return options;
  }
  [[nodiscard]] std::unique_ptr<client::Client> As(const std::string& token) const {
    return std::make_unique<client::Client>(OptionsOf(token));
  }

  // A network with a question tagged `tag`, both of the name.
  void MakeQuestion(const std::string& id, const std::string& tag) {
    const auto admin = As(admin_token);
    auto network = Text<v1::CreateNetworkRequest>(kNetwork);
    network.set_network_id(id);
    const auto made = admin->CreateNetwork(network);
    ASSERT_TRUE(made.ok()) << made.status();
    v1::CreateQuestionRequest question;
    question.set_question_id(id);
    question.mutable_question()->set_title("Will it happen?");
    question.mutable_question()->set_network(Cat("networks/", id));
    question.mutable_question()->set_node("q");
    question.mutable_question()->add_tags(tag);
    const auto asked = admin->CreateQuestion(question);
    ASSERT_TRUE(asked.ok()) << asked.status();
  }
  void MakeForecaster(const std::string& id) {
    v1::CreateForecasterRequest request;
    request.set_forecaster_id(id);
    const auto made = As(admin_token)->CreateForecaster(request);
    ASSERT_TRUE(made.ok()) << made.status();
  }

  static v1::CreateForecastRequest Forecast(const std::string& question,
                                            const std::string& forecaster) {
    v1::CreateForecastRequest request;
    request.set_parent(Cat("questions/", question));
    request.mutable_forecast()->set_forecaster(Cat("forecasters/", forecaster));
    request.mutable_forecast()->set_probability(0.4);
    return request;
  }

  [[nodiscard]] std::string AuditText() const { return ReadFile(path("audit.jsonl")); }

  static constexpr const char* kOrigin = "test/ledger";
  static constexpr const char* kNetwork = R"pb(
    network {
      title: "A network"
      model {
        open_time { seconds: 1767225600 }      # 2026-01-01
        deadline_time { seconds: 1798761600 }  # 2027-01-01
        nodes {
          node: "q"
          role: NODE_ROLE_QUESTION
          states: "yes"
          states: "no"
          rows { rows { fixed { probabilities: 0.5 probabilities: 0.5 } } }
        }
        nodes {
          node: "r"
          role: NODE_ROLE_QUESTION
          states: "yes"
          states: "no"
          rows { rows { fixed { probabilities: 0.5 probabilities: 0.5 } } }
        }
      }
    })pb";

  TemporaryDirectory directory_;
  ledger::SimulatedClock clock{Instant("2026-02-01T00:00:00Z")};
  // The gate's clock.
  absl::Time now = Instant("2026-02-01T00:00:00Z");
  std::string admin_token;
  std::unique_ptr<ledger::Log> log;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<AuditLog> audit;
  std::unique_ptr<AccessControl> control;
  std::unique_ptr<AccessGate> gate;
  std::unique_ptr<Router> router;
  std::unique_ptr<GrpcServer> server;
  std::unique_ptr<Site> site;
  std::unique_ptr<HttpServer> http_server;
};

}  // namespace credence::server
