#pragma once

#include "logging/logger.h"
#include "service/router.h"

namespace credence::server {

// From now on a line is logged for each call of a method of `router`: method, gRPC code, reason of
// the error, milliseconds, and the request id where the caller gave one. A failure of the server's
// own is an error and carries its message; a call that took longer than a second is a warning; the
// rest is for debugging. Before the router serves; `logger` must outlive what it serves.
void LogCalls(const Logger& logger, Router& router);

}  // namespace credence::server
