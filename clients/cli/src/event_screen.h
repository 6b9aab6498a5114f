#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "credence/cli/context.h"
#include "live_screen.h"

namespace credence::cli {

// The events of the log as they come, on the whole terminal: how many a second, and the last ones.
//
// Not thread-safe.
class EventScreen {
 public:
  // `stream` is the one that is followed; empty for all.
  EventScreen(CliContext& context, std::string stream);

  void Add(std::string line);

 private:
  [[nodiscard]] std::vector<std::string> Lines(const Window& window);
  // Events that came in each second of the last `count`.
  [[nodiscard]] std::vector<double> CountBySecond(int count);

  CliContext& context_;
  const std::string stream_;
  std::deque<std::string> lines_;
  int64_t seen_ = 0;
  // Seconds of the clock in which events came, with their number, oldest first.
  std::deque<std::pair<int64_t, int64_t>> seconds_;
  // The last member: it calls what is above.
  LiveScreen screen_;
};

}  // namespace credence::cli
