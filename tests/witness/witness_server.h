#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "credence/base/strings.h"
#include "credence/client/verify/witness_policy.h"
#include "http/http_server.h"
#include "main/witness/witness.h"

namespace credence::server {

// A witness on disk that answers over a socket.
class WitnessServer {
 public:
  WitnessServer(const std::string& directory, const std::string& name,
                const std::vector<WitnessedLog>& logs)
      : directory_(directory), logs_(logs) {
    const absl::StatusOr<std::string> key = Witness::Create(directory, name);
    EXPECT_TRUE(key.ok()) << key.status();
    key_ = client::ParseVerifierKey(*key).value();
    Start();
  }
  ~WitnessServer() { Stop(); }
  WitnessServer(const WitnessServer&) = delete;
  WitnessServer& operator=(const WitnessServer&) = delete;

  // At the port that it had, where it had one.
  void Start() {
    WitnessOptions options;
    options.directory = directory_;
    options.logs = logs_;
    options.on_fork = [this](const std::string&, const std::string& path) {
      evidence_.push_back(path);
    };
    auto witness = Witness::Open(std::move(options));
    ASSERT_TRUE(witness.ok()) << witness.status();
    witness_ = *std::move(witness);
    HttpServerOptions http;
    http.listen = Cat("127.0.0.1:", port_);
    auto server = HttpServer::Start(
        [this](const auto& exchange) { exchange->Respond(witness_->Answer(exchange->request())); },
        http);
    ASSERT_TRUE(server.ok()) << server.status();
    http_ = *std::move(server);
    port_ = http_->port();
  }
  void Stop() {
    http_.reset();
    witness_.reset();
  }

  [[nodiscard]] Witness& witness() { return *witness_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const client::VerifierKey& key() const { return key_; }
  [[nodiscard]] int port() const { return port_; }
  // Of logs that were caught.
  [[nodiscard]] const std::vector<std::string>& evidence() const { return evidence_; }
  // As a policy names it.
  [[nodiscard]] client::Witness Entry(const std::string& name) const {
    return {name, key_, Cat("http://127.0.0.1:", port_)};
  }

 private:
  const std::string directory_;
  const std::vector<WitnessedLog> logs_;
  client::VerifierKey key_;
  int port_ = 0;
  std::vector<std::string> evidence_;
  std::unique_ptr<Witness> witness_;
  std::unique_ptr<HttpServer> http_;
};

// A policy of `threshold` of the witnesses, as a file has it.
inline std::string PolicyText(const std::vector<client::Witness>& witnesses,
                              const std::string& threshold) {
  std::string text;
  std::string names;
  for (const client::Witness& witness : witnesses) {
    text += Cat("witness ", witness.name, " ", client::FormatVerifierKey(witness.key), " ",
                witness.url, "\n");
    names += Cat(" ", witness.name);
  }
  return Cat(text, "group all-of-them ", threshold, names, "\nquorum all-of-them\n");
}

}  // namespace credence::server
