#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "google/protobuf/descriptor.h"
#include "http/http.h"
#include "service/router.h"

// The router's methods over HTTP by the Connect protocol (connectrpc.com/docs/protocol): single
// calls as POST, or GET where they change nothing, and server streams; messages as JSON or
// protobuf; gzip both ways. Nothing here knows a method: the contract's descriptors say it all.
//
// An answer to a GET that names a position, or a past time, never changes, and says so to caches.
//
// Immutable after construction; thread-safe.
namespace credence::server {

// An error as an answer: HTTP's status for its code, and its details as JSON.
[[nodiscard]] HttpResponse ErrorResponse(const absl::Status& status);

class ConnectGateway {
 public:
  // `router` must outlive the gateway and what it serves.
  explicit ConnectGateway(const Router& router);

  // Whether a method is served at the path of `request`.
  [[nodiscard]] bool Serves(const HttpRequest& request) const {
    return methods_.contains(request.path);
  }

  // Serves a request whose path is /{service}/{method}; false, and nothing else, for another path.
  bool Serve(const std::shared_ptr<HttpExchange>& exchange) const;

 private:
  struct Method {
    const Router::Method* entry;
    const google::protobuf::MethodDescriptor* declared;
  };

  void ServeUnary(const std::shared_ptr<HttpExchange>& exchange, const Method& method) const;
  void ServeStream(const std::shared_ptr<HttpExchange>& exchange, const Method& method) const;

  // By path.
  std::map<std::string, Method, std::less<>> methods_;
};

}  // namespace credence::server
