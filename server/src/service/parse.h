#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

// Requests as they come off the wire. Pure functions.
namespace credence::server {

// Path of the first text field in `bytes`, a serialized message of type `type`, that is not valid
// UTF-8, such as "evidence.model.summary" or "items[3].evidence_id". Nothing where there is none
// before the bytes cease to be well-formed.
[[nodiscard]] std::optional<std::string> FindInvalidText(const google::protobuf::Descriptor& type,
                                                         std::string_view bytes);

// Parses `bytes` into `request`. INVALID_ARGUMENT, reason FIELD_INVALID: with the path of the field
// where a text is not UTF-8, else with the name of the message type.
[[nodiscard]] absl::Status ParseRequest(std::string_view bytes, google::protobuf::Message& request);

}  // namespace credence::server
