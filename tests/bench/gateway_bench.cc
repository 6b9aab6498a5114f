// Measures the way in over HTTP: what it adds to a call of the method itself, and the memory of
// idle watches.
//
//   credence_gateway_bench OUTPUT.json

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "credence/base/check.h"
#include "credence/base/strings.h"
#include "credence/ledger/log.h"
#include "credence/v1/question_service.pb.h"
#include "engine/engine.h"
#include "http/http_server.h"
#include "http/site.h"
#include "service/services.h"

namespace credence::server {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr const char* kService = "credence.v1.QuestionService";
constexpr int kCallCount = 20'000;
constexpr int kWatchCount = 2'000;

// A connection that blocks.
class Connection {
 public:
  explicit Connection(int port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    CREDENCE_CHECK(socket_ >= 0 &&
                   connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  }
  ~Connection() { close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Send(const std::string& text) {
    CREDENCE_CHECK(send(socket_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  }

  // Reads until `text_` has `mark`, and gives the place behind it.
  size_t ReadTo(const std::string& mark) {
    while (true) {
      const size_t at = text_.find(mark);
      if (at != std::string::npos) return at + mark.size();
      Receive();
    }
  }

  // The body of an answer with a length.
  std::string ReadAnswer() {
    const size_t body = ReadTo("\r\n\r\n");
    const size_t label = text_.find("Content-Length: ");
    CREDENCE_CHECK(text_.rfind("HTTP/1.1 200", 0) == 0 && label < body);
    const size_t digits = label + std::strlen("Content-Length: ");
    size_t length = 0;
    CREDENCE_CHECK(
        absl::SimpleAtoi(text_.substr(digits, text_.find('\r', digits) - digits), &length));
    while (text_.size() < body + length) Receive();
    std::string answer = text_.substr(body, length);
    text_.erase(0, body + length);
    return answer;
  }

 private:
  void Receive() {
    char buffer[4'096];
    const ssize_t got = recv(socket_, buffer, sizeof(buffer), 0);
    CREDENCE_CHECK(got > 0);
    text_.append(buffer, static_cast<size_t>(got));
  }

  const int socket_;
  std::string text_;
};

std::string Post(const std::string& path, const std::string& type, const std::string& body) {
  return Cat("POST ", path, " HTTP/1.1\r\nHost: localhost\r\nContent-Type: ", type,
             "\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
}

int64_t ResidentBytes() {
  int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

// A server of an empty ledger with one question, without gRPC.
class Server {
 public:
  explicit Server(const std::string& directory) {
    CREDENCE_CHECK(
        ledger::Log::Create({.directory = directory, .origin = "bench", .clock = &clock_}).ok());
    auto log = ledger::Log::Open({.directory = directory, .clock = &clock_, .limits = {}});
    CREDENCE_CHECK(log.ok());
    log_ = *std::move(log);
    engine_ = std::make_unique<Engine>(log_.get(), &clock_);
    CREDENCE_CHECK(engine_->Start().ok());
    AddServices(router_, *engine_);
    site_ = std::make_unique<Site>(router_, *engine_, SiteOptions{.listen = "127.0.0.1:0"});
    HttpServerOptions options;
    options.listen = "127.0.0.1:0";
    auto http = HttpServer::Start(
        [this](const std::shared_ptr<HttpExchange>& exchange) { site_->Serve(exchange); }, options);
    CREDENCE_CHECK(http.ok());
    http_ = *std::move(http);
  }
  ~Server() {
    http_->Drain(absl::Now() + absl::Seconds(10));
    engine_->Stop();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Calls a method as any way in does.
  std::string Call(const std::string& method, const std::string& request) const {
    std::string response;
    absl::Notification done;
    router_.services().at(kService).at(method).unary(
        CallContext(), request, [&](const absl::StatusOr<std::string>& answer) {
          CREDENCE_CHECK(answer.ok());
          response = *answer;
          done.Notify();
        });
    done.WaitForNotification();
    return response;
  }

  [[nodiscard]] int port() const { return http_->port(); }

 private:
  const ledger::RealClock clock_;
  std::unique_ptr<ledger::Log> log_;
  std::unique_ptr<Engine> engine_;
  Router router_;
  std::unique_ptr<Site> site_;
  std::unique_ptr<HttpServer> http_;
};

template <typename Function>
double MedianMicroseconds(const Function& call) {
  std::vector<double> times;
  for (int i = 0; i < kCallCount; ++i) {
    const auto begin = SteadyClock::now();
    call();
    times.push_back(std::chrono::duration<double, std::micro>(SteadyClock::now() - begin).count());
  }
  std::nth_element(times.begin(), times.begin() + kCallCount / 2, times.end());
  return times[kCallCount / 2];
}

struct Latencies {
  double direct_us = 0;
  double json_us = 0;
  double proto_us = 0;
};

Latencies MeasureCalls(const Server& server) {
  v1::CreateQuestionRequest create;
  create.set_question_id("q");
  create.mutable_question()->set_title("Will it happen?");
  create.mutable_question()->mutable_close_time()->set_seconds(2'208'988'800);
  for (const double p : {0.2, 0.8}) {
    create.mutable_question()->mutable_prior()->mutable_fixed()->add_probabilities(p);
  }
  (void)server.Call("CreateQuestion", create.SerializeAsString());
  v1::GetQuestionRequest get;
  get.set_name("questions/q");
  const std::string request = get.SerializeAsString();
  const std::string path = Cat("/", kService, "/GetQuestion");
  const std::string json = Post(path, "application/json", R"({"name": "questions/q"})");
  const std::string proto = Post(path, "application/proto", request);
  Connection connection(server.port());
  const auto over_http = [&](const std::string& text) {
    return MedianMicroseconds([&] {
      connection.Send(text);
      CREDENCE_CHECK(!connection.ReadAnswer().empty());
    });
  };
  Latencies latencies;
  latencies.direct_us =
      MedianMicroseconds([&] { CREDENCE_CHECK(!server.Call("GetQuestion", request).empty()); });
  latencies.json_us = over_http(json);
  latencies.proto_us = over_http(proto);
  return latencies;
}

// Bytes that the process grows by, the ends of the clients included, of which there is one socket
// and one small buffer each.
int64_t MeasureWatches(const Server& server) {
  const std::string request =
      Post("/credence.v1.LedgerService/WatchEvents", "application/connect+json",
           Cat(std::string("\0\0\0\0\2", 5), "{}"));
  const int64_t before = ResidentBytes();
  std::vector<std::unique_ptr<Connection>> watches;
  for (int i = 0; i < kWatchCount; ++i) {
    watches.push_back(std::make_unique<Connection>(server.port()));
    watches.back()->Send(request);
  }
  // The first message says how far the watch is; from then on it is idle.
  for (const auto& watch : watches) watch->ReadTo("nextPosition");
  return ResidentBytes() - before;
}

int Main(const char* output) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  std::string folder = std::filesystem::temp_directory_path() / "credence-gateway-XXXXXX";
  CREDENCE_CHECK(mkdtemp(folder.data()) != nullptr);
  Latencies latencies;
  double watch_mib = 0;
  {
    const Server server(folder);
    latencies = MeasureCalls(server);
    watch_mib = static_cast<double>(MeasureWatches(server)) / (1 << 20);
  }
  std::filesystem::remove_all(folder);
  std::printf(
      "a read takes %.1f us in the process, over HTTP %.1f us as JSON and %.1f us as protobuf: the "
      "gateway adds %.1f and %.1f us (medians; bar 150 us)\n%d idle watches over HTTP take %.1f "
      "MiB "
      "(bar 200 MiB)\n",
      latencies.direct_us, latencies.json_us, latencies.proto_us,
      latencies.json_us - latencies.direct_us, latencies.proto_us - latencies.direct_us,
      kWatchCount, watch_mib);
  std::ofstream json(output);
  json << "{\"gateway.direct_p50_us\": " << latencies.direct_us
       << ", \"gateway.json_p50_us\": " << latencies.json_us
       << ", \"gateway.proto_p50_us\": " << latencies.proto_us
       << ", \"gateway.idle_watches_mib\": " << watch_mib << "}\n";
  return json.good() ? 0 : 1;
}

}  // namespace
}  // namespace credence::server

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: credence_gateway_bench OUTPUT.json\n");
    return 2;
  }
  return credence::server::Main(argv[1]);
}
