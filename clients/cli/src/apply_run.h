#pragma once

#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "apply_file.h"
#include "credence/client/client.h"

// Brings a ledger to what files declare.
namespace credence::cli {

enum class ApplyResult { kCreated, kRevised, kUnchanged };

// How an apply went: how many of each kind were created, revised, unchanged.
struct ApplySummary {
  std::map<DeclarationKind, std::map<ApplyResult, int>> counts;
};

struct ApplyOptions {
  // Who writes where a declaration does not say.
  std::string actor;
  // Finds out what would be done, by reads alone, and has the server check the networks.
  bool dry_run = false;
};

// Applies declarations in their order. Each is created where it is not there, revised where it is
// there with other content (networks, the grade table, resolutions, and the title, criteria and
// tags of questions), and left alone where it is there as declared. Evidence, forecasts, sources
// and forecasters that are there with other content are an ALREADY_EXISTS error that names them:
// what was once said is not said otherwise, it is retracted or superseded.
//
// Stops at the first error, whose message names the declaration's place. What was applied before it
// stays, and a second run goes on from there.
[[nodiscard]] absl::StatusOr<ApplySummary> Apply(client::Client& client,
                                                 const ApplyOptions& options,
                                                 std::vector<Declaration> declarations);

// One line for each kind: "Evidence: 26 created, 1 unchanged".
void WriteSummary(const ApplySummary& summary, bool dry_run, std::ostream& out);

}  // namespace credence::cli
