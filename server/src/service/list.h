#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "service/method.h"

// One page of a list over a map of the state.
namespace credence::server {

// Calls `add(value)` for the values of the page that `matches(value)`, by id. Sets the call's
// next_key where there are more. O(n log n) in the size of the map.
template <typename Map, typename Matches, typename Add>
void ListById(ReadCall& call, const Map& map, const Matches& matches, const Add& add) {
  const std::vector<std::string> ids = map.SortedIds();
  auto id = call.page.key.has_value() ? std::upper_bound(ids.begin(), ids.end(), *call.page.key)
                                      : ids.begin();
  size_t count = 0;
  std::string last;
  for (; id != ids.end(); ++id) {
    const auto& value = *map.Find(*id);
    if (!matches(value)) continue;
    if (count == call.page.size) {
      call.next_key = last;
      return;
    }
    add(value);
    last = *id;
    ++count;
  }
}

// Where a list goes on whose pages are told by a number, such as the version of a stream.
[[nodiscard]] inline int64_t NumberedPageStart(const ReadCall& call) {
  int64_t start = 0;
  if (call.page.key.has_value() && !absl::SimpleAtoi(*call.page.key, &start)) start = 0;
  return start;
}

// For lists without filters.
inline constexpr auto kAll = [](const auto&) { return true; };

}  // namespace credence::server
