#include <CLI/CLI.hpp>

#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/synchronization/mutex.h"
#include "access/act_audit.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/cli/context.h"
#include "credence/cli/exit_code.h"
#include "credence/ledger/log.h"
#include "engine/engine.h"
#include "engine/ticker.h"
#include "google/protobuf/stubs/logging.h"
#include "http/http_server.h"
#include "http/site.h"
#include "logging/call_log.h"
#include "logging/logger.h"
#include "main/backup_schedule.h"
#include "main/commands.h"
#include "main/configuration.h"
#include "main/input_file.h"
#include "main/log_sources.h"
#include "main/reloader.h"
#include "main/serve_security.h"
#include "main/service_manager.h"
#include "main/stop_signal.h"
#include "main/witness/witness_feed.h"
#include "metrics/call_metrics.h"
#include "metrics/metrics_page.h"
#include "service/admission.h"
#include "service/channelz_server.h"
#include "service/grpc_server.h"
#include "service/router.h"
#include "service/services.h"
#include "service/unary_call.h"

namespace credence::server {
namespace {

struct ServeFlags {
  std::string data;
  std::string key_file;
  std::string anchor;
  std::string listen = "127.0.0.1:7700";
  std::string port_file;
  // Empty: the port after that of `listen`, on the same host.
  std::string http;
  std::string http_port_file;
  std::string web_directory;
  int drain_seconds = 10;
  // 0 for no limit.
  double query_seconds = 30.0;
  std::string backup_directory;
  int backup_minutes = 60;
  std::string witness_policy;
  int witness_seconds = 10;
  int witness_renewal_minutes = 60;
  // Empty: no channelz.
  std::string channelz;
  std::string channelz_port_file;
  std::string log_format = "text";
  std::string log_level = "info";
  SecurityFlags security;
};

// Where HTTP is listened on if nothing is said: the port after gRPC's, or a free one beside a free
// one.
std::string DefaultHttp(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  int port = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(listen.substr(colon + 1), &port)) {
    return listen;
  }
  return Cat(listen.substr(0, colon), ":", port == 0 ? 0 : port + 1);
}

Logger::Severity LeastSeverity(const ServeFlags& flags) {
  static const auto* const kLevels =
      new std::map<std::string, Logger::Severity>{{"debug", Logger::Severity::kDebug},
                                                  {"info", Logger::Severity::kInfo},
                                                  {"warning", Logger::Severity::kWarning},
                                                  {"error", Logger::Severity::kError}};
  return kLevels->at(flags.log_level);
}

// Null where no backups are asked for.
std::unique_ptr<BackupSchedule> StartBackups(const ServeFlags& flags, const ledger::Log& log,
                                             const Logger& logger) {
  if (flags.backup_directory.empty()) return nullptr;
  auto schedule = std::make_unique<BackupSchedule>(
      log, flags.backup_directory, absl::Minutes(flags.backup_minutes),
      [&logger](const absl::StatusOr<ledger::BackupInfo>& made) {
        if (!made.ok())
          return logger.Warning(Cat("no backup: ", FromAbsl(made.status().message())));
        logger.Info(Cat("backup ", made->id, " of at least ", made->head.size.value, " events"));
      });
  schedule->Start();
  return schedule;
}

// Null where no witnesses are asked for.
absl::StatusOr<std::unique_ptr<WitnessFeed>> MakeWitnessFeed(const ServeFlags& flags,
                                                             const ledger::Log& log,
                                                             PublishedCheckpoint& published,
                                                             const Logger& logger) {
  if (flags.witness_policy.empty()) return nullptr;
  CREDENCE_ASSIGN_OR_RETURN(client::WitnessPolicy policy, ReadPolicy(flags.witness_policy));
  WitnessFeedOptions options(std::move(policy));
  options.interval = absl::Seconds(flags.witness_seconds);
  options.renewal = absl::Minutes(flags.witness_renewal_minutes);
  options.path = WitnessedPath(flags.data);
  return WitnessFeed::Make(log, published, std::move(options),
                           [&logger](const std::string& witness, const absl::Status& status) {
                             if (status.ok())
                               return logger.Info(Cat("witness ", witness, " cosigns"));
                             logger.Warning(FromAbsl(status.message()));
                           });
}

absl::Duration QueryMax(const ServeFlags& flags) {
  return flags.query_seconds > 0.0 ? absl::Seconds(flags.query_seconds) : absl::InfiniteDuration();
}

std::string HttpListen(const ServeFlags& flags) {
  return flags.http.empty() ? DefaultHttp(flags.listen) : flags.http;
}

// What is wrong with flags that each by itself is right.
absl::Status CheckFlags(const ServeFlags& flags) {
  CREDENCE_RETURN_IF_ERROR(CheckSecurity(flags.security, flags.listen, HttpListen(flags)));
  if (flags.channelz.empty() || IsLoopback(flags.channelz)) return absl::OkStatus();
  return cli::UsageError(Cat("--channelz ", flags.channelz,
                             ": must be a loopback address, such as 127.0.0.1:7702, since it tells "
                             "who is connected"));
}

// Null where no channelz is asked for. After the server that it tells of was started.
absl::StatusOr<std::unique_ptr<ChannelzServer>> StartChannelz(const ServeFlags& flags) {
  if (flags.channelz.empty()) return nullptr;
  CREDENCE_ASSIGN_OR_RETURN(std::unique_ptr<ChannelzServer> server,
                            ChannelzServer::Start(flags.channelz));
  CREDENCE_RETURN_IF_ERROR(WritePort(flags.channelz_port_file, server->port()));
  return server;
}

// What a server that runs takes over of its options.
void AddReloads(const ServeFlags& flags, Logger& logger, BackupSchedule* backups,
                WitnessFeed* witnesses, Reloader& reloader) {
  // Looked at when it is needed.
  reloader.Add({"drain-seconds"}, [] {});
  reloader.Add({"log-level"}, [&] { logger.set_least(LeastSeverity(flags)); });
  if (backups != nullptr) {
    reloader.Add({"backup-minutes"},
                 [&flags, backups] { backups->SetInterval(absl::Minutes(flags.backup_minutes)); });
  }
  if (witnesses != nullptr) {
    reloader.Add({"witness-seconds", "witness-renewal-minutes"}, [&flags, witnesses] {
      witnesses->SetTimes(absl::Seconds(flags.witness_seconds),
                          absl::Minutes(flags.witness_renewal_minutes));
    });
  }
}

// Tells the service manager that it serves, and returns when it is to stop.
void RunUntilStopped(const StopSignal& stop, const std::string& status, Executor& executor,
                     Reloader& reloader) {
  const ServiceManager manager = ServiceManager::FromEnvironment();
  Heartbeat heartbeat(manager, executor);
  manager.Ready(status);
  for (auto asked = stop.Wait(absl::ZeroDuration()); asked != StopSignal::Asked::kStop;
       asked = stop.Wait(manager.alive_interval())) {
    if (asked == StopSignal::Asked::kReload) {
      manager.Reloading();
      reloader.Reload();
      manager.Ready(status);
    }
    heartbeat.Beat();
  }
  manager.Stopping();
  stop.Release();
}

void TellCertificates(const absl::Status& status, Logger& logger, AuditLog* audit) {
  const std::string error(FromAbsl(status.message()));
  if (status.ok()) {
    logger.Info("new certificates are in use");
  } else {
    logger.Warning(Cat("certificates stay as they were: ", error));
  }
  audit->NoteAct("certificates_read", {{"error", error}}, absl::Now());
}

absl::StatusOr<std::unique_ptr<ledger::Log>> OpenLog(const ServeFlags& flags,
                                                     const ledger::Clock& clock) {
  ledger::OpenOptions open;
  open.directory = flags.data;
  open.key_path = flags.key_file;
  open.anchor_path = flags.anchor;
  open.clock = &clock;
  return ledger::Log::Open(open);
}

absl::StatusOr<std::unique_ptr<HttpServer>> StartHttp(Site& site, const std::string& listen,
                                                      const TlsOptions& tls, Logger& logger,
                                                      AuditLog* audit) {
  HttpServerOptions options;
  options.listen = listen;
  options.tls = tls;
  options.certificates_changed = [&logger, audit](const absl::Status& status) {
    TellCertificates(status, logger, audit);
  };
  return HttpServer::Start([&site](const auto& exchange) { site.Serve(exchange); }, options);
}

std::string ServingText(const ledger::Log& log, const std::string& grpc, const std::string& http) {
  return Cat("serving ", log.origin(), " at ", grpc, " (gRPC) and ", http, ", ",
             log.tree_head().size.value, " events");
}

void QuietLibraries() {
  // Debian's abseil looks for lock cycles at each lock, in release builds too. The tests run with
  // that; here it would cost a twentieth of the throughput.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // The library would write a line of its own for each text that a caller sends and that is no
  // UTF-8. The caller is told; the log is not theirs to fill.
  google::protobuf::SetLogHandler(nullptr);
}

absl::Status Serve(ServeFlags& flags, Reloader& reloader, Logger& logger) {
  const std::string http_listen = HttpListen(flags);
  const SecurityFlags& security = flags.security;
  CREDENCE_RETURN_IF_ERROR(CheckFlags(flags));
  QuietLibraries();
  const StopSignal stop;
  const ledger::RealClock clock;
  CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<ledger::Log> log, OpenLog(flags, clock));
  Engine engine(log.get(), &clock, {.begin_answers = BeginAnswers, .end_answers = SendAnswers});
  CREDENCE_RETURN_IF_ERROR(engine.Start());
  PublishedCheckpoint published(log.get());
  CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<WitnessFeed> witnesses,
                            MakeWitnessFeed(flags, *log, published, logger));
  PublishedCheckpoint* const witnessed = witnesses == nullptr ? nullptr : &published;
  Ticker ticker(&engine, {.report = [&](const std::string& line) { logger.Warning(line); }});
  ticker.Start();
  const bool loopback_only = IsLoopback(flags.listen) && IsLoopback(http_listen);
  CREDENCE_ASSIGN_OR_RETURN(const Access access,
                            OpenAccess(security, loopback_only, flags.data, engine));
  Admission admission(Admission::DefaultOptions());
  Router router;
  AddServices(router, engine,
              {witnessed, flags.backup_directory, access.control.get(), QueryMax(flags)});
  admission.Guard(router);
  AuditActs(router, access.audit.get());
  if (access.gate != nullptr) access.gate->Guard(router);
  CallMetrics calls;
  calls.Instrument(router);
  LogCalls(logger, router);
  const MetricsPage metrics(engine, calls, witnessed);
  CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<GrpcServer> server,
                            GrpcServer::Start(router, engine.executor(),
                                              {.listen = flags.listen,
                                               .tls = security.tls,
                                               .with_credentials = access.gate != nullptr}));
  Site site(router, engine,
            {.listen = http_listen,
             .metrics = [&metrics] { return metrics.Render(); },
             .published = witnessed,
             .web_directory = flags.web_directory,
             .gate = access.gate.get()});
  CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<HttpServer> http,
                            StartHttp(site, http_listen, security.tls, logger, access.audit.get()));
  CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<ChannelzServer> channelz, StartChannelz(flags));
  CREDENCE_RETURN_IF_ERROR(WritePort(flags.http_port_file, http->port()));
  CREDENCE_RETURN_IF_ERROR(WritePort(flags.port_file, server->port()));
  const std::string status = ServingText(
      *log, WithPort(flags.listen, server->port()),
      Cat(security.tls.enabled() ? "https://" : "http://", WithPort(http_listen, http->port())));
  logger.Info(status);
  const std::unique_ptr<BackupSchedule> backups = StartBackups(flags, *log, logger);
  if (witnesses != nullptr) witnesses->Start();
  AddReloads(flags, logger, backups.get(), witnesses.get(), reloader);
  RunUntilStopped(stop, status, engine.executor(), reloader);
  logger.Info("stopping");
  site.BeginDrain();
  if (backups != nullptr) backups->Stop();
  if (witnesses != nullptr) witnesses->Stop();
  ticker.Stop();
  const absl::Time deadline = absl::Now() + absl::Seconds(flags.drain_seconds);
  server->Drain(deadline);
  http->Drain(deadline);
  admission.Stop();
  engine.Stop();
  logger.Info(Cat("stopped at ", log->tree_head().size.value, " events"));
  return absl::OkStatus();
}

