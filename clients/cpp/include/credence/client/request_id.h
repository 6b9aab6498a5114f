#pragma once

#include <string>
#include <string_view>

// Request ids: UUIDs in lower-case text form, 36 characters.
//
// Thread-safe.
namespace credence::client {

// A random one (version 4, RFC 4122) from the operating system's generator.
[[nodiscard]] std::string RandomRequestId();

// One that depends on `text` alone (version 8, RFC 9562, over FNV-1a of 128 bits by Fowler, Noll
// and Vo 1991), so that who does the same thing again asks with the same id. It guards against
// repeats, not against an opponent: it is no cryptographic hash.
[[nodiscard]] std::string RequestIdOf(std::string_view text);

}  // namespace credence::client
