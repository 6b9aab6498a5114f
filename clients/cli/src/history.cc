#include "history.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <ostream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "command.h"
#include "credence/base/check.h"
#include "format.h"
#include "numeric_flags.h"
#include "output.h"

namespace credence::cli {
namespace {

using Posteriors = google::protobuf::RepeatedPtrField<v1::PublishedPosterior>;

struct Point {
  double seconds = 0;
  // Probability of the first state, or the median of a number.
  double value = 0;
};

std::string CauseText(const v1::PublishedPosterior& posterior) {
  return EnumText(event::v1::PosteriorCause_descriptor(), posterior.cause());
}

std::optional<double> ValueOf(const v1::PublishedPosterior& posterior) {
  if (!posterior.probabilities().empty()) return posterior.probabilities(0).probability();
  return MedianOf(posterior.numeric());
}

// Points in order of time; at equal times the later position stands.
std::vector<Point> PointsOf(const Posteriors& posteriors) {
  std::vector<Point> points;
  for (const v1::PublishedPosterior& posterior : posteriors) {
    const std::optional<double> value = ValueOf(posterior);
    if (!value.has_value()) continue;
    points.push_back(
        {absl::ToDoubleSeconds(ToTime(posterior.effective_time()) - absl::UnixEpoch()), *value});
  }
  std::stable_sort(points.begin(), points.end(),
                   [](const Point& a, const Point& b) { return a.seconds < b.seconds; });
  return points;
}

// What stood at the end of each column's span of time.
std::vector<double> ColumnsOf(const std::vector<Point>& points, int width) {
  const double first = points.front().seconds;
  const double span = points.back().seconds - first;
  std::vector<double> columns;
  size_t next = 0;
  double standing = points.front().value;
  for (int column = 0; column < width; ++column) {
    const double end = first + span * (column + 1) / width;
    const bool last = column + 1 == width;
    while (next < points.size() && (last || points[next].seconds <= end)) {
      standing = points[next++].value;
    }
    columns.push_back(standing);
  }
  return columns;
}

struct Scale {
  double low = 0;
  double high = 1;
  int height = 2;