// What tells operators how the server is.
void AddOperatorOptions(CLI::App* command, ServeFlags* flags) {
  command->add_option("--channelz", flags->channelz,
                      "Loopback HOST:PORT for channelz, gRPC's account of its connections; none "
                      "where absent");
  command->add_option("--channelz-port-file", flags->channelz_port_file,
                      "File that the port for channelz is written to");
  command
      ->add_option("--log-format", flags->log_format,
                   "Form of the lines on standard error: text, or json with one object a line")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command
      ->add_option("--log-level", flags->log_level,
                   "Least severity that is logged: debug (every call), info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
}

// All options of the command; gives their configuration.
std::shared_ptr<Configuration> AddServeOptions(CLI::App* command, ServeFlags* flags) {
  std::shared_ptr<Configuration> configuration = Configuration::AddTo(command);
  command->add_option("--data", flags->data, "Directory of the ledger")
      ->required()
      ->envname("CREDENCE_DATA");
  command->add_option("--key-file", flags->key_file, "Signing key; DATA/ledger.key where absent")
      ->envname("CREDENCE_KEY_FILE");
  command
      ->add_option("--anchor", flags->anchor,
                   "File that keeps the checkpoint signed last, best on another disk; "
                   "DATA/ledger.anchor where absent")
      ->envname("CREDENCE_ANCHOR");
  command->add_option("--listen", flags->listen, "HOST:PORT for gRPC; port 0 picks a free one")
      ->envname("CREDENCE_LISTEN")
      ->capture_default_str();
  command->add_option("--port-file", flags->port_file, "File that the port is written to");
  command
      ->add_option("--http", flags->http,
                   "HOST:PORT for HTTP (default: the port after that of --listen)")
      ->envname("CREDENCE_HTTP");
  command->add_option("--http-port-file", flags->http_port_file,
                      "File that the port for HTTP is written to");
  command
      ->add_option("--web-dir", flags->web_directory,
                   "Directory whose files are served as the web page, in place of those in the "
                   "program; for work on the page")
      ->check(CLI::ExistingDirectory)
      ->envname("CREDENCE_WEB_DIR");
  command
      ->add_option("--backup-dir", flags->backup_directory,
                   "Directory that the ledger is backed up into while it is served; see "
                   "`credence backup`")
      ->envname("CREDENCE_BACKUP_DIR");
  command
      ->add_option("--backup-minutes", flags->backup_minutes,
                   "Minutes between two backups; the first is made at the start")
      ->check(CLI::Range(1, 525'600))
      ->capture_default_str();
  command
      ->add_option("--witness-policy", flags->witness_policy,
                   "File of the witnesses that are asked to cosign, and of the quorum that "
                   "publishes a checkpoint (C2SP tlog-policy)")
      ->envname("CREDENCE_WITNESS_POLICY");
  command->add_option("--witness-seconds", flags->witness_seconds, "Seconds between two rounds")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  command
      ->add_option("--witness-renewal-minutes", flags->witness_renewal_minutes,
                   "Minutes after which a log that did not grow is cosigned again")
      ->check(CLI::Range(1, 525'600))
      ->capture_default_str();
  command
      ->add_option("--drain-seconds", flags->drain_seconds,
                   "How long calls under way may take after SIGTERM")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
  command
      ->add_option("--query-seconds", flags->query_seconds,
                   "Longest that one query of inference may compute; 0 for any time")
      ->check(CLI::Range(0.0, 86'400.0))
      ->capture_default_str();
  AddOperatorOptions(command, flags);
  AddSecurityOptions(*command, flags->security);
  configuration->NameVariables();
  return configuration;
}

// What the command line, the environment and the file say now. The program's other commands are
// there because their global flags may stand on the same command line.
absl::StatusOr<std::map<std::string, std::string>> ParseAnew(
    const std::vector<std::string>& arguments, ServeFlags& flags) {
  std::istringstream in;
  std::ostringstream out;
  cli::CliContext context(cli::CliEnvironment{.in = in, .out = out, .err = out});
  CLI::App app;
  cli::RegisterClientCommands(app, context);
  ServeFlags parsed;
  const auto configuration = AddServeOptions(app.add_subcommand("serve"), &parsed);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::Error& error) {
    return cli::UsageError(error.what());
  }
  CREDENCE_RETURN_IF_ERROR(CheckFlags(parsed));
  flags = std::move(parsed);
  return configuration->Values();
}

absl::Status Run(ServeFlags& flags, const Configuration& configuration, cli::CliContext& context) {
  if (configuration.mode() == Configuration::Mode::kPrint) {
    context.out() << configuration.Print();
    return absl::OkStatus();
  }
  if (configuration.mode() == Configuration::Mode::kCheck) {
    CREDENCE_RETURN_IF_ERROR(CheckFlags(flags));
    context.out() << "the configuration is right\n";
    return absl::OkStatus();
  }
  Logger logger(Logger::StandardError(),
                flags.log_format == "json" ? Logger::Format::kJson : Logger::Format::kText,
                LeastSeverity(flags));
  Reloader reloader(
      configuration.Values(), [&] { return ParseAnew(context.arguments(), flags); },
      [&](const std::string& line) { logger.Info(line); });
  return Serve(flags, reloader, logger);
}

}  // namespace

void RegisterServe(CLI::App& app, cli::CliContext& context) {
  CLI::App* command = app.add_subcommand("serve", "Serve a ledger");
  auto flags = std::make_shared<ServeFlags>();
  const std::shared_ptr<Configuration> configuration = AddServeOptions(command, flags.get());
  context.SetAction(
      command, [flags, configuration, &context] { return Run(*flags, *configuration, context); });
}

}  // namespace credence::server
