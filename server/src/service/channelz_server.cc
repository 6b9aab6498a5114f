#include "service/channelz_server.h"

#include <grpcpp/ext/channelz_service_plugin.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "credence/base/error.h"
#include "credence/base/strings.h"

namespace credence::server {

absl::StatusOr<std::unique_ptr<ChannelzServer>> ChannelzServer::Start(const std::string& listen) {
  grpc::channelz::experimental::InitChannelzService();
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    ErrorDetail detail;
    detail.reason = "UNAVAILABLE";
    return MakeError(
        absl::StatusCode::kUnavailable,
        Cat("cannot listen on ", listen, ": the address is in use or not this machine's"), detail);
  }
  return std::unique_ptr<ChannelzServer>(new ChannelzServer(std::move(server), port));
}

ChannelzServer::ChannelzServer(std::unique_ptr<grpc::Server> server, int port)
    : server_(std::move(server)), port_(port) {}

ChannelzServer::~ChannelzServer() {
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
}

}  // namespace credence::server
