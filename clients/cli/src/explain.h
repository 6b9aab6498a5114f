#pragma once

#include <iosfwd>

#include "credence/cli/table.h"
#include "credence/v1/inference_service.pb.h"

// The evidence bridge: from the prior over each item to the posterior, in decibans.
namespace credence::cli {

// One row for each step, for spreadsheets.
[[nodiscard]] Table BridgeTable(const v1::ExplainPosteriorResponse& response);

// The bridge with bars, for people. Bars to the left of the axis speak against the state, bars to
// the right for it; the longest fills its side.
void WriteBridge(const v1::ExplainPosteriorResponse& response, bool unicode, std::ostream& out);

}  // namespace credence::cli
