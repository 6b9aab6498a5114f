#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

// Files as people have them, as UTF-8 (what is not is taken for Latin-1): plain, compressed by
// gzip, or many in a zip archive or a directory.
namespace credence::cli {

struct TextFile {
  // How errors name it: the path, within an archive followed by the member's name.
  std::string name;
  std::string text;
};

// The text of each file: of a directory the regular files in it, by name; of an archive its
// members, by name. NOT_FOUND for a path that does not exist; INVALID_ARGUMENT for one that cannot
// be read or unpacked, and where all together have more than `bytes_max`. Memory follows what is
// read, whatever size an archive states.
[[nodiscard]] absl::StatusOr<std::vector<TextFile>> ReadTextFiles(
    const std::vector<std::string>& paths, size_t bytes_max = size_t{4} << 30);

}  // namespace credence::cli
