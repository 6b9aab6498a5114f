#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "credence/v1/access_service.pb.h"

// Which roles each method of the contract needs, and what of its request a role that is limited to
// a tag, or to its own name, is held against: the one place that decides it.
namespace credence::server {

// Roles, as a set.
class RoleSet {
 public:
  constexpr RoleSet() = default;
  constexpr RoleSet(std::initializer_list<v1::Role> roles) {
    for (const v1::Role role : roles) bits_ |= uint32_t{1} << static_cast<uint32_t>(role);
  }

  [[nodiscard]] constexpr bool Has(v1::Role role) const {
    return (bits_ >> static_cast<uint32_t>(role) & 1U) != 0;
  }
  [[nodiscard]] constexpr RoleSet And(RoleSet other) const {
    RoleSet both;
    both.bits_ = bits_ & other.bits_;
    return both;
  }
  // "analyst or resolver".
  [[nodiscard]] std::string Text() const;

 private:
  uint32_t bits_ = 0;
};

// What a method speaks of.
enum class MethodScope {
  // Nothing that belongs to a question: a role for any tag will do.
  kCommon,
  // The whole ledger: only a role without a tag will do.
  kLedger,
  // The questions, and the networks with their questions, whose names stand in `paths`.
  kNamed,
  // Likewise, but a question stands for its network, all of whose questions what is said moves.
  kNetwork,
  // What is listed under the tag that stands in the one path; the whole ledger without one.
  kTag,
};

// Paths are those of fields, such as "items.question.tags"; a list stands for each of its items.
struct MethodRule {
  // Such as "credence.v1.QuestionService/GetQuestion".
  std::string_view method;
  // Any of these will do; an admin always will, and does not stand here.
  RoleSet roles;
  MethodScope scope = MethodScope::kCommon;
  std::vector<std::string> paths{};
  // Of these also any, where each name at `own_paths` is the caller's own principal.
  RoleSet own_roles{};
  std::vector<std::string> own_paths{};
  // Of a new or changed question: where its tags stand, one of which the role must be for. A new
  // one may be without a network; then no name stands in `paths`.
  std::string tags_path{};
  // Whether anybody who is let in at all may call it.
  bool anybody = false;
  // Whether each call is put on the audit log, with how it ended.
  bool audited = false;
};

// Paths beside the contract's methods that need a role.
inline constexpr std::string_view kMetricsPath = "/metrics";

// The rule of a method, or of such a path. CHECKs that there is one.
[[nodiscard]] const MethodRule& RuleOf(std::string_view method);

[[nodiscard]] const std::vector<MethodRule>& AllRules();

}  // namespace credence::server
