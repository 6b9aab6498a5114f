#include "service/backup_stream.h"

#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/ledger/backup.h"
#include "query/convert.h"

namespace credence::server {
namespace {

absl::Status WrongState(std::string message, const std::string& subject) {
  ErrorDetail detail;
  detail.reason = "WRONG_STATE";
  detail.subjects.push_back(subject);
  return MakeError(absl::StatusCode::kFailedPrecondition, std::move(message), detail);
}

// What the thread that makes a backup tells the stream that a caller reads. Of the progress only
// the newest is kept: a slow caller costs one message.
class BackupRun {
 public:
  using Ready = std::function<void(const absl::Status&)>;

  // False where nobody waits for the backup any more.
  bool Tell(v1::CreateBackupResponse message) {
    const Ready ready = [&] {
      absl::MutexLock lock(&mutex_);
      message_ = std::move(message);
      return std::exchange(ready_, nullptr);
    }();
    if (ready) ready(absl::OkStatus());
    return !cancelled();
  }

  // After the last message.
  void End(absl::Status status) {
    const Ready ready = [&] {
      absl::MutexLock lock(&mutex_);
      end_ = std::move(status);
      return std::exchange(ready_, nullptr);
    }();
    if (ready) ready(absl::OkStatus());
  }

  absl::StatusOr<std::optional<std::string>> Next(Ready ready) {
    absl::MutexLock lock(&mutex_);
    if (message_.has_value()) {
      std::string bytes = message_->SerializeAsString();
      message_.reset();
      return bytes;
    }
    if (end_.has_value() && !end_->ok()) return *end_;
    if (end_.has_value()) return std::nullopt;
    ready_ = std::move(ready);
    return std::nullopt;
  }

  bool Forget() {
    absl::MutexLock lock(&mutex_);
    return std::exchange(ready_, nullptr) != nullptr;
  }

  void Cancel() {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
  }

  [[nodiscard]] bool cancelled() const {
    absl::MutexLock lock(&mutex_);
    return cancelled_;
  }

  // Whether there is nothing more to give.
  [[nodiscard]] bool ended() const {
    absl::MutexLock lock(&mutex_);
    return end_.has_value() && !message_.has_value();
  }

  // Whether the thread is through.
  [[nodiscard]] bool over() const {
    absl::MutexLock lock(&mutex_);
    return end_.has_value();
  }

 private:
  mutable absl::Mutex mutex_;
  std::optional<v1::CreateBackupResponse> message_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  Ready ready_ ABSL_GUARDED_BY(mutex_);
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

class BackupSource final : public MessageSource {
 public:
  explicit BackupSource(std::shared_ptr<BackupRun> run) : run_(std::move(run)) {}
  // Nobody reads on: the backup is not wanted any more.
  ~BackupSource() override { run_->Cancel(); }

  absl::StatusOr<std::optional<std::string>> Next(
      std::function<void(const absl::Status&)> ready) override {
    return run_->Next(std::move(ready));
  }
  [[nodiscard]] bool ended() const override { return run_->ended(); }
  bool Cancel() override {
    run_->Cancel();
    return run_->Forget();
  }

 private:
  const std::shared_ptr<BackupRun> run_;
};

v1::CreateBackupResponse Progress(std::string_view step, int64_t done, int64_t total) {
  v1::CreateBackupResponse message;
  message.set_step(std::string(step));
  message.set_done(done);
  message.set_total(total);
  return message;
}

void FillBackup(const ledger::BackupInfo& info, v1::Backup& backup) {
  backup.set_backup_id(info.id);
  SetTime(info.time, *backup.mutable_create_time());
  backup.mutable_tree_head()->set_tree_size(info.head.size.value);
  backup.mutable_tree_head()->set_root_hash(info.head.root.data(), info.head.root.size());
  backup.set_origin(info.origin);
  backup.set_file_count(info.file_count);
  backup.set_byte_count(info.byte_count);
}

absl::Status CheckSound(const std::string& directory, int64_t id, BackupRun& run) {
  CREDENCE_ASSIGN_OR_RETURN(const ledger::FsckReport report,
                            ledger::VerifyBackup(
                                directory, id,
                                [&](const ledger::FsckProgress& progress) {
                                  run.Tell(Progress(progress.step, progress.done, progress.total));
                                },
                                [&run] { return run.cancelled(); }));
  if (report.sound()) return absl::OkStatus();
  const ledger::Finding& finding = report.findings.front();
  ErrorDetail detail;
  detail.reason = "LEDGER_FAILED";
  return MakeError(absl::StatusCode::kDataLoss,
                   Cat("the backup ", id, " is damaged: ", finding.part, ", ", finding.where, ": ",
                       finding.what),
                   detail);
}

absl::Status Make(const ledger::Log& log, const std::string& directory, bool verify,
                  BackupRun& run) {
  ledger::BackupOptions options;
  options.backup_directory = directory;
  options.progress = [&run](int64_t bytes) { return run.Tell(Progress("bytes copied", bytes, 0)); };
  CREDENCE_ASSIGN_OR_RETURN(const ledger::BackupInfo info, ledger::CreateBackup(log, options));
  v1::CreateBackupResponse last;
  FillBackup(info, *last.mutable_backup());
  if (verify && !run.cancelled()) {
    CREDENCE_RETURN_IF_ERROR(CheckSound(directory, info.id, run));
    last.mutable_backup()->set_verified(true);
  }
  run.Tell(std::move(last));
  return absl::OkStatus();
}

}  // namespace

class BackupRunner::Impl {
 public:
  Impl(const ledger::Log* log, std::string directory)
      : log_(*log), directory_(std::move(directory)) {}

  ~Impl() {
    absl::MutexLock lock(&mutex_);
    if (run_ != nullptr) run_->Cancel();
    if (thread_.joinable()) thread_.join();
  }

  absl::StatusOr<std::unique_ptr<MessageSource>> Begin(bool verify) {
    if (directory_.empty()) {
      return WrongState("this server has no directory of backups: start it with --backup-dir",
                        "backups");
    }
    absl::MutexLock lock(&mutex_);
    if (run_ != nullptr && !run_->over()) {
      return WrongState("this server makes a backup for another caller", directory_);
    }
    if (thread_.joinable()) thread_.join();
    run_ = std::make_shared<BackupRun>();
    thread_ =
        std::thread([this, run = run_, verify] { run->End(Make(log_, directory_, verify, *run)); });
    return std::make_unique<BackupSource>(run_);
  }

 private:
  const ledger::Log& log_;
  const std::string directory_;
  absl::Mutex mutex_;
  std::shared_ptr<BackupRun> run_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

BackupRunner::BackupRunner(const ledger::Log* log, std::string backup_directory)
    : impl_(std::make_unique<Impl>(log, std::move(backup_directory))) {}
BackupRunner::~BackupRunner() = default;

absl::StatusOr<std::unique_ptr<MessageSource>> BackupRunner::Begin(
    const v1::CreateBackupRequest& request) {
  return impl_->Begin(request.verify());
}

}  // namespace credence::server
