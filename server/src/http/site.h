#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "access/access_gate.h"
#include "engine/engine.h"
#include "engine/published_checkpoint.h"
#include "http/connect_gateway.h"
#include "http/http.h"
#include "http/web_page.h"

// Everything that is served over HTTP, by path:
//
//   /credence.v1.SERVICE/METHOD   the contract's methods by the Connect protocol
//   /checkpoint, /tile/...        the log as C2SP tlog-tiles
//   /, /questions/..., and so on  the web page
//   /healthz                      200 while the process lives
//   /metrics                      how the server stands, for Prometheus
//   /readyz                       200 while it takes calls, 503 from the begin of a drain on
//
// Thread-safe.
namespace credence::server {

struct SiteOptions {
  // HOST:PORT that is listened on. On a loopback address requests whose Host header is no loopback
  // name are refused, so that no page of another site can reach the ledger by a name of its own
  // that resolves here (DNS rebinding).
  std::string listen;
  // What /metrics serves; nothing is served there without it.
  std::function<std::string()> metrics{};
  // What /checkpoint gives; the checkpoint signed last where null. Must outlive the site.
  PublishedCheckpoint* published = nullptr;
  // Directory whose files are served as the page in place of those in the program; empty for these.
  std::string web_directory{};
  // Asks who calls before the log and the metrics are served, and before a call's body is looked
  // at; null where nobody is asked. The page itself holds nothing of the ledger and is served to
  // everybody, as is whether the server lives. Must outlive the site.
  AccessGate* gate = nullptr;
};

class Site {
 public:
  // `router` and `engine` must outlive the site and what it serves.
  Site(const Router& router, const Engine& engine, const SiteOptions& options);

  void Serve(const std::shared_ptr<HttpExchange>& exchange) const;

  // From now on /readyz says that the server is not ready.
  void BeginDrain() { draining_ = true; }

 private:
  [[nodiscard]] HttpResponse Answer(const HttpRequest& request) const;
  [[nodiscard]] absl::Status Admit(const HttpRequest& request) const;

  const ConnectGateway gateway_;
  const WebPage page_;
  const Engine& engine_;
  PublishedCheckpoint* const published_;
  const bool loopback_only_;
  const std::function<std::string()> metrics_;
  AccessGate* const gate_;
  std::atomic<bool> draining_{false};
};

// Whether HOST:PORT, or HOST, names this machine and no other: localhost, 127.0.0.0/8 or [::1].
[[nodiscard]] bool IsLoopback(std::string_view host_and_port);

}  // namespace credence::server
