#include <poll.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

#include "google/protobuf/struct.pb.h"
#include "http/codec.h"
#include "http_served.h"

// The HTTP port under clients that mean no good: whatever they send is refused or cut off, and the
// others are served as before.
namespace credence::server {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kGetQuestion = "/credence.v1.QuestionService/GetQuestion";
constexpr const char* kWatchEvents = "/credence.v1.LedgerService/WatchEvents";
// What a defence that is missing would let pass.
constexpr auto kPatience = std::chrono::seconds(120);

// Bytes on a socket, without any notion of HTTP.
class RawClient {
 public:
  explicit RawClient(int port) : socket_(context_) {
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), static_cast<uint16_t>(port)});
    timeval limit{kPatience.count(), 0};
    setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }

  // False once the server has closed the connection.
  bool Write(std::string_view bytes) {
    boost::system::error_code error;
    boost::asio::write(socket_, boost::asio::buffer(bytes.data(), bytes.size()), error);
    return !error;
  }

  // All that comes until the server closes the connection.
  std::string ReadToEnd() {
    std::string all;
    std::array<char, 4096> part{};
    for (ssize_t count = 1; count > 0;) {
      count = recv(socket_.native_handle(), part.data(), part.size(), 0);
      closed_ = count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
      if (count > 0) all.append(part.data(), static_cast<size_t>(count));
    }
    return all;
  }
  [[nodiscard]] bool closed() const { return closed_; }

  // Sends `byte` now and then until the server closes the connection; false where it does not.
  bool IsCutOffWhileSending(char byte) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < end) {
      pollfd waited{socket_.native_handle(), POLLRDHUP, 0};
      if (poll(&waited, 1, 20) > 0 || !Write({&byte, 1})) return true;
    }
    return false;
  }

 private:
  boost::asio::io_context context_;
  boost::asio::ip::tcp::socket socket_;
  bool closed_ = false;
};

class HostileHttpTest : public HttpServiceTest {
 protected:
  [[nodiscard]] int port() const { return http_server->port(); }

  // What a raw request is answered with; empty where the connection is only closed.
  [[nodiscard]] std::string Answer(const std::string& bytes) const {
    RawClient raw(port());
    raw.Write(bytes);
    std::string answer = raw.ReadToEnd();
    EXPECT_TRUE(raw.closed()) << "the connection stays open after: " << bytes.substr(0, 80);
    return answer;
  }

  void ExpectServing() const {
    HttpClient browser(port());
    EXPECT_EQ(browser.Post(kGetQuestion, R"({"name":"questions/q"})").result_int(), 200U);
  }
};

TEST_F(HostileHttpTest, WhatIsNoRequestIsRefusedAndTheConnectionClosed) {
  const std::string host = "Host: localhost\r\n";
  for (const std::string& bytes : {
           std::string("GET\r\n\r\n"),
           std::string("GET / HTTP/9.9\r\n\r\n"),
           std::string("GET /\0 HTTP/1.1\r\n\r\n", 20),
           std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + "\r\n\r\n",
           std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
           "GET / HTTP/1.1\r\n" + host + "No colon here\r\n\r\n",
           "GET / HTTP/1.1\r\n" + host + "Bad name: x\r\n\r\n",
           "GET / HTTP/1.1\r\n" + host + "Folded: x\r\n\x01\x02\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Content-Length: 0x10\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999999\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
           "POST / HTTP/1.1\r\n" + host +
               "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
       }) {
    EXPECT_THAT(Answer(bytes), AnyOf(IsEmpty(), StartsWith("HTTP/1.1 400"),
                                     StartsWith("HTTP/1.1 413"), StartsWith("HTTP/1.0 400")))
        << bytes;
  }
  ExpectServing();
}

// One of two servers in a row would see a second request where the other sees a body.
TEST_F(HostileHttpTest, ARequestWithTwoLengthsIsRefused) {
  const std::string head = Cat("POST ", kGetQuestion, " HTTP/1.1\r\nHost: localhost\r\n");
  const std::string second = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (const std::string& lengths :
       {std::string("Content-Length: 4\r\nContent-Length: 44\r\n"),
        std::string("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"),
        std::string("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n")}) {
    const std::string answer = Answer(head + lengths + "\r\n0\r\n\r\n" + second);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400")) << lengths;
    EXPECT_THAT(answer, Not(HasSubstr("404"))) << lengths;
  }
  ExpectServing();
}

