#include "credence/cli/exit_code.h"

#include <ostream>

#include "credence/base/error.h"

namespace credence::cli {
namespace {

constexpr std::string_view kUsageReason = "USAGE";

}  // namespace

absl::Status UsageError(std::string_view message) {
  ErrorDetail detail;
  detail.reason = kUsageReason;
  return MakeError(absl::StatusCode::kInvalidArgument, std::string(message), detail);
}

int ExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
      return GetErrorDetail(status).reason == kUsageReason ? kExitUsage : kExitFailed;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kAlreadyExists:
      return kExitConflict;
    case absl::StatusCode::kFailedPrecondition:
      return kExitPrecondition;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kExitUnavailable;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return kExitPermission;
    case absl::StatusCode::kDataLoss:
      return kExitVerification;
    default:
      return kExitFailed;
  }
}

void PrintError(const absl::Status& status, std::ostream& err) {
  if (status.ok()) return;
  const ErrorDetail detail = GetErrorDetail(status);
  err << "credence: " << status.message();
  if (!detail.reason.empty() && detail.reason != kUsageReason) err << " [" << detail.reason << "]";
  err << "\n";
  for (const FieldViolation& violation : detail.fields) {
    err << "  " << violation.field << ": " << violation.description << "\n";
  }
  for (const std::string& subject : detail.subjects) err << "  in the way: " << subject << "\n";
}

}  // namespace credence::cli
