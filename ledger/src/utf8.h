#pragma once

#include <string_view>

namespace credence::ledger {

// Whether `text` may name a key in a signed note: well-formed UTF-8 (Unicode 15, table 3-7) without
// white space (Unicode property White_Space), control characters and '+'.
[[nodiscard]] bool IsPlainName(std::string_view text);

}  // namespace credence::ledger
