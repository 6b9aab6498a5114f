#pragma once

#include <string>

#pragma GCC visibility push(hidden)

namespace credence::client {

// Whether what is sent to `host`, a name or an address without brackets, stays on this machine. A
// name such as 127.example.org does not.
[[nodiscard]] bool IsLoopbackHost(const std::string& host);

}  // namespace credence::client

#pragma GCC visibility pop
