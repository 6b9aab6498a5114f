#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/client/verify/source.h"

#pragma GCC visibility push(hidden)

// The one place of the client that knows HTTP.
namespace credence::client {

struct HttpReply {
  int status = 0;
  std::string content_type;
  std::string body;
};

// A connection to the server of an address `http://HOST[:PORT][/PATH]` or `https://...`. It is made
// when first needed, and used again as long as the server keeps it. Not thread-safe, but for
// Cancel.
class HttpConnection {
 public:
  // Each request may take `timeout`. INVALID_ARGUMENT, reason FIELD_INVALID, with the field "url"
  // for another form of address, and else with that of the identity that does not go with it.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<HttpConnection>> Make(
      const std::string& url, absl::Duration timeout, const HttpIdentity& identity = {});
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // `path` begins with a slash and follows the address's own. UNAVAILABLE where no answer comes. A
  // request whose kept connection was closed meanwhile is sent again.
  [[nodiscard]] absl::StatusOr<HttpReply> Get(const std::string& path);
  [[nodiscard]] absl::StatusOr<HttpReply> Post(const std::string& path, const std::string& body);

  // Ends the request under way, and all later ones, with UNAVAILABLE. Any thread.
  void Cancel();

 private:
  class Impl;
  explicit HttpConnection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace credence::client

#pragma GCC visibility pop
