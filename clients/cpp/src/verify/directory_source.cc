#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/source.h"
#include "credence/client/verify/tile.h"

namespace credence::client {
namespace {

absl::Status FileError(const std::string& path) {
  ErrorDetail detail;
  if (errno == ENOENT || errno == ENOTDIR) {
    detail.reason = "NOT_FOUND";
    detail.metadata["resource"] = path;
    return MakeError(absl::StatusCode::kNotFound, Cat("There is no file ", path, "."), detail);
  }
  return absl::InternalError(Cat(path, ": ", std::strerror(errno)));
}

class Descriptor {
 public:
  explicit Descriptor(const std::string& path) : value_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int value() const { return value_; }

 private:
  const int value_;
};

class DirectorySource final : public LogSource {
 public:
  explicit DirectorySource(const std::string& directory) : directory_(directory) {}

  [[nodiscard]] const std::string& name() const override { return directory_; }

  [[nodiscard]] absl::StatusOr<std::string> Read(std::string_view path) override {
    std::string bytes;
    CREDENCE_RETURN_IF_ERROR(ReadInto(path, bytes));
    return bytes;
  }

  [[nodiscard]] absl::Status ReadInto(std::string_view path, std::string& bytes) override {
    const std::string name = Cat(directory_, "/", path);
    const Descriptor file(name);
    struct stat status {};
    if (file.value() < 0 || fstat(file.value(), &status) != 0) return FileError(name);
    if (!S_ISREG(status.st_mode)) return absl::InternalError(Cat(name, ": is not a file"));
    if (status.st_size > static_cast<off_t>(kLogFileBytesMax)) {
      return absl::InternalError(Cat(name, ": is larger than any file of a log"));
    }
    bytes.resize(static_cast<size_t>(status.st_size));
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t count = read(file.value(), bytes.data() + done, bytes.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FileError(name);
      // Shortened meanwhile: what is left is what the file holds.
      if (count == 0) bytes.resize(done);
      done += static_cast<size_t>(count);
    }
    return absl::OkStatus();
  }

  // By the times at which the files were changed last, which nobody but the system sets.
  [[nodiscard]] bool UnchangedSince(int64_t tree_size, bool partial, absl::Time time) override {
    bool unchanged = true;
    ForEachTile(tree_size, [&](const TileId& id) {
      if (id.width < kTileWidth && !partial) return true;
      unchanged =
          IsOlder(id, time) && (id.level > 0 || IsOlder({kEntriesLevel, id.index, id.width}, time));
      return unchanged;
    });
    return unchanged;
  }

 private:
  [[nodiscard]] bool IsOlder(const TileId& id, absl::Time time) const {
    struct stat status {};
    if (stat(Cat(directory_, "/", TilePath(id)).c_str(), &status) != 0) return false;
    return absl::TimeFromTimespec(status.st_ctim) < time;
  }

  const std::string directory_;
};

}  // namespace

std::unique_ptr<LogSource> MakeDirectorySource(const std::string& directory) {
  return std::make_unique<DirectorySource>(directory);
}

}  // namespace credence::client
