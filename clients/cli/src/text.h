#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/string_view.h"

namespace credence::cli {

// Debian builds abseil with a string_view of its own, to which the standard one does not convert.
[[nodiscard]] inline absl::string_view ToAbsl(std::string_view text) {
  return {text.data(), text.size()};
}

// The candidate that a mistyped `text` most likely meant, by edit distance (Damerau 1964) of at
// most a third of its length, at least one; empty where none is that near.
[[nodiscard]] std::string Nearest(std::string_view text,
                                  const std::vector<std::string>& candidates);

// " (did you mean 'x'?)", or nothing where no candidate is near.
[[nodiscard]] std::string DidYouMean(std::string_view text,
                                     const std::vector<std::string>& candidates);

}  // namespace credence::cli
