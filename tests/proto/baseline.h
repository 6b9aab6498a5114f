#pragma once

#include <set>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"

// What a program or a stored event may depend on, one line for each thing that must stay as it is:
// fields with number, type and label, values of enums, methods, and what is reserved.
//
// Thread-safe: everything here is a pure function.
namespace credence::proto_lint {

// Lines such as "credence.v1.Thing.name = 1: string". The order of declarations plays no part.
[[nodiscard]] std::set<std::string> Declarations(const google::protobuf::FileDescriptor& file);

// The lines of `baseline` that `now` breaks: what was removed, renumbered, renamed or retyped. What
// was added breaks nothing.
[[nodiscard]] std::vector<std::string> Breaches(const std::set<std::string>& baseline,
                                                const std::set<std::string>& now);

}  // namespace credence::proto_lint
