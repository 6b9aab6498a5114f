#pragma once

#include <string>

#include "absl/status/status.h"
#include "credence/cli/cli.h"
#include "credence/ledger/fsck.h"

// The commands that need no server, or are one. Each adds itself to the program's command tree.
namespace credence::server {

void RegisterInit(CLI::App& app, cli::CliContext& context);
void RegisterLedgerFiles(CLI::App& app, cli::CliContext& context);
void RegisterServe(CLI::App& app, cli::CliContext& context);
void RegisterExport(CLI::App& app, cli::CliContext& context);
void RegisterVerify(CLI::App& app, cli::CliContext& context);
void RegisterRebuild(CLI::App& app, cli::CliContext& context);
void RegisterFsck(CLI::App& app, cli::CliContext& context);
void RegisterSalvage(CLI::App& app, cli::CliContext& context);
void RegisterWitness(CLI::App& app, cli::CliContext& context);
void RegisterBackup(CLI::App& app, cli::CliContext& context);
void RegisterNetworkFiles(CLI::App& app, cli::CliContext& context);
void RegisterImportNetworks(CLI::App& app, cli::CliContext& context);
void RegisterScoreFile(CLI::App& app, cli::CliContext& context);
void RegisterToken(CLI::App& app, cli::CliContext& context);

// Prints what a check found of `subject`; DATA_LOSS where that is damage.
absl::Status PrintFsckReport(const ledger::FsckReport& report, const std::string& subject,
                             cli::CliContext& context);

}  // namespace credence::server
