#include "service/status.h"

#include <optional>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "convert/time.h"
#include "credence/base/error.h"
#include "credence/base/strings.h"
#include "credence/v1/error_reason.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace credence::server {
namespace {

constexpr std::string_view kDomain = "credence";
constexpr absl::Duration kRetryDelay = absl::Milliseconds(200);

// What the few reasons that the rooms below have of their own stand for.
std::string_view PublicReason(std::string_view reason) {
  if (reason == "NODE_NOT_FOUND") return "UNKNOWN_NODE";
  if (reason == "STATE_NOT_FOUND") return "UNKNOWN_STATE";
  // The forecasts that stand cannot be pooled by this method.
  if (reason == "POOL_CONTRADICTORY") return "WRONG_STATE";
  return reason;
}

// The code that the contract gives to `reason`; nothing for a reason that it does not have.
std::optional<absl::StatusCode> CodeOf(std::string_view reason) {
  const auto* value = v1::ErrorReason_descriptor()->FindValueByName(Cat("ERROR_REASON_", reason));
  if (value == nullptr || value->number() == 0) return std::nullopt;
  return static_cast<absl::StatusCode>(value->options().GetExtension(v1::grpc_code));
}

// The reason of an error that was made without one.
std::string_view ReasonOfCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnavailable:
      return "UNAVAILABLE";
    case absl::StatusCode::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case absl::StatusCode::kDataLoss:
      return "LEDGER_FAILED";
    default:
      return "INTERNAL";
  }
}

// Whose subjects had more than their share.
bool IsOverShare(std::string_view reason) {
  return reason == "RATE_LIMITED" || reason == "QUOTA_EXCEEDED";
}

bool AsksToRetry(std::string_view reason) {
  return reason == "UNAVAILABLE" || reason == "OVERLOADED" || IsOverShare(reason);
}

absl::Duration RetryDelayOf(const ErrorDetail& detail) {
  const auto stated = detail.metadata.find(std::string(kRetryMillisecondsKey));
  int64_t milliseconds = 0;
  if (stated == detail.metadata.end() || !absl::SimpleAtoi(stated->second, &milliseconds)) {
    return kRetryDelay;
  }
  return absl::Milliseconds(milliseconds);
}

void AddBadRequest(const ErrorDetail& detail, google::rpc::Status& packed) {
  if (detail.fields.empty()) return;
  // The details travel as a header, which clients limit to 8 KiB.
  constexpr size_t kViolationBytesMax = 4'096;
  google::rpc::BadRequest bad_request;
  for (const FieldViolation& violation : detail.fields) {
    if (bad_request.ByteSizeLong() > kViolationBytesMax) break;
    auto* added = bad_request.add_field_violations();
    added->set_field(violation.field);
    added->set_description(violation.description);
  }
  packed.add_details()->PackFrom(bad_request);
}

void AddPreconditionFailure(const ErrorDetail& detail, const absl::Status& status,
                            google::rpc::Status& packed) {
  if (detail.subjects.empty() || IsOverShare(detail.reason)) return;
  google::rpc::PreconditionFailure failure;
  for (const std::string& subject : detail.subjects) {
    auto* violation = failure.add_violations();
    violation->set_type(detail.reason);
    violation->set_subject(subject);
    violation->set_description(std::string(FromAbsl(status.message())));
  }
  packed.add_details()->PackFrom(failure);
}

void AddQuotaFailure(const ErrorDetail& detail, const absl::Status& status,
                     google::rpc::Status& packed) {
  if (!IsOverShare(detail.reason)) return;
  google::rpc::QuotaFailure failure;
  for (const std::string& subject : detail.subjects) {
    auto* violation = failure.add_violations();
    violation->set_subject(subject);
    violation->set_description(std::string(FromAbsl(status.message())));
  }
  packed.add_details()->PackFrom(failure);
}

void AddRetryInfo(const ErrorDetail& detail, google::rpc::Status& packed) {
  if (!AsksToRetry(detail.reason)) return;
  google::rpc::RetryInfo retry;
  *retry.mutable_retry_delay() = ToProtoDuration(RetryDelayOf(detail));
  packed.add_details()->PackFrom(retry);
}

}  // namespace

absl::Status PublicStatus(const absl::Status& status) {
  if (status.ok() || status.code() == absl::StatusCode::kCancelled) return status;
  ErrorDetail detail = GetErrorDetail(status);
  if (detail.reason.empty()) detail.reason = std::string(ReasonOfCode(status.code()));
  detail.reason = std::string(PublicReason(detail.reason));
  std::optional<absl::StatusCode> code = CodeOf(detail.reason);
  if (!code.has_value()) {
    // A reason that the contract does not have: the code still says what kind of error it is.
    detail.metadata["detail"] = detail.reason;
    const bool invalid = status.code() == absl::StatusCode::kInvalidArgument;
    detail.reason = invalid ? "FIELD_INVALID" : std::string(ReasonOfCode(status.code()));
    code = CodeOf(detail.reason);
  }
  return MakeError(*code, std::string(FromAbsl(status.message())), detail);
}

absl::Status DrainingError() {
  ErrorDetail detail;
  detail.reason = "UNAVAILABLE";
  return MakeError(absl::StatusCode::kUnavailable, "the server is shutting down", detail);
}

std::string PackDetails(const absl::Status& status) {
  const ErrorDetail detail = GetErrorDetail(status);
  google::rpc::Status packed;
  packed.set_code(static_cast<int32_t>(status.code()));
  packed.set_message(std::string(FromAbsl(status.message())));
  google::rpc::ErrorInfo info;
  info.set_reason(detail.reason);
  info.set_domain(std::string(kDomain));
  for (const auto& [key, value] : detail.metadata) (*info.mutable_metadata())[key] = value;
  packed.add_details()->PackFrom(info);
  AddBadRequest(detail, packed);
  AddPreconditionFailure(detail, status, packed);
  AddQuotaFailure(detail, status, packed);
  AddRetryInfo(detail, packed);
  return packed.SerializeAsString();
}

}  // namespace credence::server
