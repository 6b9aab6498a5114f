#pragma once

#include <memory>
#include <utility>

#include "http/http_server.h"
#include "http/site.h"
#include "http_client.h"
#include "served.h"

namespace credence::server {

// A served ledger with a question, and HTTP before it on a port of its own.
class HttpServiceTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    MakeQuestion();
    site = std::make_unique<Site>(served->router, *served->engine,
                                  SiteOptions{.listen = "127.0.0.1:0"});
    Listen({});
  }
  void TearDown() override {
    http_server.reset();
    site.reset();
    ServiceTest::TearDown();
  }

  // Serves on another port from now on.
  void Listen(HttpServerOptions options) {
    options.listen = "127.0.0.1:0";
    auto started = HttpServer::Start(
        [this](const std::shared_ptr<HttpExchange>& exchange) { site->Serve(exchange); }, options);
    ASSERT_TRUE(started.ok()) << started.status();
    http_server = *std::move(started);
  }

  [[nodiscard]] HttpClient Connect() const { return HttpClient(http_server->port()); }

  std::unique_ptr<Site> site;
  std::unique_ptr<HttpServer> http_server;
};

}  // namespace credence::server
