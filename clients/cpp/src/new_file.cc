#include "new_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "credence/base/error.h"
#include "credence/base/strings.h"

namespace credence::client {

absl::Status FileError(const std::string& path, absl::StatusCode code, std::string_view what) {
  ErrorDetail detail;
  detail.reason = code == absl::StatusCode::kNotFound        ? "NOT_FOUND"
                  : code == absl::StatusCode::kAlreadyExists ? "ALREADY_EXISTS"
                                                             : "FIELD_INVALID";
  detail.metadata["resource"] = path;
  return MakeError(code, Cat(path, " ", what), detail);
}

absl::Status WriteNewFile(const std::string& path, std::string_view content) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0 && errno == EEXIST) {
    return FileError(path, absl::StatusCode::kAlreadyExists, "exists already");
  }
  const bool written =
      file >= 0 &&
      write(file, content.data(), content.size()) == static_cast<ssize_t>(content.size()) &&
      fsync(file) == 0;
  const int error = errno;
  if (file >= 0) close(file);
  if (written) return absl::OkStatus();
  return absl::InternalError(Cat(path, " cannot be written: ", std::strerror(error)));
}

}  // namespace credence::client
