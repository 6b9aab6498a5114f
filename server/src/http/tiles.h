#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "credence/ledger/log.h"
#include "credence/ledger/tlog.h"
#include "http/http.h"

namespace credence::server {

// A tile or an entry bundle, by its path in the layout of C2SP tlog-tiles, such as
// "/tile/0/x001/234" or "/tile/entries/000.p/5". 404 for what the log does not have yet or is not
// such a path; what is there never changes, and says so to caches. Thread-safe.
[[nodiscard]] HttpResponse ServeTile(const ledger::Log& log, std::string_view path);

// The texts of the entries of a bundle, as they are now, by a path such as "/text/x001/234": never
// kept by caches. 404 as for tiles. Thread-safe.
[[nodiscard]] HttpResponse ServeTexts(const ledger::Log& log, std::string_view path);

// A checkpoint, as tlog-tiles has it at "/checkpoint": never kept by caches.
[[nodiscard]] HttpResponse ServeCheckpoint(
    const absl::StatusOr<ledger::SignedCheckpoint>& checkpoint);

}  // namespace credence::server
