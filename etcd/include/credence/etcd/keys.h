#pragma once

#include <string>
#include <string_view>

namespace credence::etcd {

// The `range_end` that makes a range of all keys that begin with `prefix`: the least key that comes
// after all of them. An empty prefix gives etcd's form of "all keys that there are", a NUL.
[[nodiscard]] std::string PrefixEnd(std::string_view prefix);

}  // namespace credence::etcd
