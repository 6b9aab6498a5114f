#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "access/access_control.h"
#include "access/access_gate.h"
#include "access/audit_log.h"
#include "engine/engine.h"
#include "tls/tls_options.h"

namespace CLI {
class App;
}  // namespace CLI

// How `credence serve` is told who may reach it, and what it refuses to be told.
namespace credence::server {

struct SecurityFlags {
  TlsOptions tls;
  // "", "open" or "required".
  std::string access;
  bool public_reads = false;
  std::string audit_file;
  JwtOptions jwt;
  // Of callers that are known.
  BudgetOptions budgets{.calls_per_second = 1'000.0,
                        .calls_in_flight_max = 1'024,
                        .streams_max = 256,
                        .writes_per_day_max = 0};

  // Whether callers are asked who they are: where that is said, and else wherever they may be
  // strangers.
  [[nodiscard]] bool access_required(bool loopback_only) const {
    return access.empty() ? !loopback_only || jwt.enabled() : access == "required";
  }
};

void AddSecurityOptions(CLI::App& command, SecurityFlags& flags);

// Usage errors, each of which says what to set: addresses that others can reach without TLS or with
// access open to all, and flags that make no sense alone.
[[nodiscard]] absl::Status CheckSecurity(const SecurityFlags& flags, const std::string& listen,
                                         const std::string& http_listen);

// Who is asked, and what is written down of it.
struct Access {
  std::unique_ptr<AuditLog> audit;
  std::unique_ptr<AccessControl> control;
  std::unique_ptr<AccessGate> gate;
};

// Control and gate are null where nobody is asked. `engine` must outlive it.
[[nodiscard]] absl::StatusOr<Access> OpenAccess(const SecurityFlags& flags, bool loopback_only,
                                                const std::string& data_directory,
                                                const Engine& engine);

}  // namespace credence::server
