#include <rocksdb/convenience.h>
#include <rocksdb/db.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "failure.h"
#include "store.h"

// How what was erased leaves the files. A deletion in RocksDB only hides: the bytes stay in the log
// of writes until what it holds is in tables, and in tables until these are rewritten.
namespace credence::ledger {
namespace {

constexpr absl::Duration kPollTime = absl::Milliseconds(5);
// Readers of the past hold it for milliseconds, and files are deleted as fast. Counted in sleeps,
// not by the clock: where the whole machine stands still, nobody is late.
constexpr int kPollsMax = 12'000;

absl::Status Failed(std::string_view what, const rocksdb::Status& status) {
  return absl::InternalError(Cat("What was erased is still in the files: ", what, ": ",
                                 status.ToString(),
                                 ". It is tried again when the ledger is opened."));
}

}  // namespace

absl::Status Store::PurgeErased() {
  absl::MutexLock lock(&files_mutex_);
  CREDENCE_ASSIGN_OR_RETURN(const std::optional<std::string> mark, RenewMark());
  if (!mark.has_value()) return absl::OkStatus();
  CREDENCE_RETURN_IF_ERROR(AwaitNoSnapshots());
  rocksdb::VectorLogPtr logs;
  rocksdb::Status status = database_->GetSortedWalFiles(logs);
  if (status.ok()) status = database_->Flush(rocksdb::FlushOptions(), handles_);
  if (!status.ok()) return Failed("the write-ahead log", status);
  CREDENCE_ASSIGN_OR_RETURN(std::vector<std::string> old, ListTables());
  rocksdb::CompactRangeOptions options;
  // None may move on the way what was not rewritten yet.
  options.exclusive_manual_compaction = true;
  // The lowest level is where the oldest bytes are, and is passed by otherwise.
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  // The texts, and the projections that were made of them; requests lose what they were compared
  // by.
  for (const Family family : {Family::kBlobs, Family::kState, Family::kRequests}) {
    status = database_->CompactRange(options, Handle(family), nullptr, nullptr);
    if (!status.ok()) return Failed("the tables", status);
  }
  for (const auto& log : logs) old.push_back(log->PathName().substr(1));
  CREDENCE_RETURN_IF_ERROR(RemoveUnneeded(old));
  return ForgetPurge(*mark);
}

// After a log of writes whose end is torn, RocksDB begins the next one with an empty batch. Nothing
// of it is in any table to be flushed, and without a flush it is never let go of.
absl::StatusOr<std::optional<std::string>> Store::RenewMark() {
  absl::MutexLock lock(&gate_.mutex);
  CREDENCE_ASSIGN_OR_RETURN(std::optional<std::string> mark, Get(Family::kMeta, kUnpurgedKey));
  if (!mark.has_value()) return mark;
  if (gate_.write_failed) return Failed("a write failed", rocksdb::Status::IOError());
  const rocksdb::Status status =
      database_->Put(DurableWrite(), Handle(Family::kMeta),
                     rocksdb::Slice(kUnpurgedKey.data(), kUnpurgedKey.size()), *mark);
  if (status.ok()) return mark;
  gate_.write_failed = true;
  return Failed("that they are cannot be noted", status);
}

absl::Status Store::AwaitNoSnapshots() const {
  uint64_t count = 0;
  for (int polls = 0;
       database_->GetIntProperty(rocksdb::DB::Properties::kNumSnapshots, &count) && count > 0;
       ++polls) {
    if (polls > kPollsMax) return Failed("readers hold it", rocksdb::Status::TimedOut());
    absl::SleepFor(kPollTime);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Store::ListTables() const {
  std::vector<std::string> names;
  const rocksdb::Status status = env()->GetChildren(database_->GetName(), &names);
  if (!status.ok()) return Failed("the directory", status);
  std::erase_if(names, [](const std::string& name) { return !absl::EndsWith(name, ".sst"); });
  return names;
}

absl::Status Store::RemoveUnneeded(const std::vector<std::string>& files) const {
  for (int polls = 0;; ++polls) {
    // Switching it off and on again deletes what is waiting for it, now.
    rocksdb::Status status = database_->DisableFileDeletions();
    if (status.ok()) status = database_->EnableFileDeletions(false);
    if (!status.ok()) return Failed("files cannot be deleted", status);
    std::vector<rocksdb::LiveFileMetaData> live;
    database_->GetLiveFilesMetaData(&live);
    const bool left = std::any_of(files.begin(), files.end(), [&](const std::string& name) {
      const bool lives = std::any_of(live.begin(), live.end(), [&](const auto& file) {
        return file.relative_filename == name;
      });
      return !lives && env()->FileExists(Cat(database_->GetName(), "/", name)).ok();
    });
    if (!left) return absl::OkStatus();
    if (polls > kPollsMax) return Failed("files are in use", rocksdb::Status::TimedOut());
    absl::SleepFor(kPollTime);
  }
}

absl::Status Store::ForgetPurge(const std::string& mark) {
  absl::MutexLock lock(&gate_.mutex);
  CREDENCE_ASSIGN_OR_RETURN(const std::optional<std::string> now, Get(Family::kMeta, kUnpurgedKey));
  // More was erased meanwhile, by a write whose own purge is still to come.
  if (now != mark) return absl::OkStatus();
  const rocksdb::Status status =
      database_->Delete(DurableWrite(), Handle(Family::kMeta),
                        rocksdb::Slice(kUnpurgedKey.data(), kUnpurgedKey.size()));
  if (status.ok()) return absl::OkStatus();
  gate_.write_failed = true;
  return Failed("that they do not is not on record", status);
}

}  // namespace credence::ledger
