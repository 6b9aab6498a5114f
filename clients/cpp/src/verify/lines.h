#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#pragma GCC visibility push(hidden)

namespace credence::client {

// Takes one line, without its newline, from the front of `text`; nothing where no newline is left.
[[nodiscard]] std::optional<std::string_view> TakeLine(std::string_view& text);

// A decimal number from 0 to 2^63 - 1 without sign or leading zeroes; nothing for anything else.
[[nodiscard]] std::optional<int64_t> ParseDecimal(std::string_view text);

}  // namespace credence::client

#pragma GCC visibility pop
