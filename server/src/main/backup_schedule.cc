#include "main/backup_schedule.h"

#include <utility>

namespace credence::server {

BackupSchedule::BackupSchedule(const ledger::Log& log, std::string backup_directory,
                               absl::Duration interval, Report report)
    : log_(log),
      backup_directory_(std::move(backup_directory)),
      report_(std::move(report)),
      pace_(interval) {}

BackupSchedule::~BackupSchedule() { Stop(); }

void BackupSchedule::Start() {
  thread_ = std::thread([this] { Run(); });
}

void BackupSchedule::Stop() {
  pace_.Stop();
  if (thread_.joinable()) thread_.join();
}

void BackupSchedule::Run() {
  do {
    ledger::BackupOptions options;
    options.backup_directory = backup_directory_;
    options.progress = [this](int64_t) { return !pace_.stopping(); };
    const absl::StatusOr<ledger::BackupInfo> made = ledger::CreateBackup(log_, options);
    if (!absl::IsCancelled(made.status())) report_(made);
  } while (pace_.Wait());
}

}  // namespace credence::server
