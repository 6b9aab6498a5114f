#pragma once

#include <string>
#include <vector>

namespace credence::server {

// What tells that one of the files was replaced or changed: equal texts mean that none was. A file
// that is not there counts too.
[[nodiscard]] std::string FileStamp(const std::vector<std::string>& paths);

}  // namespace credence::server
