#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/ledger/log.h"
#include "credence/ledger/position.h"

namespace credence::ledger {

// A reader's cursor: catches up, then follows, and never skips, repeats or reorders. It pulls; the
// log holds nothing for it but, while it waits, one registered watch, so that a slow or a silent
// subscriber never delays a writer. A cursor lost is resumed by a new one from `next_position`.
//
// Not thread-safe: its owner makes one call at a time. The log must outlive it.
class Subscription {
 public:
  using ReadyFunction = std::function<void(const absl::Status&)>;

  // A cursor from `from` on, over one stream where `stream` is not empty.
  Subscription(Log& log, Position from, std::string stream = std::string());

  // Cancels.
  ~Subscription();

  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  // Entries at the cursor, which moves past them. Where there are none yet: returns none, and
  // `ready` is called once, as by Log::WatchHead, when it is worth while to ask again (over one
  // stream, some other stream's events may have been the reason). At most one `ready` is pending: a
  // call while one is replaces it. OUT_OF_RANGE for a negative position. Before Start and after
  // Stop `ready` gets UNAVAILABLE.
  [[nodiscard]] absl::StatusOr<std::vector<StoredEntry>> Next(const ReadLimits& limits,
                                                              ReadyFunction ready);

  // Every position before this one was returned, or is not of the stream.
  [[nodiscard]] Position next_position() const { return next_; }

  // True: no `ready` is pending and none will run. False: it runs now, or ran since the last Next.
  bool Cancel();

 private:
  [[nodiscard]] absl::StatusOr<std::vector<StoredEntry>> ReadNext(TreeSize head,
                                                                  const ReadLimits& limits);

  Log& log_;
  Position next_;
  const std::string stream_;
  WatchId watch_;
};

}  // namespace credence::ledger
