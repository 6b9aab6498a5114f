#include "access/access_file.h"

#include <fcntl.h>
#include <google/protobuf/util/json_util.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"

namespace credence::server {
namespace {

constexpr mode_t kMode = 0600;

absl::Status SystemError(const std::string& path, std::string_view what) {
  return absl::InternalError(Cat(path, ": cannot ", what, ": ", std::strerror(errno)));
}

// An open file that is closed, and with it unlocked, at the end.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : number_(open(path.c_str(), flags, kMode)) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int number() const { return number_; }

 private:
  const int number_;
};

absl::Status WriteAll(const Descriptor& file, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file.number(), bytes.data(), bytes.size());
    if (written < 0) return SystemError(path, "write");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (fsync(file.number()) != 0) return SystemError(path, "sync");
  return absl::OkStatus();
}

// After a power cut the old file is there or the new one, whole.
absl::Status Replace(const std::string& path, const std::string& content) {
  const std::string fresh = path + ".new";
  {
    const Descriptor file(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
    if (file.number() < 0) return SystemError(fresh, "create");
    CREDENCE_RETURN_IF_ERROR(WriteAll(file, fresh, content));
  }
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return SystemError(path, "replace");
  const std::string directory = std::filesystem::path(path).parent_path().string();
  const Descriptor folder(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder.number() < 0 || fsync(folder.number()) != 0) return SystemError(directory, "sync");
  return absl::OkStatus();
}

}  // namespace

std::string AccessPath(const std::string& data_directory) {
  return data_directory + "/access.json";
}

absl::StatusOr<internal::v1::AccessFile> ReadAccessFile(const std::string& path,
                                                        const std::string& origin) {
  internal::v1::AccessFile file;
  file.set_origin(origin);
  if (!std::filesystem::exists(path)) return file;
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) return SystemError(path, "read");
  file.Clear();
  const auto parsed = google::protobuf::util::JsonStringToMessage(text.str(), &file);
  if (!parsed.ok()) return absl::InternalError(Cat(path, ": ", parsed.ToString()));
  if (file.origin() == origin) return file;
  ErrorDetail detail;
  detail.reason = "WRONG_STATE";
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   Cat(path, ": holds the grants of ", file.origin(), ", not of ", origin), detail);
}

absl::Status UpdateAccessFile(
    const std::string& path, const std::string& origin,
    const std::function<absl::Status(internal::v1::AccessFile&)>& change) {
  // Beside the file, which is replaced and so cannot hold a lock.
  const std::string lock_path = path + ".lock";
  const Descriptor lock(lock_path, O_RDWR | O_CREAT | O_CLOEXEC);
  if (lock.number() < 0) return SystemError(lock_path, "open");
  if (flock(lock.number(), LOCK_EX) != 0) return SystemError(lock_path, "lock");
  CREDENCE_ASSIGN_OR_RETURN(internal::v1::AccessFile file, ReadAccessFile(path, origin));
  CREDENCE_RETURN_IF_ERROR(change(file));
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  std::string text;
  const auto printed = google::protobuf::util::MessageToJsonString(file, &text, options);
  if (!printed.ok()) return absl::InternalError(printed.ToString());
  return Replace(path, text);
}

}  // namespace credence::server
