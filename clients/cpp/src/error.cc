#include "credence/client/error.h"

#include <utility>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace credence::client {
namespace {

constexpr int kCodeMax = 16;

ErrorDetail ToDetail(const google::rpc::Status& status) {
  ErrorDetail detail;
  for (const auto& any : status.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad_request;
    google::rpc::PreconditionFailure failure;
    if (any.UnpackTo(&info)) {
      detail.reason = info.reason();
      detail.metadata.insert(info.metadata().begin(), info.metadata().end());
    } else if (any.UnpackTo(&bad_request)) {
      for (const auto& violation : bad_request.field_violations()) {
        detail.fields.push_back({violation.field(), violation.description()});
      }
    } else if (any.UnpackTo(&failure)) {
      for (const auto& violation : failure.violations()) {
        detail.subjects.push_back(violation.subject());
      }
    }
  }
  return detail;
}

google::rpc::Status Parse(std::string_view details) {
  google::rpc::Status status;
  if (!status.ParseFromArray(details.data(), static_cast<int>(details.size()))) status.Clear();
  return status;
}

}  // namespace

absl::Status StatusOfRpc(int code, std::string_view message, std::string_view details) {
  if (code == 0) return absl::OkStatus();
  const bool known = code > 0 && code <= kCodeMax;
  const auto status_code = known ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown;
  return MakeError(status_code, std::string(message), ToDetail(Parse(details)));
}

std::optional<absl::Duration> RetryDelay(std::string_view details) {
  const google::rpc::Status status = Parse(details);
  for (const auto& any : status.details()) {
    google::rpc::RetryInfo info;
    if (!any.UnpackTo(&info)) continue;
    return absl::Seconds(info.retry_delay().seconds()) +
           absl::Nanoseconds(info.retry_delay().nanos());
  }
  return std::nullopt;
}

}  // namespace credence::client
