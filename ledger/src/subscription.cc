#include "credence/ledger/subscription.h"

#include <utility>

#include "credence/base/status_macros.h"

namespace credence::ledger {

Subscription::Subscription(Log& log, Position from, std::string stream)
    : log_(log), next_(from), stream_(std::move(stream)) {}

Subscription::~Subscription() { Cancel(); }

absl::StatusOr<std::vector<StoredEntry>> Subscription::Next(const ReadLimits& limits,
                                                            ReadyFunction ready) {
  Cancel();
  // Read before the entries: what is written in between is found by the watch, not missed.
  const TreeSize head = log_.tree_head().size;
  CREDENCE_ASSIGN_OR_RETURN(std::vector<StoredEntry> entries, ReadNext(head, limits));
  if (entries.empty()) {
    watch_ = log_.WatchHead(TreeSize{next_.value}, std::move(ready));
  }
  return entries;
}

absl::StatusOr<std::vector<StoredEntry>> Subscription::ReadNext(TreeSize head,
                                                                const ReadLimits& limits) {
  if (stream_.empty()) {
    CREDENCE_ASSIGN_OR_RETURN(std::vector<StoredEntry> entries, log_.Read(next_, limits));
    if (!entries.empty()) next_ = PositionAfter(SizeThrough(entries.back().position));
    return entries;
  }
  if (!Contains(head, next_)) return log_.Read(next_, limits);
  CREDENCE_ASSIGN_OR_RETURN(const int64_t version, log_.StreamVersionAt(stream_, next_));
  CREDENCE_ASSIGN_OR_RETURN(std::vector<StoredEntry> entries,
                            log_.ReadStream(stream_, version, limits, Position{head.value - 1}));
  // A short answer means that the stream has no more within the head, unless a limit cut it: then
  // the cursor stands behind the last entry returned.
  next_ =
      entries.empty() ? PositionAfter(head) : PositionAfter(SizeThrough(entries.back().position));
  return entries;
}

bool Subscription::Cancel() {
  if (watch_ == WatchId{}) return true;
  const bool cancelled = log_.CancelWatch(watch_);
  watch_ = WatchId{};
  return cancelled;
}

}  // namespace credence::ledger
