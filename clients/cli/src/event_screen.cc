#include "event_screen.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace credence::cli {
namespace {

// More than any terminal shows.
constexpr size_t kLinesMax = 1000;
constexpr int kSecondsMax = 1000;
constexpr int kSparklineSeconds = 60;
// Heading, sparkline, empty line.
constexpr int kHeadLines = 3;

}  // namespace

EventScreen::EventScreen(CliContext& context, std::string stream)
    : context_(context),
      stream_(std::move(stream)),
      screen_(context, {[this](const Window& window) { return Lines(window); },
                        [this] { return lines_.empty() ? "" : lines_.back(); }}) {}

void EventScreen::Add(std::string line) {
  screen_.Update([&] {
    lines_.push_back(std::move(line));
    if (lines_.size() > kLinesMax) lines_.pop_front();
    ++seen_;
    const int64_t now = absl::ToUnixSeconds(context_.environment().now());
    if (seconds_.empty() || seconds_.back().first != now) seconds_.emplace_back(now, 0);
    ++seconds_.back().second;
    if (seconds_.size() > kSecondsMax) seconds_.pop_front();
  });
}

std::vector<double> EventScreen::CountBySecond(int count) {
  const int64_t first = absl::ToUnixSeconds(context_.environment().now()) - count + 1;
  std::vector<double> counts(static_cast<size_t>(count));
  for (const auto& [second, number] : seconds_) {
    if (second < first || second >= first + count) continue;
    counts[static_cast<size_t>(second - first)] = static_cast<double>(number);
  }
  return counts;
}

std::vector<std::string> EventScreen::Lines(const Window& window) {
  const bool unicode = context_.environment().unicode;
  const std::vector<double> counts = CountBySecond(kSparklineSeconds);
  const double busiest = *std::max_element(counts.begin(), counts.end());
  std::vector<std::string> lines = {
      absl::StrCat("events", stream_.empty() ? "" : absl::StrCat(" of ", stream_), ": ", seen_,
                   " seen, ", counts.back(), " this second; Ctrl-C ends"),
      absl::StrCat(Sparkline(counts, unicode), unicode ? "▏" : "|", " at most ", busiest,
                   " a second in the last minute"),
      ""};
  const size_t room = static_cast<size_t>(std::max(1, window.lines - kHeadLines));
  for (size_t i = lines_.size() - std::min(room, lines_.size()); i < lines_.size(); ++i) {
    lines.push_back(lines_[i]);
  }
  return lines;
}

}  // namespace credence::cli
