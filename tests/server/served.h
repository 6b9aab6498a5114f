#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "credence/base/error.h"
#include "credence/base/strings.h"
#include "credence/client/client.h"
#include "credence/ledger/clock.h"
#include "credence/ledger/log.h"
#include "engine/engine.h"
#include "google/protobuf/text_format.h"
#include "service/grpc_server.h"
#include "service/router.h"
#include "service/services.h"

// A ledger on disk served over a socket, and a client of it: what tests of the services speak to.
namespace credence::server {

inline absl::Time Instant(const char* text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << text << ": " << error;
  return time;
}

template <typename Message>
Message Text(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

// A directory of its own, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "credence-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The parts of a running server, from the log up.
struct Served {
  std::unique_ptr<ledger::Log> log;
  std::unique_ptr<Engine> engine;
  Router router;
  std::unique_ptr<GrpcServer> server;

  Served(const std::string& directory, const ledger::Clock* clock,
         const ServiceOptions& services = {}) {
    ledger::OpenOptions options;
    options.directory = directory;
    options.clock = clock;
    auto opened = ledger::Log::Open(options);
    EXPECT_TRUE(opened.ok()) << opened.status();
    log = *std::move(opened);
    engine = std::make_unique<Engine>(log.get(), clock);
    EXPECT_TRUE(engine->Start().ok());
    AddServices(router, *engine, services);
    auto started = GrpcServer::Start(router, engine->executor(), {.listen = "127.0.0.1:0"});
    EXPECT_TRUE(started.ok()) << started.status();
    server = *std::move(started);
  }
  ~Served() {
    server->Drain(absl::Now() + absl::Seconds(5));
    engine->Stop();
  }
};

class ServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(
        ledger::Log::Create({.directory = data(), .origin = "test/ledger", .clock = &clock}).ok());
    Restart();
  }
  void TearDown() override {
    client.reset();
    served.reset();
  }

  [[nodiscard]] std::string data() const { return directory_.path() + "/data"; }

  void Restart() {
    client.reset();
    served.reset();
    served = std::make_unique<Served>(data(), &clock);
    client = MakeClient();
  }

  [[nodiscard]] std::unique_ptr<client::Client> MakeClient() const {
    client::ClientOptions options;
    options.endpoint = Cat("127.0.0.1:", served->server->port());
    options.timeout = absl::Seconds(30);
    options.retries = 0;
    return std::make_unique<client::Client>(options);
  }

  [[nodiscard]] int64_t tree_size() const { return served->log->tree_head().size.value; }

  // A network of a driver and a question about it, and the question.
  void MakeQuestion() {
    auto network = client->CreateNetwork(Text<v1::CreateNetworkRequest>(kNetwork));
    ASSERT_TRUE(network.ok()) << network.status();
    auto question = client->CreateQuestion(Text<v1::CreateQuestionRequest>(kQuestion));
    ASSERT_TRUE(question.ok()) << question.status();
  }

  void MakeForecasters(const std::vector<std::string>& ids) {
    for (const std::string& id : ids) {
      v1::CreateForecasterRequest request;
      request.set_forecaster_id(id);
      const auto created = client->CreateForecaster(request);
      ASSERT_TRUE(created.ok()) << created.status();
    }
  }

  static constexpr const char* kNetwork = R"pb(
    network_id: "n"
    network {
      title: "A network"
      model {
        open_time { seconds: 1767225600 }      # 2026-01-01
        deadline_time { seconds: 1798761600 }  # 2027-01-01
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
    })pb";
  static constexpr const char* kQuestion = R"pb(
    question_id: "q"
    question { title: "Will it happen?" network: "networks/n" node: "q" })pb";

  TemporaryDirectory directory_;
  ledger::SimulatedClock clock{Instant("2026-02-01T00:00:00Z")};
  std::unique_ptr<Served> served;
  std::unique_ptr<client::Client> client;
};

// The parts of an error that a client acts on.
template <typename Response>
void ExpectError(const absl::StatusOr<Response>& response, absl::StatusCode code,
                 const std::string& reason, const std::string& field) {
  ASSERT_FALSE(response.ok());
  const ErrorDetail detail = GetErrorDetail(response.status());
  EXPECT_EQ(response.status().code(), code) << response.status();
  EXPECT_EQ(detail.reason, reason) << response.status();
  if (field.empty()) return;
  ASSERT_FALSE(detail.fields.empty()) << response.status();
  EXPECT_EQ(detail.fields.front().field, field) << response.status();
}

}  // namespace credence::server
