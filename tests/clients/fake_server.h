#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "google/protobuf/message.h"

// A server on a loopback socket whose answers the test gives: the whole way from the client over
// gRPC and back is real.
namespace credence::client {

// How the fake answers: messages, then a status.
struct FakeReply {
  std::vector<std::string> messages;
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string text;
  // Serialised google.rpc.Status.
  std::string details;
};

[[nodiscard]] FakeReply Answer(const google::protobuf::Message& message);
[[nodiscard]] FakeReply Refusal(absl::StatusCode code, const std::string& text,
                                const std::string& details = "");

// Thread-safe; handlers are called one at a time.
class FakeServer {
 public:
  FakeServer();
  ~FakeServer();

  [[nodiscard]] std::string endpoint() const;

  // Answers the rpc whose request is of this type; others are UNIMPLEMENTED.
  template <typename Request>
  void On(std::function<FakeReply(const Request&)> handler) {
    Set(Request::descriptor()->name(), [handler](const std::string& bytes) {
      Request request;
      if (!request.ParseFromString(bytes)) {
        return Refusal(absl::StatusCode::kInvalidArgument, "the request cannot be parsed");
      }
      return handler(request);
    });
  }

  // Names of the rpcs that were called, in order.
  [[nodiscard]] std::vector<std::string> calls() const;

  // Answers one call: for the transport.
  [[nodiscard]] FakeReply Handle(const std::string& method, const std::string& bytes);

 private:
  using Handler = std::function<FakeReply(const std::string&)>;
  void Set(const std::string& request_type, Handler handler);

  class Transport;
  mutable absl::Mutex mutex_;
  std::map<std::string, Handler> handlers_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> calls_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Transport> transport_;
};

}  // namespace credence::client
