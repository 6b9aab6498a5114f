#include "convert/file_stamp.h"

#include <sys/stat.h>

#include "credence/base/strings.h"

namespace credence::server {

std::string FileStamp(const std::vector<std::string>& paths) {
  std::string stamp;
  for (const std::string& path : paths) {
    struct stat info {};
    if (stat(path.c_str(), &info) == 0) {
      stamp +=
          Cat(info.st_ino, ".", info.st_size, ".", info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec);
    }
    stamp += "/";
  }
  return stamp;
}

}  // namespace credence::server
