#include "fault_env.h"

#include <rocksdb/file_system.h>

#include <string>
#include <utility>

namespace credence::ledger {
namespace {

using rocksdb::FileOptions;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class FaultyFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(std::unique_ptr<FSWritableFile>&& file, std::shared_ptr<FaultEnv::Plan> plan)
      : FSWritableFileOwnerWrapper(std::move(file)), plan_(std::move(plan)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    if (plan_->Fails(Fault::kAppend)) return IOStatus::IOError("append failed on purpose");
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& info, IODebugContext* debug) override {
    if (plan_->Fails(Fault::kAppend)) return IOStatus::IOError("append failed on purpose");
    return FSWritableFileOwnerWrapper::Append(data, options, info, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    if (plan_->Fails(Fault::kSync)) return IOStatus::IOError("sync failed on purpose");
    return FSWritableFileOwnerWrapper::Sync(options, debug);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    if (plan_->Fails(Fault::kSync)) return IOStatus::IOError("sync failed on purpose");
    return FSWritableFileOwnerWrapper::Fsync(options, debug);
  }

 private:
  std::shared_ptr<FaultEnv::Plan> plan_;
};

class FaultyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultyFileSystem(std::shared_ptr<FaultEnv::Plan> plan)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), plan_(std::move(plan)) {}

  [[nodiscard]] const char* Name() const override { return "FaultyFileSystem"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) override {
    IOStatus status = FileSystemWrapper::NewWritableFile(name, options, file, debug);
    const bool is_log = name.size() > 4 && name.compare(name.size() - 4, 4, ".log") == 0;
    if (status.ok() && is_log) *file = std::make_unique<FaultyFile>(std::move(*file), plan_);
    return status;
  }

 private:
  std::shared_ptr<FaultEnv::Plan> plan_;
};

}  // namespace

bool FaultEnv::Plan::Fails(Fault operation) {
  if (fault.load() != operation || remaining.fetch_sub(1) > 1) return false;
  if (meanwhile) meanwhile();
  return true;
}

FaultEnv::FaultEnv()
    : plan_(std::make_shared<Plan>()),
      env_(rocksdb::NewCompositeEnv(std::make_shared<FaultyFileSystem>(plan_))) {}

void FaultEnv::Arm(Fault fault, int after_count, std::function<void()> meanwhile) {
  plan_->meanwhile = std::move(meanwhile);
  plan_->remaining.store(after_count);
  plan_->fault.store(fault);
}

}  // namespace credence::ledger
