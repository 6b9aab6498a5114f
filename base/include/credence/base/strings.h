#pragma once

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

// Debian's abseil was built for C++14, where its string_view is a class of its own to which the
// standard one does not convert. These bridge the two.
namespace credence {

[[nodiscard]] inline absl::string_view ToAbsl(std::string_view text) {
  return {text.data(), text.size()};
}

[[nodiscard]] inline std::string_view FromAbsl(absl::string_view text) {
  return {text.data(), text.size()};
}

namespace internal {

template <typename Part>
[[nodiscard]] const Part& CatPart(const Part& part) {
  return part;
}
[[nodiscard]] inline absl::string_view CatPart(const std::string_view& part) {
  return ToAbsl(part);
}

}  // namespace internal

// absl::StrCat that also takes std::string_view.
template <typename... Parts>
[[nodiscard]] std::string Cat(const Parts&... parts) {
  return absl::StrCat(internal::CatPart(parts)...);
}

}  // namespace credence
