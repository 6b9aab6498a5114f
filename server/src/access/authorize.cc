#include "access/authorize.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/v1/common.pb.h"
#include "google/protobuf/field_mask.pb.h"

namespace credence::server {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::string_view kQuestions = "questions/";
constexpr std::string_view kNetworks = "networks/";
constexpr std::string_view kForecasters = "forecasters/";

// Who may say that something counted earlier than it is recorded.
constexpr RoleSet kBackfillers = {v1::ROLE_ANALYST, v1::ROLE_RESOLVER};

absl::Status Denied(const Principal& principal, std::string_view why) {
  ErrorDetail detail;
  detail.reason = "PERMISSION_DENIED";
  detail.metadata["principal"] = principal.name;
  const std::string who = principal.name.empty() ? "a caller without a token" : principal.name;
  return MakeError(absl::StatusCode::kPermissionDenied, Cat(who, " ", why), detail);
}

bool IsAdmin(const Principal& principal) {
  return std::any_of(principal.roles.begin(), principal.roles.end(),
                     [](const v1::RoleBinding& role) { return role.role() == v1::ROLE_ADMIN; });
}

// What the caller holds of some roles.
struct Held {
  bool any = false;
  // For the whole ledger.
  bool whole = false;
  std::set<std::string> tags;
};

Held HeldOf(const Principal& principal, RoleSet roles) {
  Held held;
  for (const v1::RoleBinding& binding : principal.roles) {
    if (!roles.Has(binding.role())) continue;
    held.any = true;
    if (binding.tag().empty()) {
      held.whole = true;
    } else {
      held.tags.insert(binding.tag());
    }
  }
  return held;
}

void CollectTexts(const Message& message, std::string_view path, std::vector<std::string>& texts) {
  const size_t dot = path.find('.');
  const FieldDescriptor* const field =
      message.GetDescriptor()->FindFieldByName(std::string(path.substr(0, dot)));
  CREDENCE_CHECK(field != nullptr);
  const auto* const reflection = message.GetReflection();
  if (dot == std::string_view::npos) {
    CREDENCE_CHECK(field->cpp_type() == FieldDescriptor::CPPTYPE_STRING);
    if (!field->is_repeated()) return texts.push_back(reflection->GetString(message, field));
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      texts.push_back(reflection->GetRepeatedString(message, field, i));
    }
    return;
  }
  const std::string_view rest = path.substr(dot + 1);
  if (!field->is_repeated()) {
    return CollectTexts(reflection->GetMessage(message, field), rest, texts);
  }
  for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
    CollectTexts(reflection->GetRepeatedMessage(message, field, i), rest, texts);
  }
}

// The id after `collection` in "questions/q/forecasts/f"; empty for another name.
std::string_view IdIn(std::string_view name, std::string_view collection) {
  if (name.substr(0, collection.size()) != collection) return "";
  name.remove_prefix(collection.size());
  return name.substr(0, name.find('/'));
}

bool QuestionIsFor(const State& state, std::string_view id, const std::set<std::string>& tags) {
  const QuestionState* const question = state.questions.Find(id);
  return question != nullptr &&
         std::any_of(question->tags.begin(), question->tags.end(),
                     [&tags](const std::string& tag) { return tags.contains(tag); });
}

bool NetworkIsFor(const State& state, std::string_view id, const std::set<std::string>& tags) {
  const NetworkState* const network = state.networks.Find(id);
  return network != nullptr && std::all_of(network->questions.begin(), network->questions.end(),
                                           [&](const std::string& question) {
                                             return QuestionIsFor(state, question, tags);
                                           });
}

// Whether a role for these tags reaches what is named.
bool NameIsFor(const State& state, MethodScope scope, const std::string& name,
               const std::set<std::string>& tags) {
  const std::string_view question_id = IdIn(name, kQuestions);
  if (question_id.empty()) return NetworkIsFor(state, IdIn(name, kNetworks), tags);
  if (!QuestionIsFor(state, question_id, tags)) return false;
  const std::string& network = state.questions.Find(question_id)->network;
  return scope != MethodScope::kNetwork || network.empty() || NetworkIsFor(state, network, tags);
}