TEST_F(HostileHttpTest, AFloodOfHeadersIsRefused) {
  std::string many = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
  for (int i = 0; i < 20'000; ++i) many += Cat("X-", i, ": y\r\n");
  EXPECT_THAT(Answer(many), AnyOf(StartsWith("HTTP/1.1 431"), IsEmpty()));
  const std::string one =
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(1 << 20, 'y');
  EXPECT_THAT(Answer(one), AnyOf(StartsWith("HTTP/1.1 431"), IsEmpty()));
  ExpectServing();
}

// A connection has `idle_max` for a whole request, however often a byte of it comes.
TEST_F(HostileHttpTest, WhoSendsAByteNowAndThenIsCutOff) {
  HttpServerOptions options;
  options.idle_max = absl::Seconds(1);
  Listen(options);
  for (const std::string& begin :
       {std::string("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "),
        Cat("POST ", kGetQuestion,
            " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")}) {
    RawClient slow(port());
    ASSERT_TRUE(slow.Write(begin));
    EXPECT_TRUE(slow.IsCutOffWhileSending('a')) << begin;
    ExpectServing();
  }
}

TEST_F(HostileHttpTest, WhoDoesNotReadItsAnswerIsCutOff) {
  HttpServerOptions options;
  options.idle_max = absl::Seconds(1);
  auto big = HttpServer::Start(
      [](const std::shared_ptr<HttpExchange>& exchange) {
        exchange->Respond({200, {{"Content-Type", "text/plain"}}, std::string(64 << 20, 'x')});
      },
      [&] {
        options.listen = "127.0.0.1:0";
        return options;
      }());
  ASSERT_TRUE(big.ok()) << big.status();
  RawClient lazy((*big)->port());
  ASSERT_TRUE(lazy.Write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  // The server gives up when nothing was taken for a second.
  EXPECT_TRUE(lazy.IsCutOffWhileSending('G'));
}

TEST_F(HostileHttpTest, ConnectionsThatSayNothingKeepNobodyOut) {
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 500; ++i) {
    silent.push_back(std::make_unique<RawClient>(port()));
    silent.back()->Write("GET / HT");
  }
  ExpectServing();
}

TEST_F(HostileHttpTest, MoreConnectionsThanAllowedAreClosedAtOnce) {
  HttpServerOptions options;
  options.connections_max = 2;
  Listen(options);
  HttpClient first(port());
  EXPECT_EQ(first.Get("/healthz").result_int(), 200U);
  HttpClient second(port());
  EXPECT_EQ(second.Get("/healthz").result_int(), 200U);
  RawClient third(port());
  EXPECT_THAT(third.ReadToEnd(), IsEmpty());
  EXPECT_TRUE(third.closed());
  EXPECT_EQ(first.Get("/healthz").result_int(), 200U);
}

TEST_F(HostileHttpTest, ABombInAStreamIsRefused) {
  const std::string bomb = Envelope(Gzip(std::string(64 << 20, ' ')), 1);
  for (const char* type : {"application/connect+json", "application/connect+proto"}) {
    HttpClient watcher(port());
    auto request = HttpClient::Request(http::verb::post, kWatchEvents, bomb, type);
    request.set("Connect-Content-Encoding", "gzip");
    const auto response = watcher.Send(request);
    EXPECT_THAT(response.body(), HasSubstr("FIELD_TOO_LARGE")) << type;
  }
  ExpectServing();
}

TEST_F(HostileHttpTest, AnEnvelopeThatClaimsMoreThanItHasIsRefused) {
  HttpClient watcher(port());
  watcher.BeginStream(kWatchEvents, std::string("\0\xff\xff\xff\xff{}", 7));
  EXPECT_EQ(watcher.NextEnvelope().first, 2);
  ExpectServing();
}

TEST_F(HostileHttpTest, NestingWithoutEndIsRefused) {
  constexpr size_t kDepth = 1'000'000;
  HttpClient browser(port());
  const std::string brackets = Cat(R"({"name":)", std::string(kDepth, '['), "}");
  EXPECT_EQ(browser.Post(kGetQuestion, brackets).result_int(), 400U);
  std::string objects;
  for (size_t i = 0; i < 300'000; ++i) objects += R"({"view":)";
  EXPECT_EQ(browser.Post(kGetQuestion, objects).result_int(), 400U);
  // Groups of a field that the message does not have: each opens another within itself.
  const std::string groups(kDepth, '\x7b');
  EXPECT_EQ(browser.Post(kGetQuestion, groups, "application/proto").result_int(), 400U);
  ExpectServing();
}

TEST_F(HostileHttpTest, PathsLeadNowhereElse) {
  HttpClient browser(port());
  for (const char* path :
       {"/../../../../etc/passwd", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
        "/assets/../../../../etc/passwd", "/tile/../../../etc/passwd",
        "/assets/..%2f..%2fetc/passwd", "/credence.v1.QuestionService/../../etc/passwd",
        "/tile/entries/../../../ledger.key", "/questions/..\\..\\etc\\passwd"}) {
    const auto answer = browser.Get(path);
    EXPECT_THAT(answer.body(), Not(HasSubstr("root:"))) << path;
    EXPECT_THAT(answer.body(), Not(HasSubstr("PRIVATE"))) << path;
    EXPECT_THAT(answer.result_int(), AnyOf(200U, 404U)) << path;
  }
  EXPECT_EQ(browser.Get("/tile/entries/../../../ledger.key").result_int(), 404U);
}

// Bytes of no meaning, many of them, each on a connection of its own.
TEST_F(HostileHttpTest, NoiseIsBorne) {
  uint32_t state = 1;
  for (int round = 0; round < 200; ++round) {
    std::string noise = round % 2 == 0 ? "" : "POST /x HTTP/1.1\r\n";
    for (int i = 0; i < 300; ++i) {
      state = state * 1'664'525U + 1'013'904'223U;
      noise += static_cast<char>(state >> 24U);
    }
    RawClient raw(port());
    raw.Write(noise);
  }
  ExpectServing();
}

}  // namespace
}  // namespace credence::server
