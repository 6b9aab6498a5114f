#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>
#include <string>

#include "audit/audit.h"
#include "credence/base/status_macros.h"
#include "credence/cli/context.h"
#include "credence/cli/exit_code.h"
#include "credence/ledger/log.h"
#include "main/commands.h"

namespace credence::server {
namespace {

absl::Status RebuildCheck(const std::string& directory, cli::CliContext& context) {
  CREDENCE_ASSIGN_OR_RETURN(const auto log, ledger::Log::OpenReadOnly(directory));
  const int64_t total = log->tree_head().size.value;
  CREDENCE_ASSIGN_OR_RETURN(const AuditReport report, AuditLog(*log, [&](int64_t done) {
                              if (!context.environment().terminal) return;
                              context.err() << "\r" << done << " of " << total << " events"
                                            << (done == total ? "\n" : "") << std::flush;
                            }));
  context.out() << "origin      " << log->origin() << "\n"
                << "size        " << report.tree_head.size.value << " events in "
                << report.stream_count << " streams\n"
                << "root        " << ledger::ToHex(report.tree_head.root) << "\n"
                << "posteriors  " << report.posterior_count << " recomputed\n"
                << "scores      " << report.score_count << " recomputed\n"
                << "projections " << report.document_count << " rebuilt and equal\n";
  if (report.unknown_event_count > 0) {
    context.out() << "unknown     " << report.unknown_event_count
                  << " events of types that this program does not know\n";
  }
  context.out() << "verified\n";
  return absl::OkStatus();
}

}  // namespace

void RegisterRebuild(CLI::App& app, cli::CliContext& context) {
  CLI::App* command = app.add_subcommand(
      "rebuild", "Derive a ledger's tree, posteriors, scores and projections anew from its log");
  struct Flags {
    std::string data;
    bool check = false;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("--data", flags->data, "Directory of the ledger")
      ->required()
      ->envname("CREDENCE_DATA");
  command->add_flag("--check", flags->check, "Compare with what is stored; writes nothing");
  context.SetAction(command, [flags, &context] {
    if (!flags->check) {
      return cli::UsageError("rebuild: --check is required; projections are rebuilt by themselves");
    }
    return RebuildCheck(flags->data, context);
  });
}

}  // namespace credence::server
