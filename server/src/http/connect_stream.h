#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "http/codec.h"
#include "http/http.h"
#include "service/router.h"

// A server stream by the Connect protocol: each message in an envelope of one byte of flags and
// four of length (big-endian); the last envelope has flag 2 and JSON with the error or without one.
namespace credence::server {

// What a request shows of who sends it.
[[nodiscard]] CallerCredentials CredentialsOf(const HttpRequest& request);

// Caller and deadline of a call (header Connect-Timeout-Ms). INVALID_ARGUMENT where it is
// malformed.
[[nodiscard]] absl::StatusOr<CallContext> ReadConnectContext(const HttpRequest& request);

// Serves one stream until it ends, its client goes away, its deadline passes or the server drains.
void BeginConnectStream(const std::shared_ptr<HttpExchange>& exchange, MessageCodec codec,
                        const google::protobuf::MethodDescriptor& method,
                        const StreamHandler& handler);

}  // namespace credence::server
