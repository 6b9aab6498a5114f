#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

// The table of what the server serves: for each method of the contract, from serialized request to
// serialized response. It knows no transport, so that each way in (gRPC now) runs the same methods
// and only one file sees gRPC.
namespace credence::server {

struct Principal;

// What a caller shows of who it is, as the transport has it.
struct CallerCredentials {
  // The header `authorization`, such as "Bearer ..."; empty where there is none.
  std::string authorization{};
  // Subject of the client certificate that the transport verified (RFC 2253); empty where none.
  std::string certificate_subject{};
  // Address of the client, for the audit log.
  std::string peer{};
};

// What a method knows of its call besides the request.
struct CallContext {
  // By the system's clock; the infinite future where the client states none.
  absl::Time deadline = absl::InfiniteFuture();
  // Null where the server takes calls from everybody who reaches it, and does not look.
  std::shared_ptr<const CallerCredentials> credentials{};
  // Who calls, where the server asks for it.
  std::shared_ptr<const Principal> principal{};
};

using Answer = std::function<void(absl::StatusOr<std::string>)>;

// Answers exactly once: within the call or later, on any thread.
using UnaryHandler = std::function<void(const CallContext&, std::string_view request, Answer)>;

// The messages of one stream. One call at a time.
class MessageSource {
 public:
  virtual ~MessageSource() = default;
  // The next message, serialized. Where there is none yet: nothing, and `ready` is called once when
  // it is worth while to ask again (OK) or never will be (the error that ends the stream).
  [[nodiscard]] virtual absl::StatusOr<std::optional<std::string>> Next(
      std::function<void(const absl::Status&)> ready) = 0;
  // Whether the last message was given, where Next gave nothing: the stream then ends well. Most
  // streams have no end.
  [[nodiscard]] virtual bool ended() const { return false; }
  // Ends what Next may have left under way. True: no `ready` is pending and none will run.
  virtual bool Cancel() = 0;
  // Of a stream over the log: every position before this one was looked at. Of another -1.
  [[nodiscard]] virtual int64_t next_position() const { return -1; }
};

using StreamHandler = std::function<absl::StatusOr<std::unique_ptr<MessageSource>>(
    const CallContext&, std::string_view request)>;

// Filled before it is used; then immutable, and safe to use from any thread.
class Router {
 public:
  struct Method {
    // One of the two.
    UnaryHandler unary;
    StreamHandler stream;
    // Whether the handler only hands the call on, so that it may run on a thread that takes calls.
    bool brief = false;
  };
  // By method name, such as "CreateQuestion".
  using Service = std::map<std::string, Method>;

  // `service` is a full name such as "credence.v1.QuestionService". CHECKs that the contract has
  // the method, in this form, and that it was not added before.
  void AddUnary(std::string_view service, std::string_view method, UnaryHandler handler);
  void AddBriefUnary(std::string_view service, std::string_view method, UnaryHandler handler);
  void AddStream(std::string_view service, std::string_view method, StreamHandler handler);

  // Replaces each method by what `wrap` makes of it: the same method, and what is done around it.
  void Wrap(const std::function<Method(const std::string& service, const std::string& method,
                                       Method entry)>& wrap);

  // CHECKs that every method that the contract declares for the services added is there.
  void CheckComplete() const;

  [[nodiscard]] const std::map<std::string, Service>& services() const { return services_; }

 private:
  void Add(std::string_view service, std::string_view method, bool streams, Method entry);

  std::map<std::string, Service> services_;
};

}  // namespace credence::server
