#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <ostream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/synchronization/mutex.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/cli/context.h"
#include "credence/cli/exit_code.h"
#include "credence/ledger/log.h"
#include "engine/engine.h"
#include "engine/ticker.h"
#include "http/http_server.h"
#include "http/site.h"
#include "main/backup_schedule.h"
#include "main/commands.h"
#include "main/input_file.h"
#include "main/stop_signal.h"
#include "main/witness/witness_feed.h"
#include "metrics/call_metrics.h"
#include "metrics/metrics_page.h"
#include "service/grpc_call.h"
#include "service/grpc_server.h"
#include "service/router.h"
#include "service/services.h"

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
  std::string backup_directory;
  int backup_minutes = 60;
  std::string witness_policy;
  int witness_seconds = 10;
  int witness_renewal_minutes = 60;
};

// Without TLS and tokens anybody who reaches the port may write.
absl::Status CheckLoopback(std::string_view flag, const std::string& listen) {
  if (listen.rfind(':') == std::string::npos) {
    return cli::UsageError(Cat(flag, " ", listen, ": must have the form HOST:PORT"));
  }
  if (IsLoopback(listen)) return absl::OkStatus();
  return cli::UsageError(Cat(flag, " ", listen,
                             ": this server has neither TLS nor tokens, so it listens on loopback "
                             "addresses only, such as 127.0.0.1:7700"));
}

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

// Null where no backups are asked for.
std::unique_ptr<BackupSchedule> StartBackups(const ServeFlags& flags, const ledger::Log& log) {
  if (flags.backup_directory.empty()) return nullptr;
  auto schedule = std::make_unique<BackupSchedule>(
      log, flags.backup_directory, absl::Minutes(flags.backup_minutes),
      [](const absl::StatusOr<ledger::BackupInfo>& made) {
        // One call each: other threads write to the same stream.
        const std::string line =
            made.ok() ? Cat("credence: backup ", made->id, " of at least ", made->head.size.value,
                            " events\n")
                      : Cat("credence: no backup: ", FromAbsl(made.status().message()), "\n");
        std::fputs(line.c_str(), stderr);
      });
  schedule->Start();
  return schedule;
}

// Null where no witnesses are asked for.
absl::StatusOr<std::unique_ptr<WitnessFeed>> MakeWitnessFeed(const ServeFlags& flags,
                                                             const ledger::Log& log,
                                                             PublishedCheckpoint& published) {
  if (flags.witness_policy.empty()) return nullptr;
  CREDENCE_ASSIGN_OR_RETURN(client::WitnessPolicy policy, ReadPolicy(flags.witness_policy));
  WitnessFeedOptions options(std::move(policy));
  options.interval = absl::Seconds(flags.witness_seconds);
  options.renewal = absl::Minutes(flags.witness_renewal_minutes);
  options.path = Cat(flags.data, "/ledger.witnessed");
  return WitnessFeed::Make(log, published, std::move(options),
                           [](const std::string& witness, const absl::Status& status) {
                             const std::string line =
                                 status.ok() ? Cat("credence: witness ", witness, " cosigns\n")
                                             : Cat("credence: ", FromAbsl(status.message()), "\n");
                             std::fputs(line.c_str(), stderr);
                           });
}

absl::Status Serve(const ServeFlags& flags, std::ostream& err) {
  const std::string http_listen = flags.http.empty() ? DefaultHttp(flags.listen) : flags.http;
  CREDENCE_RETURN_IF_ERROR(CheckLoopback("--listen", flags.listen));
  CREDENCE_RETURN_IF_ERROR(CheckLoopback("--http", http_listen));
  // Debian's abseil looks for lock cycles at each lock, in release builds too. The tests run with
  // that; here it would cost a twentieth of the throughput.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const StopSignal stop;
  const ledger::RealClock clock;
  ledger::OpenOptions open;
  open.directory = flags.data;
  open.key_path = flags.key_file;
  open.anchor_path = flags.anchor;
  open.clock = &clock;
  CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<ledger::Log> log, ledger::Log::Open(open));
  Engine engine(log.get(), &clock, {.begin_answers = BeginAnswers, .end_answers = SendAnswers});
  CREDENCE_RETURN_IF_ERROR(engine.Start());
  PublishedCheckpoint published(log.get());
  CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<WitnessFeed> witnesses,
                            MakeWitnessFeed(flags, *log, published));
  PublishedCheckpoint* const witnessed = witnesses == nullptr ? nullptr : &published;
  Ticker ticker(&engine);
  ticker.Start();
  Router router;
  AddServices(router, engine, {.published = witnessed, .backup_directory = flags.backup_directory});
  CallMetrics calls;
  calls.Instrument(router);
  const MetricsPage metrics(engine, calls);
  GrpcServerOptions options;
  options.listen = flags.listen;
  CREDENCE_ASSIGN_OR_RETURN(const std::unique_ptr<GrpcServer> server,
                            GrpcServer::Start(router, engine.executor(), options));
  Site site(router, engine,
            {.listen = http_listen,
             .metrics = [&metrics] { return metrics.Render(); },
             .published = witnessed,
             .web_directory = flags.web_directory});
  HttpServerOptions http_options;
  http_options.listen = http_listen;
  CREDENCE_ASSIGN_OR_RETURN(
      const std::unique_ptr<HttpServer> http,
      HttpServer::Start([&site](const auto& exchange) { site.Serve(exchange); }, http_options));
  CREDENCE_RETURN_IF_ERROR(WritePort(flags.http_port_file, http->port()));
  CREDENCE_RETURN_IF_ERROR(WritePort(flags.port_file, server->port()));
  err << "credence: serving " << log->origin() << " at " << WithPort(flags.listen, server->port())
      << " (gRPC) and http://" << WithPort(http_listen, http->port()) << ", "
      << log->tree_head().size.value << " events"
      << "\n"
      << std::flush;
  const std::unique_ptr<BackupSchedule> backups = StartBackups(flags, *log);
  if (witnesses != nullptr) witnesses->Start();
  stop.Wait();
  stop.Release();
  err << "credence: stopping"
      << "\n"
      << std::flush;
  site.BeginDrain();
  if (backups != nullptr) backups->Stop();
  if (witnesses != nullptr) witnesses->Stop();
  ticker.Stop();
  const absl::Time deadline = absl::Now() + absl::Seconds(flags.drain_seconds);
  server->Drain(deadline);
  http->Drain(deadline);
  engine.Stop();
  err << "credence: stopped at " << log->tree_head().size.value << " events"
      << "\n"
      << std::flush;
  return absl::OkStatus();
}

}  // namespace

void RegisterServe(CLI::App& app, cli::CliContext& context) {
  CLI::App* command = app.add_subcommand("serve", "Serve a ledger");
  auto flags = std::make_shared<ServeFlags>();
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
  context.SetAction(command, [flags, &context] { return Serve(*flags, context.err()); });
}

}  // namespace credence::server
