#include "batch_follower.h"

#include <utility>

#include "batch_record.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/etcd/keys.h"
#include "credence/etcd/watch.h"
#include "failure.h"

namespace credence::ledger {
namespace {

// Each at most about one part.
constexpr int64_t kBatchesAPage = 16;
constexpr int64_t kPartsAPage = 4;
// Before etcd is asked again where it fails.
constexpr absl::Duration kPause = absl::Milliseconds(100);

bool MayPass(const absl::Status& status) { return absl::IsUnavailable(status); }

}  // namespace

BatchFollower::BatchFollower(etcd::Client& client, const ClusterKeys& keys, TreeSize size,
                             Steps steps)
    : client_(client), keys_(keys), steps_(std::move(steps)), size_(size), thread_([this] {
        Run();
      }) {}

BatchFollower::~BatchFollower() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

bool BatchFollower::AwaitStop(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&stopping_), timeout);
}

void BatchFollower::Run() {
  while (!AwaitStop(absl::ZeroDuration())) {
    const absl::StatusOr<int64_t> revision = CatchUp();
    absl::Status end = revision.status();
    // History that is compacted meanwhile is read anew from the batches.
    if (revision.ok()) end = Follow(*revision + 1);
    const bool again = MayPass(end) || (revision.ok() && absl::IsOutOfRange(end));
    if (AwaitStop(again ? kPause : absl::ZeroDuration())) return;
    if (again) continue;
    steps_.on_end(end);
    return;
  }
}

absl::StatusOr<int64_t> BatchFollower::CatchUp() {
  absl::Status taken;
  const absl::StatusOr<int64_t> revision =
      client_.Scan(keys_.Batch(PositionAfter(size_)), etcd::PrefixEnd(keys_.Batches()), 0,
                   kBatchesAPage, [&](const mvccpb::KeyValue& pair) {
                     taken = Take(pair.value());
                     return taken.ok() && !AwaitStop(absl::ZeroDuration());
                   });
  if (!taken.ok()) return taken;
  return revision;
}

absl::Status BatchFollower::Follow(int64_t revision) {
  absl::Mutex mutex;
  absl::Status end;
  const auto finish = [&](const absl::Status& status) {
    absl::MutexLock lock(&mutex);
    end.Update(status);
  };
  const auto take = [&](absl::Span<const mvccpb::Event> events) {
    for (const mvccpb::Event& event : events) {
      // What was deleted has left etcd after all had it.
      if (event.type() != mvccpb::Event::PUT) continue;
      absl::Status taken = Take(event.kv().value());
      if (taken.ok()) continue;
      finish(taken);
      return;
    }
  };
  etcd::Watch watch(client_, {.key = keys_.Batches(),
                              .range_end = etcd::PrefixEnd(keys_.Batches()),
                              .from_revision = revision,
                              .on_events = take,
                              .on_end = finish});
  const auto ended = [&] { return !end.ok(); };
  while (!AwaitStop(kPause)) {
    absl::MutexLock lock(&mutex);
    if (ended()) return end;
  }
  return absl::OkStatus();
}

absl::Status BatchFollower::Take(const std::string& value) {
  cluster::v1::CommittedBatch committed;
  if (!committed.ParseFromString(value)) return LedgerFailed("A committed batch is malformed.");
  if (committed.first_position() < size_.value) return absl::OkStatus();
  if (committed.first_position() > size_.value) {
    return absl::OutOfRangeError(Cat("The batches from position ", size_.value, " to ",
                                     committed.first_position(),
                                     " have left the cluster's store."));
  }
  std::string bytes = std::move(*committed.mutable_batch());
  if (committed.part_count() > 0) {
    CREDENCE_ASSIGN_OR_RETURN(bytes, ReadParts(committed));
  }
  cluster::v1::Batch batch;
  if (committed.digest() != ToBytes(Sha256(bytes)) || !batch.ParseFromString(bytes) ||
      batch.root() != committed.head().root()) {
    return LedgerFailed(Cat("The committed batch at position ", committed.first_position(),
                            " is not what its digest says."));
  }
  CREDENCE_RETURN_IF_ERROR(steps_.on_batch(batch));
  size_ = TreeSize{committed.head().size()};
  return absl::OkStatus();
}

absl::StatusOr<std::string> BatchFollower::ReadParts(const cluster::v1::CommittedBatch& committed) {
  const Position first{committed.first_position()};
  const std::string prefix = keys_.Parts(first, committed.head().term());
  std::string bytes;
  int count = 0;
  CREDENCE_RETURN_IF_ERROR(client_
                               .Scan(prefix, etcd::PrefixEnd(prefix), 0, kPartsAPage,
                                     [&](const mvccpb::KeyValue& part) {
                                       bytes += part.value();
                                       ++count;
                                       return true;
                                     })
                               .status());
  if (count == committed.part_count()) return bytes;
  return absl::OutOfRangeError(
      Cat("Parts of the batch at position ", first.value, " have left the cluster's store."));
}

}  // namespace credence::ledger
