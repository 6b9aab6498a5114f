#include "service/page.h"

#include <algorithm>
#include <array>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/ledger/tree.h"

namespace credence::server {
namespace {

// Token grammar: base64url of checksum (12 bytes), position in decimal, ':' and key.
constexpr size_t kChecksumBytes = 12;

std::string Checksum(std::string_view binding, std::string_view content) {
  const ledger::Hash hash =
      ledger::Sha256(Cat("page token/", binding.size(), ":", binding, content));
  return std::string(hash.begin(), hash.begin() + kChecksumBytes);
}

absl::Status BadToken() {
  return InvalidField("PAGE_TOKEN_INVALID", "page.page_token",
                      "is not a token of this list; begin again without one");
}

}  // namespace

absl::StatusOr<PageStart> ParsePage(const v1::PageRequest& page, std::string_view binding) {
  PageStart start;
  if (page.page_size() < 0) {
    return InvalidField("FIELD_INVALID", "page.page_size", "must not be negative");
  }
  if (page.page_size() > 0) {
    start.size = static_cast<size_t>(std::min(page.page_size(), kPageSizeMax));
  }
  if (page.page_token().empty()) return start;
  std::string token;
  if (!absl::WebSafeBase64Unescape(page.page_token(), &token) || token.size() < kChecksumBytes) {
    return BadToken();
  }
  const std::string content = token.substr(kChecksumBytes);
  const size_t colon = content.find(':');
  int64_t position = 0;
  if (token.substr(0, kChecksumBytes) != Checksum(binding, content) || colon == std::string::npos ||
      !absl::SimpleAtoi(content.substr(0, colon), &position)) {
    return BadToken();
  }
  start.position = position;
  start.key = content.substr(colon + 1);
  return start;
}

std::string MakePageToken(std::string_view binding, int64_t position, std::string_view key) {
  const std::string content = Cat(position, ":", key);
  return absl::WebSafeBase64Escape(Cat(Checksum(binding, content), content));
}

}  // namespace credence::server
