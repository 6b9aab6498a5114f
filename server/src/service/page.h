#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "credence/v1/common.pb.h"

// Page tokens: where a list goes on, and at which position of the log it is read, so that all pages
// of one list are one consistent state. A token is bound to the list and its filters and to this
// ledger; its checksum guards against mistakes, not against an opponent, who gains nothing by
// forging what any client may ask for.
//
// Pure functions.
namespace credence::server {

inline constexpr int kPageSizeDefault = 100;
inline constexpr int kPageSizeMax = 1'000;

// Which page of a list is asked for.
struct PageStart {
  size_t size = kPageSizeDefault;
  // Both absent for the first page. The list goes on after `key`, at `position`.
  std::optional<std::string> key;
  std::optional<int64_t> position;
};

// `binding` names ledger, list and filters. INVALID_ARGUMENT: FIELD_INVALID for a negative page
// size, PAGE_TOKEN_INVALID for a token that is not of this list.
[[nodiscard]] absl::StatusOr<PageStart> ParsePage(const v1::PageRequest& page,
                                                  std::string_view binding);

// The token of the page after `key` of the list `binding`, read at `position`.
[[nodiscard]] std::string MakePageToken(std::string_view binding, int64_t position,
                                        std::string_view key);

}  // namespace credence::server
