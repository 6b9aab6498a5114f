#include "service/watch.h"

#include <utility>

#include "absl/time/clock.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"

namespace credence::server {
namespace {

// A client whose stream is quiet hears how far the watch has come when it passed this many events,
// or at the first chance after this time.
constexpr int64_t kMarkEvents = 256;
constexpr absl::Duration kMarkInterval = absl::Seconds(1);

// One page is one message at most, well below the transport's limit.
constexpr ledger::ReadLimits kPage{.entry_count_max = 500, .byte_count_max = int64_t{1} << 20};

}  // namespace

LogWatch::LogWatch(ledger::Log& log, ledger::Position from, std::string stream, MessageMaker make)
    : subscription_(log, from, std::move(stream)), make_(std::move(make)) {}

bool LogWatch::MarkDue() const {
  const int64_t next = subscription_.next_position().value;
  if (next == told_position_) return false;
  return told_position_ < 0 || next - told_position_ >= kMarkEvents ||
         absl::Now() - told_time_ >= kMarkInterval;
}

absl::Status LogWatch::Make(const std::vector<ledger::StoredEntry>& entries) {
  CREDENCE_RETURN_IF_ERROR(make_(entries, subscription_.next_position().value, messages_));
  if (messages_.empty()) return absl::OkStatus();
  told_position_ = subscription_.next_position().value;
  told_time_ = absl::Now();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> LogWatch::Next(
    std::function<void(const absl::Status&)> ready) {
  if (told_position_ < 0) CREDENCE_RETURN_IF_ERROR(Make({}));
  while (messages_.empty()) {
    CREDENCE_ASSIGN_OR_RETURN(const std::vector<ledger::StoredEntry> entries,
                              subscription_.Next(kPage, ready));
    if (!entries.empty()) CREDENCE_RETURN_IF_ERROR(Make(entries));
    if (messages_.empty() && MarkDue()) {
      // `ready` may be under way; the next call replaces it.
      CREDENCE_RETURN_IF_ERROR(Make({}));
    }
    if (messages_.empty() && entries.empty()) return std::nullopt;
  }
  std::string message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

absl::StatusOr<ledger::Position> WatchStart(const ledger::Log& log, std::optional<int64_t> start) {
  const ledger::TreeSize size = log.tree_head().size;
  if (!start.has_value()) return ledger::PositionAfter(size);
  if (*start < 0) return InvalidField("FIELD_INVALID", "start_position", "must not be negative");
  if (*start > size.value) {
    ErrorDetail detail;
    detail.reason = "BEYOND_HEAD";
    detail.metadata["head"] = Cat(size.value - 1);
    return MakeError(absl::StatusCode::kOutOfRange,
                     Cat("position ", *start, " lies beyond the head, ", size.value - 1), detail);
  }
  return ledger::Position{*start};
}

}  // namespace credence::server
