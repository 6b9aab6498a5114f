#include "credence/cli/token.h"

#include <memory>
#include <optional>
#include <ostream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "command.h"
#include "credence/cli/exit_code.h"
#include "credence/cli/time.h"
#include "format.h"
#include "output.h"

namespace credence::cli {
namespace {

struct StoreFlags {
  std::string data;
  std::string anchor;
};

void AddStoreFlags(CLI::App* verb, StoreFlags* flags) {
  verb->add_option("--data", flags->data,
                   "Directory of the ledger, to do it on its files in place of asking its server");
  verb->add_option("--anchor", flags->anchor,
                   "With --data: the ledger's anchor; DATA/ledger.anchor where absent");
}

GrantStore ServerGrants(CliContext& context) {
  return {[&context](const v1::CreateAccessGrantRequest& request) {
            return CallRpc<v1::CreateAccessGrantResponse>(context, request);
          },
          [&context](const v1::ListAccessGrantsRequest& request) {
            return CallRpc<v1::ListAccessGrantsResponse>(context, request);
          },
          [&context](const v1::RevokeAccessGrantRequest& request) {
            return CallRpc<v1::RevokeAccessGrantResponse>(context, request);
          }};
}

absl::StatusOr<GrantStore> OpenStore(CliContext& context, const OfflineGrants& offline,
                                     const StoreFlags& flags) {
  if (flags.data.empty()) return ServerGrants(context);
  return offline(flags.data, flags.anchor);
}

// "forecaster" or "forecaster:energy".
absl::StatusOr<v1::RoleBinding> ParseBinding(const std::string& text) {
  const size_t colon = text.find(':');
  v1::RoleBinding binding;
  CREDENCE_ASSIGN_OR_RETURN(const int role,
                            ParseEnum(v1::Role_descriptor(), "--role", text.substr(0, colon)));
  binding.set_role(static_cast<v1::Role>(role));
  if (colon == std::string::npos) return binding;
  if (colon + 1 == text.size()) return UsageError("--role: no tag follows the colon");
  binding.set_tag(text.substr(colon + 1));
  return binding;
}

std::string BindingText(const v1::RoleBinding& binding) {
  std::string text = EnumText(v1::Role_descriptor(), binding.role());
  if (!binding.tag().empty()) absl::StrAppend(&text, ":", binding.tag());
  return text;
}

// A time, or how long from now.
absl::StatusOr<absl::Time> ParseExpiry(const CliContext& context, const std::string& text) {
  const absl::Time now = context.environment().now();
  if (const auto duration = ParseDuration(text); duration.ok()) return now + *duration;
  const auto time = ParseTime(text, now);
  if (time.ok()) return *time;
  return UsageError(absl::StrCat("--expires: \"", text,
                                 "\" is neither a time nor a duration such "
                                 "as 90d"));
}

struct GrantFlags {
  StoreFlags store;
  std::string principal;
  std::vector<std::string> roles;
  std::string certificate;
  std::string subject;
  std::string group;
  std::string expires;
  std::string description;
  std::optional<double> calls_per_second;
  std::optional<int64_t> calls_in_flight;
  std::optional<int64_t> streams;
  std::optional<int64_t> writes_per_day;
};

void FillBudget(const GrantFlags& flags, v1::AccessGrant& grant) {
  if (flags.calls_per_second) {
    grant.mutable_budget()->set_calls_per_second(*flags.calls_per_second);
  }
  if (flags.calls_in_flight) {
    grant.mutable_budget()->set_calls_in_flight_max(*flags.calls_in_flight);
  }
  if (flags.streams) grant.mutable_budget()->set_streams_max(*flags.streams);
  if (flags.writes_per_day) grant.mutable_budget()->set_writes_per_day_max(*flags.writes_per_day);
}

absl::StatusOr<v1::AccessGrant> MakeGrant(const CliContext& context, const GrantFlags& flags) {
  v1::AccessGrant grant;
  grant.set_principal(flags.principal);
  for (const std::string& role : flags.roles) {
    CREDENCE_ASSIGN_OR_RETURN(*grant.add_roles(), ParseBinding(role));
  }
  if (!flags.certificate.empty()) grant.set_certificate_subject(flags.certificate);
  if (!flags.subject.empty()) grant.set_jwt_subject(flags.subject);
  if (!flags.group.empty()) grant.set_jwt_group(flags.group);
  grant.set_description(flags.description);
  FillBudget(flags, grant);
  if (flags.expires.empty()) return grant;
  CREDENCE_ASSIGN_OR_RETURN(const absl::Time expires, ParseExpiry(context, flags.expires));
  *grant.mutable_expire_time() = ToProto(expires);
  return grant;
}

// What a caller shows for a grant.
std::string ShownText(const v1::AccessGrant& grant) {
  switch (grant.credential_case()) {
    case v1::AccessGrant::kCertificateSubject:
      return absl::StrCat("certificate ", grant.certificate_subject());
    case v1::AccessGrant::kJwtSubject:
      return absl::StrCat("subject ", grant.jwt_subject());
    case v1::AccessGrant::kJwtGroup:
      return absl::StrCat("group ", grant.jwt_group());
    default:
      return "token";
  }
}

std::string RolesText(const v1::AccessGrant& grant) {
  std::vector<std::string> roles;
  for (const v1::RoleBinding& binding : grant.roles()) roles.push_back(BindingText(binding));
  return absl::StrJoin(roles, " ");
}

// "10 calls a second, 500 writes a day"; empty where the server's own limits count.
std::string BudgetText(const v1::CallerBudget& budget) {
  std::vector<std::string> limits;
  const auto add = [&limits](bool stated, auto limit, const char* what) {
    if (!stated) return;
    limits.push_back(absl::StrCat(limit > 0 ? absl::StrCat(limit) : "any number of", " ", what));
  };
  add(budget.has_calls_per_second(), budget.calls_per_second(), "calls a second");
  add(budget.has_calls_in_flight_max(), budget.calls_in_flight_max(), "calls at a time");
  add(budget.has_streams_max(), budget.streams_max(), "streams");
  add(budget.has_writes_per_day_max(), budget.writes_per_day_max(), "writes a day");
  return absl::StrJoin(limits, ", ");
}

Table GrantTable(const v1::ListAccessGrantsResponse& response) {
  Table table(
      {{"NAME"}, {"PRINCIPAL"}, {"ROLES"}, {"SHOWN"}, {"EXPIRES"}, {"REVOKED"}, {"BUDGET"}});
  for (const v1::AccessGrant& grant : response.access_grants()) {
    table.AddRow({grant.name(), grant.principal(), RolesText(grant), ShownText(grant),
                  grant.has_expire_time() ? FormatInstant(grant.expire_time()) : "",
                  grant.has_revoke_time() ? FormatInstant(grant.revoke_time()) : "",
                  BudgetText(grant.budget())});
  }
  return table;
}

// The token alone goes to standard output, so that it can be written to a file.
absl::Status EmitMade(CliContext& context, const v1::CreateAccessGrantResponse& response) {
  Presentation presentation;
  presentation.table = [&] {
    return FieldTable({{"name", response.access_grant().name()}, {"token", response.token()}});
  };
  presentation.text = [&](std::ostream& out) {
    const v1::AccessGrant& grant = response.access_grant();
    if (!response.token().empty()) out << response.token() << "\n";
    context.err() << "credence: " << grant.name() << " lets in " << ShownText(grant) << " as "
                  << (grant.principal().empty() ? "each of its members" : grant.principal())
                  << " with " << RolesText(grant)
                  << (response.token().empty() ? "" : "; the token is shown this once") << "\n";
  };
  return Emit(context, response, presentation);
}

void AddBudgetFlags(CLI::App* verb, GrantFlags* flags) {
  verb->add_option("--calls-per-second", flags->calls_per_second,
                   "What the holder may take of the server in place of its common limits: calls a "
                   "second in the long run, twice as many at once; 0 for any number");
  verb->add_option("--calls-in-flight", flags->calls_in_flight, "Likewise: calls under way");
  verb->add_option("--streams", flags->streams, "Likewise: open streams");
  verb->add_option("--writes-per-day", flags->writes_per_day,
                   "Likewise: calls that write, in a day of UTC");
}

void AddCreate(CLI::App* noun, CliContext& context, const OfflineGrants& offline) {
  auto flags = std::make_shared<GrantFlags>();
  CLI::App* verb = AddVerb(
      noun, context, "create", "Grant roles to the holder of a new token, which is printed once",
      [&context, flags, offline]() -> absl::Status {
        v1::CreateAccessGrantRequest request;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_access_grant(), MakeGrant(context, *flags));
        CREDENCE_ASSIGN_OR_RETURN(const GrantStore store,
                                  OpenStore(context, offline, flags->store));
        CREDENCE_ASSIGN_OR_RETURN(const auto response, store.create(request));
        return EmitMade(context, response);
      });
  AddStoreFlags(verb, &flags->store);
  verb->add_option("--principal", flags->principal,
                   "Who the holder is, such as forecasters/analyst-1");
  verb->add_option(
          "--role", flags->roles,
          "reader, forecaster, analyst, resolver, auditor or admin; ROLE:TAG for questions "
          "of one tag only. May be repeated")
      ->required();
  auto* const certificate = verb->add_option(
      "--certificate", flags->certificate,
      "In place of a token: whoever shows a client certificate of this subject, such as "
      "CN=analyst-1,O=Example");
  auto* const subject =
      verb->add_option("--subject", flags->subject,
                       "In place of a token: the identity provider's user with this subject");
  auto* const group =
      verb->add_option("--group", flags->group,
                       "In place of a token: every user whom the provider has in this group");
  subject->excludes(certificate);
  group->excludes(certificate)->excludes(subject);
  AddBudgetFlags(verb, flags.get());
  verb->add_option("--expires", flags->expires, "When it ends: a time, or how long such as 90d");
  verb->add_option("--description", flags->description, "What it is for");
}

void AddList(CLI::App* noun, CliContext& context, const OfflineGrants& offline) {
  struct Flags {
    StoreFlags store;
    bool all = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(noun, context, "list", "List who may do what",
                           [&context, flags, offline]() -> absl::Status {
                             v1::ListAccessGrantsRequest request;
                             request.set_in_force_only(!flags->all);
                             CREDENCE_ASSIGN_OR_RETURN(const GrantStore store,
                                                       OpenStore(context, offline, flags->store));
                             CREDENCE_ASSIGN_OR_RETURN(const auto response, store.list(request));
                             Presentation presentation;
                             presentation.items = "access_grants";
                             presentation.table = [&] { return GrantTable(response); };
                             return Emit(context, response, presentation);
                           });
  AddStoreFlags(verb, &flags->store);
  verb->add_flag("--all", flags->all, "Those that were revoked or have expired too");
}

void AddRevoke(CLI::App* noun, CliContext& context, const OfflineGrants& offline) {
  struct Flags {
    StoreFlags store;
    std::string name;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "revoke", "Take a grant back, from the next call on",
      [&context, flags, offline]() -> absl::Status {
        v1::RevokeAccessGrantRequest request;
        request.set_name(flags->name);
        CREDENCE_ASSIGN_OR_RETURN(const GrantStore store,
                                  OpenStore(context, offline, flags->store));
        CREDENCE_ASSIGN_OR_RETURN(const auto response, store.revoke(request));
        Presentation presentation;
        presentation.text = [&](std::ostream& out) {
          out << response.access_grant().name() << " is revoked\n";
        };
        presentation.table = [&] {
          return FieldTable({{"name", response.access_grant().name()},
                             {"revoked", FormatInstant(response.access_grant().revoke_time())}});
        };
        return Emit(context, response, presentation);
      });
  verb->add_option("GRANT", flags->name, "The grant, as create and list print it")->required();
  AddStoreFlags(verb, &flags->store);
}

void AddWhoAmI(CLI::App* noun, CliContext& context) {
  AddVerb(
      noun, context, "whoami", "Tell as whom the server knows the caller",
      [&context]() -> absl::Status {
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::GetCallerResponse>(context, v1::GetCallerRequest()));
        v1::AccessGrant held;
        *held.mutable_roles() = response.roles();
        Presentation presentation;
        presentation.table = [&] {
          return FieldTable({{"principal", response.principal()}, {"roles", RolesText(held)}});
        };
        presentation.text = [&](std::ostream& out) {
          if (!response.access_required()) {
            out << "the server asks nobody who calls\n";
            return;
          }
          out << (response.principal().empty() ? "a reader without a name" : response.principal())
              << "  " << RolesText(held) << "\n";
        };
        return Emit(context, response, presentation);
      });
}

}  // namespace

void AddTokenCommands(CLI::App& app, CliContext& context, const OfflineGrants& offline) {
  CLI::App* noun = AddNoun(app, "token", "Tokens and other ways in: who may do what");
  AddCreate(noun, context, offline);
  AddList(noun, context, offline);
  AddRevoke(noun, context, offline);
  AddWhoAmI(noun, context);
}

}  // namespace credence::cli
