#pragma once

#include <functional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/ledger/backup.h"
#include "credence/ledger/log.h"
#include "main/pace.h"

namespace credence::server {

// Backs a ledger up while it is served: once at the start and then once an interval, on a thread of
// its own. Writes go on meanwhile.
//
// Thread-safe, but for Start and Stop, which the owner calls one after the other.
class BackupSchedule {
 public:
  // Told of each backup, on the schedule's thread.
  using Report = std::function<void(const absl::StatusOr<ledger::BackupInfo>&)>;

  // `log` must outlive the schedule; `interval` is positive.
  BackupSchedule(const ledger::Log& log, std::string backup_directory, absl::Duration interval,
                 Report report);
  // Stops.
  ~BackupSchedule();
  BackupSchedule(const BackupSchedule&) = delete;
  BackupSchedule& operator=(const BackupSchedule&) = delete;

  void Start();
  // From the wait under way on; positive.
  void SetInterval(absl::Duration interval) { pace_.SetInterval(interval); }
  // Ends a backup that is under way without it, and joins. Idempotent.
  void Stop();

 private:
  void Run();

  const ledger::Log& log_;
  const std::string backup_directory_;
  const Report report_;
  Pace pace_;
  std::thread thread_;
};

}  // namespace credence::server
