#include "credence/base/error.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "credence/base/check.h"
#include "credence/base/strings.h"

namespace credence {
namespace {

constexpr std::string_view kReasonUrl = "credence/reason";
constexpr std::string_view kFieldsUrl = "credence/fields";
constexpr std::string_view kSubjectsUrl = "credence/subjects";
constexpr std::string_view kMetadataUrl = "credence/metadata";

// Payload grammar: a list of strings, each as its length in decimal, ':' and its bytes.
std::string Pack(const std::vector<std::string>& strings) {
  std::string packed;
  for (const std::string& text : strings) packed += Cat(text.size(), ":", text);
  return packed;
}

std::vector<std::string> Unpack(const absl::Status& status, std::string_view url) {
  std::vector<std::string> strings;
  const auto payload = status.GetPayload(ToAbsl(url));
  if (!payload.has_value()) return strings;
  const std::string packed(*payload);
  size_t offset = 0;
  while (offset < packed.size()) {
    const size_t colon = packed.find(':', offset);
    CREDENCE_CHECK(colon != std::string::npos);
    const size_t length = std::stoul(packed.substr(offset, colon - offset));
    strings.push_back(packed.substr(colon + 1, length));
    offset = colon + 1 + length;
  }
  return strings;
}

void Attach(absl::Status& status, std::string_view url, const std::vector<std::string>& strings) {
  if (!strings.empty()) status.SetPayload(ToAbsl(url), absl::Cord(Pack(strings)));
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, std::string message, const ErrorDetail& detail) {
  CREDENCE_CHECK(code != absl::StatusCode::kOk);
  absl::Status status(code, message);
  if (!detail.reason.empty()) Attach(status, kReasonUrl, {detail.reason});
  std::vector<std::string> fields;
  for (const FieldViolation& violation : detail.fields) {
    fields.push_back(violation.field);
    fields.push_back(violation.description);
  }
  Attach(status, kFieldsUrl, fields);
  Attach(status, kSubjectsUrl, detail.subjects);
  std::vector<std::string> metadata;
  for (const auto& [key, value] : detail.metadata) {
    metadata.push_back(key);
    metadata.push_back(value);
  }
  Attach(status, kMetadataUrl, metadata);
  return status;
}

absl::Status InvalidField(std::string_view reason, std::string_view field,
                          std::string_view description) {
  ErrorDetail detail;
  detail.reason = std::string(reason);
  detail.fields.push_back({std::string(field), std::string(description)});
  return MakeError(absl::StatusCode::kInvalidArgument, Cat(field, ": ", description), detail);
}

ErrorDetail GetErrorDetail(const absl::Status& status) {
  ErrorDetail detail;
  const std::vector<std::string> reason = Unpack(status, kReasonUrl);
  if (!reason.empty()) detail.reason = reason.front();
  const std::vector<std::string> fields = Unpack(status, kFieldsUrl);
  for (size_t i = 0; i + 1 < fields.size(); i += 2) {
    detail.fields.push_back({fields[i], fields[i + 1]});
  }
  detail.subjects = Unpack(status, kSubjectsUrl);
  const std::vector<std::string> metadata = Unpack(status, kMetadataUrl);
  for (size_t i = 0; i + 1 < metadata.size(); i += 2) {
    detail.metadata[metadata[i]] = metadata[i + 1];
  }
  return detail;
}

absl::Status WithFieldPrefix(const absl::Status& status, std::string_view prefix) {
  if (status.ok()) return status;
  ErrorDetail detail = GetErrorDetail(status);
  std::string message(status.message());
  for (FieldViolation& violation : detail.fields) {
    if (detail.fields.size() == 1 && message.rfind(violation.field, 0) == 0) {
      message = Cat(prefix, violation.field.empty() ? "" : ".", message);
    }
    violation.field =
        violation.field.empty() ? std::string(prefix) : Cat(prefix, ".", violation.field);
  }
  return MakeError(status.code(), std::move(message), detail);
}

}  // namespace credence
