#pragma once

#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"

// Naming and documentation rules of the protos, checked on descriptors: the rules of buf's STANDARD
// and COMMENTS sets that a descriptor shows, and the project's own. It needs nothing but
// libprotobuf, so it runs where buf does not.
//
// Thread-safe: everything here is a pure function.
namespace credence::proto_lint {

// One finding for each broken rule: "FILE: ELEMENT: what is wrong". `file` must come from a pool
// that was built with source locations, else every element counts as uncommented.
[[nodiscard]] std::vector<std::string> LintFile(const google::protobuf::FileDescriptor& file);

// Findings that concern several files: a message that is request or response of two rpcs.
[[nodiscard]] std::vector<std::string> LintServices(
    const std::vector<const google::protobuf::FileDescriptor*>& files);

}  // namespace credence::proto_lint
