#pragma once

#include <functional>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "access/audit_log.h"
#include "service/router.h"

namespace credence::server {

// Has each call of the methods that only admins may make put on the audit log with how it ended,
// whether the server asks its callers who they are or not. Before an AccessGate guards the router,
// so that the lines say who called. `audit` must outlive the router's use.
void AuditActs(
    Router& router, AuditLog* audit, std::function<absl::Time()> now = [] { return absl::Now(); });

}  // namespace credence::server
