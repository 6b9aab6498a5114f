#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "credence/base/strings.h"

namespace credence::cli {

// The candidate that a mistyped `text` most likely meant, by edit distance (Damerau 1964) of at
// most a third of its length, at least one; empty where none is that near.
[[nodiscard]] std::string Nearest(std::string_view text,
                                  const std::vector<std::string>& candidates);

// " (did you mean 'x'?)", or nothing where no candidate is near.
[[nodiscard]] std::string DidYouMean(std::string_view text,
                                     const std::vector<std::string>& candidates);

}  // namespace credence::cli
