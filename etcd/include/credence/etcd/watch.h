#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "credence/etcd/client.h"
#include "etcd/mvcc/mvccpb/kv.pb.h"

namespace credence::etcd {

struct WatchOptions {
  // The keys of [key, range_end); one key where `range_end` is empty.
  std::string key{};
  std::string range_end{};
  // The first revision to hear of; 0 is the next one.
  int64_t from_revision = 0;
  // How long a member may be silent, which is asked for a sign of life three times in that time,
  // before the watch goes on at the next one.
  absl::Duration silence_max = absl::Seconds(3);
  // Some changes in the order of their revisions, all of a revision in one call. On the watch's
  // thread; while it runs, no more is read.
  std::function<void(absl::Span<const mvccpb::Event> events)> on_events{};
  // Called once where the watch cannot go on, and then nothing more: OUT_OF_RANGE where its
  // revision is compacted, so that changes are missing and the keys must be read anew;
  // PERMISSION_DENIED, UNAUTHENTICATED. On the watch's thread.
  std::function<void(const absl::Status& status)> on_end{};
};

// Hears of every change of some keys, each once and in order, over whatever members: where one
// fails, falls silent or loses its leader, the watch goes on at the next one from the revision
// after the last that was heard. With no member it waits for one.
//
// Thread-safe. Two threads while it lives.
class Watch {
 public:
  // `client` must outlive it; the functions are not empty. They must not destroy the watch.
  Watch(Client& client, WatchOptions options);
  // Waits for the function that is running; none is called after.
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace credence::etcd
