#include "explain.h"

#include <algorithm>
#include <cmath>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "format.h"

namespace credence::cli {
namespace {

constexpr int kBarCells = 12;

std::string StepText(const v1::ExplanationStep& step) {
  if (!step.summary().empty()) return step.summary();
  switch (step.kind()) {
    case v1::EXPLANATION_STEP_KIND_PRIOR:
      return "prior";
    case v1::EXPLANATION_STEP_KIND_DRIFT:
      return "time passing without news";
    default:
      return step.name();
  }
}

// The bar of a weight around an axis: against the state to its left, for it to its right.
std::string AxisBar(const v1::ExplanationStep& step, double weight_max, bool unicode) {
  const std::string axis = unicode ? "│" : "|";
  const std::string empty(kBarCells, ' ');
  if (!step.has_weight_decibans()) return absl::StrCat(empty, axis, empty);
  const bool against = step.weight_decibans() < 0;
  const std::string bar = Bar(std::fabs(step.weight_decibans()), weight_max, kBarCells, unicode,
                              against ? BarSide::kLeftward : BarSide::kRightward);
  const std::string padding(static_cast<size_t>(kBarCells) - CodePointCount(bar), ' ');
  return against ? absl::StrCat(padding, bar, axis, empty)
                 : absl::StrCat(empty, axis, bar, padding);
}

Table::Cell OptionalDecibans(bool present, double decibans) {
  return present ? Table::Cell(Decibans(decibans), Exact(decibans)) : Table::Cell("");
}

double WeightMax(const v1::ExplainPosteriorResponse& response) {
  double weight_max = 0;
  for (const v1::ExplanationStep& step : response.steps()) {
    weight_max = std::max(weight_max, std::fabs(step.weight_decibans()));
  }
  return weight_max;
}

std::string DayOf(const v1::ExplanationStep& step) {
  return step.has_occur_time() ? FormatInstant(step.occur_time()).substr(0, 10) : "";
}

Table PeopleTable(const v1::ExplainPosteriorResponse& response, bool unicode) {
  const double weight_max = WeightMax(response);
  Table table({{"DATE"},
               {"DECIBANS", Table::Align::kRight},
               {"AGAINST | FOR"},
               {"THEN", Table::Align::kRight},
               {"LEFT OUT", Table::Align::kRight},
               {"GRADE"},
               {"SOURCE"},
               {"NODE"},
               {"STEP"}});
  for (const v1::ExplanationStep& step : response.steps()) {
    table.AddRow(
        {DayOf(step), step.has_weight_decibans() ? Decibans(step.weight_decibans()) : "-",
         AxisBar(step, weight_max, unicode), Percent(step.probability()),
         OptionalDecibans(step.has_leave_one_out_decibans(), step.leave_one_out_decibans()),
         step.grade(), IdOf(step.source()), step.node(), StepText(step)});
  }
  return table;
}

}  // namespace

Table BridgeTable(const v1::ExplainPosteriorResponse& response) {
  Table table({{"kind"},
               {"name"},
               {"summary"},
               {"weight_decibans"},
               {"probability"},
               {"leave_one_out_decibans"},
               {"leave_one_out_probability"},
               {"occur_time"},
               {"source"},
               {"grade"},
               {"cluster"},
               {"node"},
               {"effective_reliability"}});
  for (const v1::ExplanationStep& step : response.steps()) {
    table.AddRow(
        {v1::ExplanationStepKind_Name(step.kind()),
         step.name(),
         StepText(step),
         OptionalDecibans(step.has_weight_decibans(), step.weight_decibans()),
         {Percent(step.probability()), Exact(step.probability())},
         OptionalDecibans(step.has_leave_one_out_decibans(), step.leave_one_out_decibans()),
         step.has_leave_one_out_probability() ? Exact(step.leave_one_out_probability()) : "",
         step.has_occur_time() ? FormatInstant(step.occur_time()) : "",
         step.source(),
         step.grade(),
         step.cluster(),
         step.node(),
         step.kind() == v1::EXPLANATION_STEP_KIND_EVIDENCE ? Exact(step.effective_reliability())
                                                           : ""});
  }
  return table;
}

void WriteBridge(const v1::ExplainPosteriorResponse& response, bool unicode, std::ostream& out) {
  out << response.node() << " = " << response.state() << "\n";
  PeopleTable(response, unicode).WriteText(out);
  out << "sum: ";
  if (response.has_log_odds_decibans()) {
    out << Decibans(response.log_odds_decibans()) << " decibans, ";
  }
  out << Percent(response.probability()) << " at " << FormatInstant(response.effective_time())
      << ", as known at position " << response.view_position() << "\n"
      << "LEFT OUT: how far the sum would move without the item.\n";
}

}  // namespace credence::cli
