#pragma once

#include <string>

#include "credence/base/strings.h"

namespace credence::server {

// The network "asia" of Lauritzen and Spiegelhalter (1988) as a request to create it: `lung` is a
// question, `smoke` and `asia` are drivers, the rest indicators.
inline std::string AsiaRequest() {
  const auto row = [](double yes) {
    return Cat("rows { fixed { probabilities: ", yes, " probabilities: ", 1.0 - yes, " } } ");
  };
  const auto node = [](const char* name, const char* role, const std::string& parents,
                       const std::string& rows) {
    return Cat("nodes { node: '", name, "' role: NODE_ROLE_", role, " states: 'yes' states: 'no' ",
               parents, " rows { ", rows, " } } ");
  };
  return Cat(
      "network_id: 'asia' network { title: 'Chest clinic' model {"
      " open_time { seconds: 1767225600 } deadline_time { seconds: 1798761600 } ",
      node("asia", "DRIVER", "", row(0.01)), node("smoke", "DRIVER", "", row(0.5)),
      node("tub", "INDICATOR", "parents: 'asia'", row(0.05) + row(0.01)),
      node("lung", "QUESTION", "parents: 'smoke'", row(0.1) + row(0.01)),
      node("bronc", "INDICATOR", "parents: 'smoke'", row(0.6) + row(0.3)),
      node("either", "INDICATOR", "parents: 'tub' parents: 'lung'",
           row(1) + row(1) + row(1) + row(0)),
      node("xray", "INDICATOR", "parents: 'either'", row(0.98) + row(0.05)),
      node("dysp", "INDICATOR", "parents: 'bronc' parents: 'either'",
           row(0.9) + row(0.8) + row(0.7) + row(0.1)),
      "} }");
}

}  // namespace credence::server
