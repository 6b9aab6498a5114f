#include "leadership.h"

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/etcd/watch.h"

namespace credence::ledger {
namespace {

// Looks at the stop at least so often, and asks again at most so often where etcd fails.
constexpr absl::Duration kPause = absl::Milliseconds(100);

// Tells of changes of a key.
class KeyChanges {
 public:
  KeyChanges(etcd::Client& client, const std::string& key)
      : watch_(client, {.key = key,
                        .on_events = [this](absl::Span<const mvccpb::Event>) { Note(false); },
                        .on_end = [this](const absl::Status&) { Note(true); }}) {}

  // Whether there may have been one since the last call; waits a moment for it.
  bool AwaitOne() {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&changed_), kPause);
    return std::exchange(changed_, false) || ended_;
  }

 private:
  void Note(bool end) {
    absl::MutexLock lock(&mutex_);
    changed_ = true;
    ended_ = end;
  }

  absl::Mutex mutex_;
  bool changed_ ABSL_GUARDED_BY(mutex_) = false;
  // Nothing is heard any more.
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  // The last, so that it is gone before what it writes to.
  etcd::Watch watch_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Leadership>> Leadership::Take(etcd::Client& client,
                                                             const ClusterKeys& keys,
                                                             const Candidate& candidate) {
  CREDENCE_ASSIGN_OR_RETURN(std::unique_ptr<etcd::Lease> lease,
                            etcd::Lease::Grant(client, candidate.time_to_live, candidate.on_lost));
  const std::string key = keys.Leader();
  const etcd::Transaction take = etcd::Transaction()
                                     .IfAbsent(key)
                                     .Put(key, candidate.leader.SerializeAsString(), lease->id())
                                     .ElseGet(key);
  while (true) {
    const auto answer = client.Commit(take);
    if (answer.ok() && answer->succeeded()) {
      const int64_t term = answer->header().revision();
      return std::unique_ptr<Leadership>(new Leadership(std::move(lease), term));
    }
    if (!answer.ok()) {
      // Whether it was carried out shows when it is sent again.
      const bool unknown = absl::IsUnknown(answer.status());
      if (unknown && lease->Left() > absl::ZeroDuration()) continue;
      return answer.status();
    }
    const auto& found = answer->responses(0).response_range();
    if (found.kvs_size() == 1 && found.kvs(0).lease() == lease->id()) {
      const int64_t term = found.kvs(0).create_revision();
      return std::unique_ptr<Leadership>(new Leadership(std::move(lease), term));
    }
    return absl::FailedPreconditionError("Another server leads.");
  }
}

std::unique_ptr<Leadership> Leadership::Campaign(etcd::Client& client, const ClusterKeys& keys,
                                                 const Candidate& candidate,
                                                 const absl::Notification& stop) {
  KeyChanges changes(client, keys.Leader());
  bool led = false;
  while (!stop.HasBeenNotified()) {
    if (!led) {
      const auto leader = FindLeader(client, keys);
      led = leader.ok() && leader->has_value();
    }
    if (!led) {
      absl::StatusOr<std::unique_ptr<Leadership>> taken = Take(client, keys, candidate);
      if (taken.ok()) return *std::move(taken);
      led = absl::IsFailedPrecondition(taken.status());
    }
    // While another leads there is nothing to ask for.
    if (changes.AwaitOne()) led = false;
  }
  return nullptr;
}

absl::StatusOr<std::optional<cluster::v1::Leader>> FindLeader(etcd::Client& client,
                                                              const ClusterKeys& keys) {
  CREDENCE_ASSIGN_OR_RETURN(const etcdserverpb::RangeResponse found, client.Get(keys.Leader()));
  cluster::v1::Leader leader;
  if (found.kvs_size() == 0) return std::nullopt;
  if (!leader.ParseFromString(found.kvs(0).value())) {
    return absl::DataLossError(Cat("etcd: ", keys.Leader(), " does not say who leads"));
  }
  return leader;
}

}  // namespace credence::ledger
