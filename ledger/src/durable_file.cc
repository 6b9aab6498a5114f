#include "durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "credence/base/status_macros.h"
#include "credence/base/strings.h"

namespace credence::ledger {
namespace {

absl::Status SystemError(std::string_view what, const std::string& path) {
  return absl::InternalError(Cat(what, " ", path, ": ", std::strerror(errno)));
}

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags, mode_t mode)
      : value_(open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] bool valid() const { return value_ >= 0; }
  [[nodiscard]] int value() const { return value_; }

 private:
  int value_;
};

absl::Status WriteAll(const Descriptor& file, const std::string& path, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(file.value(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError("Cannot write", path);
    content.remove_prefix(static_cast<size_t>(written));
  }
  if (fsync(file.value()) != 0) return SystemError("Cannot sync", path);
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteNewFile(const std::string& path, std::string_view content, mode_t mode) {
  const Descriptor file(path, O_WRONLY | O_CREAT | O_EXCL, mode);
  if (!file.valid()) return SystemError("Cannot create", path);
  if (absl::Status status = WriteAll(file, path, content); !status.ok()) {
    unlink(path.c_str());
    return status;
  }
  return SyncDirectory(std::filesystem::path(path).parent_path().string());
}

absl::Status ReplaceFile(const std::string& path, std::string_view content, mode_t mode) {
  const std::string partial = Cat(path, ".partial");
  unlink(partial.c_str());
  CREDENCE_RETURN_IF_ERROR(WriteNewFile(partial, content, mode));
  if (rename(partial.c_str(), path.c_str()) != 0) return SystemError("Cannot replace", path);
  return SyncDirectory(std::filesystem::path(path).parent_path().string());
}

absl::StatusOr<std::string> ReadSmallFile(const std::string& path) {
  const Descriptor file(path, O_RDONLY, 0);
  if (!file.valid()) return SystemError("Cannot open", path);
  std::array<char, 4096> buffer;
  const ssize_t size = read(file.value(), buffer.data(), buffer.size());
  if (size < 0) return SystemError("Cannot read", path);
  return std::string(buffer.data(), static_cast<size_t>(size));
}

absl::Status SyncDirectory(const std::string& path) {
  const Descriptor directory(path.empty() ? "." : path, O_RDONLY | O_DIRECTORY, 0);
  if (!directory.valid()) return SystemError("Cannot open", path);
  if (fsync(directory.value()) != 0) return SystemError("Cannot sync", path);
  return absl::OkStatus();
}

}  // namespace credence::ledger
