#include "import/text_file.h"

#include <zip.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "import/fields.h"

namespace credence::cli {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 18;

absl::Status Unreadable(const std::string& path, std::string_view why) {
  return MakeError(absl::StatusCode::kInvalidArgument, absl::StrCat(path, ": ", std::string(why)),
                   {});
}

// The text of the files so far, of which there is an end.
class Room {
 public:
  explicit Room(size_t bytes_max) : bytes_max_(bytes_max), left_(bytes_max) {}

  // Appends what was read of `name`.
  [[nodiscard]] absl::Status Append(const std::string& name, std::string_view chunk,
                                    std::string& text) {
    if (chunk.size() > left_) {
      return Unreadable(name, absl::StrCat("the files unpack to more than ", bytes_max_, " bytes"));
    }
    left_ -= chunk.size();
    text.append(chunk);
    return absl::OkStatus();
  }

 private:
  const size_t bytes_max_;
  size_t left_;
};

struct GzClose {
  void operator()(gzFile_s* file) const { gzclose(file); }
};
struct ZipClose {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct ZipFileClose {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

// zlib reads plain files as they are, so that one way serves both.
absl::StatusOr<std::string> ReadMaybeCompressed(const std::string& path, Room& room) {
  const std::unique_ptr<gzFile_s, GzClose> file(gzopen(path.c_str(), "rb"));
  if (file == nullptr) return Unreadable(path, std::strerror(errno));
  gzbuffer(file.get(), kChunkBytes);
  std::string text;
  std::vector<char> buffer(kChunkBytes);
  while (true) {
    const int count = gzread(file.get(), buffer.data(), static_cast<unsigned int>(buffer.size()));
    if (count < 0) {
      int code = 0;
      return Unreadable(path, gzerror(file.get(), &code));
    }
    if (count == 0) return ToUtf8(std::move(text));
    const std::string_view chunk(buffer.data(), static_cast<size_t>(count));
    CREDENCE_RETURN_IF_ERROR(room.Append(path, chunk, text));
  }
}

absl::StatusOr<std::string> ReadMember(zip_t* archive, const zip_stat_t& stat,
                                       const std::string& name, Room& room) {
  const std::unique_ptr<zip_file_t, ZipFileClose> file(zip_fopen_index(archive, stat.index, 0));
  if (file == nullptr) return Unreadable(name, zip_strerror(archive));
  // Grows with what is there: the size that an archive states is only a claim.
  std::string text;
  std::vector<char> buffer(kChunkBytes);
  while (true) {
    const zip_int64_t count = zip_fread(file.get(), buffer.data(), buffer.size());
    if (count < 0) return Unreadable(name, "is damaged");
    if (count == 0) break;
    const std::string_view chunk(buffer.data(), static_cast<size_t>(count));
    CREDENCE_RETURN_IF_ERROR(room.Append(name, chunk, text));
  }
  if ((stat.valid & ZIP_STAT_SIZE) != 0 && text.size() != stat.size)
    return Unreadable(name, "is cut short or damaged");
  return ToUtf8(std::move(text));
}

absl::Status ReadArchive(const std::string& path, Room& room, std::vector<TextFile>& files) {
  int code = 0;
  const std::unique_ptr<zip_t, ZipClose> archive(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (archive == nullptr) return Unreadable(path, "is no readable zip archive");
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  std::vector<TextFile> members;
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t stat;
    zip_stat_init(&stat);
    if (zip_stat_index(archive.get(), static_cast<zip_uint64_t>(i), 0, &stat) != 0) {
      return Unreadable(path, zip_strerror(archive.get()));
    }
    const std::string name = absl::StrCat(path, "/", stat.name);
    if (absl::EndsWith(name, "/")) continue;
    CREDENCE_ASSIGN_OR_RETURN(std::string text, ReadMember(archive.get(), stat, name, room));
    members.push_back({name, std::move(text)});
  }
  std::sort(members.begin(), members.end(),
            [](const TextFile& a, const TextFile& b) { return a.name < b.name; });
  std::move(members.begin(), members.end(), std::back_inserter(files));
  return absl::OkStatus();
}

absl::Status ReadOne(const std::string& path, Room& room, std::vector<TextFile>& files) {
  if (absl::EndsWithIgnoreCase(path, ".zip")) return ReadArchive(path, room, files);
  CREDENCE_ASSIGN_OR_RETURN(std::string text, ReadMaybeCompressed(path, room));
  files.push_back({path, std::move(text)});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<TextFile>> ReadTextFiles(const std::vector<std::string>& paths,
                                                    size_t bytes_max) {
  namespace fs = std::filesystem;
  std::vector<TextFile> files;
  Room room(bytes_max);
  for (const std::string& path : paths) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) {
      return MakeError(absl::StatusCode::kNotFound, absl::StrCat(path, ": does not exist"), {});
    }
    if (!fs::is_directory(status)) {
      CREDENCE_RETURN_IF_ERROR(ReadOne(path, room, files));
      continue;
    }
    std::vector<std::string> names;
    for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
      if (entry.is_regular_file(error)) names.push_back(entry.path().string());
    }
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) CREDENCE_RETURN_IF_ERROR(ReadOne(name, room, files));
  }
  return files;
}

}  // namespace credence::cli