const v1::WriteOptions* OptionsOf(const Message& request) {
  const FieldDescriptor* const field = request.GetDescriptor()->FindFieldByName("options");
  if (field == nullptr || field->message_type() != v1::WriteOptions::descriptor()) return nullptr;
  return &static_cast<const v1::WriteOptions&>(request.GetReflection()->GetMessage(request, field));
}

bool HasField(const Message& message, const std::string& name) {
  const FieldDescriptor* const field = message.GetDescriptor()->FindFieldByName(name);
  return field != nullptr && !field->is_repeated() &&
         message.GetReflection()->HasField(message, field);
}

// Whether a write says that it, or an item of it, counted earlier.
bool Backfills(const Message& request, const v1::WriteOptions& options) {
  if (options.has_effective_time()) return true;
  const FieldDescriptor* const items = request.GetDescriptor()->FindFieldByName("items");
  if (items == nullptr || !items->is_repeated()) return false;
  const auto* const reflection = request.GetReflection();
  for (int i = 0; i < reflection->FieldSize(request, items); ++i) {
    if (HasField(reflection->GetRepeatedMessage(request, items, i), "effective_time")) return true;
  }
  return false;
}

// Whether the tags in the request are to be taken: those of a new question are, those of a change
// only where its mask says so.
bool TakesTags(const Message& request) {
  const FieldDescriptor* const field = request.GetDescriptor()->FindFieldByName("update_mask");
  if (field == nullptr) return true;
  const auto& mask = static_cast<const google::protobuf::FieldMask&>(
      request.GetReflection()->GetMessage(request, field));
  return std::find(mask.paths().begin(), mask.paths().end(), "tags") != mask.paths().end();
}

// Each message that holds the list of tags at `path`, with those tags.
std::vector<std::vector<std::string>> TagLists(const Message& request, std::string_view path) {
  constexpr std::string_view kItems = "items.";
  std::vector<std::vector<std::string>> lists;
  if (path.substr(0, kItems.size()) != kItems) return {TextsAt(request, path)};
  const FieldDescriptor* const items = request.GetDescriptor()->FindFieldByName("items");
  const auto* const reflection = request.GetReflection();
  for (int i = 0; i < reflection->FieldSize(request, items); ++i) {
    lists.push_back(
        TextsAt(reflection->GetRepeatedMessage(request, items, i), path.substr(kItems.size())));
  }
  return lists;
}

bool TagsFit(const MethodRule& rule, const Message& request, const std::set<std::string>& tags) {
  if (rule.tags_path.empty() || !TakesTags(request)) return true;
  const auto lists = TagLists(request, rule.tags_path);
  return std::all_of(lists.begin(), lists.end(), [&tags](const std::vector<std::string>& list) {
    return std::any_of(list.begin(), list.end(),
                       [&tags](const std::string& tag) { return tags.contains(tag); });
  });
}

// Whether roles for these tags reach what the request speaks of.
bool TagsReach(const MethodRule& rule, const Message& request, const State& state,
               const std::set<std::string>& tags) {
  if (rule.scope == MethodScope::kCommon) return true;
  if (rule.scope == MethodScope::kLedger) return false;
  std::vector<std::string> names;
  for (const std::string& path : rule.paths) CollectTexts(request, path, names);
  // Nothing named means everything, but for the network of a new question, which it may go without.
  if (!rule.tags_path.empty()) std::erase(names, "");
  if (names.empty() && rule.tags_path.empty()) return false;
  const bool named = std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return rule.scope == MethodScope::kTag ? tags.contains(name)
                                           : NameIsFor(state, rule.scope, name, tags);
  });
  return named && TagsFit(rule, request, tags);
}

