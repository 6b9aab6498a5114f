#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

// Errors that a person or a program can act on: an absl::Status whose payloads carry a stable
// reason, the fields that were wrong, and the words of the message that vary. The server turns
// them into google.rpc.ErrorInfo, BadRequest and PreconditionFailure; the rooms below it need no
// protobuf for that.
//
// Thread-safe: everything here is a pure function.
namespace credence {

// One wrong field: where (a path such as "network.nodes[2].rows[0]") and what would be right.
struct FieldViolation {
  std::string field;
  std::string description;
  friend bool operator==(const FieldViolation&, const FieldViolation&) = default;
};

// The parts of an error beyond its code and message.
struct ErrorDetail {
  // Name of a value of credence.v1.ErrorReason without its prefix, such as "ROW_SUM".
  std::string reason;
  std::vector<FieldViolation> fields;
  // For FAILED_PRECONDITION: the resources that stand in the way, such as clashing items.
  std::vector<std::string> subjects;
  std::map<std::string, std::string> metadata;
};

// Builds an error. `code` must not be kOk.
[[nodiscard]] absl::Status MakeError(absl::StatusCode code, std::string message,
                                     const ErrorDetail& detail);

// INVALID_ARGUMENT for one field: the message is "field: description".
[[nodiscard]] absl::Status InvalidField(std::string_view reason, std::string_view field,
                                        std::string_view description);

// The detail of a status; empty where it was not made by MakeError.
[[nodiscard]] ErrorDetail GetErrorDetail(const absl::Status& status);

// The same error with `prefix` put before each field path ("network" and "nodes[1]" give
// "network.nodes[1]"), and before the message of a single-field error.
[[nodiscard]] absl::Status WithFieldPrefix(const absl::Status& status, std::string_view prefix);

}  // namespace credence
