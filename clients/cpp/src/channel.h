#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "credence/client/client.h"

#pragma GCC visibility push(hidden)

// A connection to a server that moves bytes: the one place that knows gRPC.
namespace credence::client {

// How an rpc ended. `code` is a gRPC status code by number, 0 for OK.
struct RpcResult {
  int code = 0;
  std::string message;
  std::string details;
  // The answer of a unary rpc.
  std::string body;
};

// Thread-safe.
class Channel {
 public:
  // Of the options only what CheckConnection looks at.
  explicit Channel(const ClientOptions& options);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Calls a unary rpc such as "/credence.v1.LedgerService/GetTreeHead".
  [[nodiscard]] RpcResult Unary(const std::string& method, std::string_view request,
                                absl::Time deadline);

  // Calls a server-streaming rpc. Ends with OK when `on_message` returns false, with CANCELLED
  // after CancelStreams, else as the server ends it.
  [[nodiscard]] RpcResult Stream(const std::string& method, std::string_view request,
                                 absl::FunctionRef<bool(std::string_view)> on_message);

  // Ends the streams that run, and the later ones at once.
  void CancelStreams();
  [[nodiscard]] bool streams_cancelled() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace credence::client

#pragma GCC visibility pop
