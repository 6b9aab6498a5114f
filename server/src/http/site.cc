#include "http/site.h"

#include <arpa/inet.h>

#include <optional>
#include <string_view>
#include <utility>

#include "convert/json_text.h"
#include "credence/base/strings.h"
#include "http/codec.h"
#include "http/connect_stream.h"
#include "http/tiles.h"

namespace credence::server {
namespace {

constexpr std::string_view kTilePrefix = "/tile/";
constexpr std::string_view kTextPrefix = "/text/";

HttpResponse Plain(int status, std::string_view text) {
  return {status,
          {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}},
          Cat(text, "\n")};
}

// As a client of the Connect protocol expects it for what does not exist.
HttpResponse Unknown(const HttpRequest& request) {
  HttpResponse response = Plain(404, "");
  response.headers.front().second = "application/json";
  response.body = Cat("{\"code\":\"unimplemented\",\"message\":",
                      JsonText(Cat("nothing is served at ", request.path)), "}");
  return response;
}

}  // namespace

bool IsLoopback(std::string_view host_and_port) {
  std::string host(host_and_port);
  if (host.empty()) return false;
  if (host.front() == '[') {
    return host == "[::1]" || host.rfind("[::1]:", 0) == 0;
  }
  host = host.substr(0, host.find(':'));
  if (host == "localhost") return true;
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 &&
         ntohl(address.s_addr) >> 24U == IN_LOOPBACKNET;
}

Site::Site(const Router& router, const Engine& engine, const SiteOptions& options)
    : gateway_(router),
      page_(options.web_directory),
      engine_(engine),
      published_(options.published),
      loopback_only_(IsLoopback(options.listen)),
      metrics_(options.metrics),
      gate_(options.gate) {}

void Site::Serve(const std::shared_ptr<HttpExchange>& exchange) const {
  const HttpRequest& request = exchange->request();
  if (loopback_only_ && !IsLoopback(request.Header("Host"))) {
    return exchange->Respond(
        Plain(403, "this server answers on loopback names only, such as localhost"));
  }
  if (absl::Status admitted = Admit(request); !admitted.ok()) {
    return exchange->Respond(ErrorResponse(admitted));
  }
  if (gateway_.Serve(exchange)) return;
  exchange->Respond(Answer(request));
}

absl::Status Site::Admit(const HttpRequest& request) const {
  if (gate_ == nullptr) return absl::OkStatus();
  const CallerCredentials credentials = CredentialsOf(request);
  // Its method's rule is held against it later, when its body has been read.
  if (gateway_.Serves(request)) {
    return gate_->Know(std::string_view(request.path).substr(1), credentials);
  }
  if (request.path == kMetricsPath) return gate_->AdmitPath(kMetricsPath, credentials);
  if (request.path == "/checkpoint") {
    return gate_->AdmitPath("credence.v1.LedgerService/GetCheckpoint", credentials);
  }
  if (request.path.rfind(kTilePrefix, 0) == 0 || request.path.rfind(kTextPrefix, 0) == 0) {
    return gate_->AdmitPath("credence.v1.LedgerService/GetTile", credentials);
  }
  return absl::OkStatus();
}

HttpResponse Site::Answer(const HttpRequest& request) const {
  if (request.method != "GET" && request.method != "HEAD") {
    if (request.method == "POST") return Unknown(request);
    HttpResponse response = Plain(405, "this path takes GET");
    response.headers.emplace_back("Allow", "GET, HEAD");
    return response;
  }
  if (request.path == "/healthz") return Plain(200, "ok");
  if (request.path == "/readyz") {
    return draining_ ? Plain(503, "the server is shutting down") : Plain(200, "ok");
  }
  if (request.path == kMetricsPath && metrics_) {
    return {200,
            {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"},
             {"Cache-Control", "no-store"}},
            metrics_()};
  }
  if (request.path == "/checkpoint") {
    return ServeCheckpoint(published_ == nullptr ? engine_.log().LatestCheckpoint()
                                                 : published_->Get());
  }
  if (std::string_view(request.path).substr(0, kTilePrefix.size()) == kTilePrefix) {
    return ServeTile(engine_.log(), request.path);
  }
  if (std::string_view(request.path).substr(0, kTextPrefix.size()) == kTextPrefix) {
    return ServeTexts(engine_.log(), request.path);
  }
  if (std::optional<HttpResponse> page = page_.Serve(request); page.has_value()) {
    return *std::move(page);
  }
  return Unknown(request);
}

}  // namespace credence::server
