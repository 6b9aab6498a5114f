#pragma once

#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "access/access_control.h"
#include "access/budgets.h"
#include "access/method_rules.h"
#include "engine/engine.h"
#include "service/router.h"

// Stands before every method: lets a call through only from a caller that is known, has not had its
// share of the server, and may make it.
//
// Thread-safe after Guard.
namespace credence::server {

class AccessGate {
 public:
  // Both must outlive the gate, and the gate what it guards.
  AccessGate(AccessControl* control, const Engine* engine, const BudgetOptions& budgets = {})
      : control_(control), engine_(engine), budgets_(budgets) {}

  // Puts every method of `router` behind the gate. CHECKs that each has a rule.
  void Guard(Router& router);

  // Whether the caller of a method is known at all: to be asked before anything is done with what
  // it sent. UNAUTHENTICATED.
  [[nodiscard]] absl::Status Know(std::string_view method, const CallerCredentials& credentials);

  // Whether a caller may have what is served at a path beside the methods, by the rule of that
  // name. UNAUTHENTICATED, PERMISSION_DENIED.
  [[nodiscard]] absl::Status AdmitPath(std::string_view rule, const CallerCredentials& credentials);

 private:
  friend class GuardedSource;

  struct Guarded {
    const MethodRule* rule;
    CallKind kind;
    const google::protobuf::Descriptor* input;
  };

  // A call that may be made: its context with who makes it, and the caller's share, which is held
  // for as long as the call takes.
  struct Admitted {
    CallContext context;
    std::shared_ptr<const Budgets::Share> share;
  };

  // Besides the above: RESOURCE_EXHAUSTED, and INVALID_ARGUMENT for a request that cannot be
  // parsed. A refusal is on the audit log.
  [[nodiscard]] absl::StatusOr<Admitted> Admit(const Guarded& guarded, const CallContext& context,
                                               std::string_view request);
  // The same for a stream under way, which has its share.
  [[nodiscard]] absl::Status AdmitAgain(const Guarded& guarded, const CallContext& context,
                                        std::string_view request);
  [[nodiscard]] absl::Status Check(const Guarded& guarded, const Principal& principal,
                                   std::string_view request) const;
  void NoteRefusal(const MethodRule& rule, const CallerCredentials& credentials,
                   const Principal* principal, const absl::Status& status);

  [[nodiscard]] UnaryHandler GuardUnary(const Guarded& guarded, UnaryHandler handler);
  [[nodiscard]] StreamHandler GuardStream(const Guarded& guarded, StreamHandler handler);

  AccessControl* const control_;
  const Engine* const engine_;
  Budgets budgets_;
};

}  // namespace credence::server
