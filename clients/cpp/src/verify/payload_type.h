#pragma once

#include <string_view>

#include "credence/base/strings.h"
#include "credence/client/verify/entry.h"

#pragma GCC visibility push(hidden)

namespace credence::client {

// Whether the entry's payload is a `Payload`. The name is looked up once: the library takes as long
// for it as an entry's fields take to read.
template <typename Payload>
[[nodiscard]] bool Is(const EntryView& view) {
  static const std::string_view name = FromAbsl(Payload::descriptor()->full_name());
  return view.payload_type == name;
}

}  // namespace credence::client

#pragma GCC visibility pop
