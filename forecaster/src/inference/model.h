#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "credence/forecaster/network.h"
#include "inference/factor.h"
#include "inference/junction_tree.h"

namespace credence::forecaster {

// What Compile makes of a network. Immutable, so that any number of propagations share it; what a
// query changes lies in Propagation.
struct CompiledModel {
  Network network;
  absl::flat_hash_map<std::string, int> node_index;
  // The nodes in order, then the auxiliary variables of decomposed tables.
  std::vector<int> cardinality;
  std::vector<std::vector<int>> parents;  // Of each node.
  std::vector<bool> is_hazard;            // For each node.
  std::vector<Factor> factors;
  std::vector<int> defining_factor;  // For each node, the factor whose child it is.
  JunctionTree tree;
  // The sum of the static factors' logarithms in each clique, laid out as tree.cliques says.
  std::vector<double> static_tables;
  CompiledCost cost;
};

}  // namespace credence::forecaster
