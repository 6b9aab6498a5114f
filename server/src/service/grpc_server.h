#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/executor.h"
#include "service/router.h"
#include "tls/tls_options.h"

// The router's methods over gRPC: completion queues, health service, reflection, limits, drain.
//
// Requests come in as bytes and are parsed here, not by the transport, because the transport would
// answer a malformed one (text that is not UTF-8 for instance) with UNIMPLEMENTED and no reason.
//
// Thread-safe, but for Drain, which the owner calls once.
namespace credence::server {

// Largest request. gRPC refuses a larger one with RESOURCE_EXHAUSTED and names both sizes.
inline constexpr int kRequestBytesMax = 4 << 20;

struct GrpcServerOptions {
  // HOST:PORT; port 0 picks one.
  std::string listen = "127.0.0.1:7700";
  // Plaintext where not enabled.
  TlsOptions tls{};
  // Whether calls are handed on with what their callers show of who they are.
  bool with_credentials = false;
  // A stream whose client takes no message for this long is cancelled, so that it holds none of the
  // server's memory.
  absl::Duration stall_max = absl::Seconds(60);
};

class GrpcServer {
 public:
  // Listens and serves. `router` and `executor` must outlive the server. UNAVAILABLE where the
  // address cannot be listened on; for TLS as of CheckTlsFiles.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      const Router& router, Executor& executor, const GrpcServerOptions& options);

  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  // The port that is listened on.
  [[nodiscard]] int port() const;

  // Streams under way.
  [[nodiscard]] size_t stream_count() const;

  // Says NOT_SERVING to health checks, takes no more calls, ends the watches with UNAVAILABLE, and
  // waits for the calls under way until `deadline`, when it cancels them.
  void Drain(absl::Time deadline);

 private:
  class Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace credence::server