  int LineOf(double value) const {
    return static_cast<int>(std::lround((high - value) / (high - low) * (height - 1)));
  }
  double ValueOf(int line) const { return high - (high - low) * line / (height - 1); }
};

// A margin around what occurs, so that a flat line is drawn flat; of probabilities within their
// range.
Scale ScaleOf(const std::vector<double>& columns, bool probabilities, int height) {
  const auto [low, high] = std::minmax_element(columns.begin(), columns.end());
  const double least =
      probabilities ? 0.005 : std::max(1e-9, 0.01 * std::max(std::abs(*low), std::abs(*high)));
  const double margin = std::max(least, (*high - *low) * 0.05);
  if (!probabilities) return {*low - margin, *high + margin, height};
  return {std::max(0.0, *low - margin), std::min(1.0, *high + margin), height};
}

// Ten columns. A probability is never below zero, which rounding would show as "-0.00".
std::string AxisLabel(double value, bool probability) {
  if (!probability) return absl::StrFormat("%9s ", Rounded(value));
  return absl::StrFormat("%7.2f %% ", 100 * std::max(0.0, value));
}

// The character of a line in a column whose value lies on `here`, the one before it on `before`.
const char* Stroke(int line, int before, int here, bool unicode) {
  const int top = std::min(before, here);
  const int bottom = std::max(before, here);
  if (line < top || line > bottom) return " ";
  if (before == here) return unicode ? "─" : "_";
  if (line == here) return !unicode ? "+" : here < before ? "╭" : "╰";
  if (line == before) return !unicode ? "+" : here < before ? "╯" : "╮";
  return unicode ? "│" : "|";
}

// ", 80 % between 4.10 % and 9.20 %" of the first state; empty where nothing is uncertain.
std::string IntervalText(const v1::PublishedPosterior& posterior) {
  if (posterior.intervals().empty() || posterior.intervals(0).intervals_size() < 2) return "";
  const event::v1::CredibleInterval& interval = posterior.intervals(0).intervals(1);
  return absl::StrCat(", ", Rounded(100 * interval.level()), " % between ", Percent(interval.low()),
                      " and ", Percent(interval.high()));
}

}  // namespace

std::string HistoryLine(const v1::PublishedPosterior& posterior) {
  return absl::StrCat(FormatInstant(posterior.effective_time()), "  ",
                      posterior.has_numeric() ? NumericText(posterior.numeric())
                                              : StatesText(posterior.probabilities()),
                      IntervalText(posterior), "  (", CauseText(posterior), ", position ",
                      posterior.position(), ")");
}

std::string ChartTitle(const v1::PublishedPosterior& posterior) {
  if (!posterior.probabilities().empty()) {
    return absl::StrCat("probability of ", posterior.probabilities(0).state());
  }
  const std::string& unit = posterior.numeric().unit();
  return unit.empty() ? "median" : absl::StrCat("median, in ", unit);
}

void WriteChart(const Posteriors& posteriors, const ChartStyle& style, std::ostream& out) {
  CREDENCE_CHECK(style.width >= 2 && style.height >= 2);
  const std::vector<Point> points = PointsOf(posteriors);
  if (points.empty()) return;
  const std::vector<double> columns = ColumnsOf(points, style.width);
  const bool probabilities = !posteriors.Get(0).probabilities().empty();
  const Scale scale = ScaleOf(columns, probabilities, style.height);
  for (int line = 0; line < style.height; ++line) {
    std::string row;
    int before = scale.LineOf(columns.front());
    for (const double value : columns) {
      const int here = scale.LineOf(value);
      row += Stroke(line, before, here, style.unicode);
      before = here;
    }
    row.erase(row.find_last_not_of(' ') + 1);
    out << AxisLabel(scale.ValueOf(line), probabilities) << (style.unicode ? "┤" : "|") << row
        << "\n";
  }
  const absl::Time first = absl::UnixEpoch() + absl::Seconds(points.front().seconds);
  const absl::Time last = absl::UnixEpoch() + absl::Seconds(points.back().seconds);
  const std::string left = FormatInstant(first).substr(0, 10);
  const std::string right = FormatInstant(last).substr(0, 10);
  const int gap = std::max(1, style.width - static_cast<int>(left.size() + right.size()));
  out << std::string(11, ' ') << left << std::string(static_cast<size_t>(gap), ' ') << right
      << "\n";
}

namespace {

Table HistoryTable(const Posteriors& posteriors) {
  Table table({{"COUNTS FROM"},
               {"STATE"},
               {"PROBABILITY", Table::Align::kRight},
               {"CAUSE"},
               {"POSITION", Table::Align::kRight},
               {"RECORDED"}});
  for (const v1::PublishedPosterior& posterior : posteriors) {
    for (const auto& point : posterior.numeric().quantiles()) {
      table.AddRow({FormatInstant(posterior.effective_time()),
                    absl::StrCat("quantile ", Rounded(100 * point.probability()), " %"),
                    {Rounded(point.value()), Exact(point.value())},
                    CauseText(posterior),
                    absl::StrCat(posterior.position()),
                    FormatInstant(posterior.record_time())});
    }
    for (const v1::StateProbability& state : posterior.probabilities()) {
      table.AddRow({FormatInstant(posterior.effective_time()),
                    state.state(),
                    {Percent(state.probability()), Exact(state.probability())},
                    CauseText(posterior),
                    absl::StrCat(posterior.position()),
                    FormatInstant(posterior.record_time())});
    }
  }
  return table;
}

// The curve, then each posterior that was not a mere tick of the clock.
void WriteHistory(const CliContext& context, const Posteriors& posteriors, std::ostream& out) {
  if (posteriors.empty()) {
    out << "nothing was published yet\n";
    return;
  }
  constexpr int kAxisColumns = 12;
  const int width = std::clamp(context.environment().columns - kAxisColumns, 20, 100);
  out << ChartTitle(posteriors.Get(0)) << "\n";
  WriteChart(posteriors, {width, 12, context.environment().unicode}, out);
  int ticks = 0;
  for (const v1::PublishedPosterior& posterior : posteriors) {
    if (posterior.cause() == event::v1::POSTERIOR_CAUSE_DAILY_TICK) {
      ++ticks;
    } else {
      out << HistoryLine(posterior) << "\n";
    }
  }
  if (ticks > 0) out << ticks << " more as time passed; --output csv shows them\n";
}

}  // namespace

void AddHistoryVerb(CLI::App* noun, CliContext& context) {
  struct Flags {
    std::string question;
    ListFlags list;
  };
  auto flags = std::make_shared<Flags>();
  flags->list.limit = 0;
  CLI::App* verb = AddVerb(
      noun, context, "history", "Show the published posteriors over time",
      [&context, flags]() -> absl::Status {
        v1::ListPosteriorsRequest request;
        request.set_parent(NameIn("questions", flags->question));
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        v1::ListPosteriorsResponse response;
        CREDENCE_RETURN_IF_ERROR(ListPages(context, flags->list, "posteriors", request, response));
        Presentation presentation;
        presentation.items = "posteriors";
        presentation.table = [&] { return HistoryTable(response.posteriors()); };
        presentation.text = [&](std::ostream& out) {
          WriteHistory(context, response.posteriors(), out);
        };
        return Emit(context, response, presentation);
      });
  verb->add_option("QUESTION", flags->question, "Question")->required();
  AddListFlags(verb, &flags->list);
}

}  // namespace credence::cli
