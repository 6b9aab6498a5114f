#include "engine/request_id.h"

#include <openssl/rand.h>

#include <array>
#include <string_view>

#include "absl/strings/escaping.h"
#include "credence/base/check.h"
#include "credence/base/strings.h"

namespace credence::server {

std::string MakeRequestId() {
  std::array<unsigned char, 16> bytes{};
  CREDENCE_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  const std::string hex = absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  const std::string_view view = hex;
  return Cat(view.substr(0, 8), "-", view.substr(8, 4), "-", view.substr(12, 4), "-",
             view.substr(16, 4), "-", view.substr(20));
}

}  // namespace credence::server
