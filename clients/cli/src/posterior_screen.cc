#include "posterior_screen.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "history.h"

namespace credence::cli {
namespace {

// Heading, empty line, the chart's axis, empty line.
constexpr int kOtherLines = 4;
constexpr int kAxisColumns = 12;

}  // namespace

PosteriorScreen::PosteriorScreen(CliContext& context, std::string question)
    : context_(context),
      question_(std::move(question)),
      screen_(context,
              {[this](const Window& window) { return Lines(window); },
               [this] { return posteriors_.empty() ? "" : HistoryLine(*posteriors_.rbegin()); }}) {}

void PosteriorScreen::Add(const v1::PublishedPosterior& posterior) {
  screen_.Update([&] { *posteriors_.Add() = posterior; });
}

void PosteriorScreen::Add(
    const google::protobuf::RepeatedPtrField<v1::PublishedPosterior>& history) {
  screen_.Update([&] { posteriors_.MergeFrom(history); });
}

std::string PosteriorScreen::Heading() const {
  std::string heading = question_;
  if (posteriors_.empty()) {
    absl::StrAppend(&heading, ": nothing was published yet");
  } else {
    absl::StrAppend(&heading, ": ", ChartTitle(*posteriors_.rbegin()));
  }
  return absl::StrCat(heading, "; Ctrl-C ends");
}

std::vector<std::string> PosteriorScreen::Lines(const Window& window) {
  std::vector<std::string> lines = {Heading(), ""};
  // Two thirds for the curve, the rest for the last posteriors.
  const int height = std::max(2, (window.lines - kOtherLines) * 2 / 3);
  std::ostringstream chart;
  WriteChart(posteriors_,
             {std::max(2, window.columns - kAxisColumns), height, context_.environment().unicode},
             chart);
  for (std::string line : std::vector<std::string>(absl::StrSplit(chart.str(), '\n'))) {
    lines.push_back(std::move(line));
  }
  const int room = std::max(1, window.lines - static_cast<int>(lines.size()));
  for (int i = std::max(0, posteriors_.size() - room); i < posteriors_.size(); ++i) {
    lines.push_back(HistoryLine(posteriors_.Get(i)));
  }
  return lines;
}

}  // namespace credence::cli
