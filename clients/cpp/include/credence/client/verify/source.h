#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

// Where a tiled log is read from (C2SP tlog-tiles): "checkpoint", "tile/0/000", "tile/entries/000".
namespace credence::client {

// Not thread-safe.
class LogSource {
 public:
  virtual ~LogSource() = default;
  // For messages: what the user named.
  [[nodiscard]] virtual const std::string& name() const = 0;
  // The bytes at `path`, at most kLogFileBytesMax. NOT_FOUND where there is nothing.
  [[nodiscard]] virtual absl::StatusOr<std::string> Read(std::string_view path) = 0;
  // The same into `bytes`, whose memory is used again where the source can: a reader of many files
  // then has it at hand, in the processor's caches. After an error `bytes` is anything.
  [[nodiscard]] virtual absl::Status ReadInto(std::string_view path, std::string& bytes) {
    absl::StatusOr<std::string> read = Read(path);
    if (read.ok()) bytes = *std::move(read);
    return read.status();
  }
  // Whether the tiles and bundles of the first `tree_size` entries are those that were there at
  // `time`, as far as that can be told without reading them; partial ones only where `partial`.
  // What comes over a network is not told: true.
  [[nodiscard]] virtual bool UnchangedSince(int64_t /*tree_size*/, bool /*partial*/,
                                            absl::Time /*time*/) {
    return true;
  }
};

// A bundle of 256 entries of 65,535 bytes is the largest of the files.
inline constexpr size_t kLogFileBytesMax = size_t{17} << 20;

// Plain files below `directory`, as `credence export` writes them.
[[nodiscard]] std::unique_ptr<LogSource> MakeDirectorySource(const std::string& directory);

// How a server of HTTP is known, and what is shown to it.
struct HttpIdentity {
  // PEM file of the authorities that its certificate is checked against; the system's where empty.
  std::string authority_file{};
  // PEM files of a certificate to show, with its chain, and of its private key: both or none.
  std::string certificate_file{};
  std::string key_file{};
  // Token that says who reads, without "Bearer "; may be empty.
  std::string token{};
};

// Below an address `http://HOST[:PORT][/PATH]` or `https://...`. A connection is used again as long
// as the server keeps it; each file may take `timeout`. INVALID_ARGUMENT, reason FIELD_INVALID, for
// another form of address, for files that cannot be used, for certificates without TLS, and for a
// token that others could read on its way. A server that does not let the reader in makes a read
// fail with UNAUTHENTICATED or PERMISSION_DENIED.
[[nodiscard]] absl::StatusOr<std::unique_ptr<LogSource>> MakeHttpSource(
    const std::string& url, absl::Duration timeout, const HttpIdentity& identity = {});

}  // namespace credence::client
