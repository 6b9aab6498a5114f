#include "credence/cli/read_file.h"

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace credence::cli {
namespace {

// In blocks: reading byte by byte takes as long as all else that is done with a long file.
std::string ReadAll(std::istream& in) {
  constexpr std::size_t kBlockSize = std::size_t{1} << 20;
  std::string text;
  while (in) {
    const std::size_t size = text.size();
    text.resize(size + kBlockSize);
    in.read(text.data() + size, static_cast<std::streamsize>(kBlockSize));
    text.resize(size + static_cast<std::size_t>(in.gcount()));
  }
  return text;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, std::istream& in) {
  if (path == "-") return ReadAll(in);
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is a directory; name the files in it, such as ", path, "/*.yaml"));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be opened"));
  std::string text = ReadAll(file);
  if (file.bad()) return absl::UnknownError(absl::StrCat(path, ": cannot be read"));
  return text;
}

}  // namespace credence::cli
