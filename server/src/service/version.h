#pragma once

#include <string_view>

namespace credence::server {

// Version of the server, that of the project.
inline constexpr std::string_view kServerVersion = "0.1.0";

}  // namespace credence::server
