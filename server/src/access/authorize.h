#pragma once

#include "absl/status/status.h"
#include "access/method_rules.h"
#include "access/principal.h"
#include "google/protobuf/message.h"
#include "state/state.h"

// Whether a caller may make a call, by the rule of its method. Pure functions.
namespace credence::server {

// Whether that can be told without the request: the method is a read, and a role of the caller's is
// for the whole ledger.
[[nodiscard]] bool NeedsRequest(const MethodRule& rule, const Principal& principal,
                                const google::protobuf::Descriptor& type);

// PERMISSION_DENIED where the caller has none of the roles; has them for questions of other tags
// only, a question that is not there counting as one of those; speaks in another's name; states
// another actor than itself; or has no role that may say that something counted earlier than it is
// recorded.
[[nodiscard]] absl::Status Authorize(const MethodRule& rule, const Principal& principal,
                                     const google::protobuf::Message& request, const State& state);

// Every text at a path such as "items.question.tags"; "" for one that is not set. CHECKs that the
// path is one of the type.
[[nodiscard]] std::vector<std::string> TextsAt(const google::protobuf::Message& message,
                                               std::string_view path);

}  // namespace credence::server
