#include "main/serve_security.h"

#include <CLI/CLI.hpp>

#include <utility>

#include "access/access_file.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/cli/exit_code.h"
#include "http/site.h"

namespace credence::server {
namespace {

absl::Status CheckAddress(std::string_view flag, const std::string& listen,
                          const SecurityFlags& flags) {
  if (listen.rfind(':') == std::string::npos) {
    return cli::UsageError(Cat(flag, " ", listen, ": must have the form HOST:PORT"));
  }
  if (IsLoopback(listen)) return absl::OkStatus();
  if (!flags.tls.enabled()) {
    return cli::UsageError(Cat(flag, " ", listen,
                               ": others can reach this address, so it needs TLS: set --tls-cert "
                               "and --tls-key, or listen on a loopback address such as "
                               "127.0.0.1:7700"));
  }
  if (!flags.access_required(false)) {
    return cli::UsageError(Cat(flag, " ", listen,
                               ": others can reach this address, so callers must say who they "
                               "are: leave out --access open, and make the first token with "
                               "`credence token create --data DIR --principal NAME --role admin`"));
  }
  return absl::OkStatus();
}

absl::Status CheckTogether(const SecurityFlags& flags) {
  const TlsOptions& tls = flags.tls;
  if (tls.certificate_file.empty() != tls.key_file.empty()) {
    return cli::UsageError("--tls-cert and --tls-key: the one needs the other");
  }
  if (!tls.client_authority_file.empty() && !tls.enabled()) {
    return cli::UsageError("--tls-client-ca: needs --tls-cert and --tls-key");
  }
  if (tls.client_certificate_required && tls.client_authority_file.empty()) {
    return cli::UsageError("--require-client-cert: needs --tls-client-ca");
  }
  if (flags.jwt.issuer.empty() != flags.jwt.keys_file.empty() ||
      flags.jwt.issuer.empty() != flags.jwt.audience.empty()) {
    return cli::UsageError("--oidc-issuer, --oidc-audience and --oidc-jwks: each needs the others");
  }
  return absl::OkStatus();
}

void AddBudgetOptions(CLI::App& command, BudgetOptions& budgets) {
  command
      .add_option(
          "--caller-calls-per-second", budgets.calls_per_second,
          "With --access required: calls that one caller may make a second in the long run, "
          "twice as many at once; 0 for any number")
      ->check(CLI::NonNegativeNumber)
      ->envname("CREDENCE_CALLER_CALLS_PER_SECOND")
      ->capture_default_str();
  command
      .add_option("--caller-calls-in-flight", budgets.calls_in_flight_max,
                  "Likewise: calls that it may have under way")
      ->check(CLI::NonNegativeNumber)
      ->envname("CREDENCE_CALLER_CALLS_IN_FLIGHT")
      ->capture_default_str();
  command
      .add_option("--caller-streams", budgets.streams_max,
                  "Likewise: streams that it may have open")
      ->check(CLI::NonNegativeNumber)
      ->envname("CREDENCE_CALLER_STREAMS")
      ->capture_default_str();
  command
      .add_option("--caller-writes-per-day", budgets.writes_per_day_max,
                  "Likewise: calls that write, in a day of UTC")
      ->check(CLI::NonNegativeNumber)
      ->envname("CREDENCE_CALLER_WRITES_PER_DAY")
      ->capture_default_str();
}

}  // namespace

void AddSecurityOptions(CLI::App& command, SecurityFlags& flags) {
  AddBudgetOptions(command, flags.budgets);
  command
      .add_option("--tls-cert", flags.tls.certificate_file,
                  "PEM file of the server's certificate and its chain, for gRPC and HTTP; read "
                  "again when it is replaced")
      ->envname("CREDENCE_TLS_CERT");
  command.add_option("--tls-key", flags.tls.key_file, "PEM file of the certificate's private key")
      ->envname("CREDENCE_TLS_KEY");
  command
      .add_option("--tls-client-ca", flags.tls.client_authority_file,
                  "PEM file of the authorities that client certificates are checked against")
      ->envname("CREDENCE_TLS_CLIENT_CA");
  command
      .add_flag("--require-client-cert", flags.tls.client_certificate_required,
                "Turn away clients that show no certificate")
      ->envname("CREDENCE_REQUIRE_CLIENT_CERT");
  command
      .add_option("--access", flags.access,
                  "Whether callers must say who they are: required, or open, which is for loopback "
                  "addresses only and the default there")
      ->check(CLI::IsMember({"open", "required"}))
      ->envname("CREDENCE_ACCESS");
  command
      .add_flag("--public-reads", flags.public_reads,
                "Let callers read who do not say who they are")
      ->envname("CREDENCE_PUBLIC_READS");
  command
      .add_option("--audit-file", flags.audit_file,
                  "File that refusals and what admins do are appended to; DATA/audit.jsonl where "
                  "absent")
      ->envname("CREDENCE_AUDIT_FILE");
  command
      .add_option("--oidc-issuer", flags.jwt.issuer,
                  "Issuer of identity tokens that are taken, as they name it")
      ->envname("CREDENCE_OIDC_ISSUER");
  command
      .add_option("--oidc-audience", flags.jwt.audience,
                  "Audience that identity tokens must be for")
      ->envname("CREDENCE_OIDC_AUDIENCE");
  command
      .add_option("--oidc-jwks", flags.jwt.keys_file,
                  "File of the issuer's public keys (JWKS); read again when it is replaced")
      ->envname("CREDENCE_OIDC_JWKS");
  command
      .add_option("--oidc-principal-claim", flags.jwt.principal_claim,
                  "Claim of identity tokens that names the forecaster")
      ->envname("CREDENCE_OIDC_PRINCIPAL_CLAIM")
      ->capture_default_str();
  command
      .add_option("--oidc-groups-claim", flags.jwt.groups_claim,
                  "Claim of identity tokens that lists groups")
      ->envname("CREDENCE_OIDC_GROUPS_CLAIM")
      ->capture_default_str();
}

absl::Status CheckSecurity(const SecurityFlags& flags, const std::string& listen,
                           const std::string& http_listen) {
  CREDENCE_RETURN_IF_ERROR(CheckTogether(flags));
  CREDENCE_RETURN_IF_ERROR(CheckAddress("--listen", listen, flags));
  CREDENCE_RETURN_IF_ERROR(CheckAddress("--http", http_listen, flags));
  const bool loopback_only = IsLoopback(listen) && IsLoopback(http_listen);
  if (flags.access_required(loopback_only)) return absl::OkStatus();
  if (flags.public_reads) {
    return cli::UsageError("--public-reads: needs --access required; now everybody may do all");
  }
  if (flags.jwt.enabled()) {
    return cli::UsageError("--oidc-issuer: makes no sense with --access open");
  }
  return absl::OkStatus();
}

absl::StatusOr<Access> OpenAccess(const SecurityFlags& flags, bool loopback_only,
                                  const std::string& data_directory, const Engine& engine) {
  Access access;
  const std::string audit_file =
      flags.audit_file.empty() ? Cat(data_directory, "/audit.jsonl") : flags.audit_file;
  CREDENCE_ASSIGN_OR_RETURN(access.audit, AuditLog::Open(audit_file));
  if (!flags.access_required(loopback_only)) return access;
  AccessOptions options;
  options.path = AccessPath(data_directory);
  options.origin = engine.log().origin();
  options.jwt = flags.jwt;
  options.public_reads = flags.public_reads;
  CREDENCE_ASSIGN_OR_RETURN(access.control,
                            AccessControl::Make(std::move(options), access.audit.get()));
  access.gate = std::make_unique<AccessGate>(access.control.get(), &engine, flags.budgets);
  return access;
}

}  // namespace credence::server
