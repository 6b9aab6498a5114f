#include <utility>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/source.h"
#include "verify/http_connection.h"

namespace credence::client {
namespace {

class HttpSource final : public LogSource {
 public:
  HttpSource(std::string url, std::unique_ptr<HttpConnection> connection)
      : url_(std::move(url)), connection_(std::move(connection)) {}

  [[nodiscard]] const std::string& name() const override { return url_; }

  [[nodiscard]] absl::StatusOr<std::string> Read(std::string_view path) override {
    const std::string target = Cat("/", path);
    CREDENCE_ASSIGN_OR_RETURN(HttpReply reply, connection_->Get(target));
    if (reply.status == 200) return std::move(reply.body);
    return Failed(reply.status, target);
  }

 private:
  [[nodiscard]] absl::Status Failed(int status, const std::string& target) const {
    const std::string what = Cat(url_, ": GET ", target, " answered ", status);
    ErrorDetail detail;
    switch (status) {
      case 401:
        detail.reason = "UNAUTHENTICATED";
        return MakeError(absl::StatusCode::kUnauthenticated,
                         Cat(what, ": the server asks who reads; show a token that it knows"),
                         detail);
      case 403:
        detail.reason = "PERMISSION_DENIED";
        return MakeError(absl::StatusCode::kPermissionDenied,
                         Cat(what, ": who shows this token may not read the log as a whole"),
                         detail);
      case 404:
        detail.reason = "NOT_FOUND";
        detail.metadata["resource"] = target;
        return MakeError(absl::StatusCode::kNotFound, what, detail);
      default:
        detail.reason = "UNAVAILABLE";
        return MakeError(absl::StatusCode::kUnavailable, what, detail);
    }
  }

  const std::string url_;
  const std::unique_ptr<HttpConnection> connection_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LogSource>> MakeHttpSource(const std::string& url,
                                                          absl::Duration timeout,
                                                          const HttpIdentity& identity) {
  CREDENCE_ASSIGN_OR_RETURN(auto connection, HttpConnection::Make(url, timeout, identity));
  return std::make_unique<HttpSource>(url, std::move(connection));
}

}  // namespace credence::client