// Whose what stands at an own path is, as a principal: a name is its own; an id is a forecaster's;
// a sealed forecast is whoever's sealed it.
std::string OwnerOf(const State& state, const std::string& text) {
  const std::string_view question_id = IdIn(text, kQuestions);
  if (question_id.empty()) {
    return text.find('/') == std::string::npos ? Cat(kForecasters, text) : text;
  }
  const QuestionState* const question = state.questions.Find(question_id);
  const SealState* const seal =
      question == nullptr ? nullptr : question->seals.Find(text.substr(text.rfind('/') + 1));
  return seal == nullptr ? "" : Cat(kForecasters, seal->forecaster);
}

// What is the caller's own of what the request names; the first that is another's where not.
std::optional<std::string> AnothersName(const MethodRule& rule, const Principal& principal,
                                        const Message& request, const State& state) {
  for (const std::string& path : rule.own_paths) {
    for (const std::string& text : TextsAt(request, path)) {
      if (OwnerOf(state, text) != principal.name) return text;
    }
  }
  return std::nullopt;
}

std::string TagText(const std::set<std::string>& tags) {
  std::string text;
  for (const std::string& tag : tags) text += Cat(text.empty() ? "" : ", ", tag);
  return text;
}

absl::Status CheckReach(const MethodRule& rule, const Principal& principal, const Held& held,
                        const Message& request, const State& state) {
  if (held.whole || TagsReach(rule, request, state, held.tags)) return absl::OkStatus();
  return Denied(principal, Cat("may do this only for questions tagged ", TagText(held.tags)));
}

absl::Status CheckOwn(const MethodRule& rule, const Principal& principal, const Held& held,
                      const Message& request, const State& state) {
  const std::optional<std::string> other = AnothersName(rule, principal, request, state);
  if (other.has_value()) {
    return Denied(principal, Cat("may do this in its own name only, not in that of \"",
                                 other->substr(0, 200), "\""));
  }
  return CheckReach(rule, principal, held, request, state);
}

absl::Status CheckActor(const Principal& principal, const v1::WriteOptions& options) {
  if (options.actor().empty() || options.actor() == principal.name) return absl::OkStatus();
  return Denied(principal, Cat("may not write as actor \"", options.actor().substr(0, 200), "\""));
}

}  // namespace

std::vector<std::string> TextsAt(const Message& message, std::string_view path) {
  std::vector<std::string> texts;
  CollectTexts(message, path, texts);
  return texts;
}

bool NeedsRequest(const MethodRule& rule, const Principal& principal,
                  const google::protobuf::Descriptor& type) {
  if (IsAdmin(principal) || rule.anybody) return false;
  if (type.FindFieldByName("options") != nullptr || !rule.own_paths.empty()) return true;
  return !HeldOf(principal, rule.roles).whole;
}

absl::Status Authorize(const MethodRule& rule, const Principal& principal, const Message& request,
                       const State& state) {
  if (IsAdmin(principal) || rule.anybody) return absl::OkStatus();
  RoleSet roles = rule.roles;
  RoleSet own_roles = rule.own_roles;
  const v1::WriteOptions* const options = OptionsOf(request);
  const bool backfills = options != nullptr && Backfills(request, *options);
  if (backfills) {
    roles = roles.And(kBackfillers);
    own_roles = own_roles.And(kBackfillers);
  }
  const Held held = HeldOf(principal, roles);
  const Held own = HeldOf(principal, own_roles);
  if (!held.any && !own.any) {
    const std::string wanted = RoleSet(rule.roles).Text();
    const std::string owned = rule.own_roles.Text();
    const std::string either = Cat(wanted, wanted.empty() || owned.empty() ? "" : " or ", owned);
    return Denied(principal,
                  Cat("needs the role ", either, either.empty() ? "admin" : " or admin",
                      backfills ? ", and to state an effective time that of analyst, resolver or "
                                  "admin"
                                : ""));
  }
  if (options != nullptr) CREDENCE_RETURN_IF_ERROR(CheckActor(principal, *options));
  absl::Status status;
  if (held.any) status = CheckReach(rule, principal, held, request, state);
  if (own.any && (!held.any || !status.ok())) {
    status = CheckOwn(rule, principal, own, request, state);
  }
  return status;
}

}  // namespace credence::server
