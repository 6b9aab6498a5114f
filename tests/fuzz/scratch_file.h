#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "credence/base/check.h"

namespace credence::fuzz {

// A file with some bytes, for what reads by path; gone at the end of the scope.
class ScratchFile {
 public:
  ScratchFile(std::string_view bytes, const std::string& ending) {
    std::error_code error;
    // In memory where the system has such a place: a fuzzer makes thousands a second.
    const std::string folder =
        std::filesystem::is_directory("/dev/shm", error) ? "/dev/shm" : "/tmp";
    path_ = folder + "/credence-fuzz-XXXXXX" + ending;
    const int descriptor = mkstemps(path_.data(), static_cast<int>(ending.size()));
    CREDENCE_CHECK(descriptor >= 0);
    close(descriptor);
    std::ofstream(path_, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  ~ScratchFile() { unlink(path_.c_str()); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace credence::fuzz
