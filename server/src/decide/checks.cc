#include "decide/checks.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "convert/time.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/ledger/text.h"

namespace credence::server {
namespace {

bool IsLabel(std::string_view id) {
  if (id.empty() || id.size() > 63) return false;
  if (id.front() < 'a' || id.front() > 'z' || id.back() == '-') return false;
  for (const char c : id) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  }
  return true;
}

absl::Status AboutResource(absl::StatusCode code, std::string_view reason,
                           std::string_view resource, std::string message) {
  ErrorDetail detail;
  detail.reason = std::string(reason);
  detail.metadata["resource"] = std::string(resource);
  if (code == absl::StatusCode::kFailedPrecondition) {
    detail.subjects.push_back(std::string(resource));
  }
  return MakeError(code, std::move(message), detail);
}

}  // namespace

absl::Status CheckId(std::string_view id, std::string_view field) {
  if (id.empty()) return InvalidField("FIELD_REQUIRED", field, "must be given");
  if (IsLabel(id)) return absl::OkStatus();
  return InvalidField("NAME_INVALID", field,
                      Cat("\"", id.substr(0, 80),
                          "\" must begin with a letter a-z, go on with letters, digits and "
                          "hyphens, not end with a hyphen, and have at most 63 characters"));
}

absl::Status CheckChosenId(std::string_view id, char letter, std::string_view field) {
  CREDENCE_RETURN_IF_ERROR(CheckId(id, field));
  if (id.front() != letter || id.size() == 1 ||
      id.find_first_not_of("0123456789", 1) != std::string_view::npos) {
    return absl::OkStatus();
  }
  return InvalidField("NAME_INVALID", field,
                      Cat("\"", id, "\" is of the form that the server gives itself: ",
                          std::string(1, letter), " and digits; choose another"));
}

absl::Status CheckState(std::string_view state, std::string_view field) {
  constexpr size_t kStateBytesMax = 128;
  const bool legal = !state.empty() && state.size() <= kStateBytesMax &&
                     std::all_of(state.begin(), state.end(),
                                 [](char c) { return c > 0x20 && c < 0x7f && c != '"'; });
  if (legal) return absl::OkStatus();
  return InvalidField("NAME_INVALID", field,
                      "a state's name is 1 to 128 printable ASCII characters without spaces and "
                      "double quotes");
}

absl::Status CheckText(std::string_view text, std::string_view field, size_t bytes_max) {
  if (text == ledger::kErasedText || text == ledger::kLostText) {
    return InvalidField("FIELD_INVALID", field, "is what a text that is gone reads as");
  }
  if (text.size() <= bytes_max) return absl::OkStatus();
  ErrorDetail detail;
  detail.reason = "FIELD_TOO_LARGE";
  const std::string description =
      Cat("has ", text.size(), " bytes; at most ", bytes_max, " are taken");
  detail.fields.push_back({std::string(field), description});
  detail.metadata["limit"] = Cat(bytes_max);
  return MakeError(absl::StatusCode::kInvalidArgument, Cat(field, ": ", description), detail);
}

absl::Status CheckRequiredText(std::string_view text, std::string_view field) {
  if (text.empty()) return InvalidField("FIELD_REQUIRED", field, "must be given");
  return CheckText(text, field);
}

absl::Status CheckAttributes(
    const google::protobuf::RepeatedPtrField<event::v1::Attribute>& attributes,
    std::string_view field) {
  if (attributes.size() > kAttributeCountMax) {
    return InvalidField(
        "FIELD_INVALID", field,
        Cat("has ", attributes.size(), " attributes; at most ", kAttributeCountMax, " are taken"));
  }
  for (int i = 0; i < attributes.size(); ++i) {
    const event::v1::Attribute& attribute = attributes.Get(i);
    const std::string path = Cat(field, "[", i, "]");
    CREDENCE_RETURN_IF_ERROR(CheckRequiredText(attribute.key(), path + ".key"));
    CREDENCE_RETURN_IF_ERROR(CheckText(attribute.key(), path + ".key", kLabelBytesMax));
    CREDENCE_RETURN_IF_ERROR(CheckText(attribute.value(), path + ".value"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ParseName(std::string_view name, std::string_view collection,
                                      std::string_view field) {
  if (name.empty()) {
    return InvalidField("FIELD_REQUIRED", field, Cat("must be ", collection, "/{id}"));
  }
  const std::string prefix = Cat(collection, "/");
  if (name.substr(0, prefix.size()) == prefix && IsLabel(name.substr(prefix.size()))) {
    return std::string(name.substr(prefix.size()));
  }
  return InvalidField(
      "NAME_INVALID", field,
      Cat("\"", name.substr(0, 120), "\" must have the form ", collection, "/{id}"));
}

absl::StatusOr<absl::Time> ParseTime(const google::protobuf::Timestamp& timestamp,
                                     std::string_view field) {
  constexpr int64_t kFirstSecond = -62'135'596'800;
  constexpr int64_t kLastSecond = 253'402'300'799;
  if (timestamp.seconds() < kFirstSecond || timestamp.seconds() > kLastSecond ||
      timestamp.nanos() < 0 || timestamp.nanos() > 999'999'999) {
    return InvalidField("TIME_INVALID", field, "must lie within the years 1 to 9999");
  }
  return ToTime(timestamp);
}

absl::Status NotFound(std::string_view resource) {
  return AboutResource(absl::StatusCode::kNotFound, "NOT_FOUND", resource,
                       Cat(resource, " does not exist"));
}

absl::Status AlreadyExists(std::string_view resource) {
  return AboutResource(absl::StatusCode::kAlreadyExists, "ALREADY_EXISTS", resource,
                       Cat(resource, " exists already"));
}

absl::Status WrongState(std::string_view resource, std::string_view why) {
  return AboutResource(absl::StatusCode::kFailedPrecondition, "WRONG_STATE", resource,
                       Cat(resource, " ", why));
}

absl::Status CheckProbabilities(const std::vector<double>& probabilities, std::string_view field) {
  for (size_t i = 0; i < probabilities.size(); ++i) {
    if (!(probabilities[i] >= 0.0 && probabilities[i] <= 1.0)) {
      return InvalidField("PROBABILITY_INVALID", Cat(field, "[", i, "]"),
                          Cat("is ", probabilities[i], "; must lie between 0 and 1"));
    }
  }
  const double sum = std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
  if (std::abs(sum - 1.0) <= 1e-9) return absl::OkStatus();
  return InvalidField("PROBABILITY_INVALID", field,
                      Cat("sum to ", sum, "; they must sum to 1 within 1e-9"));
}

}  // namespace credence::server
