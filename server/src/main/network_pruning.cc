#include "main/network_pruning.h"

#include <utility>

#include "credence/base/check.h"

namespace credence::server {

forecaster::Network BearingOn(const forecaster::CompiledNetwork& network,
                              const std::vector<std::string>& nodes) {
  const forecaster::Network& whole = network.network();
  std::vector<bool> kept(whole.nodes.size(), false);
  std::vector<int> waiting;
  const auto keep = [&](const std::string& name) {
    const auto index = network.FindNode(name);
    CREDENCE_CHECK(index.ok());
    if (kept[static_cast<size_t>(*index)]) return;
    kept[static_cast<size_t>(*index)] = true;
    waiting.push_back(*index);
  };
  for (const std::string& name : nodes) keep(name);
  for (size_t i = 0; i < whole.nodes.size(); ++i) {
    if (network.IsHazard(static_cast<int>(i))) keep(whole.nodes[i].name);
  }
  while (!waiting.empty()) {
    const auto node = static_cast<size_t>(waiting.back());
    waiting.pop_back();
    for (const std::string& parent : whole.nodes[node].parents) keep(parent);
  }
  forecaster::Network bearing;
  bearing.name = whole.name;
  bearing.open_time = whole.open_time;
  bearing.deadline = whole.deadline;
  for (size_t i = 0; i < whole.nodes.size(); ++i) {
    if (kept[i]) bearing.nodes.push_back(whole.nodes[i]);
  }
  return bearing;
}

}  // namespace credence::server
