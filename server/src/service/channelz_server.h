#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace grpc {
class Server;
}  // namespace grpc

namespace credence::server {

// gRPC's account of its own servers, channels and sockets (grpc.channelz.v1), on a port of its own,
// because it tells who is connected. Made after every other gRPC server of the process: from then
// on gRPC would add the service to each new one.
class ChannelzServer {
 public:
  // `listen` is HOST:PORT; port 0 picks one. UNAVAILABLE where it cannot be listened on.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<ChannelzServer>> Start(
      const std::string& listen);

  // Ends the calls under way.
  ~ChannelzServer();
  ChannelzServer(const ChannelzServer&) = delete;
  ChannelzServer& operator=(const ChannelzServer&) = delete;

  [[nodiscard]] int port() const { return port_; }

 private:
  ChannelzServer(std::unique_ptr<grpc::Server> server, int port);

  std::unique_ptr<grpc::Server> server_;
  const int port_;
};

}  // namespace credence::server
