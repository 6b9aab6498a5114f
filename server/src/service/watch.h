#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "credence/ledger/log.h"
#include "credence/ledger/subscription.h"
#include "engine/engine.h"
#include "service/router.h"

// The messages of a watch: what is recorded from a position on, then what is recorded from now on.
// It reads the log when its client asks for more, and holds nothing else meanwhile, so that a slow
// client costs one watch of the head at most.
namespace credence::server {

// Appends the messages that `entries` make, serialized; for no entries a progress mark. Every
// position before `next_position` has been looked at then.
using MessageMaker =
    std::function<absl::Status(const std::vector<ledger::StoredEntry>& entries,
                               int64_t next_position, std::deque<std::string>& messages)>;

// Not thread-safe: one call at a time.
class LogWatch final : public MessageSource {
 public:
  // `log` must outlive the watch. Begins with a progress mark.
  LogWatch(ledger::Log& log, ledger::Position from, std::string stream, MessageMaker make);

  [[nodiscard]] absl::StatusOr<std::optional<std::string>> Next(
      std::function<void(const absl::Status&)> ready) override;
  bool Cancel() override { return subscription_.Cancel(); }
  [[nodiscard]] int64_t next_position() const override {
    return subscription_.next_position().value;
  }

 private:
  [[nodiscard]] bool MarkDue() const;
  absl::Status Make(const std::vector<ledger::StoredEntry>& entries);

  ledger::Subscription subscription_;
  const MessageMaker make_;
  std::deque<std::string> messages_;
  // The last that the client was told of, and when.
  int64_t told_position_ = -1;
  absl::Time told_time_ = absl::InfinitePast();
};

// Where a watch begins: `start`, or the position after the head. INVALID_ARGUMENT for a negative
// one, OUT_OF_RANGE (BEYOND_HEAD) for one beyond that.
[[nodiscard]] absl::StatusOr<ledger::Position> WatchStart(const ledger::Log& log,
                                                          std::optional<int64_t> start);

}  // namespace credence::server
