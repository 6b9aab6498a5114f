#pragma once

#include <iosfwd>
#include <string>

#include "credence/v1/forecast_service.pb.h"
#include "google/protobuf/repeated_ptr_field.h"

// The published posteriors of a question over time.
namespace credence::cli {

// One posterior in a line: when it counted, its probabilities, why.
[[nodiscard]] std::string HistoryLine(const v1::PublishedPosterior& posterior);

// How the chart is drawn.
struct ChartStyle {
  // Columns for the curve, at least 2.
  int width = 72;
  // Lines for the curve, at least 2.
  int height = 12;
  bool unicode = true;
};

// What the chart shows: "probability of yes", or "median, in cases" of a number.
[[nodiscard]] std::string ChartTitle(const v1::PublishedPosterior& posterior);

// Draws the probability of the first state, or the median of a number, as a step line over
// effective time: a belief holds until it is changed. The vertical axis covers what occurs. Writes
// nothing for no posteriors.
void WriteChart(const google::protobuf::RepeatedPtrField<v1::PublishedPosterior>& posteriors,
                const ChartStyle& style, std::ostream& out);

}  // namespace credence::cli
