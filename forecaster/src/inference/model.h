#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "credence/forecaster/network.h"
#include "inference/factor.h"
#include "inference/findings.h"
#include "inference/junction_tree.h"
#include "inference/layout.h"
#include "inference/potential.h"

namespace credence::forecaster {

// What Compile makes of a network. Immutable, so that any number of engines share it; what a
// question changes lies in Engine.
struct CompiledModel {
  Network network;
  absl::flat_hash_map<std::string, int> node_index;
  // The nodes in order, then the auxiliary variables of decomposed tables.
  std::vector<int> cardinality;
  std::vector<std::vector<int>> parents;  // Of each node.
  std::vector<bool> is_hazard;            // For each node.
  std::vector<Factor> factors;
  std::vector<int> defining_factor;  // For each node, the factor whose child it is.
  std::vector<int> functions;        // The auxiliary variables that others determine.
  std::vector<int> sampling_order;   // Of all variables, those before that their factor has.
  Scopes factors_of;                 // For each variable, the factors that have it.

  // Findings of no evidence: hazard tables say nothing.
  Findings no_findings;
  // The tree without evidence; absent where its tables do not fit the budget, and the status then
  // says so.
  std::optional<JunctionTree> tree;
  absl::Status tree_status;
  int64_t budget_bytes = 0;
  TreeScopes tree_scopes;
  Scopes cliques_of;  // For each variable, the cliques of `tree` that have it.
  CliqueTables clique_tables;
  CompiledCost cost;
};

}  // namespace credence::forecaster
