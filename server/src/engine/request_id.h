#pragma once

#include <string>

// Request ids for writes that bring none.
namespace credence::server {

// A random UUID of version 4 (RFC 4122) in lower-case text form, from the operating system's
// generator. Thread-safe.
[[nodiscard]] std::string MakeRequestId();

}  // namespace credence::server
