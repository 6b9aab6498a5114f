#include <memory>
#include <utility>

#include "gtest/gtest.h"
#include "http/http_server.h"
#include "http_client.h"

namespace credence::server {
namespace {

// Whoever made the first answer may hold its request for longer than the connection is at it.
TEST(HttpExchangeTest, AnAnswerGivenLongAgoDoesNotAnswerTheNextRequest) {
  std::shared_ptr<HttpExchange> held;
  HttpServerOptions options;
  options.listen = "127.0.0.1:0";
  auto server = HttpServer::Start(
      [&held](const std::shared_ptr<HttpExchange>& exchange) {
        if (exchange->request().path == "/first") {
          held = exchange;
        } else {
          held.reset();
        }
        exchange->Respond({200, {{"Content-Type", "text/plain"}}, exchange->request().path});
      },
      options);
  ASSERT_TRUE(server.ok()) << server.status();
  HttpClient client((*server)->port());
  EXPECT_EQ(client.Get("/first").body(), "/first");
  const auto second = client.Get("/second");
  EXPECT_EQ(second.result_int(), 200U);
  EXPECT_EQ(second.body(), "/second");
}

// A request that nobody answers is not left waiting.
TEST(HttpExchangeTest, ARequestThatIsDroppedIsAnsweredForWhoeverForgotTo) {
  HttpServerOptions options;
  options.listen = "127.0.0.1:0";
  auto server = HttpServer::Start([](const std::shared_ptr<HttpExchange>&) {}, options);
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_EQ(HttpClient((*server)->port()).Get("/").result_int(), 500U);
}

}  // namespace
}  // namespace credence::server
