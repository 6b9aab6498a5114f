#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "http/http.h"
#include "tls/tls_options.h"

// Listens for HTTP/1.1 and hands each request to a handler. A connection that waits, for a request
// or for the next message of a stream, holds no thread.
//
// Thread-safe, but for Drain, which the owner calls once.
namespace credence::server {

struct HttpServerOptions {
  // HOST:PORT; port 0 picks one. HOST is an address or "localhost".
  std::string listen = "127.0.0.1:7701";
  // Closed at once beyond.
  size_t connections_max = 8'192;
  // Refused with 413 beyond.
  uint64_t request_bytes_max = (uint64_t{4} << 20) + 1'024;
  // Refused with 431 beyond.
  uint32_t header_bytes_max = 32'768;
  // A request must have arrived whole after this time from the answer before it; a write must be
  // taken after it.
  absl::Duration idle_max = absl::Seconds(60);
  // HTTPS where enabled, and then nothing else.
  TlsOptions tls{};
  // Told of certificates that were taken in anew (OK), or could not be.
  std::function<void(const absl::Status&)> certificates_changed = [](const absl::Status&) {};
};

class HttpServer {
 public:
  // UNAVAILABLE where the address cannot be listened on; for TLS as of CheckTlsFiles.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<HttpServer>> Start(
      HttpHandler handler, const HttpServerOptions& options);

  // Drains without waiting, then blocks until whoever makes an answer has given it: end what makes
  // answers before.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // The port that is listened on.
  [[nodiscard]] int port() const;

  // Connections that are open.
  [[nodiscard]] size_t connection_count() const;

  // Takes no more connections and requests, interrupts the streams, waits for the answers under way
  // until `deadline`, and closes the connections that are left.
  void Drain(absl::Time deadline);

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace credence::server
